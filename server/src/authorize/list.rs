//! Lists codes by unit and state, newest first, a page at a time: by slips, never by code.
//!
//! Knows hours only. Within an hour, slips stand in the order of their random serials: the list says nothing of who
//! came first.

use truyvet_crypto::Timestamp;

use super::{CodeActionError, CodeState, CodeStatus};
use crate::{
    context::Context,
    officers::{Actor, Permission, visible_units},
    store::{CodePosition, CodesOf, StateCounts},
};

/// Most codes on a page.
pub const MAX_CODES_A_PAGE: u32 = 500;

/// Which codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeQuery {
    /// Of one unit; `None` for all that the actor sees.
    pub unit_code: Option<String>,
    /// In one state; `None` for all.
    pub state: Option<CodeState>,
    /// Behind this one; `None` for the newest.
    pub after: Option<CodePosition>,
    /// At most so many, up to [`MAX_CODES_A_PAGE`]; none gives the counts alone.
    pub limit: u32,
}

/// A page of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePage {
    /// Newest first.
    pub codes: Vec<CodeStatus>,
    /// Where the next page begins; `None` if there is none.
    pub next: Option<CodePosition>,
    /// Of all codes that are kept of these units, in whatever state.
    pub counts: StateCounts,
}

impl CodePosition {
    /// As it travels: hour and serial, joined by a dot.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}.{}", self.issued_at.unix_seconds(), self.serial)
    }

    /// The position of such a text.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        let (seconds, serial) = token.split_once('.')?;
        let issued_at = Timestamp::from_unix_seconds(seconds.parse().ok()?)?;
        // Longer than any serial: nothing that we gave out.
        (serial.len() <= 32).then(|| Self {
            issued_at,
            serial: serial.to_owned(),
        })
    }
}

/// The codes that the actor asks for, as far as they see them.
///
/// # Errors
/// [`CodeActionError::NoSuchUnit`] for a unit out of reach, [`CodeActionError::PageSize`].
pub async fn list(
    context: &Context,
    actor: &Actor,
    query: &CodeQuery,
) -> Result<CodePage, CodeActionError> {
    if !actor.may(Permission::LookUpCodes) {
        return Err(CodeActionError::NotAllowed);
    }
    if query.limit > MAX_CODES_A_PAGE {
        return Err(CodeActionError::PageSize);
    }
    let units = visible_units(context, actor).await?;
    let mut unit_codes: Vec<String> = units.into_iter().map(|unit| unit.unit_code).collect();
    if let Some(asked) = &query.unit_code {
        unit_codes.retain(|unit_code| unit_code == asked);
        if unit_codes.is_empty() {
            return Err(CodeActionError::NoSuchUnit);
        }
    }
    let now = context.now();
    let (records, counts) = context
        .store
        .codes(CodesOf {
            unit_codes,
            state: query.state,
            after: query.after.clone(),
            // One more than asked for tells whether there is a next page.
            limit: query.limit + 1,
            now,
        })
        .await?;
    let mut codes: Vec<CodeStatus> = records
        .into_iter()
        .map(|record| CodeStatus {
            state: CodeState::of(&record, now),
            record,
        })
        .collect();
    let more = codes.len() > query.limit as usize;
    codes.truncate(query.limit as usize);
    let next = codes.last().filter(|_| more).map(|last| CodePosition {
        issued_at: last.record.issued_at,
        serial: last.record.serial.clone(),
    });
    Ok(CodePage {
        codes,
        next,
        counts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_the_way_to_the_caller_and_back() {
        let position = CodePosition {
            issued_at: Timestamp::from_unix_seconds(1_630_040_400).unwrap(),
            serial: "0123-4567-8901".into(),
        };
        assert_eq!(CodePosition::from_token(&position.token()), Some(position));
        for token in [
            "",
            ".",
            "x.1",
            "-1.1",
            "1",
            &format!("1.{}", "1".repeat(33)),
        ] {
            assert_eq!(CodePosition::from_token(token), None, "{token}");
        }
    }
}
