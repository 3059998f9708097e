//! A demo as one HTML page: no script, nothing fetched, light or dark as the reader likes it.

mod chart;
mod file;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::outcome::{Outcome, Phase, Verdict};
use crate::{date, words};
use chart::{Column, Row};
pub(crate) use file::ReportFile;

const STYLE: &str = include_str!("style.css");

/// The page.
///
/// - `source`: where the contacts come from, in words that end a sentence.
/// - `steps`: how the steps of a contact file are read.
/// - `rules`: what was simulated, as (name, explanation).
pub(crate) fn page(
    outcome: &Outcome,
    source: &str,
    steps: Option<&str>,
    rules: &[(&str, String)],
) -> String {
    let verdict = outcome.verdict();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Truyvet demo" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { "Truyvet demo" }
                    p class="lead" {
                        (words::count(outcome.people, "phone", "phones")) " in "
                        (source) ", " (words::count(outcome.days.len(), "day", "days"))
                        ", one real server on real sockets."
                    }
                    @if let Some(steps) = steps {
                        p class="lead" { (steps) "; " code { "--steps-per-day" } " changes that." }
                    }
                    (verdict_line(outcome, &verdict))
                    (tiles(outcome, &verdict))
                    div class="charts" {
                        (by_day(outcome))
                        (minutes(outcome))
                        (bytes(outcome))
                        (time(outcome))
                    }
                    (day_table(outcome))
                    (rule_list(rules))
                    footer { "Written by truyvet " (env!("CARGO_PKG_VERSION")) ". The page fetches nothing." }
                }
            }
        }
    }
    .into_string()
}

fn verdict_line(outcome: &Outcome, verdict: &Verdict) -> Markup {
    let right = verdict.is_right();
    html! {
        div class={ "verdict " (if right { "right" } else { "wrong" }) } {
            svg viewBox="0 0 24 24" aria-hidden="true" {
                circle cx="12" cy="12" r="10" {}
                path d=(if right { "M7.5 12.5l3 3 6-7" } else { "M12 7v6M12 16.6v.1" }) {}
            }
            p { (super::table::sentence(outcome)) }
        }
    }
}

fn tiles(outcome: &Outcome, verdict: &Verdict) -> Markup {
    let tiles = [
        ("contacts of five minutes", words::grouped(outcome.contacts)),
        ("cases", words::grouped(outcome.cases())),
        ("phones alerted", words::grouped(verdict.alerted.len())),
        ("missed", words::grouped(verdict.missed.len())),
        ("false alarms", words::grouped(verdict.false_alarms.len())),
        (
            "a phone's download a day",
            words::bytes(outcome.bytes_per_phone_and_day()),
        ),
    ];
    html! {
        dl class="tiles" {
            @for (name, value) in tiles {
                div class="tile" { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn by_day(outcome: &Outcome) -> Markup {
    let columns: Vec<Column> = outcome
        .days
        .iter()
        .map(|day| Column {
            label: date::short(day.day),
            values: vec![day.uploads.into(), day.newly_alerted.into()],
        })
        .collect();
    html! {
        section class="card" {
            h2 { "Cases and alerts" }
            p class="key" {
                span style="--mark: var(--cases)" { "tested positive and uploaded" }
                span style="--mark: var(--told)" { "alerted for the first time" }
            }
            (chart::columns("Cases and alerts by day", &["cases", "told"], &columns, |value| format!("{value:.0}")))
        }
    }
}

fn minutes(outcome: &Outcome) -> Markup {
    const BOUNDS: [(u32, &str); 6] = [
        (15, "¼–½ h"),
        (30, "½–1 h"),
        (60, "1–2 h"),
        (120, "2–4 h"),
        (240, "4–8 h"),
        (480, "8 h +"),
    ];
    let longest = outcome.longest_days();
    let columns: Vec<Column> = BOUNDS
        .iter()
        .enumerate()
        .map(|(i, &(from, label))| {
            let to = BOUNDS.get(i + 1).map_or(u32::MAX, |next| next.0);
            let people = longest.values().filter(|m| (from..to).contains(*m)).count();
            Column {
                label: label.into(),
                values: vec![f64::from(u32::try_from(people).unwrap_or(u32::MAX))],
            }
        })
        .collect();
    html! {
        section class="card" {
            h2 { "How long the alerted were near cases" }
            p { "People, by the time of their longest day within 2 m" }
            (chart::columns("People alerted by minutes of exposure", &["told"], &columns, |value| format!("{value:.0}")))
        }
    }
}

fn bytes(outcome: &Outcome) -> Markup {
    let columns: Vec<Column> = outcome
        .days
        .iter()
        .map(|day| Column {
            label: date::short(day.day),
            values: vec![day.bytes_per_phone],
        })
        .collect();
    html! {
        section class="card" {
            h2 { "What a phone downloads" }
            p { "Each evening's new batch" }
            (chart::columns("Bytes per phone and day", &["told"], &columns, words::round_bytes))
        }
    }
}

fn time(outcome: &Outcome) -> Markup {
    let rows: Vec<Row> = Phase::ALL
        .into_iter()
        .map(|phase| {
            let seconds = outcome
                .phases
                .get(&phase)
                .copied()
                .unwrap_or_default()
                .as_secs_f64();
            Row {
                label: phase.name().into(),
                value: seconds,
                shown: format!("{seconds:.2} s"),
            }
        })
        .collect();
    html! {
        section class="card" {
            h2 { "Where the time went" }
            p { (format!("{:.1} seconds in all", outcome.total.as_secs_f64())) }
            (chart::rows("Seconds by step", &rows))
        }
    }
}

fn day_table(outcome: &Outcome) -> Markup {
    html! {
        section class="card wide" {
            h2 { "Day by day" }
            p {
                (words::count(outcome.uploads(), "upload", "uploads")) " that phones report as done, "
                (words::count(outcome.batches, "batch", "batches")) " in the server's index"
            }
            div class="scroll" {
                table {
                    thead {
                        tr {
                            th { "day" } th { "cases" } th { "uploads" } th { "alerts" } th { "tags" } th { "batch" }
                        }
                    }
                    tbody {
                        @for day in &outcome.days {
                            tr {
                                td { (date::show(day.day)) }
                                td { (day.cases) }
                                td { (day.uploads) }
                                td { (day.newly_alerted) }
                                td { (words::grouped(day.tags)) }
                                td { (words::bytes(count(day.batch_bytes))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rule_list(rules: &[(&str, String)]) -> Markup {
    html! {
        section class="card wide" {
            h2 { "What was simulated, and what is real" }
            dl class="notes" {
                @for (name, explanation) in rules {
                    dt { (name) }
                    dd { (explanation) }
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::outcome;

    #[test]
    fn the_page_stands_alone_and_escapes_what_it_is_given() {
        let rules = [("Radio", "2 m <=> -86 dBm".to_owned())];
        let page = page(
            &outcome::tests::sample(),
            "<b>a file</b>",
            Some("576 steps = 2 days"),
            &rules,
        );
        assert!(page.contains("576 steps = 2 days"));
        for forbidden in [
            "http:", "https:", "url(", "<script", "<link", "<img", "@import", "<b>",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("2 m &lt;=&gt; -86 dBm"));
        assert_eq!(page.matches("<svg").count(), 5);
        assert!(page.contains("Right: all 3 people"));
    }

    #[test]
    fn a_wrong_demo_does_not_look_right() {
        let mut wrong = outcome::tests::sample();
        wrong.told.clear();
        let page = page(&wrong, "a file", None, &[]);
        assert!(page.contains("verdict wrong") && !page.contains("verdict right"));
    }
}
