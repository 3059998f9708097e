//! People and places: units, officers, their client keys, and who may do what.
//!
//! An officer belongs to one unit and sees it and those below it. Every change is written to the [`crate::audit`] in
//! the same transaction.

mod account;
mod actor;
mod client_key;
mod role;
mod standing;
mod unit;

pub(crate) use account::visible_officer;
pub use account::{
    Access, FirstAccess, Officer, create, create_first, deactivate, visible_officers,
};
pub use actor::Actor;
pub use client_key::{
    ClientKey, Credential, NewClientKey, client_keys, create_client_key, identify,
    revoke_client_key,
};
pub use role::{Permission, Permissions, Role};
pub use standing::{Account, account, accounts};
pub use unit::{
    BUILT_IN_DATE, LineFault, Unit, UnitEntry, UnitList, UnitListError, UnitQuery, UnitTree,
    add_unit, browse_units, find_units, is_of_country, load as load_units, may_run_the_deployment,
    own_unit, unit_in_reach, visible_units,
};

use crate::store::StoreError;

/// Why something about officers or units was not done.
#[derive(Debug, thiserror::Error)]
pub enum OfficerError {
    /// The role does not allow it, or the unit is not one's own nor below.
    #[error("not allowed")]
    NotAllowed,
    /// A field is missing, too long or has control characters; a label also if it has an at sign.
    #[error(
        "{field}: 1 to {max} printable characters (none of them a semicolon, in a label none an at sign)"
    )]
    Text {
        /// Which field.
        field: &'static str,
        /// Most characters.
        max: usize,
    },
    /// No such unit below one's own.
    #[error("{field}: no such unit")]
    NoSuchUnit {
        /// Which field named it.
        field: &'static str,
    },
    /// A unit that the list of units no longer has.
    #[error("{field}: the unit is closed")]
    UnitClosed {
        /// Which field named it.
        field: &'static str,
    },
    /// A unit with this code is there.
    #[error("a unit with this code exists")]
    UnitExists,
    /// No such officer below one's own unit.
    #[error("no such officer")]
    NoSuchOfficer,
    /// The unit has an account of this name.
    #[error("the unit has an account with this label")]
    LabelTaken,
    /// No such client key of that account.
    #[error("no such client key")]
    NoSuchClientKey,
    /// None, or more than the actor or the account's role may do, or the account is not active.
    #[error("scopes: at least one, all of them held by both sides, of an active account")]
    Scopes,
    /// One's own account: somebody else has to do that.
    #[error("nobody deactivates their own account")]
    OwnAccount,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), OfficerError> {
    let length = text.chars().count();
    // A semicolon ends a cell where spreadsheets separate by it, and the next one could begin a formula.
    let odd = |c: char| c.is_control() || c == ';';
    if length == 0 || length > max || text.chars().any(odd) {
        return Err(OfficerError::Text { field, max });
    }
    Ok(())
}
