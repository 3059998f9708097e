//! Walks the tree of units that an actor sees, or searches it.

use std::collections::HashMap;

use super::{Unit, UnitQuery, is_asked_for, visible_units};
use crate::{
    context::Context,
    officers::{Actor, OfficerError, Permission, visible_officers},
};

/// Most units that a search lists.
const MOST_FOUND: usize = 100;

/// A unit of the tree.
#[derive(Clone, Debug)]
pub struct UnitEntry {
    /// The unit.
    pub unit: Unit,
    /// Units right below it that are not closed.
    pub below: u64,
    /// Active accounts in it, for those who may keep accounts.
    pub accounts: Option<u64>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct UnitTree {
    /// From the actor's own unit down to the one whose units these are; empty for a search.
    pub way: Vec<Unit>,
    /// By code.
    pub units: Vec<UnitEntry>,
    /// How many more were found.
    pub more: usize,
}

/// The units below one, or those that a search finds; closed ones are left out.
///
/// - `search`: as in [`UnitQuery`]; empty: walk.
/// - `unit_code`: below which; `None`: the actor's own.
///
/// # Errors
/// [`OfficerError::NoSuchUnit`] if the actor does not see that unit, [`OfficerError::Store`].
pub async fn browse_units(
    context: &Context,
    actor: &Actor,
    search: &str,
    unit_code: Option<&str>,
) -> Result<UnitTree, OfficerError> {
    let visible = visible_units(context, actor).await?;
    let (way, query) = if search.trim().is_empty() {
        let top = unit_code.unwrap_or(&actor.officer.unit_code);
        let query = UnitQuery {
            parent_code: Some(top.to_owned()),
            ..UnitQuery::default()
        };
        (way_to(&visible, top)?, query)
    } else {
        let query = UnitQuery {
            search: search.to_owned(),
            ..UnitQuery::default()
        };
        (vec![], query)
    };
    let accounts = accounts(context, actor).await?;
    let mut below: HashMap<&str, u64> = HashMap::new();
    for unit in visible.iter().filter(|unit| !unit.closed) {
        *below
            .entry(unit.parent_code.as_deref().unwrap_or_default())
            .or_default() += 1;
    }
    let found = visible.iter().filter(|unit| is_asked_for(unit, &query));
    let mut units: Vec<UnitEntry> = found
        .map(|unit| UnitEntry {
            unit: unit.clone(),
            below: below.get(&*unit.unit_code).copied().unwrap_or_default(),
            accounts: accounts
                .as_ref()
                .map(|all| all.get(&unit.unit_code).copied().unwrap_or_default()),
        })
        .collect();
    let more = match way.is_empty() {
        true => units.len().saturating_sub(MOST_FOUND),
        false => 0,
    };
    units.truncate(units.len() - more);
    Ok(UnitTree { way, units, more })
}

/// From the top of what is visible down to that unit.
fn way_to(visible: &[Unit], unit_code: &str) -> Result<Vec<Unit>, OfficerError> {
    let by_code: HashMap<&str, &Unit> = visible.iter().map(|u| (&*u.unit_code, u)).collect();
    let mut way = Vec::new();
    let mut at = by_code.get(unit_code);
    while let Some(unit) = at {
        way.push(Unit::clone(unit));
        at = unit
            .parent_code
            .as_deref()
            .and_then(|code| by_code.get(code));
    }
    if way.is_empty() {
        return Err(OfficerError::NoSuchUnit { field: "unit_code" });
    }
    way.reverse();
    Ok(way)
}

async fn accounts(
    context: &Context,
    actor: &Actor,
) -> Result<Option<HashMap<String, u64>>, OfficerError> {
    if !actor.may(Permission::KeepOfficers) {
        return Ok(None);
    }
    let mut accounts: HashMap<String, u64> = HashMap::new();
    for officer in visible_officers(context, actor).await? {
        *accounts.entry(officer.unit_code).or_default() += u64::from(officer.active);
    }
    Ok(Some(accounts))
}
