//! The charts of the page, each with its numbers in words.

use maud::{Markup, html};

use super::{PATH, span_name};
use crate::{
    charts::{self, Curve},
    console::{
        view::{Chart, Line, Span, Unit, View},
        words,
    },
};

/// One colour a line.
const CLASSES: [&str; 3] = ["one", "two", "three"];

pub(super) fn charts(view: &View) -> Markup {
    html! {
        section class="over-time" aria-labelledby="over-time" {
            h2 id="over-time" { "The last " (span_name(view.span)) }
            nav class="tabs" aria-label="How far charts look back" {
                @for span in Span::ALL {
                    a href={ (PATH) "?span=" (query(span)) } aria-current=[(span == view.span).then_some("true")] {
                        (capital(span_name(span)))
                    }
                }
            }
            div class="charts" {
                @for (i, chart) in view.charts.iter().enumerate() {
                    div class="card" id={ "chart-" (i) } data-live {
                        h3 { (chart.title) }
                        (drawn(view, chart))
                        (numbers(chart))
                    }
                }
            }
        }
    }
}

fn query(span: Span) -> &'static str {
    match span {
        Span::Hour => "hour",
        Span::SixHours => "six_hours",
        Span::Day => "day",
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn drawn(view: &View, chart: &Chart) -> Markup {
    let curves: Vec<Curve> = chart
        .lines
        .iter()
        .zip(CLASSES)
        .map(|(line, class)| Curve {
            name: &line.name,
            class,
            points: &line.points,
        })
        .collect();
    let back = i64::try_from(view.span_seconds).unwrap_or(i64::MAX);
    let ago = |seconds| format!("{} ago", words::duration(seconds));
    let labels = [&*ago(back), &*ago(back / 2), "now"];
    let title = in_words(view, chart);
    let whole = !matches!(chart.unit, Unit::PerSecond | Unit::AlarmsPerDay);
    charts::lines(&title, &curves, labels, whole, |tick| {
        axis(chart.unit, tick)
    })
}

/// What the picture says, for who does not see it.
fn in_words(view: &View, chart: &Chart) -> String {
    let lines: Vec<String> = chart
        .lines
        .iter()
        .map(|line| sentence(chart.unit, line))
        .collect();
    format!(
        "{}, the last {}: {}",
        chart.title,
        span_name(view.span),
        lines.join("; ")
    )
}

fn sentence(unit: Unit, line: &Line) -> String {
    let highest = line
        .highest()
        .map_or("unknown".into(), |highest| shown(unit, highest));
    format!(
        "{} now {}, highest {highest}",
        line.name,
        shown(unit, line.now)
    )
}

fn numbers(chart: &Chart) -> Markup {
    html! {
        p class="hint" {
            @for (i, line) in chart.lines.iter().enumerate() {
                @if i > 0 { br; }
                @if chart.lines.len() > 1 { (capital(&line.name)) ": now " } @else { "Now " }
                strong { (shown(chart.unit, line.now)) }
                @if let Some(highest) = line.highest() { ", highest " (shown(chart.unit, highest)) }
            }
        }
    }
}

/// With its unit.
pub(super) fn shown(unit: Unit, number: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{} a second", words::amount(number)),
        Unit::BytesPerSecond => format!("{} a second", words::bytes(number)),
        Unit::Pieces => words::count(number),
        Unit::Bytes => words::bytes(number),
        Unit::AlarmsPerDay => format!("{} a day", words::amount(number)),
    }
}

/// Round numbers; the title says of what.
fn axis(unit: Unit, tick: f64) -> String {
    match unit {
        Unit::Bytes | Unit::BytesPerSecond => words::bytes(tick).replace(".0 ", " "),
        Unit::PerSecond | Unit::Pieces | Unit::AlarmsPerDay => words::amount(tick),
    }
}
