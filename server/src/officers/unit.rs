//! Administrative units: who is below whom, and who sees which.

use super::{Actor, OfficerError, Permission, check_text};
use crate::{
    audit::Action,
    context::Context,
    store::{Added, StoreError},
};

/// An administrative unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Official code.
    pub unit_code: String,
    /// Its name.
    pub name: String,
    /// The unit above; `None` for the country.
    pub parent_code: Option<String>,
}

/// Adds a unit below the actor's own or one below that.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the parent is not in reach, the code is taken, or a field is wrong.
pub async fn add_unit(context: &Context, actor: &Actor, unit: Unit) -> Result<(), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    check_text("unit_code", &unit.unit_code, 16)?;
    check_text("name", &unit.name, 128)?;
    let parent = unit.parent_code.as_deref().unwrap_or_default();
    visible_unit(context, actor, parent, "parent_code").await?;
    let entry = actor.entry(context.now(), Action::UnitAdded, &unit.unit_code, "");
    match context.store.add_unit(unit, entry).await? {
        Added::Added => Ok(()),
        Added::Exists => Err(OfficerError::UnitExists),
    }
}

/// Signing keys and windows are those of the whole deployment: only an administrator of the country may touch them.
///
/// # Errors
/// [`OfficerError::NotAllowed`] for everybody else, [`OfficerError::Store`].
pub async fn may_run_the_deployment(context: &Context, actor: &Actor) -> Result<(), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    let units = context.store.units().await?;
    let of_country = units
        .iter()
        .any(|unit| unit.unit_code == actor.officer.unit_code && unit.parent_code.is_none());
    if of_country {
        Ok(())
    } else {
        Err(OfficerError::NotAllowed)
    }
}

/// The units that the actor sees: their own and, if their role reaches that far, those below.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn visible_units(context: &Context, actor: &Actor) -> Result<Vec<Unit>, StoreError> {
    let units = context.store.units().await?;
    let own = &actor.officer.unit_code;
    let visible = |unit: &&Unit| {
        unit.unit_code == *own || actor.officer.role.reaches_below() && is_below(&units, unit, own)
    };
    Ok(units.iter().filter(visible).cloned().collect())
}

/// Refuses a unit that the actor does not see.
pub(super) async fn visible_unit(
    context: &Context,
    actor: &Actor,
    unit_code: &str,
    field: &'static str,
) -> Result<(), OfficerError> {
    let visible = visible_units(context, actor).await?;
    if visible.iter().any(|unit| unit.unit_code == unit_code) {
        Ok(())
    } else {
        Err(OfficerError::NoSuchUnit { field })
    }
}

fn is_below(units: &[Unit], unit: &Unit, ancestor: &str) -> bool {
    let mut parent = unit.parent_code.as_deref();
    // Units are only ever added below existing ones, so this ends; the bound keeps a damaged table from hanging us.
    for _ in 0..units.len() {
        match parent {
            Some(code) if code == ancestor => return true,
            Some(code) => {
                parent = units
                    .iter()
                    .find(|unit| unit.unit_code == code)
                    .and_then(|unit| unit.parent_code.as_deref());
            }
            None => return false,
        }
    }
    false
}
