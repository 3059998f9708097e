//! `truyvet officer alerts`: quotas, and what somebody should look at.

use std::io::Write;

use serde_json::{Value, json};
use truyvet_proto::v1::{Alert, ListAlertsRequest, Quota, alert::What};

use crate::{
    remote::{StaffArgs, explain},
    words,
};

/// Asks and prints.
pub(super) async fn run(staff: &StaffArgs, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let mut officer = staff.connect()?.officer();
    let answer = officer.list_alerts(ListAlertsRequest {}).await;
    let answer = answer.map_err(|status| explain(&status))?.into_inner();
    if json {
        let object = json!({
            "officer_quota": answer.officer_quota.as_ref().map(quota_json),
            "unit_quota": answer.unit_quota.as_ref().map(quota_json),
            "alerts": answer.alerts.iter().filter_map(alert_json).collect::<Vec<_>>(),
        });
        writeln!(out, "{object}")?;
        return Ok(());
    }
    for (whose, quota) in [
        ("this account", &answer.officer_quota),
        ("this unit", &answer.unit_quota),
    ] {
        if let Some(quota) = quota {
            writeln!(out, "{whose:<14}{} codes issued today", used(quota))?;
        }
    }
    for alert in answer.alerts.iter().filter_map(alert_words) {
        writeln!(out, "alert         {alert}")?;
    }
    Ok(())
}

fn used(quota: &Quota) -> String {
    let [issued, limit] = [quota.issued_today, quota.limit].map(words::grouped);
    format!("{issued} of {limit}")
}

fn quota_json(quota: &Quota) -> Value {
    json!({ "issued_today": quota.issued_today, "limit": quota.limit })
}

fn alert_words(alert: &Alert) -> Option<String> {
    Some(match alert.what.as_ref()? {
        What::OfficerQuota(alert) => format!(
            "account {} of unit {}: {} codes issued today",
            alert.label,
            alert.unit_code,
            used(&alert.quota.unwrap_or_default())
        ),
        What::WrongGuesses(alert) => format!(
            "somebody guesses codes: {} wrong ones this hour, {} are too many",
            words::grouped(alert.wrong_guesses),
            words::grouped(alert.budget)
        ),
        What::UnitQuota(alert) => format!(
            "unit {}: {} codes issued today",
            alert.unit_code,
            used(&alert.quota.unwrap_or_default())
        ),
    })
}

fn alert_json(alert: &Alert) -> Option<Value> {
    Some(match alert.what.as_ref()? {
        What::OfficerQuota(alert) => json!({
            "kind": "officer_quota",
            "officer_id": alert.officer_id,
            "label": alert.label,
            "unit": alert.unit_code,
            "quota": alert.quota.as_ref().map(quota_json),
        }),
        What::WrongGuesses(alert) => json!({
            "kind": "wrong_guesses",
            "wrong_guesses": alert.wrong_guesses,
            "budget": alert.budget,
        }),
        What::UnitQuota(alert) => json!({
            "kind": "unit_quota",
            "unit": alert.unit_code,
            "quota": alert.quota.as_ref().map(quota_json),
        }),
    })
}
