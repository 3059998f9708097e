//! Every condition holds when it should and not a moment longer.

use std::path::Path;

use super::*;

const NOW: i64 = 1_630_040_400;

/// A server an hour after its start, with which all is well.
struct Patient {
    telemetry: Telemetry,
    history: History,
    settings: Settings,
    not_ready: Option<String>,
    up_seconds: u64,
}

impl Patient {
    fn well() -> Self {
        let (telemetry, history) = (Telemetry::new(), History::default());
        let patient = Self {
            telemetry,
            history,
            settings: Settings::for_data_dir(Path::new("x")),
            not_ready: None,
            up_seconds: 3_600,
        };
        for (metric, labels, value) in [
            (Metric::LastBackup, &[][..], NOW - HOUR),
            (Metric::LastForgotten, &[], NOW - HOUR),
            (Metric::OldestKeyDay, &[], NOW - 15 * DAY),
            (Metric::CertificateEnds, &[], NOW + 90 * DAY),
            (Metric::SigningKeyCreated, &["00"], NOW - 500 * DAY),
            (Metric::SigningKeyCreated, &["01"], NOW - 100 * DAY),
            (Metric::IndexValidUntil, &["VN"], NOW + 20 * HOUR),
            (Metric::DiskBytes, &["database"], 1_000),
            (Metric::DiskFreeBytes, &["database"], 500),
            (Metric::FalseAlarmBudget, &[], 1),
        ] {
            patient.set(metric, labels, value);
        }
        patient.history.take(&patient.telemetry, 0);
        patient
    }

    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn set(&self, metric: Metric, labels: &[&str], value: i64) {
        self.telemetry.set(metric, labels, value as f64);
    }

    fn found(&self) -> Vec<(&'static str, Found)> {
        let look = Look {
            telemetry: &self.telemetry,
            history: &self.history,
            settings: &self.settings,
            now: Timestamp::from_unix_seconds(NOW).unwrap(),
            up_seconds: self.up_seconds,
            not_ready: self.not_ready.clone(),
        };
        let all = ALL.iter();
        all.flat_map(|condition| {
            condition
                .check(&look)
                .into_iter()
                .map(|found| (condition.id, found))
        })
        .collect()
    }

    fn ids(&self) -> Vec<&'static str> {
        self.found().into_iter().map(|(id, _)| id).collect()
    }
}

/// A change, and how it is taken back.
type Change = fn(&mut Patient);

/// Each with something just short of it, and something just beyond.
const EDGES: [(&str, Change, Change); 22] = [
    (
        "not_ready",
        |_| {},
        |p| p.not_ready = Some("store unavailable".into()),
    ),
    (
        "window_overdue",
        |p| p.set(Metric::WindowOverdueSince, &["VN"], NOW - 15 * MINUTE),
        |p| p.set(Metric::WindowOverdueSince, &["VN"], NOW - 15 * MINUTE - 1),
    ),
    (
        "publication_failing",
        |p| p.telemetry.add(Metric::PublicationFailures, &["VN"], 2),
        |p| p.telemetry.add(Metric::PublicationFailures, &["VN"], 3),
    ),
    (
        "index_running_out",
        |p| p.set(Metric::IndexValidUntil, &["VN"], NOW + 6 * HOUR),
        |p| p.set(Metric::IndexValidUntil, &["VN"], NOW + 6 * HOUR - 1),
    ),
    // Of a short validity, half may be gone.
    (
        "index_running_out",
        |p| {
            p.settings.index_valid_hours = 2;
            p.set(Metric::IndexValidUntil, &["VN"], NOW + HOUR);
        },
        |p| {
            p.settings.index_valid_hours = 2;
            p.set(Metric::IndexValidUntil, &["VN"], NOW - 1);
        },
    ),
    (
        "commits_failing",
        |_| {},
        |p| p.telemetry.count(Metric::CommitFailures, &["disk"]),
    ),
    (
        "disk_nearly_full",
        |p| p.set(Metric::DiskFreeBytes, &["database"], 100),
        |p| p.set(Metric::DiskFreeBytes, &["database"], 99),
    ),
    (
        "clock_jumped",
        |_| {},
        |p| p.telemetry.count(Metric::ClockJumps, &[]),
    ),
    (
        "certificate_ending",
        |p| p.set(Metric::CertificateEnds, &[], NOW + 14 * DAY),
        |p| p.set(Metric::CertificateEnds, &[], NOW + 14 * DAY - 1),
    ),
    // None at all is no fault.
    (
        "certificate_ending",
        |p| p.set(Metric::CertificateEnds, &[], 0),
        |p| p.set(Metric::CertificateEnds, &[], NOW - 1),
    ),
    (
        "connections_near_limit",
        |p| p.set(Metric::Connections, &["public"], 8_000),
        |p| p.set(Metric::Connections, &["public"], 8_001),
    ),
    (
        "connections_near_limit",
        |p| p.set(Metric::Connections, &["staff"], 200),
        |p| p.set(Metric::Connections, &["staff"], 201),
    ),
    (
        "writer_busy",
        |p| p.telemetry.add(Metric::WriterBusy, &[], 10),
        |p| p.telemetry.add(Metric::WriterBusy, &[], 11),
    ),
    (
        "downloads_failing",
        |p| {
            p.telemetry.add(Metric::Downloads, &["batch", "full"], 99);
            p.telemetry.count(Metric::Downloads, &["batch", "failed"]);
        },
        |p| {
            p.telemetry.add(Metric::Downloads, &["batch", "full"], 98);
            p.telemetry.count(Metric::Downloads, &["batch", "failed"]);
        },
    ),
    (
        "self_check_failing",
        |p| p.telemetry.count(Metric::SelfChecks, &["failed"]),
        |p| p.telemetry.add(Metric::SelfChecks, &["failed"], 2),
    ),
    (
        "retention_stalled",
        |p| p.set(Metric::LastForgotten, &[], NOW - 3 * HOUR),
        |p| p.set(Metric::LastForgotten, &[], NOW - 3 * HOUR - 1),
    ),
    (
        "retention_stalled",
        |p| p.set(Metric::OldestKeyDay, &[], NOW - 16 * DAY),
        |p| p.set(Metric::OldestKeyDay, &[], NOW - 16 * DAY - 1),
    ),
    // It runs soon after a start.
    (
        "retention_stalled",
        |p| p.set(Metric::LastForgotten, &[], 0),
        |p| {
            p.set(Metric::LastForgotten, &[], 0);
            p.up_seconds = 4 * 3_600;
        },
    ),
    (
        "late_answers",
        |p| {
            p.telemetry.count(Metric::LateAnswers, &["upload"]);
            (0..100).for_each(|_| p.telemetry.observe(Metric::CallSeconds, &["upload"], 0.1));
        },
        |p| {
            p.telemetry.count(Metric::LateAnswers, &["upload"]);
            (0..99).for_each(|_| p.telemetry.observe(Metric::CallSeconds, &["upload"], 0.1));
        },
    ),
    (
        "wrong_guesses",
        |p| p.telemetry.add(Metric::WrongGuesses, &[], 400),
        |p| p.telemetry.add(Metric::WrongGuesses, &[], 401),
    ),
    (
        "false_alarms",
        |p| p.set(Metric::ExpectedFalseAlarms, &[], 1),
        |p| p.set(Metric::ExpectedFalseAlarms, &[], 2),
    ),
    (
        "no_backup",
        |p| p.set(Metric::LastBackup, &[], NOW - 26 * HOUR),
        |p| p.set(Metric::LastBackup, &[], NOW - 26 * HOUR - 1),
    ),
];

#[test]
fn every_condition_begins_at_its_threshold_and_not_before() {
    assert_eq!(Patient::well().ids(), [""; 0]);
    for (id, short_of_it, beyond) in EDGES {
        let mut patient = Patient::well();
        short_of_it(&mut patient);
        assert_eq!(patient.ids(), [""; 0], "short of {id}");
        let mut patient = Patient::well();
        beyond(&mut patient);
        let found = patient.found();
        assert_eq!(found.len(), 1, "{id}: {found:?}");
        assert_eq!(found[0].0, id);
        assert!(found[0].1.text.ends_with('.'), "{found:?}");
    }
    // These two rest on more than one value of a gauge.
    let patient = Patient::well();
    patient.set(Metric::SigningKeyCreated, &["01"], NOW - 400 * DAY - 1);
    assert_eq!(patient.ids(), ["key_old"]);
    patient.set(Metric::SigningKeyCreated, &["02"], NOW);
    assert_eq!(patient.ids(), [""; 0]);
    patient.set(Metric::LastBackup, &[], 0);
    assert_eq!(patient.ids(), ["no_backup"]);

    let tried = EDGES.iter().map(|(id, ..)| *id).chain(["key_old"]);
    let tried: Vec<&str> = tried.collect();
    for condition in &ALL {
        assert!(
            tried.contains(&condition.id),
            "{} is not tried",
            condition.id
        );
    }
}

#[test]
fn what_was_counted_long_ago_is_over() {
    for (id, minutes, happens) in [
        ("publication_failing", 15, EDGES[2].2),
        ("commits_failing", 10, EDGES[5].2),
        ("clock_jumped", 60, EDGES[7].2),
        ("writer_busy", 10, EDGES[12].2),
        ("downloads_failing", 10, EDGES[13].2),
        ("self_check_failing", 30, EDGES[14].2),
        ("late_answers", 10, EDGES[18].2),
        ("wrong_guesses", 60, EDGES[19].2),
    ] {
        let mut patient = Patient::well();
        happens(&mut patient);
        let end = minutes * 60;
        for at in (5..end).step_by(5) {
            patient.history.take(&patient.telemetry, at);
            assert_eq!(patient.ids(), [id], "{at} s later");
        }
        patient.history.take(&patient.telemetry, end + 5);
        assert_eq!(patient.ids(), [""; 0], "{id}");
    }
}

#[test]
fn each_region_and_disk_is_named() {
    let mut patient = Patient::well();
    patient.settings.regions = vec!["VN-HN".parse().unwrap(), "VN-48".parse().unwrap()];
    for region in ["VN-HN", "VN-48"] {
        patient.set(Metric::WindowOverdueSince, &[region], NOW - HOUR);
        patient.set(Metric::DiskBytes, &[region], 10);
    }
    let found = patient.found();
    let subjects: Vec<_> = found
        .iter()
        .filter_map(|(_, found)| found.subject.as_deref())
        .collect();
    assert_eq!(subjects, ["VN-HN", "VN-48", "VN-48", "VN-HN"]);
    assert_eq!(found[0].1.since, Some(NOW - HOUR));
    assert!(
        found[0]
            .1
            .text
            .contains("VN-HN was due at 2021-08-27 11:00"),
        "{found:?}"
    );
}

#[test]
fn the_table_in_the_head_is_of_this_list() {
    let head: Vec<&str> = include_str!("../conditions.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .collect();
    assert_eq!(head.len(), ALL.len());
    for condition in &ALL {
        let row = format!("{}` | `{:?}`", condition.id, condition.metric);
        assert!(head.iter().any(|line| line.starts_with(&row)), "{row}");
        assert!(condition.alert.starts_with("Truyvet"), "{row}");
    }
}
