//! Home: the form that issues a code, and what is answered to it.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use serde::Deserialize;
use truyvet_crypto::{Day, token::ReportType};

use super::{
    answer::{Answer, Failure, Handled},
    once::Once,
    orders::{self, local},
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    authorize::{self, CodeActionError, CodeOrder, IssueError, QuotaState},
    context::Context,
    officers::Permission,
    portal::{
        calendar::Date,
        layout::{Chrome, Section},
        pages::home::{
            DayChoice, Home, IssueForm, IssueProblem, Quota, Today, page, report_type,
            report_type_value,
        },
        paths,
        slip::Purpose,
    },
};

pub(super) fn routes(context: &Context) -> Router<Arc<Context>> {
    Router::new()
        .route(paths::HOME, get(show))
        .route(
            paths::ISSUE,
            get(|| async { Answer::to(paths::HOME) }).post(issue),
        )
        .layer(Extension(Arc::new(Once::new(context))))
}

async fn show(desk: Desk, Extension(once): Extension<Arc<Once>>) -> Handled {
    if !desk.actor.may(Permission::IssueCodes) {
        return Ok(Answer::to(paths::FIGURES));
    }
    let form = Posted {
        report_type: report_type_value(ReportType::ConfirmedTest).into(),
        day: today(&desk).iso(),
        region: orders::first_region(&desk),
        ..Posted::default()
    };
    form_page(&desk, &once, &form, vec![]).await
}

/// The form as sent; what is missing counts as empty, so that it is told at its field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Posted {
    once: String,
    report_type: String,
    day: String,
    other_day: String,
    region: String,
}

async fn issue(
    Extension(once): Extension<Arc<Once>>,
    DeskForm { desk, form }: DeskForm<Posted>,
) -> Handled {
    desk.must(Permission::IssueCodes)?;
    let order = match order(&form) {
        Ok(order) => order,
        Err(problems) => return form_page(&desk, &once, &form, problems).await,
    };
    let work = orders::issue_one(Arc::clone(desk.context()), desk.actor.clone(), order);
    let sent = once.run(desk.context(), &desk.session, &form.once, work);
    let problem = match sent.await {
        Ok(sent) => {
            let allows = format!(
                "{} · {}",
                report_type(desk.texts(), order.report_type),
                Date::from_number(order.onset_day.number())
                    .expect("it came from a date")
                    .with_weekday(desk.texts()),
            );
            let (section, purpose) = (Section::Home, Purpose::Upload);
            match orders::shown(&desk, section, sent, purpose, allows, paths::HOME) {
                Some(answer) => return Ok(answer),
                None => IssueProblem::TooOld,
            }
        }
        Err(error) => match error {
            IssueError::OnsetInFuture { .. } => IssueProblem::DayInFuture,
            IssueError::OnsetTooOld { .. } => IssueProblem::DayTooOld,
            IssueError::UnknownRegion { .. } => IssueProblem::NoRegion,
            IssueError::Quota { .. } => IssueProblem::QuotaUsedUp,
            IssueError::UnitClosed => IssueProblem::UnitClosed,
            IssueError::NotAllowed | IssueError::Count | IssueError::Store(_) => {
                return Err(desk.fail(orders::failure(&desk, &error)));
            }
        },
    };
    form_page(&desk, &once, &form, vec![problem]).await
}

/// What the form asks for, or all that is wrong with it.
fn order(form: &Posted) -> Result<CodeOrder, Vec<IssueProblem>> {
    let report_type = parse_report_type(&form.report_type).ok_or(IssueProblem::NoReportType);
    let day = match form.day.as_str() {
        "other" => &form.other_day,
        quick => quick,
    };
    let day = Date::parse(day).ok_or(IssueProblem::NoDay);
    let region = form.region.parse().map_err(|_| IssueProblem::NoRegion);
    match (report_type, day, region) {
        (Ok(report_type), Ok(day), Ok(region)) => Ok(CodeOrder {
            report_type,
            onset_day: Day::from_number(day.number()),
            region: Some(region),
        }),
        (report_type, day, region) => Err([report_type.err(), day.err(), region.err()]
            .into_iter()
            .flatten()
            .collect()),
    }
}

/// Those that this form offers.
fn parse_report_type(value: &str) -> Option<ReportType> {
    let offered = [
        ReportType::ConfirmedTest,
        ReportType::Clinical,
        ReportType::SelfTest,
    ];
    offered
        .into_iter()
        .find(|kind| report_type_value(*kind) == value)
}

/// Today where the officer is.
fn today(desk: &Desk) -> Date {
    local(desk, desk.context().now()).date()
}

/// The form with what was typed, and today's counts.
async fn form_page(
    desk: &Desk,
    once: &Once,
    form: &Posted,
    problems: Vec<IssueProblem>,
) -> Handled {
    let fail = |error: CodeActionError| match error {
        CodeActionError::Store(error) => desk.fail(Failure::of_store(desk.context(), &error)),
        error => desk.fail(Failure::internal(desk.context(), &error)),
    };
    let context = desk.context();
    let today = today(desk);
    let number = today.number();
    let figures = authorize::figures(context, &desk.actor, number..=number)
        .await
        .map_err(fail)?;
    let counts = figures.first().map(|day| day.counts).unwrap_or_default();
    let quotas = authorize::quotas(context, &desk.actor)
        .await
        .map_err(fail)?;
    let oldest = context
        .now()
        .day()
        .minus_days(context.settings.retention_days);
    let quick = [today, today.days_before(1)];
    let day = match Date::parse(&form.day).filter(|day| quick.contains(day)) {
        Some(day) => DayChoice::Quick(day),
        None => DayChoice::Other(form.other_day.clone()),
    };
    let view = Home {
        form: IssueForm {
            report_type: parse_report_type(&form.report_type).unwrap_or(ReportType::ConfirmedTest),
            day,
            today,
            oldest: Date::from_number(oldest.number()).expect("the server's clock is in this age"),
            regions: orders::regions(desk).await?,
            region: form.region.clone(),
            once: once.number(context, &desk.session),
        },
        problems,
        today: Today {
            issued: counts.issued,
            redeemed: counts.redeemed,
            open: counts
                .issued
                .saturating_sub(counts.redeemed + counts.revoked + counts.expired),
        },
        quota: Some(nearer(quotas.officer, quotas.unit)),
    };
    // Another language comes back by GET, also from an answer to POST.
    let chrome = Chrome {
        here: Some(paths::HOME.into()),
        ..desk.chrome(Section::Home)
    };
    Ok(desk.visitor.show(page(desk.texts(), &chrome, &view)))
}

/// Whichever ends first.
fn nearer(officer: QuotaState, unit: QuotaState) -> Quota {
    let quota = if unit.left() <= officer.left() {
        unit
    } else {
        officer
    };
    Quota {
        used: quota.issued_today,
        limit: quota.limit,
    }
}
