//! `truyvet admin retire-key`: the end of an overlap of signing keys.

use std::io::Write;

use anyhow::Context as _;
use data_encoding::HEXLOWER;
use truyvet_crypto::sign::KeyId;
use truyvet_server::{retire, settings::SettingsArgs};

/// Deletes the secret half of a key that is no longer needed.
pub(super) async fn key(
    settings: SettingsArgs,
    key_id: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let bytes = HEXLOWER.decode(key_id.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    let id = KeyId::from_bytes(bytes.context("a key id has 16 hexadecimal digits")?);
    retire::retire_signing_key(&settings, id).await?;
    Ok(writeln!(out, "retired: {id}")?)
}
