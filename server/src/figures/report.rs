//! The reports that units owe: a daily and a weekly one. Sending one says "our figures of that time are right".
//!
//! - The daily report of a day covers that whole day and is due at 15:00 on the next.
//! - The weekly report of a week covers Monday to Sunday, is named by its Monday and is due at 14:00 on the Tuesday after.
//!
//! Either can be sent once the time that it covers is over. The figures themselves are the server's own.

use truyvet_crypto::Timestamp;

use super::date::{local_day, local_time, show_day};
use crate::{
    audit::{Action, AuditEntry},
    context::Context,
    officers::{Actor, Permission, Role, Unit, own_unit, visible_units},
    store::{Added, StoreError},
};

/// Which of the two reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// Of one day.
    Daily = 1,
    /// Of Monday to Sunday.
    Weekly = 2,
}

impl ReportKind {
    /// The number that stands for it in the store and on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its name in the audit and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
        }
    }

    /// The first day of the report that has this day in it.
    #[must_use]
    pub fn first_day(self, day: u32) -> u32 {
        match self {
            Self::Daily => day,
            // 1970-01-01 was a Thursday.
            Self::Weekly => day.saturating_sub((day % 7 + 3) % 7),
        }
    }

    /// How many days it covers.
    #[must_use]
    pub fn days(self) -> u32 {
        match self {
            Self::Daily => 1,
            Self::Weekly => 7,
        }
    }

    /// When the report that begins with this day is due.
    #[must_use]
    pub fn due(self, first_day: u32, utc_offset_seconds: i32) -> Timestamp {
        match self {
            Self::Daily => local_time(first_day.saturating_add(1), 15, utc_offset_seconds),
            Self::Weekly => local_time(first_day.saturating_add(8), 14, utc_offset_seconds),
        }
    }
}

/// A report that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewReport {
    /// Of which unit.
    pub unit_code: String,
    /// Which of the two.
    pub kind: ReportKind,
    /// First day that it covers, by the local calendar.
    pub day: u32,
    /// Full hour.
    pub sent_at: Timestamp,
    /// By whom.
    pub officer_id: String,
}

/// A report that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentReport {
    /// Of which unit.
    pub unit_code: String,
    /// Full hour.
    pub sent_at: Timestamp,
}

/// Whether a unit has sent a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportState {
    /// Which unit.
    pub unit: Unit,
    /// When it was sent: a full hour.
    pub sent_at: Option<Timestamp>,
    /// Sent after it was due, or due and not sent.
    pub late: bool,
}

/// Who has sent a report and who has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    /// Which of the two.
    pub kind: ReportKind,
    /// First day that it covers, by the local calendar.
    pub day: u32,
    /// When it is due.
    pub due: Timestamp,
    /// The actor's own unit.
    pub own: ReportState,
    /// The units directly below it where somebody has an account, by code.
    pub sub_units: Vec<ReportState>,
}

impl Reports {
    /// Those directly below that have not sent it.
    pub fn missing(&self) -> impl Iterator<Item = &ReportState> {
        self.sub_units
            .iter()
            .filter(|state| state.sent_at.is_none())
    }
}

/// Why a report was not sent, or not looked for.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The role or the client key does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// The time that it covers goes on.
    #[error("day: the report can be sent when the time that it covers is over")]
    NotOver,
    /// Its figures are forgotten.
    #[error("day: older than the retention")]
    TooOld,
    /// The unit is closed.
    #[error("the unit is closed: it owes no reports")]
    UnitClosed,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// First day of the last report whose time is over.
#[must_use]
pub fn last_period(context: &Context, kind: ReportKind) -> u32 {
    let today = local_day(
        context.now(),
        context.settings.exposure_rule.utc_offset_seconds,
    );
    kind.first_day(today.saturating_sub(kind.days()))
}

/// Whether somebody of that role sends reports: auditors look and change nothing.
#[must_use]
pub fn sends_reports(actor: &Actor) -> bool {
    actor.may(Permission::SeeFigures) && actor.officer.role != Role::Auditor
}

/// A report of the actor's own unit that can be sent and has not been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwedReport {
    /// Which of the two.
    pub kind: ReportKind,
    /// First day that it covers, by the local calendar.
    pub day: u32,
    /// Whether it should have been sent by now.
    pub late: bool,
}

/// The last reports that the actor could send for their unit and nobody has sent; none for whoever sends no reports.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn owed_reports(context: &Context, actor: &Actor) -> Result<Vec<OwedReport>, StoreError> {
    let mut owed = Vec::new();
    if !sends_reports(actor) || own_unit(context, actor).await?.is_none_or(|u| u.closed) {
        return Ok(owed);
    }
    let offset = context.settings.exposure_rule.utc_offset_seconds;
    for kind in [ReportKind::Daily, ReportKind::Weekly] {
        let day = last_period(context, kind);
        let sent = context.store.reports(kind, day).await?;
        if sent
            .iter()
            .all(|report| report.unit_code != actor.officer.unit_code)
        {
            let late = context.now() >= kind.due(day, offset);
            owed.push(OwedReport { kind, day, late });
        }
    }
    Ok(owed)
}

/// Sends the report of the actor's own unit. Sent again, it stays as it was.
///
/// - `day`: any day that it covers, by the local calendar; `None`: the last one whose time is over.
///
/// # Errors
/// [`ReportError`] if the actor may not, or it is too early or too late.
pub async fn send_report(
    context: &Context,
    actor: &Actor,
    kind: ReportKind,
    day: Option<u32>,
) -> Result<Added, ReportError> {
    if !sends_reports(actor) {
        return Err(ReportError::NotAllowed);
    }
    let unit = own_unit(context, actor).await?;
    if unit.is_none_or(|unit| unit.closed) {
        return Err(ReportError::UnitClosed);
    }
    let now = context.now();
    let offset = context.settings.exposure_rule.utc_offset_seconds;
    let today = local_day(now, offset);
    let first_day = day.map_or_else(|| last_period(context, kind), |day| kind.first_day(day));
    let end = first_day.saturating_add(kind.days());
    if end > today {
        return Err(ReportError::NotOver);
    }
    if end + context.settings.retention_days < today {
        return Err(ReportError::TooOld);
    }
    let unit_code = actor.officer.unit_code.clone();
    let subject = format!("{} {}", kind.name(), show_day(first_day));
    let entry: AuditEntry = actor.entry(now, Action::ReportSent, &unit_code, &subject);
    let report = NewReport {
        unit_code,
        kind,
        day: first_day,
        sent_at: now.hour_start(),
        officer_id: actor.officer.officer_id.clone(),
    };
    Ok(context.store.send_report(report, entry).await?)
}

/// Who has sent a report: the actor's own unit and, if their role reaches that far, those directly below.
///
/// - `day`: any day that it covers; `None`: the last one whose time is over.
///
/// # Errors
/// [`ReportError`] if the actor may not.
pub async fn reports(
    context: &Context,
    actor: &Actor,
    kind: ReportKind,
    day: Option<u32>,
) -> Result<Reports, ReportError> {
    if !actor.may(Permission::SeeFigures) {
        return Err(ReportError::NotAllowed);
    }
    let offset = context.settings.exposure_rule.utc_offset_seconds;
    let day = day.map_or_else(|| last_period(context, kind), |day| kind.first_day(day));
    let due = kind.due(day, offset);
    let now = context.now();
    let sent = context.store.reports(kind, day).await?;
    let officers = context.store.officers().await?;
    let state = |unit: Unit| {
        let sent_at = sent
            .iter()
            .find(|report| report.unit_code == unit.unit_code)
            .map(|report| report.sent_at);
        ReportState {
            late: sent_at.unwrap_or(now) >= due,
            unit,
            sent_at,
        }
    };
    let own_code = &actor.officer.unit_code;
    let (own, below): (Vec<Unit>, Vec<Unit>) = visible_units(context, actor)
        .await?
        .into_iter()
        .partition(|unit| unit.unit_code == *own_code);
    let own = own.into_iter().next().ok_or(ReportError::NotAllowed)?;
    let owes = |unit: &Unit| {
        unit.parent_code.as_ref() == Some(own_code)
            && !unit.closed
            && officers
                .iter()
                .any(|officer| officer.active && officer.unit_code == unit.unit_code)
    };
    Ok(Reports {
        kind,
        day,
        due,
        own: state(own),
        sub_units: below.into_iter().filter(owes).map(state).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_are_due_on_tuesday() {
        let monday = 18_862; // 2021-08-23
        assert_eq!(show_day(monday), "2021-08-23");
        for day in monday..monday + 7 {
            assert_eq!(ReportKind::Weekly.first_day(day), monday);
        }
        assert_eq!(ReportKind::Weekly.first_day(monday + 7), monday + 7);
        for day in [0, 3, u32::MAX] {
            assert!(ReportKind::Weekly.first_day(day) <= day);
            assert!(ReportKind::Weekly.due(day, 25_200) > Timestamp::MIN);
        }
        let shown = |kind: ReportKind| super::super::show_hour(kind.due(monday, 25_200), 25_200);
        assert_eq!(shown(ReportKind::Weekly), "2021-08-31 14:00");
        assert_eq!(shown(ReportKind::Daily), "2021-08-24 15:00");
    }
}
