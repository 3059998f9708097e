//! Every metric: its name, kind, help and labels, in one enum.
//!
//! Labels take few values, none of them a key, a code, an ID or an address.

use self::Kind::{Counter, Gauge, Histogram};

/// What a metric measures with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations up to each of these bounds.
    Histogram(&'static [f64]),
}

/// From a tenth of a millisecond to half a minute.
const CALL_SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];

/// From a tenth of a second to two days: the longest window is one.
const AGE_SECONDS: &[f64] = &[
    0.1, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0,
    43_200.0, 86_400.0, 172_800.0,
];

/// Powers of two.
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Declares the enum, and what each of its metrics is.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $variant:ident = $name:literal, $kind:expr, [$($label:literal),*];)+) => {
        /// A metric of this server.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Metric {
            $($(#[doc = $help])+ $variant,)+
        }

        impl Metric {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As Prometheus calls it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("truyvet_", $name),)+ }
            }

            /// For whoever reads `/metrics`.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($help),+).trim_ascii_start(),)+ }
            }

            /// What it measures with.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self { $(Self::$variant => $kind,)+ }
            }

            /// Names of its labels.
            #[must_use]
            pub fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*],)+ }
            }
        }
    };
}

metrics! {
    // Taking in.
    /// Redeem calls, by outcome.
    Redemptions = "redemptions_total", Counter, ["outcome"];
    /// Upload calls, by outcome.
    Uploads = "uploads_total", Counter, ["outcome"];
    /// Seconds from a call's arrival until its answer was known, before it is held to the common time.
    CallSeconds = "call_seconds", Histogram(CALL_SECONDS), ["call"];
    /// Calls whose answer was known only after the common time of all such calls had passed.
    LateAnswers = "late_answers_total", Counter, ["call"];
    /// Upload codes issued.
    CodesIssued = "codes_issued_total", Counter, [];

    // Keeping.
    /// Pieces of work waiting for the writing thread.
    WriterQueue = "writer_queue", Gauge, [];
    /// Pieces of work turned away because the writing thread's queue was full.
    WriterBusy = "writer_busy_total", Counter, [];
    /// Pieces of work in one commit.
    CommitGroup = "commit_group", Histogram(GROUP), [];
    /// Seconds from the start of a transaction until it was on disk.
    CommitSeconds = "commit_seconds", Histogram(CALL_SECONDS), [];
    /// Commits that were rolled back, by cause.
    CommitFailures = "commit_failures_total", Counter, ["cause"];
    /// Bytes of the database, and of a database file's write-ahead log.
    DatabaseBytes = "database_bytes", Gauge, ["file"];
    /// Bytes free on the disk of a folder.
    DiskFreeBytes = "disk_free_bytes", Gauge, ["folder"];
    /// Size in bytes of the disk of a folder.
    DiskBytes = "disk_bytes", Gauge, ["folder"];
    /// Unix time of the last backup that succeeded; 0: none is known.
    LastBackup = "last_backup_timestamp_seconds", Gauge, [];

    // Publishing.
    /// Batches published.
    BatchesPublished = "batches_published_total", Counter, ["region", "kind"];
    /// Attempts to publish that failed; each is tried again.
    PublicationFailures = "publication_failures_total", Counter, ["region"];
    /// Seconds that each step of publishing took.
    PublicationStepSeconds = "publication_step_seconds", Histogram(CALL_SECONDS), ["step"];
    /// Seconds from when the oldest upload of a window can have come, the window's start, until a step on its way was done.
    StepAgeSeconds = "step_age_seconds", Histogram(AGE_SECONDS), ["region", "step"];
    /// Unix time at which the region's last published window closed; 0: none.
    LastWindowClosed = "last_window_closed_timestamp_seconds", Gauge, ["region"];
    /// Unix time at which a scheduled window that is not published yet was due; 0: none is overdue.
    WindowOverdueSince = "window_overdue_since_timestamp_seconds", Gauge, ["region"];
    /// Unix time until which phones accept the region's index.
    IndexValidUntil = "index_valid_until_timestamp_seconds", Gauge, ["region"];
    /// Bytes of the region's last delta.
    BatchBytes = "batch_bytes", Gauge, ["region"];
    /// Tags of the region's last delta, padding included.
    BatchTags = "batch_tags", Gauge, ["region"];
    /// Bytes that a phone downloaded, or would have, in batches of the last 24 hours.
    PhoneBytesPerDay = "phone_bytes_per_day", Gauge, ["region"];
    /// False alarms a day to be expected in the whole country from the batches of the last 24 hours.
    ExpectedFalseAlarms = "expected_false_alarms_per_day", Gauge, [];
    /// False alarms a day that the operator accepts.
    FalseAlarmBudget = "false_alarm_budget_per_day", Gauge, [];

    // Handing out.
    /// Downloads, by what was asked for and how it was answered.
    Downloads = "downloads_total", Counter, ["what", "answer"];
    /// Bytes of index and batches handed to connections.
    DownloadBytes = "download_bytes_total", Counter, ["what"];

    // Forgetting.
    /// What retention has deleted, by kind of record.
    Forgotten = "forgotten_total", Counter, ["what"];
    /// Unix time at which retention last ran to its end; 0: not yet.
    LastForgotten = "last_forgotten_timestamp_seconds", Gauge, [];
    /// Unix time of the start of the oldest day of which keys are kept; 0: none are.
    OldestKeyDay = "oldest_key_day_timestamp_seconds", Gauge, [];

    // The server itself.
    /// Connections open now.
    Connections = "connections", Gauge, ["listener"];
    /// Connections accepted, by how they began.
    ConnectionsAccepted = "connections_accepted_total", Counter, ["listener", "began"];
    /// Connections that were closed by the server because they were too slow or did nothing.
    ConnectionsCut = "connections_cut_total", Counter, ["listener", "reason"];
    /// Upload codes presented that nobody could redeem.
    WrongGuesses = "wrong_guesses_total", Counter, [];
    /// 1 if the server is ready, 0 if not.
    Ready = "ready", Gauge, [];
    /// Times that the clock did not go with the time that passed.
    ClockJumps = "clock_jumps_total", Counter, [];
    /// Self-checks, by outcome.
    SelfChecks = "self_checks_total", Counter, ["outcome"];
    /// Seconds that the last successful self-check took, from issuing a code to the exposure.
    SelfCheckSeconds = "self_check_seconds", Gauge, [];
    /// Unix time at which a signing key was made.
    SigningKeyCreated = "signing_key_created_timestamp_seconds", Gauge, ["key_id"];
    /// Unix time at which the TLS certificate ends; 0: there is none.
    CertificateEnds = "certificate_ends_timestamp_seconds", Gauge, [];
    /// TLS certificates read anew, by outcome.
    CertificateReloads = "certificate_reloads_total", Counter, ["outcome"];
    /// Version, as a label of a constant 1.
    BuildInfo = "build_info", Gauge, ["version"];
}
