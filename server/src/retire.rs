//! Ends the overlap of two signing keys: the older one's secret half is deleted.

use truyvet_crypto::sign::KeyId;

use crate::{
    keys::{self, KeysError},
    run::{StartError, lock_data_dir},
    settings::Settings,
    store::{StoreError, batches_signed_by},
};

/// Why a key was not retired.
#[derive(Debug, thiserror::Error)]
pub enum RetireError {
    /// Not one of this server's.
    #[error("no signing key {0} here")]
    NoSuchKey(KeyId),
    /// There is no later one.
    #[error("{0} signs what is published now: make a new key first")]
    Current(KeyId),
    /// Phones that were made since could not verify what it signed.
    #[error(
        "{batches} batches that {key} signed can still be downloaded: they go with the retention"
    )]
    InUse {
        /// Which.
        key: KeyId,
        /// How many.
        batches: u64,
    },
    /// A server runs on these keys, or the folder is none.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The keys cannot be used.
    #[error("keys: {0}")]
    Keys(#[from] KeysError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// Deletes a signing key that a later one has replaced, if nothing that phones can download rests on it. No server may
/// run: it would go on signing by it.
///
/// # Errors
/// [`RetireError`]; nothing has changed then.
pub async fn retire_signing_key(settings: &Settings, id: KeyId) -> Result<(), RetireError> {
    let _lock = lock_data_dir(&settings.data_dir)?;
    let keys = keys::signing_key_files(&settings.keys_dir())?;
    let position = keys.iter().position(|(key, _)| *key == id);
    let position = position.ok_or(RetireError::NoSuchKey(id))?;
    if position + 1 == keys.len() {
        return Err(RetireError::Current(id));
    }
    let batches = batches_signed_by(&settings.database, id).await?;
    if batches > 0 {
        return Err(RetireError::InUse { key: id, batches });
    }
    Ok(keys::delete(&keys[position].1)?)
}
