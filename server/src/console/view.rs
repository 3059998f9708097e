//! All that the console shows, as `GET /console.json` gives it and `truyvet admin top` reads it.
//!
//! Times are Unix seconds, lengths of time seconds, sizes bytes. What is not known is `null`. Fields may be added; none
//! changes its meaning.

use serde::{Deserialize, Serialize};

pub use crate::telemetry::history::Span;

/// How a server is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Of the server.
    pub version: String,
    /// By the server's clock.
    pub at: i64,
    /// What the deployment's wall clock is ahead of UTC.
    pub utc_offset_seconds: i32,
    /// Since the server started.
    pub up_seconds: u64,
    /// Whether it can do its work.
    pub ready: bool,
    /// How it is, in one sentence.
    pub verdict: String,
    /// What is wrong, most urgent first.
    pub findings: Vec<Finding>,
    /// Redeem and upload calls.
    pub taking_in: TakingIn,
    /// One for each region.
    pub publishing: Vec<RegionView>,
    /// Expected and accepted.
    pub false_alarms: FalseAlarms,
    /// Index and batches.
    pub handing_out: HandingOut,
    /// Database, disks, backup, retention.
    pub keeping: Keeping,
    /// Connections, keys, certificate, self-check.
    pub server: ServerView,
    /// The charts' span.
    pub span: Span,
    /// Length of that.
    pub span_seconds: u64,
    /// Between two points of a chart.
    pub step_seconds: u64,
    /// Charts over the span.
    pub charts: Vec<Chart>,
}

/// How soon somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Now.
    Page,
    /// Within working hours.
    Ticket,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The condition's name, for programs.
    pub id: String,
    /// Which region, folder, ..., if there may be several.
    pub subject: Option<String>,
    /// How soon somebody must look.
    pub urgency: Urgency,
    /// In a few words.
    pub title: String,
    /// In full, with its numbers.
    pub text: String,
    /// Since when; the server's start at the earliest, unless the metric itself says.
    pub since: i64,
    /// The metric that it rests on.
    pub metric: String,
    /// When the condition holds, in words.
    pub threshold: String,
    /// The alert for the same, and its page among the runbooks.
    pub alert: String,
}

/// A counter's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// What was counted.
    pub name: String,
    /// Since the server started.
    pub total: f64,
}

/// What came in since the server started, and comes in now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakingIn {
    /// Uploads that were stored.
    pub uploads: f64,
    /// The same, in the last ten seconds.
    pub uploads_per_second: f64,
    /// All upload calls, by outcome.
    pub upload_calls: Vec<Count>,
    /// Codes that became tokens.
    pub redemptions: f64,
    /// The same, in the last ten seconds.
    pub redemptions_per_second: f64,
    /// All redeem calls, by outcome.
    pub redeem_calls: Vec<Count>,
    /// Upload codes issued.
    pub codes_issued: f64,
    /// Upload codes that nobody could redeem.
    pub wrong_guesses: f64,
    /// Calls answered after the time that all of them share.
    pub late_answers: f64,
    /// Pieces of work that wait for the writing thread.
    pub writer_queue: f64,
    /// Pieces of work turned away because that was full.
    pub writer_busy: f64,
}

/// What is published of a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionView {
    /// Its name.
    pub region: String,
    /// When the last published window closed.
    pub last_window_closed: Option<i64>,
    /// When a window was due that is not published.
    pub overdue_since: Option<i64>,
    /// Until when phones accept the index.
    pub index_valid_until: Option<i64>,
    /// Size of the last delta.
    pub batch_bytes: f64,
    /// Its tags, padding included.
    pub batch_tags: f64,
    /// What a phone downloads of it in 24 hours.
    pub phone_bytes_per_day: f64,
    /// Batches published since the server started.
    pub batches: f64,
    /// Attempts that failed since then.
    pub failures: f64,
}

/// Alarms by chance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FalseAlarms {
    /// A day, in the whole country, from the batches of the last 24 hours.
    pub expected_per_day: f64,
    /// Accepted a day.
    pub budget_per_day: f64,
    /// Phones that match.
    pub phones: u64,
    /// Tags that a phone keeps.
    pub tags_per_phone: u64,
    /// Of the batches to come.
    pub fingerprint_bits: u8,
    /// Fewest tags that make an exposure.
    pub matched_tags: u32,
}

/// Downloads since the server started, and now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandingOut {
    /// Answers a second to requests for an index, in the last ten seconds.
    pub index_per_second: f64,
    /// Answers a second to requests for a batch.
    pub batches_per_second: f64,
    /// Bytes a second of both.
    pub bytes_per_second: f64,
    /// Answers, by what was asked for and how.
    pub answers: Vec<Count>,
    /// Bytes, by what was asked for.
    pub bytes: Vec<Count>,
}

/// What is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keeping {
    /// Bytes of the database's files.
    pub database_bytes: f64,
    /// Disks.
    pub disks: Vec<Disk>,
    /// When the last backup succeeded.
    pub last_backup: Option<i64>,
    /// When retention last ran to its end.
    pub last_forgotten: Option<i64>,
    /// Start of the oldest day of which keys are kept.
    pub oldest_key_day: Option<i64>,
    /// Commits that failed since the server started.
    pub commit_failures: f64,
}

/// The disk of a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// What is kept in it.
    pub folder: String,
    /// Bytes free.
    pub free_bytes: f64,
    /// Its size.
    pub bytes: f64,
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerView {
    /// Open connections, by listener.
    pub connections: Vec<Count>,
    /// Signing keys, oldest first.
    pub signing_keys: Vec<SigningKeyView>,
    /// When the TLS certificate ends.
    pub certificate_ends: Option<i64>,
    /// Self-checks since the server started, by outcome.
    pub self_checks: Vec<Count>,
    /// Seconds that the last successful one took.
    pub self_check_seconds: Option<f64>,
}

/// A key that signs what phones download.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningKeyView {
    /// Its public name.
    pub key_id: String,
    /// When it was made.
    pub created: i64,
}

/// What a chart's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Events a second.
    PerSecond,
    /// Bytes a second.
    BytesPerSecond,
    /// Things.
    Pieces,
    /// Bytes.
    Bytes,
    /// Alarms a day.
    AlarmsPerDay,
}

/// A chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// In which unit.
    pub unit: Unit,
    /// One or two.
    pub lines: Vec<Line>,
}

/// A line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it stands for.
    pub name: String,
    /// Now.
    pub now: f64,
    /// Oldest first, `step_seconds` apart, the last one of now; rates as means, levels as their highest.
    pub points: Vec<Option<f64>>,
}

impl Line {
    /// The highest point, if there is any.
    #[must_use]
    pub fn highest(&self) -> Option<f64> {
        self.points.iter().flatten().copied().reduce(f64::max)
    }
}
