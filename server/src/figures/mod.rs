//! Figures: what units did day by day, and the reports that units owe.
//!
//! All is by the local calendar (`utc_offset_seconds`, Vietnam's unless told otherwise). A code counts on the day it was
//! issued, whatever became of it when.
//!
//! | figure | what it is |
//! |---|---|
//! | issued, redeemed, revoked, expired | codes issued that day, and how many of these came to which end; the rest are open |
//! | median hours | half of the redeemed ones took so long from issue to redemption, or less; both are known by the hour |
//! | waiting hours, of the reader's own unit | half of the codes that are open now were issued so long ago, or less |
//! | hours behind, of a region | since the last published window closed: what came later is on no phone yet |
//! | uploads, of a region | accepted uploads, on the day on which the window that took them closed |
//!
//! Uploads are the country's alone. None can be counted for a unit, by design: nothing ties an upload to a code, and so
//! neither to whoever issued it.
//!
//! Numbers below a floor are hidden: [`floor`] says how, and what keeps them from being worked out. Medians and waiting
//! hours are shown from as many codes on as the floor says. Codes are forgotten with the retention: days that are older
//! are marked as incomplete.

mod date;
pub mod floor;
mod report;
mod table;
mod tally;

use std::ops::RangeInclusive;

pub use self::{
    date::{local_day, local_time, show_day, show_hour},
    floor::Shown,
    report::{
        NewReport, OwedReport, ReportError, ReportKind, ReportState, Reports, SentReport,
        last_period, owed_reports, reports, send_report, sends_reports,
    },
    table::{figures_csv, reports_csv},
};
use crate::{
    context::Context,
    officers::{Actor, Permission, Unit, is_of_country, unit_in_reach, visible_units},
    store::StoreError,
};
use truyvet_matching::Region;

/// Most days of figures in one call.
pub const MAX_DAYS: u32 = 93;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// The role or the client key does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// No such unit in the actor's reach.
    #[error("unit_code: no such unit")]
    NoSuchUnit,
    /// More days than one call gives, or the last before the first.
    #[error("last_day: not before first_day and at most {MAX_DAYS} days in all")]
    Days,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which figures.
#[derive(Clone, Debug)]
pub struct FiguresQuery {
    /// Of this unit and those below; `None`: the actor's own.
    pub unit_code: Option<String>,
    /// Days of the local calendar, days since 1970-01-01.
    pub days: RangeInclusive<u32>,
    /// Also of the unit alone and of each unit directly below it, with all below that.
    pub by_unit: bool,
}

/// One day's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFigures {
    /// Day of the local calendar, days since 1970-01-01.
    pub day: u32,
    /// Codes issued that day.
    pub issued: Shown,
    /// Of these, redeemed.
    pub redeemed: Shown,
    /// Of these, revoked; withheld but for the actor's own unit.
    pub revoked: Shown,
    /// Of these, run out; withheld but for the actor's own unit.
    pub expired: Shown,
    /// Median of the hours from issue to redemption; `None` below the floor.
    pub median_hours: Option<u32>,
    /// Whether some of that day's codes may be forgotten already.
    pub incomplete: bool,
}

/// A unit's figures, day by day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFigures {
    /// Which unit.
    pub unit: Unit,
    /// Whether those below it are in.
    pub with_below: bool,
    /// A row for each day, oldest first.
    pub days: Vec<DayFigures>,
}

/// What a sum over days may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaysTotal {
    /// Sum of the days that are shown.
    pub at_least: u64,
    /// Days on which the number is hidden.
    pub hidden_days: usize,
}

impl UnitFigures {
    /// Adds up a column over the days: of what is shown alone, so that no sum tells of a hidden day.
    #[must_use]
    pub fn total(&self, column: impl Fn(&DayFigures) -> Shown) -> DaysTotal {
        let shown = self.days.iter().map(|day| column(day).exact());
        DaysTotal {
            at_least: shown.clone().flatten().sum(),
            hidden_days: shown.filter(Option::is_none).count(),
        }
    }
}

/// A region's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionFigures {
    /// Which region.
    pub region: Region,
    /// Full hours since its last published window closed; `None` before the first.
    pub hours_behind: Option<u32>,
    /// Accepted uploads by day, oldest first, as far back as they are kept; empty for those who do not belong to the country.
    pub uploads: Vec<(u32, Shown)>,
}

/// Figures as they may be shown to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The unit and all below it.
    pub total: UnitFigures,
    /// If asked for: the unit alone, then each unit directly below it.
    pub units: Vec<UnitFigures>,
    /// Median age in hours of the codes that are open now; `None` below the floor, and unless the actor's own unit was asked
    /// for.
    pub waiting_hours: Option<u32>,
    /// Every region that is served.
    pub regions: Vec<RegionFigures>,
    /// The floor that numbers were hidden by; 0: none.
    pub floor: u32,
}

/// Figures of a unit in the actor's reach.
///
/// # Errors
/// [`FiguresError`] if the actor may not, does not see the unit, or the range is empty or too long.
pub async fn figures(
    context: &Context,
    actor: &Actor,
    query: &FiguresQuery,
) -> Result<Figures, FiguresError> {
    if !actor.may(Permission::SeeFigures) {
        return Err(FiguresError::NotAllowed);
    }
    let (first, last) = (*query.days.start(), *query.days.end());
    if last < first || last - first >= MAX_DAYS {
        return Err(FiguresError::Days);
    }
    let own = &actor.officer.unit_code;
    let asked = query.unit_code.as_deref().unwrap_or(own);
    if unit_in_reach(context, actor, asked).await?.is_none() {
        return Err(FiguresError::NoSuchUnit);
    }
    let settings = &context.settings;
    let offset = settings.exposure_rule.utc_offset_seconds;
    let now = context.now();
    // All that the actor sees, whatever was asked: what is hidden must not depend on the question.
    let units = visible_units(context, actor).await?;
    let codes: Vec<String> = units.iter().map(|unit| unit.unit_code.clone()).collect();
    let officers = context.store.officers().await?;
    let tallies = context
        .store
        .code_tallies(codes, query.days.clone(), offset, now)
        .await?;
    let floor = settings.figures_floor;
    let table = tally::Table::new(units, own, &officers, &tallies, floor.into());
    // A code is forgotten when it has been run out for the retention: those of later days are all there.
    let kept_hours = i64::from(settings.retention_days) * 24 + i64::from(settings.code_valid_hours);
    let kept_since = local_day(now.plus_seconds(-kept_hours * 3_600), offset) + 1;
    let (total, units, waiting_hours) = table.figures(asked, query, kept_since);
    Ok(Figures {
        total,
        units,
        waiting_hours,
        regions: regions(context, actor, &query.days).await?,
        floor,
    })
}

async fn regions(
    context: &Context,
    actor: &Actor,
    days: &RangeInclusive<u32>,
) -> Result<Vec<RegionFigures>, FiguresError> {
    let of_country = is_of_country(context, actor).await?;
    let offset = context.settings.exposure_rule.utc_offset_seconds;
    let floor = u64::from(context.settings.figures_floor);
    let now = context.now();
    let mut regions = Vec::new();
    for &region in &context.settings.regions {
        let published = context.store.published(region).await?;
        let hours_behind = published.last().map(|batch| {
            let seconds = now.seconds_since(batch.closed_at).max(0);
            u32::try_from(seconds / 3_600).unwrap_or(u32::MAX)
        });
        let mut uploads = Vec::new();
        if of_country {
            let kept = now.plus_seconds(-i64::from(context.settings.retention_days) * 86_400);
            let kept_since = local_day(kept, offset) + 1;
            let windows = context.store.upload_counts(region).await?;
            uploads.extend(days.clone().filter(|day| *day >= kept_since).map(|day| {
                // Not the open window's: whoever asked again and again would see each upload come.
                let on_day = windows.iter().filter(|(closed_at, _)| {
                    closed_at.is_some_and(|closed_at| local_day(closed_at, offset) == day)
                });
                let count: u64 = on_day.map(|(_, uploads)| uploads).sum();
                (day, Shown::number(count, floor))
            }));
        }
        regions.push(RegionFigures {
            region,
            hours_behind,
            uploads,
        });
    }
    Ok(regions)
}
