//! The daily and the weekly report: what it says, who has not sent theirs, and the button that sends it.

use maud::{Markup, html};

use super::figures::{shows_ends, signs, sum};
use crate::{
    figures::UnitFigures,
    portal::{
        calendar::{Date, Moment},
        forms,
        icons::{Icon, icon},
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// Of what time.
    pub(crate) period: Period,
    /// Until when it must be sent.
    pub(crate) due: Moment,
    /// The own unit's, with the units below in its figures.
    pub(crate) own: UnitReport,
    /// What it says.
    pub(crate) figures: UnitFigures,
    /// Smaller numbers are hidden in it; 0: none.
    pub(crate) floor: u32,
    /// The units below that have to send one.
    pub(crate) below: Vec<UnitReport>,
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

/// Whether a unit has sent its report.
#[derive(Clone, Debug)]
pub(crate) struct UnitReport {
    /// The unit's name.
    pub(crate) name: String,
    /// When it was sent.
    pub(crate) sent_at: Option<Moment>,
    /// Sent too late, or not sent though it is too late.
    pub(crate) late: bool,
}

impl Period {
    fn path(self) -> &'static str {
        match self {
            Self::Day(_) => paths::DAILY_REPORT,
            Self::Week(_) => paths::WEEKLY_REPORT,
        }
    }

    fn csv_path(self) -> &'static str {
        match self {
            Self::Day(_) => paths::DAILY_REPORT_CSV,
            Self::Week(_) => paths::WEEKLY_REPORT_CSV,
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

    fn link(self, path: &str, start: Date) -> String {
        paths::with_query(path, &[(self.parameter(), &start.iso())])
    }
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Report) -> Markup {
    let title = match view.period {
        Period::Day(_) => texts.say("report-daily"),
        Period::Week(_) => texts.say("report-weekly"),
    };
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            p class="tabs screen" {
                @for (path, name, chosen) in [
                    (paths::DAILY_REPORT, texts.say("report-tab-daily"), matches!(view.period, Period::Day(_))),
                    (paths::WEEKLY_REPORT, texts.say("report-tab-weekly"), matches!(view.period, Period::Week(_))),
                ] { a href=(path) aria-current=[chosen.then_some("page")] { (name) } }
            }
            div class="medium" {
                section class="card" {
                    h2 { (range(texts, view.period)) }
                    p class="soft" { (view.own.name) }
                    (state(texts, view))
                    (parts::tiles(&tiles(texts, &view.figures)))
                    @if view.floor > 0 {
                        div class="hint gap" { (signs(texts, view.floor, view.figures.days.len() > 1)) }
                    }
                    @if view.may_send && view.own.sent_at.is_none() {
                        (forms::post(view.period.path(), &chrome.csrf, "actions", &html! {
                            input type="hidden" name=(view.period.parameter()) value=(view.period.start().iso());
                            button { (texts.say("report-send")) }
                        }))
                        p class="hint screen" { (texts.say("report-send-hint")) }
                    }
                }
                @if !view.below.is_empty() { (below(texts, &view.below)) }
                (links(texts, view.period, view.has_next))
            }
        },
    )
}

fn range(texts: &Texts, period: Period) -> String {
    match period {
        Period::Day(day) => day.with_weekday(texts),
        Period::Week(monday) => format!(
            "{} – {}",
            monday.short(texts),
            monday.days_after(6).show(texts)
        ),
    }
}

fn state(texts: &Texts, view: &Report) -> Markup {
    let due = [("due", view.due.with_weekday(texts).into())];
    let (tone, title) = match (view.own.sent_at, view.own.late) {
        (None, false) => (Tone::Note, texts.say_with("report-open", &due)),
        (None, true) => (Tone::Problem, texts.say_with("report-late", &due)),
        (Some(at), late) => {
            let time = [("time", at.show(texts).into())];
            match late {
                false => (Tone::Good, texts.say_with("report-sent", &time)),
                true => (Tone::Warning, texts.say_with("report-sent-late", &time)),
            }
        }
    };
    parts::notice(tone, &title, html! {})
}

fn tiles(texts: &Texts, figures: &UnitFigures) -> Vec<(String, String)> {
    let mut tiles = vec![
        (
            texts.say("count-issued"),
            sum(texts, figures, |day| day.issued),
        ),
        (
            texts.say("count-redeemed"),
            sum(texts, figures, |day| day.redeemed),
        ),
    ];
    if shows_ends(figures) {
        tiles.push((
            texts.say("count-revoked"),
            sum(texts, figures, |day| day.revoked),
        ));
    }
    tiles
}

/// Named, so that somebody can call them.
fn below(texts: &Texts, below: &[UnitReport]) -> Markup {
    let missing: Vec<&UnitReport> = below.iter().filter(|unit| unit.sent_at.is_none()).collect();
    let late = below
        .iter()
        .filter(|unit| unit.late)
        .filter_map(|unit| unit.sent_at.map(|at| (unit, at)));
    let late: Vec<(&UnitReport, Moment)> = late.collect();
    let units = ("units", below.len().into());
    html! {
        section class="card" {
            h2 { (texts.say("report-missing")) }
            @if missing.is_empty() {
                (parts::notice(Tone::Good, &texts.say_with("report-none-missing", &[units]), html! {}))
            } @else {
                p class="soft" {
                    (texts.say_with("report-some-missing", &[("missing", missing.len().into()), units]))
                }
                ul class="names missing" {
                    @for unit in missing {
                        li {
                            (unit.name)
                            @if unit.late {
                                " " (parts::badge(Tone::Problem, Icon::Problem, &texts.say("report-overdue")))
                            }
                        }
                    }
                }
            }
            @if !late.is_empty() {
                h3 { (texts.say("report-some-late")) }
                ul class="names late" {
                    @for (unit, at) in late { li { (unit.name) " " span class="soft" { (parts::time(texts, at)) } } }
                }
            }
            p class="hint" { (texts.say("times-to-the-hour")) }
        }
    }
}

fn links(texts: &Texts, period: Period, has_next: bool) -> Markup {
    let (path, start) = (period.path(), period.start());
    html! {
        p class="quick-links" {
            a href=(period.link(path, start.days_before(period.days()))) { (texts.say("report-earlier")) }
            @if has_next {
                a href=(period.link(path, start.days_after(period.days()))) { (texts.say("report-later")) }
            }
        }
        p class="actions" {
            a class="button secondary" href=(period.link(period.csv_path(), start)) {
                (icon(Icon::Download)) (texts.say("report-csv"))
            }
            (parts::print_button(texts, &texts.say("print")))
        }
    }
}
