//! Issues, looks up and revokes upload codes.

use rand::{CryptoRng, RngExt as _};
use tracing::warn;
use truyvet_crypto::{Day, Timestamp, UploadCode, token::ReportType};
use truyvet_matching::Region;
use zeroize::Zeroizing;

use super::{MAX_CODES_A_PAGE, QuotaLevel, QuotaOf, quota};
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Permission, own_unit, unit_in_reach},
    settings::Settings,
    store::{CodeCounts, CodeRecord, CodesAdded, NewCode, Revocation, StoreError},
    telemetry::Metric,
};

/// Most codes in one call.
pub const MAX_CODES_A_CALL: usize = 500;

/// What a code is to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeOrder {
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// Day of first symptoms or, without symptoms, of the test. Of no meaning for a withdrawal.
    pub onset_day: Day,
    /// Where the case's phone publishes unless the person chooses another; `None` for the deployment's first region.
    pub region: Option<Region>,
}

/// A code as handed out, once.
#[derive(Debug)]
pub struct IssuedCode {
    /// In read-aloud groups.
    pub upload_code: Zeroizing<String>,
    /// Names the slip.
    pub serial: String,
    /// Where the case's phone publishes unless the person chooses another.
    pub region: Region,
    /// Until when it can be redeemed: a full hour.
    pub expires_at: Timestamp,
}

/// Why no code was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The role does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// The officer's unit is closed.
    #[error("the unit is closed: codes are for another unit to issue")]
    UnitClosed,
    /// None, or too many in one call.
    #[error("orders: 1 to {MAX_CODES_A_CALL} in one call")]
    Count,
    /// A day that has not come.
    #[error("orders[{index}].onset_day: in the future")]
    OnsetInFuture {
        /// Which order, from 0.
        index: usize,
    },
    /// A day whose keys are not kept any more.
    #[error("orders[{index}].onset_day: older than the retention")]
    OnsetTooOld {
        /// Which order, from 0.
        index: usize,
    },
    /// This deployment does not publish there.
    #[error("orders[{index}].region: not one of this deployment's")]
    UnknownRegion {
        /// Which order, from 0.
        index: usize,
    },
    /// More than may still be issued today.
    #[error("{} may issue {left} more codes today", whose_quota(*whose))]
    Quota {
        /// Whose quota it is.
        whose: QuotaOf,
        /// Codes that may still be issued.
        left: u64,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn whose_quota(whose: QuotaOf) -> &'static str {
    match whose {
        QuotaOf::Officer => "this account",
        QuotaOf::Unit => "this unit",
    }
}

/// Issues codes, all or none.
///
/// # Errors
/// [`IssueError`], naming the order at fault.
pub async fn issue(
    context: &Context,
    actor: &Actor,
    orders: &[CodeOrder],
) -> Result<Vec<IssuedCode>, IssueError> {
    if !actor.may(Permission::IssueCodes) {
        return Err(IssueError::NotAllowed);
    }
    if orders.is_empty() || orders.len() > MAX_CODES_A_CALL {
        return Err(IssueError::Count);
    }
    let unit = own_unit(context, actor).await?;
    if unit.is_none_or(|unit| unit.closed) {
        return Err(IssueError::UnitClosed);
    }
    let now = context.now();
    for (index, order) in orders.iter().enumerate() {
        check_order(&context.settings, now, order).map_err(|fault| match fault {
            OrderFault::OnsetInFuture => IssueError::OnsetInFuture { index },
            OrderFault::OnsetTooOld => IssueError::OnsetTooOld { index },
            OrderFault::UnknownRegion => IssueError::UnknownRegion { index },
        })?;
    }
    let issuer = Issuer {
        officer_id: &actor.officer.officer_id,
        unit_code: &actor.officer.unit_code,
    };
    loop {
        let mut rng = context.rng();
        let (new, issued) = orders
            .iter()
            .map(|order| draw(context, issuer, order, now, &mut rng))
            .unzip();
        // The store puts each serial in.
        let entry = actor.entry(now, Action::CodeIssued, &actor.officer.unit_code, "");
        let limits = quota::limits(&context.settings, now);
        match context.store.add_codes(new, limits, entry).await? {
            CodesAdded::Added { crossed } => {
                tell_of_quotas(issuer.unit_code, &crossed);
                let number = orders.len() as u64;
                context.telemetry.add(Metric::CodesIssued, &[], number);
                return Ok(issued);
            }
            CodesAdded::OverQuota { whose, left } => return Err(IssueError::Quota { whose, left }),
            // A code or serial that is taken: as good as never; draw all again.
            CodesAdded::Exists => {}
        }
    }
}

/// The audit says whose account it is; the log names the unit alone.
pub(super) fn tell_of_quotas(unit_code: &str, crossed: &[(QuotaOf, QuotaLevel)]) {
    for (whose, level) in crossed {
        let whose = match whose {
            QuotaOf::Officer => "an officer",
            QuotaOf::Unit => "all officers",
        };
        let level = match level {
            QuotaLevel::NearlyReached => "nearly reached",
            QuotaLevel::Reached => "reached",
        };
        warn!(
            unit_code,
            "{whose} of unit {unit_code} {level} today's quota of codes"
        );
    }
}

/// What no code can be issued for.
pub(super) enum OrderFault {
    OnsetInFuture,
    OnsetTooOld,
    UnknownRegion,
}

pub(super) fn check_order(
    settings: &Settings,
    now: Timestamp,
    order: &CodeOrder,
) -> Result<(), OrderFault> {
    // An officer's calendar is ahead of UTC in Vietnam: their today may be UTC's tomorrow.
    let local_today = now
        .plus_seconds(settings.exposure_rule.utc_offset_seconds.into())
        .day();
    // A withdrawal takes back whatever was disclosed.
    let with_onset = order.report_type != ReportType::Withdrawal;
    if with_onset && order.onset_day > local_today.max(now.day()) {
        return Err(OrderFault::OnsetInFuture);
    }
    if with_onset && order.onset_day < now.day().minus_days(settings.retention_days) {
        return Err(OrderFault::OnsetTooOld);
    }
    let unknown = |region| !settings.regions.contains(&region);
    if order.region.is_some_and(unknown) {
        return Err(OrderFault::UnknownRegion);
    }
    Ok(())
}

/// Who issues codes, for which unit.
#[derive(Clone, Copy)]
pub(super) struct Issuer<'a> {
    pub(super) officer_id: &'a str,
    pub(super) unit_code: &'a str,
}

pub(super) fn draw(
    context: &Context,
    issuer: Issuer<'_>,
    order: &CodeOrder,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> (NewCode, IssuedCode) {
    let settings = &context.settings;
    let code = UploadCode::generate(rng);
    let issued_at = now.hour_start();
    // From the next full hour, so that a code lives at least as long as the setting says.
    let life = i64::from(settings.code_valid_hours + 1) * 3_600;
    let expires_at = issued_at.plus_seconds(life);
    let oldest = now.day().minus_days(settings.retention_days);
    let first_day = match order.report_type {
        // Whatever was disclosed, by whichever onset.
        ReportType::Withdrawal => oldest,
        ReportType::ConfirmedTest | ReportType::Clinical | ReportType::SelfTest => order
            .onset_day
            .minus_days(settings.contagious_days_before_onset)
            .max(oldest),
    };
    let serial = format!(
        "{:04}-{:04}-{:04}",
        rng.random_range(0..10_000),
        rng.random_range(0..10_000),
        rng.random_range(0..10_000)
    );
    let region = order.region.unwrap_or(settings.regions[0]);
    let new = NewCode {
        hash: code.hash(&context.keys.code_key),
        serial: serial.clone(),
        officer_id: issuer.officer_id.to_owned(),
        unit_code: issuer.unit_code.to_owned(),
        report_type: order.report_type,
        first_day,
        region,
        issued_at,
        expires_at,
    };
    let issued = IssuedCode {
        upload_code: code.grouped(),
        serial,
        region,
        expires_at,
    };
    (new, issued)
}

/// Where a code is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    /// Can be redeemed.
    Issued,
    /// Was turned into a token.
    Redeemed,
    /// Its time ran out.
    Expired,
    /// An officer withdrew it.
    Revoked,
}

impl CodeState {
    /// The state of a code at that time.
    #[must_use]
    pub fn of(record: &CodeRecord, now: Timestamp) -> Self {
        if record.redeemed_at.is_some() {
            Self::Redeemed
        } else if record.revoked {
            Self::Revoked
        } else if record.expires_at <= now {
            Self::Expired
        } else {
            Self::Issued
        }
    }
}

/// A code's state and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeStatus {
    /// Where it is in its life.
    pub state: CodeState,
    /// What is known of it.
    pub record: CodeRecord,
}

/// Why codes were not looked up, listed, counted or revoked.
#[derive(Debug, thiserror::Error)]
pub enum CodeActionError {
    /// The role does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// No slip with this serial in the officer's reach.
    #[error("no slip with this serial")]
    NoSuchSerial,
    /// Too late to revoke.
    #[error("the code was redeemed already")]
    Redeemed,
    /// No such unit in the officer's reach.
    #[error("unit_code: no such unit")]
    NoSuchUnit,
    /// More codes than a page has.
    #[error("page_size: at most {MAX_CODES_A_PAGE}")]
    PageSize,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a code, by the serial of its slip.
///
/// # Errors
/// [`CodeActionError::NoSuchSerial`] if there is none in the officer's reach.
pub async fn look_up(
    context: &Context,
    actor: &Actor,
    serial: &str,
) -> Result<CodeStatus, CodeActionError> {
    if !actor.may(Permission::LookUpCodes) {
        return Err(CodeActionError::NotAllowed);
    }
    let record = visible_code(context, actor, serial).await?;
    let state = CodeState::of(&record, context.now());
    Ok(CodeStatus { state, record })
}

async fn visible_code(
    context: &Context,
    actor: &Actor,
    serial: &str,
) -> Result<CodeRecord, CodeActionError> {
    let record = context
        .store
        .code(serial.to_owned())
        .await?
        .ok_or(CodeActionError::NoSuchSerial)?;
    match unit_in_reach(context, actor, &record.unit_code).await? {
        Some(_) => Ok(record),
        None => Err(CodeActionError::NoSuchSerial),
    }
}

/// What became of the codes that the actor's own unit issued today, exactly: the list of its codes tells the same.
///
/// # Errors
/// [`CodeActionError::NotAllowed`], [`CodeActionError::Store`].
pub async fn counts_today(context: &Context, actor: &Actor) -> Result<CodeCounts, CodeActionError> {
    if !actor.may(Permission::LookUpCodes) {
        return Err(CodeActionError::NotAllowed);
    }
    let (now, offset) = (
        context.now(),
        context.settings.exposure_rule.utc_offset_seconds,
    );
    let today = now.plus_seconds(offset.into()).day().number();
    let own = vec![actor.officer.unit_code.clone()];
    let tallies = context
        .store
        .code_tallies(own, today..=today, offset, now)
        .await?;
    let counts = tallies.counts.first().map(|(_, _, counts)| *counts);
    Ok(counts.unwrap_or_default())
}

/// Makes a code useless that was not redeemed yet.
///
/// # Errors
/// [`CodeActionError`] if the officer may not, there is no such slip in their reach, or it is too late.
pub async fn revoke(context: &Context, actor: &Actor, serial: &str) -> Result<(), CodeActionError> {
    if !actor.may(Permission::RevokeCodes) {
        return Err(CodeActionError::NotAllowed);
    }
    let record = visible_code(context, actor, serial).await?;
    let entry = actor.entry(
        context.now(),
        Action::CodeRevoked,
        &record.unit_code,
        serial,
    );
    match context.store.revoke_code(serial.to_owned(), entry).await? {
        Some(Revocation::Revoked) => Ok(()),
        Some(Revocation::Redeemed) => Err(CodeActionError::Redeemed),
        None => Err(CodeActionError::NoSuchSerial),
    }
}
