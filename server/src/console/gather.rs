//! Puts the view together from what metrics, history and settings say.

use super::{
    conditions::{self, Look, time},
    not_ready,
    view::{
        Chart, Count, Disk, FalseAlarms, Finding, HandingOut, Keeping, Line, RegionView,
        ServerView, SigningKeyView, Span, TakingIn, Unit, Urgency, View,
    },
};
use crate::{
    context::Context,
    false_alarms,
    telemetry::{Metric, Telemetry, history::Series},
};

/// A chart's title, its unit, and its lines by name.
type ChartOf = (&'static str, Unit, &'static [(&'static str, Series)]);

/// What each chart shows.
const CHARTS: [ChartOf; 8] = [
    (
        "Uploads and redemptions",
        Unit::PerSecond,
        &[
            ("uploads", Series::Uploads),
            ("redemptions", Series::Redemptions),
        ],
    ),
    (
        "Downloads",
        Unit::PerSecond,
        &[
            ("index downloads", Series::IndexDownloads),
            ("batch downloads", Series::BatchDownloads),
        ],
    ),
    (
        "Bytes handed out",
        Unit::BytesPerSecond,
        &[("bytes", Series::DownloadBytes)],
    ),
    (
        "Waiting for the database",
        Unit::Pieces,
        &[("pieces of work", Series::WriterQueue)],
    ),
    (
        "Connections of phones",
        Unit::Pieces,
        &[("connections", Series::PhoneConnections)],
    ),
    (
        "Download of a phone a day",
        Unit::Bytes,
        &[("bytes", Series::PhoneBytes)],
    ),
    (
        "Expected false alarms a day",
        Unit::AlarmsPerDay,
        &[("alarms", Series::FalseAlarms)],
    ),
    ("Database", Unit::Bytes, &[("bytes", Series::DatabaseBytes)]),
];

/// How the server is, with charts over `span`.
pub(super) async fn view(context: &Context, span: Span) -> View {
    let (telemetry, settings) = (&*context.telemetry, &context.settings);
    let not_ready = not_ready(context).await;
    let ready = not_ready.is_none();
    let findings = findings(context, not_ready);
    View {
        version: env!("CARGO_PKG_VERSION").into(),
        at: context.now().unix_seconds(),
        utc_offset_seconds: settings.exposure_rule.utc_offset_seconds,
        up_seconds: context.console.up_seconds(),
        ready,
        verdict: verdict(ready, &findings),
        findings,
        taking_in: taking_in(context),
        publishing: publishing(context),
        false_alarms: FalseAlarms {
            expected_per_day: telemetry.value(Metric::ExpectedFalseAlarms, &[]),
            budget_per_day: settings.false_alarms.per_day,
            phones: settings.false_alarms.phones,
            tags_per_phone: settings.false_alarms.tags_per_phone,
            fingerprint_bits: settings.fingerprint_bits,
            matched_tags: false_alarms::budget(settings).matched_tags,
        },
        handing_out: handing_out(context),
        keeping: keeping(telemetry),
        server: server(telemetry),
        span,
        span_seconds: span.seconds(),
        step_seconds: span.step_seconds(),
        charts: charts(context, span),
    }
}

/// What is wrong now, most urgent first. Notes what begins and ends.
pub(super) fn findings(context: &Context, not_ready: Option<String>) -> Vec<Finding> {
    let look = Look {
        telemetry: &context.telemetry,
        history: &context.console.history,
        settings: &context.settings,
        now: context.now(),
        up_seconds: context.console.up_seconds(),
        not_ready,
    };
    let mut holding = Vec::new();
    let mut findings = Vec::new();
    for condition in &conditions::ALL {
        for found in condition.check(&look) {
            holding.push((condition.id, found.subject.clone()));
            findings.push((condition, found));
        }
    }
    let noticed = context
        .console
        .watch
        .since(&holding, look.now.unix_seconds());
    findings
        .into_iter()
        .zip(noticed)
        .map(|((condition, found), noticed)| Finding {
            id: condition.id.into(),
            subject: found.subject,
            urgency: condition.urgency,
            title: condition.title.into(),
            text: found.text,
            since: found.since.unwrap_or(noticed),
            metric: condition.metric.name().into(),
            threshold: condition.threshold.into(),
            alert: condition.alert.into(),
        })
        .collect()
}

fn verdict(ready: bool, findings: &[Finding]) -> String {
    let urgent = |finding: &&Finding| finding.urgency == Urgency::Page && finding.id != "not_ready";
    let pages = findings.iter().filter(urgent).count();
    let others = findings.iter().filter(|f| f.urgency == Urgency::Ticket);
    let parts: Vec<String> = [
        (pages, "to be looked at now"),
        (others.count(), "to be looked at within working hours"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| match number {
        1 => format!("1 thing is {what}"),
        number => format!("{number} things are {what}"),
    })
    .collect();
    let state = if ready { "Ready" } else { "Not ready" };
    match (ready, parts.is_empty()) {
        (true, true) => "Ready. Nothing is wrong.".into(),
        (false, true) => "Not ready.".into(),
        (_, false) => format!("{state}. {}.", parts.join(", ")),
    }
}

fn taking_in(context: &Context) -> TakingIn {
    let (telemetry, history) = (&*context.telemetry, &context.console.history);
    TakingIn {
        uploads: Series::Uploads.read(telemetry),
        uploads_per_second: history.now(Series::Uploads),
        upload_calls: counts(telemetry, Metric::Uploads),
        redemptions: Series::Redemptions.read(telemetry),
        redemptions_per_second: history.now(Series::Redemptions),
        redeem_calls: counts(telemetry, Metric::Redemptions),
        codes_issued: telemetry.value(Metric::CodesIssued, &[]),
        wrong_guesses: telemetry.value(Metric::WrongGuesses, &[]),
        late_answers: telemetry.sum(Metric::LateAnswers),
        writer_queue: telemetry.value(Metric::WriterQueue, &[]),
        writer_busy: telemetry.value(Metric::WriterBusy, &[]),
    }
}

fn publishing(context: &Context) -> Vec<RegionView> {
    let telemetry = &context.telemetry;
    let regions = context.settings.regions.iter();
    regions
        .map(|region| {
            let region = region.to_string();
            let value = |metric| telemetry.value(metric, &[&region]);
            RegionView {
                last_window_closed: time(value(Metric::LastWindowClosed)),
                overdue_since: time(value(Metric::WindowOverdueSince)),
                index_valid_until: time(value(Metric::IndexValidUntil)),
                batch_bytes: value(Metric::BatchBytes),
                batch_tags: value(Metric::BatchTags),
                phone_bytes_per_day: value(Metric::PhoneBytesPerDay),
                batches: telemetry.sum_where(Metric::BatchesPublished, "region", &region),
                failures: value(Metric::PublicationFailures),
                region,
            }
        })
        .collect()
}

fn handing_out(context: &Context) -> HandingOut {
    let (telemetry, history) = (&*context.telemetry, &context.console.history);
    HandingOut {
        index_per_second: history.now(Series::IndexDownloads),
        batches_per_second: history.now(Series::BatchDownloads),
        bytes_per_second: history.now(Series::DownloadBytes),
        answers: counts(telemetry, Metric::Downloads),
        bytes: counts(telemetry, Metric::DownloadBytes),
    }
}

fn keeping(telemetry: &Telemetry) -> Keeping {
    let disks = telemetry.each(Metric::DiskBytes);
    Keeping {
        database_bytes: telemetry.sum(Metric::DatabaseBytes),
        disks: disks
            .into_iter()
            .map(|(labels, bytes)| {
                let folder = labels.concat();
                Disk {
                    free_bytes: telemetry.value(Metric::DiskFreeBytes, &[&folder]),
                    bytes,
                    folder,
                }
            })
            .collect(),
        last_backup: time(telemetry.value(Metric::LastBackup, &[])),
        last_forgotten: time(telemetry.value(Metric::LastForgotten, &[])),
        oldest_key_day: time(telemetry.value(Metric::OldestKeyDay, &[])),
        commit_failures: telemetry.sum(Metric::CommitFailures),
    }
}

fn server(telemetry: &Telemetry) -> ServerView {
    let keys = telemetry.each(Metric::SigningKeyCreated);
    let mut signing_keys: Vec<_> = keys
        .into_iter()
        .map(|(labels, created)| SigningKeyView {
            key_id: labels.concat(),
            created: time(created).unwrap_or_default(),
        })
        .collect();
    signing_keys.sort_by_key(|key| key.created);
    let seconds = telemetry.value(Metric::SelfCheckSeconds, &[]);
    ServerView {
        connections: counts(telemetry, Metric::Connections),
        signing_keys,
        certificate_ends: time(telemetry.value(Metric::CertificateEnds, &[])),
        self_checks: counts(telemetry, Metric::SelfChecks),
        self_check_seconds: (seconds > 0.0).then_some(seconds),
    }
}

/// A metric by its labels, which make the name: `index, full`.
fn counts(telemetry: &Telemetry, metric: Metric) -> Vec<Count> {
    let each = telemetry.each(metric).into_iter();
    each.map(|(labels, total)| Count {
        name: labels.join(", "),
        total,
    })
    .collect()
}

fn charts(context: &Context, span: Span) -> Vec<Chart> {
    let history = &context.console.history;
    CHARTS
        .into_iter()
        .map(|(title, unit, lines)| Chart {
            title: title.into(),
            unit,
            lines: lines
                .iter()
                .map(|&(name, series)| Line {
                    name: name.into(),
                    now: history.now(series),
                    points: history.chart(series, span),
                })
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_counts_what_is_wrong() {
        let finding = |id: &str, urgency| Finding {
            id: id.into(),
            subject: None,
            urgency,
            title: String::new(),
            text: String::new(),
            since: 0,
            metric: String::new(),
            threshold: String::new(),
            alert: String::new(),
        };
        let (page, ticket) = (finding("a", Urgency::Page), finding("b", Urgency::Ticket));
        assert_eq!(verdict(true, &[]), "Ready. Nothing is wrong.");
        let not_ready = finding("not_ready", Urgency::Page);
        assert_eq!(
            verdict(false, std::slice::from_ref(&not_ready)),
            "Not ready."
        );
        assert_eq!(
            verdict(false, &[not_ready, page.clone(), page, ticket]),
            "Not ready. 2 things are to be looked at now, 1 thing is to be looked at within working hours."
        );
    }
}
