//! How accounts stand, for whoever keeps them: invited, in use, closed, and when somebody last signed in.

use std::collections::HashMap;

use truyvet_crypto::Timestamp;

use super::{
    Actor, Officer, OfficerError, Permission,
    unit::{matches, visible_units},
};
use crate::{context::Context, store::Standing};

/// An account as an administrator sees it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub officer: Officer,
    /// Its unit's name.
    pub unit_name: String,
    /// Whether it can be signed in to: an invitation was accepted.
    pub set_up: bool,
    /// Until when an invitation is open.
    pub invited_until: Option<Timestamp>,
    /// The hour of the last sign-in from a browser.
    pub signed_in_at: Option<Timestamp>,
}

/// The accounts of the units that the actor sees, by unit, then label.
///
/// - `search`: part of a sign-in name or of the unit's name, whatever the accents; nothing is in every one.
///
/// # Errors
/// [`OfficerError::NotAllowed`] for roles that do not administer, [`OfficerError::Store`].
pub async fn accounts(
    context: &Context,
    actor: &Actor,
    search: &str,
) -> Result<Vec<Account>, OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    let units = visible_units(context, actor).await?.into_iter();
    let units: HashMap<String, String> = units.map(|u| (u.unit_code, u.name)).collect();
    let standings = context.store.standings(context.now()).await?.into_iter();
    let mut standings: HashMap<String, Standing> =
        standings.map(|s| (s.officer_id.clone(), s)).collect();
    let mut accounts = Vec::new();
    for officer in context.store.officers().await? {
        let Some(unit_name) = units.get(&officer.unit_code) else {
            continue;
        };
        let name = format!("{}@{}", officer.label, officer.unit_code);
        if !matches(&name, search) && !matches(unit_name, search) {
            continue;
        }
        let standing = standings.remove(&officer.officer_id);
        accounts.push(Account {
            unit_name: unit_name.clone(),
            set_up: standing.as_ref().is_some_and(|s| s.set_up),
            invited_until: standing.as_ref().and_then(|s| s.invited_until),
            signed_in_at: standing.and_then(|s| s.signed_in_at),
            officer,
        });
    }
    Ok(accounts)
}

/// One of them.
///
/// # Errors
/// As [`accounts`], and [`OfficerError::NoSuchOfficer`].
pub async fn account(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<Account, OfficerError> {
    let accounts = accounts(context, actor, "").await?;
    let found = accounts
        .into_iter()
        .find(|account| account.officer.officer_id == officer_id);
    found.ok_or(OfficerError::NoSuchOfficer)
}
