//! Client keys: bearer credentials with scopes, for hospital systems and the command line.
//!
//! A key is 32 random bytes of which only the hash is stored. It belongs to an account and never does more than that
//! account's role.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use rand::CryptoRng;
use truyvet_crypto::{Timestamp, sha256};
use zeroize::Zeroizing;

use super::{Actor, Officer, OfficerError, Permission, Permissions, check_text, visible_officer};
use crate::{audit::Action, context::Context, store::StoreError};

/// A client key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// Random; names the key.
    pub key_id: String,
    /// Whose it is.
    pub officer_id: String,
    /// What it is for, for instance "hospital-system".
    pub label: String,
    /// The most it may do.
    pub scopes: Permissions,
    /// Full hour.
    pub created_at: Timestamp,
    /// Whether it is good.
    pub active: bool,
}

/// A client key with the hash of its secret.
#[derive(Clone, Debug)]
pub struct NewClientKey {
    /// The key.
    pub key: ClientKey,
    /// SHA-256 of the credential's 32 bytes.
    pub credential_hash: [u8; 32],
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

    /// The text to hand out, once.
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
pub async fn identify(context: &Context, presented: &str) -> Result<Option<Actor>, StoreError> {
    let Some(hash) = Credential::hash(presented) else {
        return Ok(None);
    };
    let found = context.store.officer_by_credential(hash).await?;
    Ok(found.map(|(officer, key)| Actor::with_client_key(officer, key.key_id, key.scopes)))
}

/// Draws a key for an account.
pub(super) fn draw(
    officer: &Officer,
    label: &str,
    scopes: Permissions,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> (NewClientKey, Credential) {
    let mut id = [0; 8];
    rng.fill_bytes(&mut id);
    let (credential, credential_hash) = Credential::generate(rng);
    let key = ClientKey {
        key_id: HEXLOWER.encode(&id),
        officer_id: officer.officer_id.clone(),
        label: label.to_owned(),
        scopes,
        created_at: now.hour_start(),
        active: true,
    };
    let new = NewClientKey {
        key,
        credential_hash,
    };
    (new, credential)
}

/// Makes a client key for an account in the actor's reach.
///
/// # Errors
/// [`OfficerError`] if the actor may not or holds less than the scopes, the role of the account does, or there is no
/// such account.
pub async fn create_client_key(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
    label: &str,
    scopes: Permissions,
) -> Result<(ClientKey, Credential), OfficerError> {
    check_text("label", label, 64)?;
    // A browser that somebody left open must not become a way in for good.
    if actor.key_id.is_none() && actor.officer.officer_id == officer_id {
        return Err(OfficerError::OwnAccount);
    }
    let officer = visible_officer(context, actor, officer_id).await?;
    let grantable = actor.permissions().and(officer.role.permissions());
    if scopes.bits() == 0 || !scopes.within(grantable) || !officer.active {
        return Err(OfficerError::Scopes);
    }
    let now = context.now();
    let (new, credential) = draw(&officer, label, scopes, now, &mut context.rng());
    let key = new.key.clone();
    let entry = actor.entry(
        now,
        Action::ClientKeyCreated,
        &officer.unit_code,
        &key.key_id,
    );
    context.store.add_client_key(new, entry).await?;
    Ok((key, credential))
}

/// The client keys of an account in the actor's reach, oldest first.
///
/// # Errors
/// [`OfficerError`] if the actor may not or there is no such account.
pub async fn client_keys(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
) -> Result<Vec<ClientKey>, OfficerError> {
    let officer = visible_officer(context, actor, officer_id).await?;
    Ok(context.store.client_keys(officer.officer_id).await?)
}

/// Makes a client key useless at once.
///
/// # Errors
/// [`OfficerError`] if the actor may not or there is no such key of that account.
pub async fn revoke_client_key(
    context: &Context,
    actor: &Actor,
    officer_id: &str,
    key_id: &str,
) -> Result<(), OfficerError> {
    actor.must(Permission::KeepOfficers)?;
    let officer = visible_officer(context, actor, officer_id).await?;
    let keys = context.store.client_keys(officer.officer_id).await?;
    if !keys.iter().any(|key| key.key_id == key_id) {
        return Err(OfficerError::NoSuchClientKey);
    }
    let entry = actor.entry(
        context.now(),
        Action::ClientKeyRevoked,
        &officer.unit_code,
        key_id,
    );
    context
        .store
        .revoke_client_key(key_id.to_owned(), entry)
        .await?;
    Ok(())
}
