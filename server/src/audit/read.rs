//! Reads and verifies the audit for those who may.

use truyvet_crypto::Timestamp;

use super::{Action, AuditRow, Break, ChainCheck, Head};
use crate::{
    context::Context,
    officers::{Actor, Permission, is_of_country, unit_in_reach},
    store::StoreError,
};

/// Most rows in one call.
pub const MAX_ROWS_A_CALL: u32 = 500;

/// Rows held at a time while the chain is walked.
pub(super) const PAGE: u32 = 1_000;

/// Why the audit was not read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The role or the client key does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// No such unit in the actor's reach.
    #[error("unit_code: no such unit")]
    NoSuchUnit,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which rows; the default is all in the actor's reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Rows on this unit and those below; `None`: all in reach.
    pub unit_code: Option<String>,
    /// What this officer did.
    pub officer_id: Option<String>,
    /// This action alone.
    pub action: Option<Action>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A row with the label of whose account it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// As stored.
    pub row: AuditRow,
    /// What the officer's unit calls the account.
    pub officer_label: Option<String>,
    /// The officer's unit.
    pub officer_unit_code: Option<String>,
}

/// What the store looks for. Rows of units outside `within` are not touched.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// This unit and those below; `None`: every row.
    pub within: Option<String>,
    /// What else counts; its unit is in `within` already.
    pub filter: AuditFilter,
    /// Numbers after this.
    pub after: u64,
    /// Numbers before this.
    pub before: u64,
    /// The last ones first.
    pub newest_first: bool,
    /// At most so many.
    pub limit: u32,
}

/// What verification found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The last row that was good: all of them are if nothing broke.
    pub head: Head,
    /// Where the chain breaks.
    pub fault: Option<Break>,
}

/// Rows in the actor's reach, newest first.
///
/// - `before`: rows older than this number; `None`: from the newest on.
/// - `limit`: at most [`MAX_ROWS_A_CALL`]; 0: as many as that.
///
/// # Errors
/// [`AuditError`] if the actor may not, or does not see the unit.
pub async fn list(
    context: &Context,
    actor: &Actor,
    filter: AuditFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<AuditLine>, AuditError> {
    let query = AuditQuery {
        within: reach(context, actor, &filter).await?,
        filter,
        after: 0,
        before: before.unwrap_or(u64::MAX),
        newest_first: true,
        limit: match limit {
            0 => MAX_ROWS_A_CALL,
            limit => limit.min(MAX_ROWS_A_CALL),
        },
    };
    Ok(context.store.audit_lines(query).await?)
}

/// Checks the whole chain, also what lies beyond the actor's reach: of that, it tells only whether it is sound.
///
/// - `known`: a head that was noted earlier; without one, rows cut off at the end do not show.
///
/// # Errors
/// [`AuditError`] if the actor may not.
pub async fn verify(
    context: &Context,
    actor: &Actor,
    known: Option<Head>,
) -> Result<Verdict, AuditError> {
    if !actor.may(Permission::ReadAudit) {
        return Err(AuditError::NotAllowed);
    }
    let mut check = ChainCheck::new(known);
    let mut after = 0;
    loop {
        let rows = context.store.audit(after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = last.sequence;
        for row in &rows {
            if let Err(fault) = check.next(row) {
                let head = check.head();
                return Ok(Verdict {
                    head,
                    fault: Some(fault),
                });
            }
        }
    }
    let head = check.head();
    Ok(Verdict {
        head,
        fault: check.finish().err(),
    })
}

/// Which unit bounds what the actor reads; `None` for the country.
pub(super) async fn reach(
    context: &Context,
    actor: &Actor,
    filter: &AuditFilter,
) -> Result<Option<String>, AuditError> {
    if !actor.may(Permission::ReadAudit) {
        return Err(AuditError::NotAllowed);
    }
    if let Some(unit_code) = &filter.unit_code {
        let unit = unit_in_reach(context, actor, unit_code).await?;
        return match unit {
            Some(unit) => Ok(Some(unit.unit_code)),
            None => Err(AuditError::NoSuchUnit),
        };
    }
    match is_of_country(context, actor).await? {
        true => Ok(None),
        false => Ok(Some(actor.officer.unit_code.clone())),
    }
}
