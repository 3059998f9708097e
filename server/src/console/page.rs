//! The view as a page: works without script, which only refreshes what is there.
//!
//! Every part that changes has an id and `data-live`: the script puts the new one in its place, if it differs.

mod charts;
mod tables;

use maud::{DOCTYPE, Markup, html};

use super::{
    view::{Finding, Span, Urgency, View},
    words,
};
use crate::portal::{
    icons::Icon,
    parts::{self, Tone},
};

/// The page.
pub(super) const PATH: &str = "/console";
/// The view as JSON.
pub(super) const JSON: &str = "/console.json";
/// Style sheet.
pub(super) const STYLE: &str = "/console.css";
/// Script.
pub(super) const SCRIPT: &str = "/console.js";
/// Icon.
pub(super) const ICON: &str = "/console.svg";

/// Without the script a browser asks again after so many seconds.
const RELOAD_SECONDS: u32 = 15;

/// The whole page.
pub(super) fn page(view: &View) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                noscript { meta http-equiv="refresh" content=(RELOAD_SECONDS); }
                title { (if view.findings.is_empty() { "Console" } else { "(!) Console" }) " · Truyvet" }
                link rel="icon" type="image/svg+xml" href=(ICON);
                link rel="stylesheet" href=(STYLE);
                script src=(SCRIPT) defer {}
            }
            body class="console" {
                a class="skip" href="#main" { "Skip to the content" }
                (header(view))
                main id="main" tabindex="-1" {
                    (verdict(view))
                    (tables::figures(view))
                    (charts::charts(view))
                    (tables::tables(view))
                }
                footer class="foot" {
                    p { "Counted since the server started; a restart begins anew. Times are " (words::zone(view.utc_offset_seconds)) "." }
                    p { a href=(JSON) { "The same as JSON" } " · " a href="/metrics" { "Metrics" } }
                }
            }
        }
    }
}

fn header(view: &View) -> Markup {
    html! {
        header class="top" {
            div class="bar" {
                a class="brand" href=(PATH) {
                    svg viewBox="0 0 32 32" aria-hidden="true" focusable="false" {
                        rect width="32" height="32" rx="8" {}
                        path d="M10.6 21.4a7.6 7.6 0 0 1 0-10.8M21.4 10.6a7.6 7.6 0 0 1 0 10.8" {}
                        circle cx="16" cy="16" r="2.6" {}
                    }
                    "Truyvet console"
                }
                p class="soft" id="state" data-live {
                    "Version " (view.version) " · up " (words::duration(up(view)))
                    " · " time datetime=(iso(view.at)) { (words::moment(view.at, view.utc_offset_seconds)) }
                }
            }
        }
    }
}

fn up(view: &View) -> i64 {
    i64::try_from(view.up_seconds).unwrap_or(i64::MAX)
}

/// For machines, in UTC.
fn iso(unix_seconds: i64) -> String {
    words::moment(unix_seconds, 0).replace(' ', "T") + "Z"
}

/// A moment, and how long ago or to go.
fn moment(view: &View, unix_seconds: Option<i64>, none: &str) -> Markup {
    let Some(at) = unix_seconds else {
        return html! { (none) };
    };
    let ahead = at - view.at;
    html! {
        time datetime=(iso(at)) { (words::moment(at, view.utc_offset_seconds)) }
        " " span class="soft" {
            @if ahead > 0 { "(in " (words::duration(ahead)) ")" } @else { "(" (words::duration(-ahead)) " ago)" }
        }
    }
}

/// The plain verdict, and what is wrong.
fn verdict(view: &View) -> Markup {
    let urgent = view.findings.iter().any(|f| f.urgency == Urgency::Page);
    let (tone, icon, word) = match (view.ready, urgent, view.findings.is_empty()) {
        (false, ..) => (Tone::Problem, Icon::Stopped, "Not ready"),
        (true, true, _) => (Tone::Problem, Icon::Problem, "Ready, with problems"),
        (true, false, false) => (Tone::Warning, Icon::Warning, "Ready, with warnings"),
        (true, false, true) => (Tone::Good, Icon::Good, "Ready"),
    };
    html! {
        div class="heading" id="verdict" data-live role="status" {
            h1 { (parts::badge(tone, icon, word)) " " span { (view.verdict) } }
        }
        p class="notice problem" id="lost" role="alert" hidden {
            "No answer since " span id="lost-since" {} ". What stands below is of then."
        }
        div class="findings" id="findings" data-live {
            @for finding in &view.findings { (notice(view, finding)) }
        }
    }
}

fn notice(view: &View, finding: &Finding) -> Markup {
    let tone = match finding.urgency {
        Urgency::Page => Tone::Problem,
        Urgency::Ticket => Tone::Warning,
    };
    parts::notice(
        tone,
        &finding.title,
        html! {
            p { (finding.text) }
            p class="hint" {
                "Since " time datetime=(iso(finding.since)) { (words::moment(finding.since, view.utc_offset_seconds)) }
                " · alert " code { (finding.alert) } ": " (finding.threshold)
            }
        },
    )
}

/// As links and labels name it.
fn span_name(span: Span) -> &'static str {
    match span {
        Span::Hour => "hour",
        Span::SixHours => "6 hours",
        Span::Day => "day",
    }
}
