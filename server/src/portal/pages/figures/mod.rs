//! Figures by day and by unit, as charts and as tables, with what is hidden in them said and explained.

mod graphs;
mod shown;
mod tables;

use maud::{Markup, html};

pub(crate) use self::shown::{number, shows_ends, sum};
use crate::{
    figures::Figures,
    portal::{
        calendar::Date,
        forms::{self, Choice, Input, Problems},
        icons::{Icon, icon},
        layout::{self, Chrome},
        parts, paths,
        texts::Texts,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct FiguresView {
    /// First day of the range.
    pub(crate) first: Date,
    /// Last day, included.
    pub(crate) last: Date,
    /// The first day of which codes are kept.
    pub(crate) earliest: Date,
    /// Today.
    pub(crate) today: Date,
    /// Units to choose from: the way from the officer's own to the chosen one, then those right below that.
    pub(crate) units: Vec<UnitChoice>,
    /// Code of the chosen one.
    pub(crate) unit: String,
    /// What was wrong with the range.
    pub(crate) problem: Option<RangeProblem>,
    /// As the officer may see them; `None` if the range is wrong.
    pub(crate) figures: Option<Figures>,
}

/// A unit to choose.
#[derive(Clone, Debug)]
pub(crate) struct UnitChoice {
    /// Official code.
    pub(crate) unit_code: String,
    /// Its name.
    pub(crate) name: String,
    /// How far below the officer's own.
    pub(crate) depth: usize,
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

impl FiguresView {
    /// The same page about another unit or range.
    fn link(&self, path: &str, unit: &str, first: Date, last: Date) -> String {
        let (first, last) = (first.iso(), last.iso());
        paths::with_query(path, &[("first", &first), ("last", &last), ("unit", unit)])
    }

    fn is_own_unit(&self) -> bool {
        self.units
            .first()
            .is_none_or(|own| own.unit_code == self.unit)
    }
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &FiguresView) -> Markup {
    let title = texts.say("figures-title");
    let problems = problems(texts, view.problem);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("figures-lead"))))
            (problems.summary(texts))
            @if let Some(figures) = &view.figures {
                p class="print range" {
                    (figures.total.unit.name) ", " (view.first.show(texts)) " – " (view.last.show(texts))
                }
            }
            div class="card" { (range_form(texts, view, &problems)) }
            @if let Some(figures) = &view.figures {
                (now(texts, view, figures))
                (graphs::show(texts, figures))
                (tables::by_day(texts, figures))
                @if figures.units.len() > 1 { (tables::by_unit(texts, view, figures)) }
                (notes(texts, figures))
                (actions(texts, view))
            }
        },
    )
}

fn range_form(texts: &Texts, view: &FiguresView, problems: &Problems) -> Markup {
    let (first, last) = (view.first.iso(), view.last.iso());
    let (earliest, today) = (view.earliest.iso(), view.today.iso());
    let choice = |unit: &UnitChoice| {
        let indent = "\u{2003}".repeat(unit.depth);
        Choice::new(
            &unit.unit_code,
            format!("{indent}{} ({})", unit.name, unit.unit_code),
        )
    };
    let units: Vec<Choice> = view.units.iter().map(choice).collect();
    html! {
        (forms::get(paths::FIGURES, "row", &html! {
            (Input::date("first", texts.say("figures-first"), today.clone()).earliest(earliest.clone()).value(&first).show(problems))
            (Input::date("last", texts.say("figures-last"), today).earliest(earliest).value(&last).show(problems))
            @if units.len() > 1 {
                (forms::select("unit", &texts.say("unit"), &units, &view.unit, problems))
            }
            button class="secondary" { (texts.say("figures-show")) }
        }))
        p class="quick-links" {
            @for (start, name) in [
                (view.today, texts.say("today")),
                (view.today.days_before(6), texts.say("figures-7")),
                (view.earliest, texts.say("figures-kept")),
            ] { a href=(view.link(paths::FIGURES, &view.unit, start, view.today)) { (name) } }
        }
    }
}

/// How long it takes at this moment.
fn now(texts: &Texts, view: &FiguresView, figures: &Figures) -> Markup {
    let mut tiles = Vec::new();
    if view.is_own_unit() {
        tiles.push((
            texts.say("figures-waiting"),
            shown::hours(figures.waiting_hours),
        ));
    }
    tiles.extend(figures.regions.iter().map(|region| {
        let name = [("region", region.region.to_string().into())];
        let behind = texts.say_with("figures-behind", &name);
        (behind, shown::hours(region.hours_behind))
    }));
    html! {
        section class="card wide-tiles" {
            h2 { (texts.say("figures-now")) }
            (parts::tiles(&tiles))
        }
    }
}

/// What the signs in the tables mean. Those that cannot stand there are not explained.
fn notes(texts: &Texts, figures: &Figures) -> Markup {
    let floor = [("floor", figures.floor.into())];
    let several_days = figures.total.days.len() > 1;
    html! {
        div class="hint stack-small" {
            p { (texts.say("figures-note-day")) }
            @if figures.floor > 0 {
                (signs(texts, figures.floor, several_days))
                p { (texts.say("figures-note-ends")) }
                p { (texts.say_with("figures-note-median", &floor)) }
            }
            @if figures.total.days.iter().any(|day| day.incomplete) {
                p { (texts.say("figures-note-incomplete")) }
            }
            p { (texts.say("figures-note-uploads")) }
            p class="screen" { a href=(paths::HELP) { (texts.say("help-figures")) } }
        }
    }
}

/// What `<5`, `*` and `≥` mean.
pub(crate) fn signs(texts: &Texts, floor: u32, sums: bool) -> Markup {
    let floor = [("floor", floor.into())];
    html! {
        p { (texts.say_with("figures-note-below", &floor)) }
        p { (texts.say_with("figures-note-withheld", &floor)) }
        @if sums { p { (texts.say("figures-note-least")) } }
    }
}

fn actions(texts: &Texts, view: &FiguresView) -> Markup {
    let csv = view.link(paths::FIGURES_CSV, &view.unit, view.first, view.last);
    html! {
        p class="actions" {
            a class="button secondary" href=(csv) { (icon(Icon::Download)) (texts.say("figures-csv")) }
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
