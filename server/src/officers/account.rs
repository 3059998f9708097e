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
    sign_in::{Invitation, draw_invitation},
    store::{Added, NewOfficer, Store},
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

/// How a new account is to be used first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAccess {
    /// By programs: a client key that does all that the role may.
    ClientKey,
    /// By a person in a browser: an invitation.
    Invitation,
}

/// What the new account is used by, shown this once.
#[derive(Clone, Debug)]
pub enum Access {
    /// The bearer credential of its first client key.
    Credential(Credential),
    /// Its first invitation.
    Invitation(Invitation),
}

/// Adds an officer to the actor's unit or one below.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the unit is not there, or a field is wrong.
pub async fn create(
    context: &Context,
    actor: &Actor,
    label: &str,
    unit_code: &str,
    role: Role,
    first_access: FirstAccess,
) -> Result<(Officer, Access), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    if !role.permissions().within(actor.permissions()) {
        return Err(OfficerError::NotAllowed);
    }
    open_unit(context, actor, unit_code, "unit_code").await?;
    let now = context.now();
    let mut rng = context.rng();
    let officer = draw(label, unit_code, role, &mut rng)?;
    let entry = |action| actor.entry(now, action, unit_code, &officer.officer_id);
    let mut entries = vec![entry(Action::OfficerAdded)];
    let (key, invitation, access) = match first_access {
        FirstAccess::ClientKey => {
            let (key, credential) = draw_key(&officer, now, &mut rng);
            (Some(key), None, Access::Credential(credential))
        }
        FirstAccess::Invitation => {
            entries.push(entry(Action::InvitationIssued));
            let (new, invitation) = draw_invitation(&officer.officer_id, now, &mut rng);
            (None, Some(new), Access::Invitation(invitation))
        }
    };
    let new = NewOfficer {
        officer: officer.clone(),
        key,
        invitation,
        entries,
    };
    add(&*context.store, new).await?;
    Ok((officer, access))
}

/// Adds an officer without anybody's leave, with a client key and an invitation: for whoever owns the database file.
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
) -> Result<(Officer, Credential, Invitation), OfficerError> {
    match store.unit_path(unit_code.to_owned()).await?.first() {
        Some(unit) if unit.closed => return Err(OfficerError::UnitClosed { field: "unit_code" }),
        Some(_) => {}
        None => return Err(OfficerError::NoSuchUnit { field: "unit_code" }),
    }
    let officer = draw(label, unit_code, role, rng)?;
    let (key, credential) = draw_key(&officer, now, rng);
    let (new_invitation, invitation) = draw_invitation(&officer.officer_id, now, rng);
    let entry = |action| AuditEntry {
        at: now.hour_start(),
        officer_id: None,
        key_id: None,
        action,
        unit_code: unit_code.to_owned(),
        subject: officer.officer_id.clone(),
    };
    let new = NewOfficer {
        officer: officer.clone(),
        key: Some(key),
        invitation: Some(new_invitation),
        entries: vec![entry(Action::OfficerAdded), entry(Action::InvitationIssued)],
    };
    add(store, new).await?;
    Ok((officer, credential, invitation))
}

fn draw(
    label: &str,
    unit_code: &str,
    role: Role,
    rng: &mut impl CryptoRng,
) -> Result<Officer, OfficerError> {
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
    Ok(Officer {
        officer_id: HEXLOWER.encode(&id),
        label: label.to_owned(),
        unit_code: unit_code.to_owned(),
        role,
        active: true,
    })
}

fn draw_key(
    officer: &Officer,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> (NewClientKey, Credential) {
    client_key::draw(officer, "first", officer.role.permissions(), now, rng)
}

async fn add(store: &dyn Store, new: NewOfficer) -> Result<(), OfficerError> {
    match store.add_officer(new).await? {
        Added::Added => Ok(()),
        Added::Exists => Err(OfficerError::LabelTaken),
    }
}

/// Ends all that an officer can do, at once: client keys, sessions and what they sign in with, and codes that nobody
/// redeemed.
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
pub(crate) async fn visible_officer(
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
