//! What somebody should look at: quotas that are nearly used up, and codes that somebody guesses.
//!
//! Shows officers their own account and unit; whoever reaches below, also the accounts and units there, and the guesses,
//! which no unit can be told from another by.

use super::{
    BrakeState, CodeActionError, QuotaState,
    quota::{limits, sum},
};
use crate::{
    context::Context,
    officers::{Actor, Permission, visible_units},
};

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alert {
    /// An account has issued four fifths of its codes of today, or all.
    OfficerQuota {
        /// Which account.
        officer_id: String,
        /// What its unit calls it.
        label: String,
        /// Where it belongs.
        unit_code: String,
        /// How far it is.
        quota: QuotaState,
    },
    /// So has a unit.
    UnitQuota {
        /// Which unit.
        unit_code: String,
        /// How far it is.
        quota: QuotaState,
    },
    /// Somebody guesses codes: only sources without any wrong guess in this hour are served.
    WrongGuesses(BrakeState),
}

/// What the actor should look at now.
///
/// # Errors
/// [`CodeActionError::NotAllowed`], [`CodeActionError::Store`].
pub async fn alerts(context: &Context, actor: &Actor) -> Result<Vec<Alert>, CodeActionError> {
    if !actor.may(Permission::SeeFigures) {
        return Err(CodeActionError::NotAllowed);
    }
    let mut alerts = quota_alerts(context, actor).await?;
    let brake = context.brake.state(context.now());
    if brake.braking() && actor.officer.role.reaches_below() {
        alerts.push(Alert::WrongGuesses(brake));
    }
    Ok(alerts)
}

async fn quota_alerts(context: &Context, actor: &Actor) -> Result<Vec<Alert>, CodeActionError> {
    let limits = limits(&context.settings, context.now());
    let units = visible_units(context, actor).await?;
    let unit_codes = units.into_iter().map(|unit| unit.unit_code).collect();
    let issued = context.store.issued(unit_codes, limits.since).await?;
    let mut alerts = Vec::new();
    for of_unit in issued.chunk_by(|a, b| a.unit_code == b.unit_code) {
        let quota = QuotaState {
            issued_today: sum(of_unit.iter()),
            limit: limits.unit,
        };
        if quota.level().is_some() {
            alerts.push(Alert::UnitQuota {
                unit_code: of_unit[0].unit_code.clone(),
                quota,
            });
        }
    }
    let quota_of = |codes| QuotaState {
        issued_today: codes,
        limit: limits.officer,
    };
    let (reaches_below, own) = (
        actor.officer.role.reaches_below(),
        &actor.officer.officer_id,
    );
    let mut near = issued;
    near.retain(|issued| {
        let shown = reaches_below || issued.officer_id == *own;
        shown && quota_of(issued.codes).level().is_some()
    });
    // The list of accounts is read only if it is needed.
    if !near.is_empty() {
        let officers = context.store.officers().await?;
        alerts.extend(near.into_iter().map(|issued| {
            let officer = officers
                .iter()
                .find(|officer| officer.officer_id == issued.officer_id);
            Alert::OfficerQuota {
                quota: quota_of(issued.codes),
                label: officer.map_or_else(String::new, |officer| officer.label.clone()),
                officer_id: issued.officer_id,
                unit_code: issued.unit_code,
            }
        }));
    }
    Ok(alerts)
}
