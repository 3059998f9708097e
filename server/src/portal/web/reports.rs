//! The reports that units owe: to look at, to send, and who has not.

use std::sync::Arc;

use axum::{Router, extract::Query, routing::get};
use serde::Deserialize;

use super::{
    answer::{Answer, Failure, Handled},
    figures::{failure as figures_failure, today},
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    context::Context,
    figures::{
        FiguresQuery, ReportError, ReportKind, ReportState, Reports, figures, last_period, reports,
        reports_csv, send_report, sends_reports, show_day,
    },
    officers::Permission,
    portal::{
        calendar::{Date, Moment},
        layout::{Done, Section},
        pages::reports::{Period, Report, UnitReport, page},
        paths,
    },
};

pub(super) fn routes() -> Router<Arc<Context>> {
    use ReportKind::{Daily, Weekly};
    Router::new()
        .route(
            paths::DAILY_REPORT,
            get(|desk, asked| show(desk, asked, Daily)).post(|form| send(form, Daily)),
        )
        .route(
            paths::WEEKLY_REPORT,
            get(|desk, asked| show(desk, asked, Weekly)).post(|form| send(form, Weekly)),
        )
        .route(
            paths::DAILY_REPORT_CSV,
            get(|desk, asked| csv(desk, asked, Daily)),
        )
        .route(
            paths::WEEKLY_REPORT_CSV,
            get(|desk, asked| csv(desk, asked, Weekly)),
        )
}

/// Of when, as the address or the form has it.
#[derive(Deserialize)]
struct Asked {
    day: Option<String>,
    week: Option<String>,
}

impl Asked {
    /// The report's first day; the last whole period unless another is named.
    fn first_day(&self, desk: &Desk, kind: ReportKind) -> Result<u32, Answer> {
        let named = match kind {
            ReportKind::Daily => &self.day,
            ReportKind::Weekly => &self.week,
        };
        let Some(named) = named else {
            return Ok(last_period(desk.context(), kind));
        };
        let day = Date::parse(named).filter(|day| *day <= today(desk));
        day.map(|day| kind.first_day(day.number()))
            .ok_or_else(|| desk.fail(Failure::NotFound))
    }
}

async fn show(desk: Desk, Query(asked): Query<Asked>, kind: ReportKind) -> Handled {
    let found = read(&desk, &asked, kind).await?;
    let query = FiguresQuery {
        unit_code: None,
        days: found.day..=found.day + kind.days() - 1,
        by_unit: false,
    };
    let figures = figures(desk.context(), &desk.actor, &query)
        .await
        .map_err(|error| desk.fail(figures_failure(&desk, &error)))?;
    let over = |first_day: u32| first_day + kind.days() <= today(&desk).number();
    let start = Date::from_number(found.day).expect("a day that is not after today");
    let view = Report {
        period: match kind {
            ReportKind::Daily => Period::Day(start),
            ReportKind::Weekly => Period::Week(start),
        },
        due: moment(&desk, found.due),
        floor: figures.floor,
        figures: figures.total,
        has_next: over(found.day + kind.days()),
        may_send: sends_reports(&desk.actor) && !found.own.unit.closed && over(found.day),
        own: unit_report(&desk, found.own),
        below: found
            .sub_units
            .into_iter()
            .map(|state| unit_report(&desk, state))
            .collect(),
    };
    let chrome = desk.chrome(Section::Reports);
    Ok(Answer::page(page(desk.texts(), &chrome, &view)))
}

/// Sent twice, it was sent once.
async fn send(DeskForm { desk, form }: DeskForm<Asked>, kind: ReportKind) -> Handled {
    let day = form.first_day(&desk, kind)?;
    send_report(desk.context(), &desk.actor, kind, Some(day))
        .await
        .map_err(|error| desk.fail(failure(&desk, &error)))?;
    let (path, name) = match kind {
        ReportKind::Daily => (paths::DAILY_REPORT, "day"),
        ReportKind::Weekly => (paths::WEEKLY_REPORT, "week"),
    };
    Ok(Answer::done(
        path,
        &[(name, &show_day(day))],
        Done::ReportSent,
    ))
}

async fn csv(desk: Desk, Query(asked): Query<Asked>, kind: ReportKind) -> Handled {
    let found = read(&desk, &asked, kind).await?;
    let name = format!("report-{}-{}.csv", kind.name(), show_day(found.day));
    Ok(Answer::csv(&name, reports_csv(&found, offset(&desk))))
}

async fn read(desk: &Desk, asked: &Asked, kind: ReportKind) -> Result<Reports, Answer> {
    desk.must(Permission::SeeFigures)?;
    let day = asked.first_day(desk, kind)?;
    let found = reports(desk.context(), &desk.actor, kind, Some(day)).await;
    found.map_err(|error| desk.fail(failure(desk, &error)))
}

fn failure(desk: &Desk, error: &ReportError) -> Failure {
    match error {
        ReportError::NotAllowed => Failure::NotAllowed,
        // No page offers to send those: the form is too old, or made up.
        ReportError::NotOver | ReportError::TooOld | ReportError::UnitClosed => {
            Failure::FormRefused
        }
        ReportError::Store(error) => Failure::of_store(desk.context(), error),
    }
}

fn unit_report(desk: &Desk, state: ReportState) -> UnitReport {
    UnitReport {
        name: state.unit.name,
        sent_at: state.sent_at.map(|at| moment(desk, at)),
        late: state.late,
    }
}

fn moment(desk: &Desk, time: truyvet_crypto::Timestamp) -> Moment {
    Moment::at(time, offset(desk)).expect("a report's times stand before the year 9999")
}

fn offset(desk: &Desk) -> i32 {
    desk.context().settings.exposure_rule.utc_offset_seconds
}
