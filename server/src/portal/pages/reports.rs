//! The daily and the weekly report: what it says, who has not sent theirs, and the button that sends it.

use maud::{Markup, html};

use super::figures::{Count, count};
use crate::portal::{
    calendar::{Date, Moment},
    forms,
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Of what time.
    pub(crate) period: Period,
    /// Until when it must be sent.
    pub(crate) due: Moment,
    /// Whether it was.
    pub(crate) state: ReportState,
    /// Codes issued.
    pub(crate) issued: Count,
    /// Of these, redeemed.
    pub(crate) redeemed: Count,
    /// Of these, revoked.
    pub(crate) revoked: Count,
    /// Names of the units below whose report is missing.
    pub(crate) missing: Vec<String>,
    /// How many units have to send one.
    pub(crate) units: u64,
    /// Whether there is a later period to look at.
    pub(crate) has_next: bool,
    /// Whether the officer may send it.
    pub(crate) may_send: bool,
}

/// Of what time a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    /// A day, due at 15:00.
    Day(Date),
    /// A week, by its Monday; due on the Tuesday after.
    Week(Date),
}

/// Whether a report was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportState {
    /// Not yet, and there is time.
    Open,
    /// Not yet, and it is too late.
    Late,
    /// Sent.
    Sent {
        /// When.
        at: Moment,
    },
}

impl Period {
    fn path(self) -> &'static str {
        match self {
            Self::Day(_) => paths::DAILY_REPORT,
            Self::Week(_) => paths::WEEKLY_REPORT,
        }
    }

    fn parameter(self) -> &'static str {
        match self {
            Self::Day(_) => "day",
            Self::Week(_) => "week",
        }
    }

    fn start(self) -> Date {
        match self {
            Self::Day(day) | Self::Week(day) => day,
        }
    }

    fn days(self) -> u32 {
        match self {
            Self::Day(_) => 1,
            Self::Week(_) => 7,
        }
    }

    fn link(self, start: Date) -> String {
        paths::with_query(self.path(), &[(self.parameter(), &start.iso())])
    }
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Report) -> Markup {
    let start = view.period.start();
    let (title, range) = match view.period {
        Period::Day(day) => (texts.say("report-daily"), day.with_weekday(texts)),
        Period::Week(monday) => (
            texts.say("report-weekly"),
            format!(
                "{} – {}",
                monday.short(texts),
                monday.days_after(6).show(texts)
            ),
        ),
    };
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            p class="tabs" {
                @for (path, name, chosen) in [
                    (paths::DAILY_REPORT, texts.say("report-tab-daily"), matches!(view.period, Period::Day(_))),
                    (paths::WEEKLY_REPORT, texts.say("report-tab-weekly"), matches!(view.period, Period::Week(_))),
                ] { a href=(path) aria-current=[chosen.then_some("page")] { (name) } }
            }
            div class="medium" {
                section class="card" {
                    h2 { (range) }
                    (state(texts, view))
                    (parts::tiles(&[
                        (texts.say("count-issued"), count(texts, view.issued)),
                        (texts.say("count-redeemed"), count(texts, view.redeemed)),
                        (texts.say("count-revoked"), count(texts, view.revoked)),
                    ]))
                    @if view.may_send && !matches!(view.state, ReportState::Sent { .. }) {
                        (forms::post(view.period.path(), &chrome.csrf, "actions", &html! {
                            input type="hidden" name=(view.period.parameter()) value=(start.iso());
                            button { (texts.say("report-send")) }
                        }))
                        p class="hint" { (texts.say("report-send-hint")) }
                    }
                }
                (missing(texts, view))
                p class="quick-links" {
                    a href=(view.period.link(start.days_before(view.period.days()))) { (texts.say("report-earlier")) }
                    @if view.has_next {
                        a href=(view.period.link(start.days_after(view.period.days()))) { (texts.say("report-later")) }
                    }
                }
            }
        },
    )
}

fn state(texts: &Texts, view: &Report) -> Markup {
    let due = [("due", view.due.with_weekday(texts).into())];
    match view.state {
        ReportState::Open => {
            parts::notice(Tone::Note, &texts.say_with("report-open", &due), html! {})
        }
        ReportState::Late => parts::notice(
            Tone::Problem,
            &texts.say_with("report-late", &due),
            html! {},
        ),
        ReportState::Sent { at } => parts::notice(
            Tone::Good,
            &texts.say_with("report-sent", &[("time", at.show(texts).into())]),
            html! {},
        ),
    }
}

/// Named, so that somebody can call them.
fn missing(texts: &Texts, view: &Report) -> Markup {
    html! {
        @if view.units > 0 {
            section class="card" {
                h2 { (texts.say("report-missing")) }
                @if view.missing.is_empty() {
                    (parts::notice(Tone::Good, &texts.say_with("report-none-missing", &[("units", view.units.into())]), html! {}))
                } @else {
                    p class="soft" {
                        (texts.say_with("report-some-missing", &[
                            ("missing", view.missing.len().into()), ("units", view.units.into()),
                        ]))
                    }
                    ul class="names" { @for name in &view.missing { li { (name) } } }
                }
            }
        }
    }
}
