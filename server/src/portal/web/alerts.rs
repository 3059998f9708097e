//! What an officer should know now, on every page: quotas, reports that are due, the brake on guesses.

use crate::{
    authorize::{self, CodeActionError, QuotaLevel, QuotaState},
    context::Context,
    figures::{ReportKind, owed_reports},
    officers::Actor,
    portal::layout::Alert,
    store::StoreError,
};

pub(super) async fn of(context: &Context, actor: &Actor) -> Result<Vec<Alert>, StoreError> {
    let found = match authorize::alerts(context, actor).await {
        Ok(found) => found,
        Err(CodeActionError::Store(error)) => return Err(error),
        // Whoever may not see figures is told nothing.
        Err(_) => vec![],
    };
    let mut alerts = quotas(actor, &found);
    alerts.extend(reports(context, actor).await?);
    if found
        .iter()
        .any(|alert| matches!(alert, authorize::Alert::WrongGuesses(_)))
    {
        alerts.push(Alert::GuessBrake);
    }
    Ok(alerts)
}

/// The officer's own quota or their unit's, whichever leaves less: one line, since both say the same.
fn quotas(actor: &Actor, found: &[authorize::Alert]) -> Vec<Alert> {
    let own = found.iter().filter_map(|alert| match alert {
        authorize::Alert::OfficerQuota {
            officer_id, quota, ..
        } => (*officer_id == actor.officer.officer_id).then_some(*quota),
        // Units below have officers of their own, who are told.
        authorize::Alert::UnitQuota { unit_code, quota } => {
            (*unit_code == actor.officer.unit_code).then_some(*quota)
        }
        authorize::Alert::WrongGuesses(_) => None,
    });
    let nearest = own.min_by_key(|quota| quota.left());
    nearest.and_then(quota_alert).into_iter().collect()
}

fn quota_alert(quota: QuotaState) -> Option<Alert> {
    let limit = quota.limit;
    Some(match quota.level()? {
        QuotaLevel::NearlyReached => Alert::QuotaNear {
            used: quota.issued_today,
            limit,
        },
        QuotaLevel::Reached => Alert::QuotaUsedUp { limit },
    })
}

/// Reports of the own unit, for who may send them.
async fn reports(context: &Context, actor: &Actor) -> Result<Vec<Alert>, StoreError> {
    let owed = owed_reports(context, actor).await?;
    let alert = |kind, late| match kind {
        ReportKind::Daily => Alert::DailyReportDue { late },
        ReportKind::Weekly => Alert::WeeklyReportDue { late },
    };
    Ok(owed
        .iter()
        .map(|owed| alert(owed.kind, owed.late))
        .collect())
}
