//! Administrative units: who is below whom, and who sees which.

mod browse;
mod fold;
mod list;

pub use self::browse::{UnitEntry, UnitTree, browse_units};
pub(super) use self::fold::matches;
pub use self::list::{BUILT_IN_DATE, LineFault, UnitList, UnitListError, load};
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
    /// Whether the list of units no longer has it: it keeps its past, but gets no new officers, codes or sub-units.
    pub closed: bool,
}

/// Which units to list. The default is all that the actor sees and that are not closed.
#[derive(Clone, Debug, Default)]
pub struct UnitQuery {
    /// Only those directly below this one.
    pub parent_code: Option<String>,
    /// Only those whose code begins with this, or whose name has a word that does, whatever the accents.
    pub search: String,
    /// Closed ones too.
    pub closed: bool,
    /// Only those whose code comes after this: where the page before ended.
    pub after: String,
    /// At most so many; `None`: all.
    pub limit: Option<usize>,
}

/// Adds a unit below the actor's own or one below that.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the parent is not in reach or closed, the code is taken, or a field is wrong.
pub async fn add_unit(context: &Context, actor: &Actor, unit: Unit) -> Result<(), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    check_text("unit_code", &unit.unit_code, 16)?;
    check_text("name", &unit.name, 128)?;
    let parent = unit.parent_code.as_deref().unwrap_or_default();
    open_unit(context, actor, parent, "parent_code").await?;
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
    if is_of_country(context, actor).await? {
        Ok(())
    } else {
        Err(OfficerError::NotAllowed)
    }
}

/// Whether the actor belongs to the country's own unit.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn is_of_country(context: &Context, actor: &Actor) -> Result<bool, StoreError> {
    let path = context
        .store
        .unit_path(actor.officer.unit_code.clone())
        .await?;
    Ok(path.first().is_some_and(|unit| unit.parent_code.is_none()))
}

/// The units that the actor sees, closed ones too, by code: their own and, if their role reaches that far, those below.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn visible_units(context: &Context, actor: &Actor) -> Result<Vec<Unit>, StoreError> {
    let own = actor.officer.unit_code.clone();
    if actor.officer.role.reaches_below() {
        context.store.units_within(own).await
    } else {
        let mut path = context.store.unit_path(own).await?;
        path.truncate(1);
        Ok(path)
    }
}

/// Those of the visible units that the query asks for, by code.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn find_units(
    context: &Context,
    actor: &Actor,
    query: &UnitQuery,
) -> Result<Vec<Unit>, StoreError> {
    let mut units = visible_units(context, actor).await?;
    units.retain(|unit| is_asked_for(unit, query));
    units.truncate(query.limit.unwrap_or(usize::MAX));
    Ok(units)
}

fn is_asked_for(unit: &Unit, query: &UnitQuery) -> bool {
    (query.closed || !unit.closed)
        && unit.unit_code > query.after
        && (query.parent_code.is_none() || unit.parent_code == query.parent_code)
        && (unit.unit_code.starts_with(query.search.trim()) || matches(&unit.name, &query.search))
}

/// The unit, if the actor sees it; closed or not. Looks at the units above it only, not at all that are visible.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn unit_in_reach(
    context: &Context,
    actor: &Actor,
    unit_code: &str,
) -> Result<Option<Unit>, StoreError> {
    let mut path = context.store.unit_path(unit_code.to_owned()).await?;
    let own = &actor.officer.unit_code;
    let far = match actor.officer.role.reaches_below() {
        true => path.len(),
        false => 1,
    };
    let reached = path.iter().take(far).any(|unit| unit.unit_code == *own);
    Ok(reached.then(|| path.remove(0)))
}

/// Refuses a unit that the actor does not see, or that is closed.
pub(super) async fn open_unit(
    context: &Context,
    actor: &Actor,
    unit_code: &str,
    field: &'static str,
) -> Result<(), OfficerError> {
    match unit_in_reach(context, actor, unit_code).await? {
        Some(unit) if unit.closed => Err(OfficerError::UnitClosed { field }),
        Some(_) => Ok(()),
        None => Err(OfficerError::NoSuchUnit { field }),
    }
}

/// The actor's own unit. If it is closed, they issue no codes for it.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn own_unit(context: &Context, actor: &Actor) -> Result<Option<Unit>, StoreError> {
    unit_in_reach(context, actor, &actor.officer.unit_code).await
}
