//! What counts as wrong: one list, for the page, the JSON and `truyvet admin top`. Alerts go by the same thresholds.
//!
//! | condition | rests on | holds |
//! |---|---|---|
//! | `not_ready` | `Ready` | at once |
//! | `clock_jumped` | `ClockJumps` | any in the last hour |
//! | `connections_near_limit` | `Connections` | public above 8,000 of 10,000, staff above 200 of 256 |
//! | `certificate_ending` | `CertificateEnds` | less than 14 days to go |
//! | `self_check_failing` | `SelfChecks` | more than 1 failed in 30 minutes |
//! | `writer_busy` | `WriterBusy` | more than 10 turned away in 10 minutes |
//! | `commits_failing` | `CommitFailures` | any in 10 minutes |
//! | `late_answers` | `LateAnswers`, `CallSeconds` | more than 1 % of the calls of 10 minutes |
//! | `wrong_guesses` | `WrongGuesses` | more than 400 in an hour |
//! | `window_overdue` | `WindowOverdueSince` | for more than 15 minutes |
//! | `publication_failing` | `PublicationFailures` | more than 2 in 15 minutes |
//! | `index_running_out` | `IndexValidUntil` | less than 6 hours to go, or half its validity where that is shorter |
//! | `false_alarms` | `ExpectedFalseAlarms`, `FalseAlarmBudget` | more expected than accepted |
//! | `downloads_failing` | `Downloads` | more than 1 % of the answers of 10 minutes |
//! | `disk_nearly_full` | `DiskFreeBytes`, `DiskBytes` | less than 10 % free |
//! | `no_backup` | `LastBackup` | none in 26 hours, or none known |
//! | `key_old` | `SigningKeyCreated` | the newest is older than 400 days |
//! | `retention_stalled` | `LastForgotten`, `OldestKeyDay` | not run for 3 hours, or keys older than retention_days and 2 more |

use truyvet_crypto::Timestamp;

use super::{
    view::Urgency::{self, Page, Ticket},
    words,
};
use crate::{
    settings::Settings,
    telemetry::{
        Metric, Telemetry,
        history::{History, Series},
    },
};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

const CONNECTIONS: [(&str, f64); 2] = [("public", 8_000.0), ("staff", 200.0)];
const CERTIFICATE_DAYS: i64 = 14;
const SELF_CHECKS_FAILED: f64 = 1.0;
const WRITER_BUSY: f64 = 10.0;
const LATE_SHARE: f64 = 0.01;
const WRONG_GUESSES: f64 = 400.0;
const OVERDUE_MINUTES: i64 = 15;
const PUBLICATIONS_FAILED: f64 = 2.0;
const INDEX_HOURS: i64 = 6;
const FAILED_SHARE: f64 = 0.01;
const FREE_SHARE: f64 = 0.1;
const BACKUP_HOURS: i64 = 26;
const KEY_DAYS: i64 = 400;
const FORGOTTEN_HOURS: i64 = 3;
/// The day that is not over, and one more.
const KEPT_DAYS_MORE: i64 = 2;

/// Something that may be wrong.
pub(super) struct Condition {
    /// For programs.
    pub(super) id: &'static str,
    /// How soon somebody must look.
    pub(super) urgency: Urgency,
    /// In a few words.
    pub(super) title: &'static str,
    /// What it rests on.
    pub(super) metric: Metric,
    /// When it holds, in words.
    pub(super) threshold: &'static str,
    /// The alert for the same.
    pub(super) alert: &'static str,
    check: fn(&Look) -> Vec<Found>,
}

/// It holds.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// Which region, folder, ...
    pub(super) subject: Option<String>,
    /// In full.
    pub(super) text: String,
    /// If the metric says.
    pub(super) since: Option<i64>,
}

/// What conditions are checked by.
pub(super) struct Look<'a> {
    pub(super) telemetry: &'a Telemetry,
    pub(super) history: &'a History,
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
    pub(super) up_seconds: u64,
    /// Why the server is not ready.
    pub(super) not_ready: Option<String>,
}

impl Condition {
    /// Whether it holds, and of what.
    pub(super) fn check(&self, look: &Look) -> Vec<Found> {
        (self.check)(look)
    }
}

/// All conditions.
pub(super) const ALL: [Condition; 18] = [
    Condition {
        id: "not_ready",
        urgency: Page,
        title: "Not ready",
        metric: Metric::Ready,
        threshold: "the server says so itself",
        alert: "TruyvetNotReady",
        check: |look| {
            let reason = look.not_ready.as_ref();
            one(reason.map(|reason| format!("The server cannot do its work: {reason}.")))
        },
    },
    Condition {
        id: "window_overdue",
        urgency: Page,
        title: "A window is overdue",
        metric: Metric::WindowOverdueSince,
        threshold: "due more than 15 minutes ago",
        alert: "TruyvetWindowOverdue",
        check: window_overdue,
    },
    Condition {
        id: "publication_failing",
        urgency: Page,
        title: "Publishing fails",
        metric: Metric::PublicationFailures,
        threshold: "more than 2 failures in 15 minutes",
        alert: "TruyvetPublicationFailing",
        check: |look| {
            let failed = look.growth(Series::PublicationFailures, 15 * MINUTE);
            one((failed > PUBLICATIONS_FAILED).then(|| {
                let times = words::count(failed);
                format!("It failed {times} times in 15 minutes. Nothing is lost; it is tried again. The log says why.")
            }))
        },
    },
    Condition {
        id: "index_running_out",
        urgency: Page,
        title: "Phones will soon refuse the index",
        metric: Metric::IndexValidUntil,
        threshold: "less than 6 hours to go, or half its validity where that is shorter",
        alert: "TruyvetIndexRunningOut",
        check: index_running_out,
    },
    Condition {
        id: "commits_failing",
        urgency: Page,
        title: "The database cannot be written",
        metric: Metric::CommitFailures,
        threshold: "any failed commit in 10 minutes",
        alert: "TruyvetCommitFailing",
        check: |look| {
            let failed = look.growth(Series::CommitFailures, 10 * MINUTE);
            one((failed > 0.0).then(|| {
                let times = words::count(failed);
                format!("{times} commits failed in 10 minutes. What was acknowledged is safe; phones come again.")
            }))
        },
    },
    Condition {
        id: "disk_nearly_full",
        urgency: Page,
        title: "A disk is nearly full",
        metric: Metric::DiskFreeBytes,
        threshold: "less than 10 % free",
        alert: "TruyvetDiskNearlyFull",
        check: disk_nearly_full,
    },
    Condition {
        id: "clock_jumped",
        urgency: Page,
        title: "The clock jumped",
        metric: Metric::ClockJumps,
        threshold: "any jump in the last hour",
        alert: "TruyvetClockJumped",
        check: |look| {
            let jumps = look.growth(Series::ClockJumps, HOUR);
            one((jumps > 0.0).then(|| {
                "The clock did not go with the time that passed. Windows, codes and retention go by it.".into()
            }))
        },
    },
    Condition {
        id: "certificate_ending",
        urgency: Page,
        title: "The TLS certificate ends soon",
        metric: Metric::CertificateEnds,
        threshold: "less than 14 days to go",
        alert: "TruyvetCertificateEnding",
        check: |look| {
            let ends = look.time(Metric::CertificateEnds, &[]);
            let left = ends.map(|ends| ends - look.now.unix_seconds());
            one(left
                .filter(|left| *left < CERTIFICATE_DAYS * DAY)
                .map(|left| {
                    if left <= 0 {
                        "It has ended: no phone and no officer connects.".into()
                    } else {
                        format!(
                            "It ends in {}; then no phone and no officer connects.",
                            words::duration(left)
                        )
                    }
                }))
        },
    },
    Condition {
        id: "connections_near_limit",
        urgency: Page,
        title: "Connections are near their limit",
        metric: Metric::Connections,
        threshold: "more than 8,000 of phones, or 200 of officers",
        alert: "TruyvetConnectionsNearLimit",
        check: connections_near_limit,
    },
    Condition {
        id: "writer_busy",
        urgency: Page,
        title: "Uploads are turned away",
        metric: Metric::WriterBusy,
        threshold: "more than 10 pieces of work turned away in 10 minutes",
        alert: "TruyvetWriterBusy",
        check: |look| {
            let turned_away = look.growth(Series::WriterBusy, 10 * MINUTE);
            one((turned_away > WRITER_BUSY).then(|| {
                let pieces = words::count(turned_away);
                format!("The database did not keep up: {pieces} pieces of work in 10 minutes. Phones come again later.")
            }))
        },
    },
    Condition {
        id: "downloads_failing",
        urgency: Page,
        title: "Downloads fail",
        metric: Metric::Downloads,
        threshold: "more than 1 % of the answers of 10 minutes",
        alert: "TruyvetDownloadsFailing",
        check: |look| {
            let (failed, all) = (
                look.growth(Series::FailedDownloads, 10 * MINUTE),
                look.growth(Series::Downloads, 10 * MINUTE),
            );
            one((failed > FAILED_SHARE * all).then(|| {
                let share = words::share(failed, all);
                format!("{share} of the downloads of 10 minutes failed: a file is damaged or gone. The log names it.")
            }))
        },
    },
    Condition {
        id: "self_check_failing",
        urgency: Page,
        title: "A made-up case does not come through",
        metric: Metric::SelfChecks,
        threshold: "more than 1 failure in 30 minutes",
        alert: "TruyvetSelfCheckFailing",
        check: |look| {
            let failed = look.growth(Series::FailedSelfChecks, 30 * MINUTE);
            one((failed > SELF_CHECKS_FAILED).then(|| {
                let times = words::count(failed);
                format!("The self-check failed {times} times in 30 minutes; real cases may fail too. The log names the step.")
            }))
        },
    },
    Condition {
        id: "retention_stalled",
        urgency: Page,
        title: "Keys are kept for too long",
        metric: Metric::LastForgotten,
        threshold: "retention not run for 3 hours, or keys older than retention_days and 2 more",
        alert: "TruyvetRetentionStalled",
        check: retention_stalled,
    },
    Condition {
        id: "late_answers",
        urgency: Ticket,
        title: "Answers come late",
        metric: Metric::LateAnswers,
        threshold: "more than 1 % of the calls of 10 minutes",
        alert: "TruyvetLateAnswers",
        check: |look| {
            let (late, all) = (
                look.growth(Series::LateAnswers, 10 * MINUTE),
                look.growth(Series::Calls, 10 * MINUTE),
            );
            one((late > LATE_SHARE * all).then(|| {
                let (late, all) = (words::count(late), words::count(all));
                format!("{late} of {all} calls of 10 minutes missed the time that all share: who watches learns from it.")
            }))
        },
    },
    Condition {
        id: "wrong_guesses",
        urgency: Ticket,
        title: "Somebody guesses upload codes",
        metric: Metric::WrongGuesses,
        threshold: "more than 400 in an hour",
        alert: "TruyvetWrongGuesses",
        check: |look| {
            let guesses = look.growth(Series::WrongGuesses, HOUR);
            one((guesses > WRONG_GUESSES).then(|| {
                let guesses = words::count(guesses);
                format!("{guesses} codes came in the last hour that nobody could redeem. The brake holds who guesses.")
            }))
        },
    },
    Condition {
        id: "false_alarms",
        urgency: Ticket,
        title: "Too many false alarms are to be expected",
        metric: Metric::ExpectedFalseAlarms,
        threshold: "more expected a day than false_alarms_per_day",
        alert: "TruyvetFalseAlarmsAboveBudget",
        check: |look| {
            let (expected, budget) = (
                look.telemetry.value(Metric::ExpectedFalseAlarms, &[]),
                look.telemetry.value(Metric::FalseAlarmBudget, &[]),
            );
            one((expected > budget && budget > 0.0).then(|| {
                let (expected, budget) = (words::amount(expected), words::amount(budget));
                format!(
                    "{expected} people a day are alarmed by chance, by the batches of the last 24 hours; {budget} are accepted. \
                     More fingerprint_bits help."
                )
            }))
        },
    },
    Condition {
        id: "no_backup",
        urgency: Ticket,
        title: "No backup of the last day",
        metric: Metric::LastBackup,
        threshold: "none in 26 hours, or none known",
        alert: "TruyvetNoBackup",
        check: |look| {
            let last = look.time(Metric::LastBackup, &[]);
            let age = last.map(|last| look.now.unix_seconds() - last);
            one(match age {
                None => Some("No backup is known.".into()),
                Some(age) if age > BACKUP_HOURS * HOUR => {
                    Some(format!("The last one is of {} ago.", words::duration(age)))
                }
                Some(_) => None,
            })
        },
    },
    Condition {
        id: "key_old",
        urgency: Ticket,
        title: "The signing key is old",
        metric: Metric::SigningKeyCreated,
        threshold: "the newest is older than 400 days",
        alert: "TruyvetSigningKeyOld",
        check: |look| {
            let newest = time(look.telemetry.largest(Metric::SigningKeyCreated));
            let age = newest.map(|newest| look.now.unix_seconds() - newest);
            one(age.filter(|age| *age > KEY_DAYS * DAY).map(|age| {
                format!(
                    "The newest was made {} ago. Rotate it: `truyvet admin rotate-key`.",
                    words::duration(age)
                )
            }))
        },
    },
];

impl Look<'_> {
    fn growth(&self, series: Series, seconds: i64) -> f64 {
        let within = u64::try_from(seconds).unwrap_or_default();
        self.history
            .growth(series, within, series.read(self.telemetry))
    }

    fn time(&self, metric: Metric, labels: &[&str]) -> Option<i64> {
        time(self.telemetry.value(metric, labels))
    }

    fn moment(&self, unix_seconds: i64) -> String {
        words::moment(unix_seconds, self.settings.exposure_rule.utc_offset_seconds)
    }
}

/// Gauges say 0 for none.
#[expect(
    clippy::cast_possible_truncation,
    reason = "seconds, in a gauge that counts in floats"
)]
pub(super) fn time(gauge: f64) -> Option<i64> {
    (gauge > 0.0).then_some(gauge as i64)
}

fn one(text: Option<String>) -> Vec<Found> {
    text.map(|text| Found {
        subject: None,
        text,
        since: None,
    })
    .into_iter()
    .collect()
}

fn window_overdue(look: &Look) -> Vec<Found> {
    let regions = look.settings.regions.iter();
    regions
        .filter_map(|region| {
            let since = look.time(Metric::WindowOverdueSince, &[region.as_str()])?;
            let late = look.now.unix_seconds() - since;
            (late > OVERDUE_MINUTES * MINUTE).then(|| Found {
                subject: Some(region.to_string()),
                text: format!(
                    "The window of {region} was due at {} and is not published: people who were near a case are not told.",
                    look.moment(since)
                ),
                since: Some(since),
            })
        })
        .collect()
}

fn index_running_out(look: &Look) -> Vec<Found> {
    let least = (INDEX_HOURS * HOUR).min(i64::from(look.settings.index_valid_hours) * HOUR / 2);
    let regions = look.settings.regions.iter();
    regions
        .filter_map(|region| {
            let until = look.time(Metric::IndexValidUntil, &[region.as_str()])?;
            let left = until - look.now.unix_seconds();
            (left < least).then(|| Found {
                subject: Some(region.to_string()),
                text: if left <= 0 {
                    format!("That of {region} has run out: phones take no batch until it is signed anew.")
                } else {
                    let left = words::duration(left);
                    format!("That of {region} is good for {left} more; then phones take no batch until it is signed anew.")
                },
                since: None,
            })
        })
        .collect()
}

fn disk_nearly_full(look: &Look) -> Vec<Found> {
    let disks = look.telemetry.each(Metric::DiskBytes);
    disks
        .into_iter()
        .filter_map(|(labels, bytes)| {
            let folder = labels.into_iter().next()?;
            let free = look.telemetry.value(Metric::DiskFreeBytes, &[&folder]);
            (free < FREE_SHARE * bytes).then(|| Found {
                text: format!(
                    "{} free of {} on the disk of the {folder}. Once it is full, uploads are refused and windows stay unpublished.",
                    words::bytes(free),
                    words::bytes(bytes)
                ),
                subject: Some(folder),
                since: None,
            })
        })
        .collect()
}

fn connections_near_limit(look: &Look) -> Vec<Found> {
    CONNECTIONS
        .into_iter()
        .filter_map(|(listener, most)| {
            let open = look.telemetry.value(Metric::Connections, &[listener]);
            (open > most).then(|| Found {
                subject: Some(listener.into()),
                text: format!(
                    "{} are open on the {listener} address. What comes beyond the limit waits.",
                    words::count(open)
                ),
                since: None,
            })
        })
        .collect()
}

fn retention_stalled(look: &Look) -> Vec<Found> {
    let now = look.now.unix_seconds();
    let up = i64::try_from(look.up_seconds).unwrap_or(i64::MAX);
    // Before it ran for the first time, the server's own age tells.
    let last = look.time(Metric::LastForgotten, &[]);
    let not_run = last.map_or(up, |last| now - last);
    let kept = i64::from(look.settings.retention_days) + KEPT_DAYS_MORE;
    let oldest = look.time(Metric::OldestKeyDay, &[]).map(|day| now - day);
    one(if let Some(age) = oldest.filter(|age| *age > kept * DAY) {
        Some(format!(
            "There are keys of a day that began {} ago.",
            words::duration(age)
        ))
    } else if not_run > FORGOTTEN_HOURS * HOUR {
        Some(format!(
            "Retention has not run for {}.",
            words::duration(not_run)
        ))
    } else {
        None
    })
}

#[cfg(test)]
#[path = "conditions/tests.rs"]
mod tests;
