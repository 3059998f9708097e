//! Units and officers: who sees what, and who may grant what.
//!
//! An officer belongs to one unit and sees it and those below it. Only administrators add officers, so nobody
//! grants more than they hold. Officers sign in
//! with a bearer credential: 32 random bytes of which only the hash is stored.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use truyvet_crypto::sha256;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    store::{Added, Store, StoreError},
};

/// What an officer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Issues codes; sees and revokes their own unit's.
    Officer = 1,
    /// Also sees and revokes those of the units below.
    Supervisor = 2,
    /// Also keeps officers, units and keys, and publishes.
    Administrator = 3,
    /// Looks at figures and states; changes nothing.
    Auditor = 4,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Officer,
        Self::Supervisor,
        Self::Administrator,
        Self::Auditor,
    ];

    /// The number that stands for it in the store and on the wire.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The role of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.number() == number)
    }

    /// Whether this role may issue and revoke codes.
    #[must_use]
    pub fn issues(self) -> bool {
        !matches!(self, Self::Auditor)
    }

    /// Whether this role may keep officers, units and keys.
    #[must_use]
    pub fn administers(self) -> bool {
        matches!(self, Self::Administrator)
    }

    /// Whether this role reaches the units below its own.
    #[must_use]
    pub fn reaches_below(self) -> bool {
        !matches!(self, Self::Officer)
    }
}

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

/// An officer's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Officer {
    /// Random; names the account.
    pub officer_id: String,
    /// What the unit calls the account; not a person's name.
    pub label: String,
    /// Where they belong.
    pub unit_code: String,
    /// What they may do.
    pub role: Role,
    /// Whether the credential is good.
    pub active: bool,
}

/// An officer with the hash of the credential.
#[derive(Clone, Debug)]
pub struct NewOfficer {
    /// The account.
    pub officer: Officer,
    /// SHA-256 of the credential's 32 bytes.
    pub credential_hash: [u8; 32],
}

/// Why something about officers or units was not done.
#[derive(Debug, thiserror::Error)]
pub enum OfficerError {
    /// The role does not allow it, or the unit is not one's own nor below.
    #[error("not allowed")]
    NotAllowed,
    /// A field is missing, too long or has control characters.
    #[error("{field}: 1 to {max} printable characters")]
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
    /// A unit with this code is there.
    #[error("a unit with this code exists")]
    UnitExists,
    /// No such officer below one's own unit.
    #[error("no such officer")]
    NoSuchOfficer,
    /// One's own account: somebody else has to do that.
    #[error("nobody deactivates their own account")]
    OwnAccount,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A bearer credential: `tvo_` and 32 random bytes in base64url. Never printed by `Debug`.
#[derive(Clone)]
pub struct Credential(Zeroizing<String>);

impl Credential {
    const PREFIX: &str = "tvo_";

    fn generate(rng: &mut impl CryptoRng) -> (Self, [u8; 32]) {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        let text = format!("{}{}", Self::PREFIX, BASE64URL_NOPAD.encode(&*secret));
        (Self(Zeroizing::new(text)), sha256(&[&*secret]))
    }

    /// The hash of a presented credential; `None` if it cannot be one.
    fn hash(presented: &str) -> Option<[u8; 32]> {
        let encoded = presented.strip_prefix(Self::PREFIX)?;
        let secret = Zeroizing::new(BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?);
        (secret.len() == 32).then(|| sha256(&[&secret]))
    }

    /// The text to hand to the officer, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The officer whom a credential belongs to, if it is good.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn identify(context: &Context, presented: &str) -> Result<Option<Officer>, StoreError> {
    match Credential::hash(presented) {
        Some(hash) => context.store.officer_by_credential(hash).await,
        None => Ok(None),
    }
}

/// Adds an officer to the actor's unit or one below.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the unit is not there, or a field is wrong.
pub async fn create(
    context: &Context,
    actor: &Officer,
    label: &str,
    unit_code: &str,
    role: Role,
) -> Result<(Officer, Credential), OfficerError> {
    if !actor.role.administers() {
        return Err(OfficerError::NotAllowed);
    }
    visible_unit(context, actor, unit_code, "unit_code").await?;
    let mut rng = context.rng();
    add(&*context.store, label, unit_code, role, &mut rng).await
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
    rng: &mut impl CryptoRng,
) -> Result<(Officer, Credential), OfficerError> {
    let units = store.units().await?;
    if !units.iter().any(|unit| unit.unit_code == unit_code) {
        return Err(OfficerError::NoSuchUnit { field: "unit_code" });
    }
    add(store, label, unit_code, role, rng).await
}

async fn add(
    store: &dyn Store,
    label: &str,
    unit_code: &str,
    role: Role,
    rng: &mut impl CryptoRng,
) -> Result<(Officer, Credential), OfficerError> {
    check_text("label", label, 64)?;
    let mut id = [0; 8];
    rng.fill_bytes(&mut id);
    let (credential, credential_hash) = Credential::generate(rng);
    let officer = Officer {
        officer_id: data_encoding::HEXLOWER.encode(&id),
        label: label.to_owned(),
        unit_code: unit_code.to_owned(),
        role,
        active: true,
    };
    let new = NewOfficer {
        officer: officer.clone(),
        credential_hash,
    };
    store.add_officer(new).await?;
    Ok((officer, credential))
}

/// Makes an officer's credential useless at once.
///
/// # Errors
/// [`OfficerError`] if the actor may not or there is no such officer in their reach.
pub async fn deactivate(
    context: &Context,
    actor: &Officer,
    officer_id: &str,
) -> Result<(), OfficerError> {
    if !actor.role.administers() {
        return Err(OfficerError::NotAllowed);
    }
    if actor.officer_id == officer_id {
        return Err(OfficerError::OwnAccount);
    }
    let visible = visible_officers(context, actor).await?;
    if !visible
        .iter()
        .any(|officer| officer.officer_id == officer_id)
    {
        return Err(OfficerError::NoSuchOfficer);
    }
    context
        .store
        .deactivate_officer(officer_id.to_owned())
        .await?;
    Ok(())
}

/// Adds a unit below the actor's own or one below that.
///
/// # Errors
/// [`OfficerError`] if the actor may not, the parent is not in reach, the code is taken, or a field is wrong.
pub async fn add_unit(context: &Context, actor: &Officer, unit: Unit) -> Result<(), OfficerError> {
    if !actor.role.administers() {
        return Err(OfficerError::NotAllowed);
    }
    check_text("unit_code", &unit.unit_code, 16)?;
    check_text("name", &unit.name, 128)?;
    let parent = unit.parent_code.as_deref().unwrap_or_default();
    visible_unit(context, actor, parent, "parent_code").await?;
    match context.store.add_unit(unit).await? {
        Added::Added => Ok(()),
        Added::Exists => Err(OfficerError::UnitExists),
    }
}

/// Signing keys and windows are those of the whole deployment: only an administrator of the country may touch them.
///
/// # Errors
/// [`OfficerError::NotAllowed`] for everybody else, [`OfficerError::Store`].
pub async fn may_run_the_deployment(
    context: &Context,
    actor: &Officer,
) -> Result<(), OfficerError> {
    let units = context.store.units().await?;
    let of_country = units
        .iter()
        .any(|unit| unit.unit_code == actor.unit_code && unit.parent_code.is_none());
    if actor.role.administers() && of_country {
        Ok(())
    } else {
        Err(OfficerError::NotAllowed)
    }
}

/// The units that the actor sees: their own and, if their role reaches that far, those below.
///
/// # Errors
/// [`StoreError`] if the store could not look.
pub async fn visible_units(context: &Context, actor: &Officer) -> Result<Vec<Unit>, StoreError> {
    let units = context.store.units().await?;
    let visible = |unit: &&Unit| {
        unit.unit_code == actor.unit_code
            || actor.role.reaches_below() && is_below(&units, unit, &actor.unit_code)
    };
    Ok(units.iter().filter(visible).cloned().collect())
}

/// The officers of the units that the actor sees.
///
/// # Errors
/// [`OfficerError::NotAllowed`] for roles that do not administer, [`OfficerError::Store`].
pub async fn visible_officers(
    context: &Context,
    actor: &Officer,
) -> Result<Vec<Officer>, OfficerError> {
    if !actor.role.administers() {
        return Err(OfficerError::NotAllowed);
    }
    let units = visible_units(context, actor).await?;
    let mut officers = context.store.officers().await?;
    officers.retain(|officer| units.iter().any(|unit| unit.unit_code == officer.unit_code));
    Ok(officers)
}

async fn visible_unit(
    context: &Context,
    actor: &Officer,
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

fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), OfficerError> {
    let length = text.chars().count();
    if length == 0 || length > max || text.chars().any(char::is_control) {
        return Err(OfficerError::Text { field, max });
    }
    Ok(())
}
