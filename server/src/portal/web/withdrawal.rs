//! The form that issues a code that takes warnings back.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};
use serde::Deserialize;
use truyvet_crypto::token::ReportType;

use super::{
    answer::Handled,
    codes::{failure, normal_serial},
    once::Once,
    orders,
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    authorize::{self, CodeActionError, CodeOrder, CodeState, IssueError},
    context::Context,
    officers::Permission,
    portal::{
        layout::{Chrome, Section},
        pages::{
            home::report_type,
            withdrawal::{Withdrawal, WithdrawalProblem, page},
        },
        paths,
        slip::Purpose,
    },
};

pub(super) fn routes(context: &Context) -> Router<Arc<Context>> {
    Router::new()
        .route(paths::WITHDRAWAL, get(show).post(issue))
        .layer(Extension(Arc::new(Once::new(context))))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Posted {
    once: String,
    serial: String,
    region: String,
}

async fn show(desk: Desk, Extension(once): Extension<Arc<Once>>) -> Handled {
    desk.must(Permission::IssueCodes)?;
    let form = Posted {
        region: orders::first_region(&desk),
        ..Posted::default()
    };
    form_page(&desk, &once, form, None).await
}

async fn issue(
    Extension(once): Extension<Arc<Once>>,
    DeskForm { desk, form }: DeskForm<Posted>,
) -> Handled {
    desk.must(Permission::IssueCodes)?;
    if !form.serial.trim().is_empty() {
        let serial = normal_serial(&form.serial);
        let problem = match authorize::look_up(desk.context(), &desk.actor, &serial).await {
            Ok(status) if status.state == CodeState::Redeemed => None,
            Ok(_) => Some(WithdrawalProblem::NotRedeemed),
            Err(CodeActionError::NoSuchSerial) => Some(WithdrawalProblem::NoSuchSerial),
            Err(error) => return Err(desk.fail(failure(&desk, &error))),
        };
        if problem.is_some() {
            return form_page(&desk, &once, form, problem).await;
        }
    }
    let Ok(region) = form.region.parse() else {
        return form_page(&desk, &once, form, Some(WithdrawalProblem::NoRegion)).await;
    };
    let order = CodeOrder {
        report_type: ReportType::Withdrawal,
        onset_day: desk.context().now().day(),
        region: Some(region),
    };
    let work = orders::issue_one(Arc::clone(desk.context()), desk.actor.clone(), order);
    let sent = once.run(desk.context(), &desk.session, &form.once, work);
    let problem = match sent.await {
        Ok(sent) => {
            let allows = report_type(desk.texts(), ReportType::Withdrawal);
            let (section, purpose) = (Section::Home, Purpose::Withdrawal);
            match orders::shown(&desk, section, sent, purpose, allows, paths::WITHDRAWAL) {
                Some(answer) => return Ok(answer),
                None => WithdrawalProblem::TooOld,
            }
        }
        Err(IssueError::UnknownRegion { .. }) => WithdrawalProblem::NoRegion,
        Err(IssueError::Quota { .. }) => WithdrawalProblem::QuotaUsedUp,
        Err(IssueError::UnitClosed) => WithdrawalProblem::UnitClosed,
        Err(error) => return Err(desk.fail(orders::failure(&desk, &error))),
    };
    form_page(&desk, &once, form, Some(problem)).await
}

async fn form_page(
    desk: &Desk,
    once: &Once,
    form: Posted,
    problem: Option<WithdrawalProblem>,
) -> Handled {
    let view = Withdrawal {
        serial: form.serial,
        regions: orders::regions(desk).await?,
        region: form.region,
        once: once.number(desk.context(), &desk.session),
        problem,
    };
    let chrome: Chrome = desk.chrome(Section::Home);
    Ok(desk.visitor.show(page(desk.texts(), &chrome, &view)))
}
