//! Figures of the officer's units, as a page and as a table to save.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    visitor::Desk,
};
use crate::{
    context::Context,
    figures::{Figures, FiguresError, FiguresQuery, MAX_DAYS, figures, figures_csv, local_day},
    officers::{Permission, Unit},
    portal::{
        calendar::Date,
        layout::Section,
        pages::figures::{FiguresView, RangeProblem, UnitChoice, page},
        paths,
    },
};

/// Days that are shown unless others are asked for.
const DAYS: u32 = 7;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route(paths::FIGURES, get(show))
        .route(paths::FIGURES_CSV, get(csv))
}

/// What was asked for, as it stands in the address.
#[derive(Deserialize)]
struct Asked {
    first: Option<String>,
    last: Option<String>,
    unit: Option<String>,
}

/// What was asked for.
struct Range {
    first: Date,
    last: Date,
    problem: Option<RangeProblem>,
}

async fn show(desk: Desk, Query(asked): Query<Asked>) -> Handled {
    desk.must(Permission::SeeFigures)?;
    let range = range(&desk, &asked);
    let unit = unit_code(&desk, &asked);
    let way = way(&desk, &unit).await?;
    let figures = match range.problem {
        None => Some(read(&desk, &range, &unit).await?),
        Some(_) => None,
    };
    let view = FiguresView {
        first: range.first,
        last: range.last,
        earliest: earliest(&desk),
        today: today(&desk),
        units: choices(way, figures.as_ref()),
        unit,
        problem: range.problem,
        figures,
    };
    let chrome = desk.chrome(Section::Figures);
    Ok(Answer::page(page(desk.texts(), &chrome, &view)))
}

async fn csv(desk: Desk, Query(asked): Query<Asked>) -> Handled {
    desk.must(Permission::SeeFigures)?;
    let range = range(&desk, &asked);
    if range.problem.is_some() {
        return Err(desk.fail(Failure::NotFound));
    }
    let figures = read(&desk, &range, &unit_code(&desk, &asked)).await?;
    let name = format!("figures-{}-{}.csv", range.first.iso(), range.last.iso());
    Ok(Answer::csv(&name, figures_csv(&figures)))
}

async fn read(desk: &Desk, range: &Range, unit: &str) -> Result<Figures, Answer> {
    let query = FiguresQuery {
        unit_code: Some(unit.to_owned()),
        days: range.first.number()..=range.last.number(),
        by_unit: true,
    };
    let found = figures(desk.context(), &desk.actor, &query).await;
    found.map_err(|error| desk.fail(failure(desk, &error)))
}

/// Which page tells of it.
pub(super) fn failure(desk: &Desk, error: &FiguresError) -> Failure {
    match error {
        FiguresError::NotAllowed => Failure::NotAllowed,
        FiguresError::NoSuchUnit | FiguresError::Days => Failure::NotFound,
        FiguresError::Store(error) => Failure::of_store(desk.context(), error),
    }
}

/// The day of the local calendar.
pub(super) fn today(desk: &Desk) -> Date {
    let context = desk.context();
    let day = local_day(
        context.now(),
        context.settings.exposure_rule.utc_offset_seconds,
    );
    Date::from_number(day).expect("the clock stands before the year 9999")
}

/// Codes of earlier days are forgotten, or may be.
fn earliest(desk: &Desk) -> Date {
    let settings = &desk.context().settings;
    today(desk).days_before(settings.retention_days + settings.code_valid_hours / 24)
}

fn unit_code(desk: &Desk, asked: &Asked) -> String {
    let unit = asked.unit.as_deref().filter(|unit| !unit.is_empty());
    unit.unwrap_or(&desk.actor.officer.unit_code).to_owned()
}

fn range(desk: &Desk, asked: &Asked) -> Range {
    let today = today(desk);
    let parse = |text: &Option<String>, otherwise: Date| match text.as_deref() {
        None | Some("") => Some(otherwise),
        Some(text) => Date::parse(text),
    };
    let last = parse(&asked.last, today);
    let first = parse(&asked.first, last.unwrap_or(today).days_before(DAYS - 1));
    let problem = match (first, last) {
        (Some(first), Some(last)) if first <= last => {
            let days = last.number() - first.number();
            (days >= MAX_DAYS).then_some(RangeProblem::TooLong { days: MAX_DAYS })
        }
        _ => Some(RangeProblem::Order),
    };
    Range {
        first: first.unwrap_or(today),
        last: last.unwrap_or(today),
        problem,
    }
}

/// From the officer's own unit down to this one.
async fn way(desk: &Desk, unit: &str) -> Result<Vec<Unit>, Answer> {
    let context = desk.context();
    let path = context.store.unit_path(unit.to_owned()).await;
    let mut path = path.map_err(|error| desk.fail(Failure::of_store(context, &error)))?;
    let own = &desk.actor.officer.unit_code;
    let length = path.iter().position(|unit| unit.unit_code == *own);
    // Not theirs to know.
    path.truncate(length.map_or(0, |length| length + 1));
    path.reverse();
    Ok(path)
}

fn choices(way: Vec<Unit>, figures: Option<&Figures>) -> Vec<UnitChoice> {
    let below = figures.into_iter().flat_map(|figures| &figures.units);
    let below = below
        .filter(|unit| unit.with_below)
        .map(|unit| (way.len(), unit.unit.clone()));
    let below: Vec<_> = below.collect();
    (0..)
        .zip(way)
        .chain(below)
        .map(|(depth, unit)| UnitChoice {
            unit_code: unit.unit_code,
            name: unit.name,
            depth,
        })
        .collect()
}
