//! What an officer should know now, on every page: quotas, reports that are due, the brake on guesses.

use crate::{
    context::Context,
    figures::{ReportKind, owed_reports},
    officers::Actor,
    portal::layout::Alert,
    store::StoreError,
};

pub(super) async fn of(context: &Context, actor: &Actor) -> Result<Vec<Alert>, StoreError> {
    let alerts = [reports(context, actor).await?];
    Ok(alerts.concat())
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
