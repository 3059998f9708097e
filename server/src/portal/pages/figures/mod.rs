//! Figures by day and by unit, as charts and as tables. Numbers so small that they could point at people are hidden.

use maud::{Markup, html};

use crate::portal::{
    calendar::Date,
    charts::{self, Bar, Column, Series},
    forms::{self, Choice, Input, Problems},
    icons::{Icon, icon},
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// A count as it may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// As it is.
    Exact(u64),
    /// Between 1 and 4: hidden.
    Few,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// First day of the range.
    pub(crate) first: Date,
    /// Last day, included.
    pub(crate) last: Date,
    /// The first day with figures.
    pub(crate) earliest: Date,
    /// Today.
    pub(crate) today: Date,
    /// Units that the officer sees: code and name, their own first.
    pub(crate) units: Vec<(String, String)>,
    /// Code of the one chosen, with those below it.
    pub(crate) unit: String,
    /// What was wrong with the range.
    pub(crate) problem: Option<RangeProblem>,
    /// One row a day, oldest first.
    pub(crate) days: Vec<DayRow>,
    /// One row for each unit right below the chosen one.
    pub(crate) by_unit: Vec<UnitRow>,
}

/// What can be wrong with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeProblem {
    /// Not a date, or the last before the first.
    Order,
    /// More days than are shown at once.
    TooLong {
        /// Most.
        days: u32,
    },
}

/// One day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayRow {
    /// Which.
    pub(crate) day: Date,
    /// Its counts.
    pub(crate) counts: Counts,
}

/// One unit.
#[derive(Clone, Debug)]
pub(crate) struct UnitRow {
    /// Official code.
    pub(crate) unit_code: String,
    /// Its name.
    pub(crate) name: String,
    /// Its counts, with the units below.
    pub(crate) counts: Counts,
}

/// Counts of a day or a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Codes issued.
    pub(crate) issued: Count,
    /// Of these, redeemed.
    pub(crate) redeemed: Count,
    /// Of these, run out.
    pub(crate) expired: Count,
    /// Of these, revoked.
    pub(crate) revoked: Count,
    /// Uploads that arrived; known for the whole country alone.
    pub(crate) uploads: Option<Count>,
    /// From issue to redemption, in the middle.
    pub(crate) median_hours: Option<u32>,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Figures) -> Markup {
    let title = texts.say("figures-title");
    let problems = problems(texts, view.problem);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("figures-lead"))))
            (problems.summary(texts))
            div class="card" { (range_form(texts, view, &problems)) }
            p class="print range" { (view.first.show(texts)) " – " (view.last.show(texts)) }
            @if view.days.is_empty() {
                p class="card soft" { (texts.say("figures-none")) }
            } @else {
                (charts(texts, &view.days))
                (by_day(texts, &view.days))
                @if !view.by_unit.is_empty() { (by_unit(texts, &view.by_unit)) }
                (notes(texts, view))
            }
        },
    )
}

/// A count in words: `<5` for a hidden one.
pub(crate) fn count(texts: &Texts, count: Count) -> String {
    match count {
        Count::Exact(number) => texts.number(number),
        Count::Few => "<5".into(),
    }
}

fn range_form(texts: &Texts, view: &Figures, problems: &Problems) -> Markup {
    let (first, last) = (view.first.iso(), view.last.iso());
    let (earliest, today) = (view.earliest.iso(), view.today.iso());
    let units: Vec<Choice> = view
        .units
        .iter()
        .map(|(code, name)| Choice::new(code, name))
        .collect();
    html! {
        (forms::get(paths::FIGURES, "row", &html! {
            (Input::date("first", texts.say("figures-first"), today.clone()).earliest(earliest.clone()).value(&first).show(problems))
            (Input::date("last", texts.say("figures-last"), today.clone()).earliest(earliest).value(&last).show(problems))
            @if units.len() > 1 {
                (forms::select("unit", &texts.say("unit"), &units, &view.unit, problems))
            }
            button class="secondary" { (texts.say("figures-show")) }
        }))
        p class="quick-links" {
            @for (days, name) in [(7, texts.say("figures-7")), (30, texts.say("figures-30"))] {
                @let start = view.today.days_before(days - 1).iso();
                a href=(paths::with_query(paths::FIGURES, &[("first", &start), ("last", &today), ("unit", &view.unit)])) {
                    (name)
                }
            }
        }
    }
}

fn charts(texts: &Texts, days: &[DayRow]) -> Markup {
    let with_uploads = days.iter().any(|row| row.counts.uploads.is_some());
    let mut series = vec![
        Series {
            name: texts.say("count-issued"),
            class: "one",
        },
        Series {
            name: texts.say("count-redeemed"),
            class: "two",
        },
    ];
    if with_uploads {
        series.push(Series {
            name: texts.say("count-uploads"),
            class: "three",
        });
    }
    let codes: Vec<Column> = days
        .iter()
        .map(|row| {
            let mut bars = vec![
                bar(texts, row.counts.issued),
                bar(texts, row.counts.redeemed),
            ];
            if with_uploads {
                bars.push(bar(texts, row.counts.uploads.unwrap_or(Count::Exact(0))));
            }
            Column {
                label: row.day.short(texts),
                bars,
            }
        })
        .collect();
    let hours_series = [Series {
        name: texts.say("figures-median"),
        class: "one",
    }];
    let hours: Vec<Column> = days
        .iter()
        .map(|row| Column {
            label: row.day.short(texts),
            bars: vec![Bar {
                value: row.counts.median_hours.map(f64::from),
                shown: median(row.counts.median_hours),
            }],
        })
        .collect();
    html! {
        div class="charts" {
            section class="card" {
                h2 { (texts.say("figures-chart-codes")) }
                (charts::columns(&texts.say("figures-chart-codes"), &series, &codes, |tick| texts.round(tick)))
            }
            section class="card" {
                h2 { (texts.say("figures-chart-hours")) }
                (charts::columns(&texts.say("figures-chart-hours"), &hours_series, &hours, |tick| texts.round(tick)))
            }
        }
    }
}

fn bar(texts: &Texts, shown: Count) -> Bar {
    Bar {
        // A hidden number gets no bar that could be measured.
        value: match shown {
            Count::Exact(number) => u32::try_from(number).ok().map(f64::from),
            Count::Few => None,
        },
        shown: count(texts, shown),
    }
}

fn by_day(texts: &Texts, days: &[DayRow]) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("figures-by-day")) }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("figures-by-day")) {
                table {
                    (head(texts, &texts.say("day")))
                    tbody {
                        @for row in days.iter().rev() {
                            tr { th scope="row" { (row.day.with_weekday(texts)) } (cells(texts, &row.counts)) }
                        }
                    }
                }
            }
        }
    }
}

fn by_unit(texts: &Texts, units: &[UnitRow]) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("figures-by-unit")) }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("figures-by-unit")) {
                table {
                    (head(texts, &texts.say("unit")))
                    tbody {
                        @for row in units {
                            tr {
                                th scope="row" { (row.name) " " span class="soft" { (row.unit_code) } }
                                (cells(texts, &row.counts))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn head(texts: &Texts, first: &str) -> Markup {
    html! {
        thead { tr {
            th scope="col" { (first) }
            @for name in [
                texts.say("count-issued"), texts.say("count-redeemed"), texts.say("count-expired"),
                texts.say("count-revoked"), texts.say("count-uploads"), texts.say("figures-median"),
            ] { th scope="col" class="n" { (name) } }
        } }
    }
}

fn cells(texts: &Texts, counts: &Counts) -> Markup {
    html! {
        @for value in [counts.issued, counts.redeemed, counts.expired, counts.revoked] {
            td class="n" { (count(texts, value)) }
        }
        td class="n" { (counts.uploads.map_or_else(|| "–".into(), |uploads| count(texts, uploads))) }
        td class="n" { (median(counts.median_hours)) }
    }
}

fn median(hours: Option<u32>) -> String {
    hours.map_or_else(|| "–".into(), |hours| hours.to_string())
}

fn notes(texts: &Texts, view: &Figures) -> Markup {
    let query = [
        ("first", view.first.iso()),
        ("last", view.last.iso()),
        ("unit", view.unit.clone()),
    ];
    let query: Vec<(&str, &str)> = query.iter().map(|(k, v)| (*k, v.as_str())).collect();
    html! {
        div class="hint stack-small" {
            p { (texts.say("figures-note-few")) }
            p { (texts.say("figures-note-day")) }
            p { (texts.say("figures-note-uploads")) }
        }
        p class="actions" {
            a class="button secondary" href=(paths::with_query(paths::FIGURES_CSV, &query)) {
                (icon(Icon::Download)) (texts.say("figures-csv"))
            }
            (parts::print_button(texts, &texts.say("print")))
        }
    }
}

fn problems(texts: &Texts, problem: Option<RangeProblem>) -> Problems {
    let mut problems = Problems::default();
    match problem {
        None => {}
        Some(RangeProblem::Order) => problems.add("first", texts.say("problem-range-order")),
        Some(RangeProblem::TooLong { days }) => problems.add(
            "first",
            texts.say_with("problem-range-long", &[("days", days.into())]),
        ),
    }
    problems
}
