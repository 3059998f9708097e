//! Issues, looks up and revokes upload codes.

use rand::{CryptoRng, RngExt as _};
use truyvet_crypto::{Day, Timestamp, UploadCode, token::ReportType};
use zeroize::Zeroizing;

use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Permission, own_unit, unit_in_reach},
    store::{Added, CodeRecord, NewCode, Revocation, StoreError},
};

/// Most codes in one call.
pub const MAX_CODES_A_CALL: usize = 500;

/// What a code is to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeOrder {
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// Day of first symptoms or, without symptoms, of the test.
    pub onset_day: Day,
}

/// A code as handed out, once.
#[derive(Debug)]
pub struct IssuedCode {
    /// In read-aloud groups.
    pub upload_code: Zeroizing<String>,
    /// Names the slip.
    pub serial: String,
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
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    // An officer's calendar is ahead of UTC in Vietnam: their today may be UTC's tomorrow.
    let latest = now
        .plus_seconds(context.settings.exposure_rule.utc_offset_seconds.into())
        .day();
    let oldest = now.day().minus_days(context.settings.retention_days);
    for (index, order) in orders.iter().enumerate() {
        if order.onset_day > latest.max(now.day()) {
            return Err(IssueError::OnsetInFuture { index });
        }
        if order.onset_day < oldest {
            return Err(IssueError::OnsetTooOld { index });
        }
    }
    loop {
        let mut rng = context.rng();
        let (new, issued) = orders
            .iter()
            .map(|order| draw(context, actor, order, now, &mut rng))
            .unzip();
        // The store puts each serial in.
        let entry = actor.entry(now, Action::CodeIssued, &actor.officer.unit_code, "");
        // A code or serial that is taken: as good as never; draw all again.
        if context.store.add_codes(new, entry).await? == Added::Added {
            return Ok(issued);
        }
    }
}

fn draw(
    context: &Context,
    actor: &Actor,
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
    let contagious = order
        .onset_day
        .minus_days(settings.contagious_days_before_onset);
    let serial = format!(
        "{:04}-{:04}-{:04}",
        rng.random_range(0..10_000),
        rng.random_range(0..10_000),
        rng.random_range(0..10_000)
    );
    let new = NewCode {
        hash: code.hash(&context.keys.code_key),
        serial: serial.clone(),
        officer_id: actor.officer.officer_id.clone(),
        unit_code: actor.officer.unit_code.clone(),
        report_type: order.report_type,
        first_day: contagious.max(now.day().minus_days(settings.retention_days)),
        issued_at,
        expires_at,
    };
    let issued = IssuedCode {
        upload_code: code.grouped(),
        serial,
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

/// A code's state and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeStatus {
    /// Where it is in its life.
    pub state: CodeState,
    /// What is known of it.
    pub record: CodeRecord,
}

/// Why a code was not looked up or revoked.
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
    let state = if record.redeemed_at.is_some() {
        CodeState::Redeemed
    } else if record.revoked {
        CodeState::Revoked
    } else if record.expires_at <= context.now() {
        CodeState::Expired
    } else {
        CodeState::Issued
    };
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
