//! Officers' accounts: adding, listing, deactivating.
//!
//! Only administrators add officers, in their own unit and below, so nobody grants more than they hold.

use std::collections::HashSet;

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use truyvet_crypto::Timestamp;

use super::{
    Actor, Credential, NewClientKey, OfficerError, Permission, Role, check_text, client_key,
    unit::{open_unit, visible_units},
};
use crate::{
    audit::{Action, AuditEntry},
    context::Context,
    store::{Added, Store},
};

/// An officer's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// Random; names the account.
    pub officer_id: String,
    /// What the unit calls the account; not a person's name. Its own within the unit.
    pub label: String,
    /// Where they belong.
    pub unit_code: String,
    /// What they may do.
    pub role: Role,
    /// Whether anybody can still act by it.
    pub active: bool,
}

/// Adds an officer to the actor's unit or one below, with a client key that does all that the role may.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the unit is not there, or a field is wrong.
pub async fn create(
    context: &Context,
    actor: &Actor,
    label: &str,
    unit_code: &str,
    role: Role,
) -> Result<(Officer, Credential), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    if !role.permissions().within(actor.permissions()) {
        return Err(OfficerError::NotAllowed);
    }
    open_unit(context, actor, unit_code, "unit_code").await?;
    let now = context.now();
    let (officer, key, credential) = draw(label, unit_code, role, now, &mut context.rng())?;
    let entry = actor.entry(now, Action::OfficerAdded, unit_code, &officer.officer_id);
    add(&*context.store, officer, key, credential, entry).await
}

/// Adds an officer without anybody's leave: for whoever owns the database file.
///
/// # Errors
/// [`OfficerError`] if the unit is not there or a field is wrong.
pub async fn create_first(
    store: &dyn Store,
    label: &str,
    unit_code: &str,
    role: Role,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(Officer, Credential), OfficerError> {
    match store.unit_path(unit_code.to_owned()).await?.first() {
        Some(unit) if unit.closed => return Err(OfficerError::UnitClosed { field: "unit_code" }),
        Some(_) => {}
        None => return Err(OfficerError::NoSuchUnit { field: "unit_code" }),
    }
    let (officer, key, credential) = draw(label, unit_code, role, now, rng)?;
    let entry = AuditEntry {
        at: now.hour_start(),
        officer_id: None,
        key_id: None,
        action: Action::OfficerAdded,
        unit_code: unit_code.to_owned(),
        subject: officer.officer_id.clone(),
    };
    add(store, officer, key, credential, entry).await
}

fn draw(
    label: &str,
    unit_code: &str,
    role: Role,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(Officer, NewClientKey, Credential), OfficerError> {
    check_text("label", label, 64)?;
    // A sign-in name is label@unit.
    if label.contains('@') {
        return Err(OfficerError::Text {
            field: "label",
            max: 64,
        });
    }
    let mut id = [0; 8];
    rng.fill_bytes(&mut id);
    let officer = Officer {
        officer_id: HEXLOWER.encode(&id),
        label: label.to_owned(),
        unit_code: unit_code.to_owned(),
        role,
        active: true,
    };
    let (key, credential) = client_key::draw(&officer, "first", role.permissions(), now, rng);
    Ok((officer, key, credential))
}

async fn add(
    store: &dyn Store,
    officer: Officer,
    key: NewClientKey,
    credential: Credential,
    entry: AuditEntry,
) -> Result<(Officer, Credential), OfficerError> {
    match store.add_officer(officer.clone(), key, entry).await? {
        Added::Added => Ok((officer, credential)),
        Added::Exists => Err(OfficerError::LabelTaken),
    }
}

/// Ends all that an officer can do, at once: client keys, and codes that nobody redeemed.
///
/// # Errors
/// [`OfficerError`] if the actor may not or there is no such officer in their reach.
pub async fn deactivate(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<(), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    if actor.officer.officer_id == officer_id {
        return Err(OfficerError::OwnAccount);
    }
    let officer = visible_officer(context, actor, officer_id).await?;
    let entry = actor.entry(
        context.now(),
        Action::OfficerDeactivated,
        &officer.unit_code,
        officer_id,
    );
    context
        .store
        .deactivate_officer(officer_id.to_owned(), entry)
        .await?;
    Ok(())
}

/// The officers of the units that the actor sees.
///
/// # Errors
/// [`OfficerError::NotAllowed`] for roles that do not administer, [`OfficerError::Store`].
pub async fn visible_officers(
    context: &Context,
    actor: &Actor,
) -> Result<Vec<Officer>, OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    let units: HashSet<String> = visible_units(context, actor)
        .await?
        .into_iter()
        .map(|unit| unit.unit_code)
        .collect();
    let mut officers = context.store.officers().await?;
    officers.retain(|officer| units.contains(&officer.unit_code));
    Ok(officers)
}

/// One of them.
pub(super) async fn visible_officer(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<Officer, OfficerError> {
    let visible = visible_officers(context, actor).await?;
    visible
        .into_iter()
        .find(|officer| officer.officer_id == officer_id)
        .ok_or(OfficerError::NoSuchOfficer)
}
