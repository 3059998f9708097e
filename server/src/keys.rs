//! The server's secret keys: made on first start, kept as files that only their owner may read.
//!
//! | file in `keys/` | what |
//! |---|---|
//! | `signing-<unix seconds>-<key id>.pem` | Ed25519, signs what phones download; the latest signs batches |
//! | `signing-<unix seconds>-<key id>.pub.pem` | its public half |
//! | `public.pem` | the public half of the latest, for new phones and `truyvet batch verify` |
//! | `token.key` | 32 bytes in hex: the blind tokens' key |
//! | `code.key` | 32 bytes in hex: keys the hash of upload codes |
//! | `portal.key` | 32 bytes in hex: what officers sign in with is hashed and encrypted by it |

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use truyvet_crypto::{
    CodeKey, Timestamp, sha256,
    sign::{KeyId, SigningKey, VerifyingKey},
    token::TokenIssuer,
};
use zeroize::Zeroizing;

use crate::sign_in::PortalKey;

/// Why the keys cannot be used. Names files, never their content.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may read a secret key.
    #[error("{0}: readable by others than its owner; run `chmod 600` on it")]
    Exposed(PathBuf),
    /// Not what the file's name promises.
    #[error("{0}: not a key of this kind")]
    Malformed(PathBuf),
}

/// A signing key and when it was made.
#[derive(Debug)]
pub struct DatedSigningKey {
    /// When it was made.
    pub created_at: Timestamp,
    /// The key.
    pub key: SigningKey,
}

/// All secret keys of a server.
pub struct Keys {
    folder: PathBuf,
    /// Oldest first; never empty.
    signing: RwLock<Vec<Arc<DatedSigningKey>>>,
    /// Issues and checks blind tokens.
    pub token_issuer: TokenIssuer,
    /// Keys the hash of upload codes.
    pub code_key: CodeKey,
    /// Hashes and encrypts what officers sign in with.
    pub portal: PortalKey,
}

impl Keys {
    /// Opens the keys in `folder`, making those that are missing.
    ///
    /// # Errors
    /// [`KeysError`] if a file cannot be read or written, is readable by others, or is no key.
    pub fn open(
        folder: &Path,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, KeysError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(at(folder))?;
        let mut signing = read_signing_keys(folder)?;
        if signing.is_empty() {
            signing.push(make_signing_key(folder, now, rng)?);
        }
        let keys = Self {
            folder: folder.to_owned(),
            signing: RwLock::new(signing),
            token_issuer: TokenIssuer::from_seed(&*open_secret(&folder.join("token.key"), rng)?),
            code_key: CodeKey::new(&*open_secret(&folder.join("code.key"), rng)?),
            portal: PortalKey::new(&*open_secret(&folder.join("portal.key"), rng)?),
        };
        keys.write_public()?;
        Ok(keys)
    }

    /// Tells these keys of codes, tokens and sign-ins from others, and nothing of them. Signing keys may differ for a while:
    /// one server has made a new one, the others get it later.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(&[
            &self.code_key.fingerprint(),
            &self.token_issuer.public_key(),
            &self.portal.device_tag(b"fingerprint of the key itself"),
        ])
    }

    /// The signing keys, oldest first; the last one signs batches.
    #[must_use]
    pub fn signing(&self) -> Vec<Arc<DatedSigningKey>> {
        // A writer only ever pushes: a panic cannot leave the list half-changed.
        self.signing
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The key that signs batches from now on.
    #[must_use]
    pub fn current(&self) -> Arc<DatedSigningKey> {
        self.signing().pop().expect("there is always a signing key")
    }

    /// The signing key with this id, if it is still here.
    #[must_use]
    pub fn by_id(&self, id: KeyId) -> Option<Arc<DatedSigningKey>> {
        self.signing()
            .into_iter()
            .find(|dated| dated.key.verifying_key().id() == id)
    }

    /// Makes a new signing key that signs from now on beside those before.
    ///
    /// # Errors
    /// [`KeysError::File`] if it cannot be written; nothing has changed then.
    pub fn rotate(
        &self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Arc<DatedSigningKey>, KeysError> {
        let mut signing = self.signing.write().unwrap_or_else(PoisonError::into_inner);
        // The file names sort by age: a clock that went back must not make the new key an old one.
        let latest = signing.last().map_or(now, |dated| dated.created_at);
        let made = make_signing_key(&self.folder, now.max(latest.plus_seconds(1)), rng)?;
        signing.push(Arc::clone(&made));
        drop(signing);
        // The key is made and signs; the next start writes this again.
        if let Err(error) = self.write_public() {
            tracing::warn!(%error, "the public key file still holds the key before");
        }
        Ok(made)
    }

    /// Looked at on every start: a crash between a rotation's files would leave the older key in it.
    fn write_public(&self) -> Result<(), KeysError> {
        let public = self.current().key.verifying_key().to_pem();
        let path = self.public_key_file();
        if fs::read_to_string(&path).is_ok_and(|written| written == public) {
            return Ok(());
        }
        write_new(&path, 0o644, &public)
    }

    /// Public halves of all signing keys that this server has or had.
    ///
    /// # Errors
    /// [`KeysError`] if the folder cannot be read.
    pub fn published_halves(&self) -> Result<Vec<VerifyingKey>, KeysError> {
        published_halves(&self.folder)
    }

    /// Where the current signing key's public half is.
    #[must_use]
    pub fn public_key_file(&self) -> PathBuf {
        self.folder.join("public.pem")
    }
}

fn stem(dated: &DatedSigningKey) -> String {
    let id = dated.key.verifying_key().id();
    format!("signing-{:011}-{id}", dated.created_at.unix_seconds())
}

fn make_signing_key(
    folder: &Path,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Arc<DatedSigningKey>, KeysError> {
    let made = DatedSigningKey {
        created_at: now,
        key: SigningKey::generate(rng),
    };
    let public = made.key.verifying_key().to_pem();
    write_new(
        &folder.join(format!("{}.pub.pem", stem(&made))),
        0o644,
        &public,
    )?;
    write_new(
        &folder.join(format!("{}.pem", stem(&made))),
        0o600,
        &made.key.to_pem(),
    )?;
    Ok(Arc::new(made))
}

fn read_signing_keys(folder: &Path) -> Result<Vec<Arc<DatedSigningKey>>, KeysError> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(stem) = name
            .strip_prefix("signing-")
            .and_then(|rest| rest.strip_suffix(".pem"))
            .filter(|stem| !stem.ends_with(".pub"))
        else {
            continue;
        };
        let malformed = || KeysError::Malformed(path.clone());
        let created_at = stem
            .split('-')
            .next()
            .and_then(|seconds| seconds.parse().ok())
            .and_then(Timestamp::from_unix_seconds)
            .ok_or_else(malformed)?;
        let key = SigningKey::from_pem(&read_secret(&path)?).map_err(|_| malformed())?;
        keys.push(Arc::new(DatedSigningKey { created_at, key }));
    }
    keys.sort_by_key(|dated| dated.created_at);
    Ok(keys)
}

/// Looks at the keys of a folder as [`Keys::open`] would, making none. Returns how many signing keys there are.
///
/// # Errors
/// [`KeysError`] as for [`Keys::open`].
pub(crate) fn check(folder: &Path) -> Result<usize, KeysError> {
    if !folder.try_exists().map_err(at(folder))? {
        return Ok(0);
    }
    for name in ["token.key", "code.key", "portal.key"] {
        let path = folder.join(name);
        if path.try_exists().map_err(at(&path))? {
            parse_secret(&path)?;
        }
    }
    Ok(read_signing_keys(folder)?.len())
}

/// The signing keys of a folder and their secret files, oldest first.
///
/// # Errors
/// [`KeysError`] as for [`Keys::open`].
pub(crate) fn signing_key_files(folder: &Path) -> Result<Vec<(KeyId, PathBuf)>, KeysError> {
    let keys = read_signing_keys(folder)?;
    let named = |dated: &Arc<DatedSigningKey>| {
        let file = folder.join(format!("{}.pem", stem(dated)));
        (dated.key.verifying_key().id(), file)
    };
    Ok(keys.iter().map(named).collect())
}

/// Deletes a key's file.
///
/// # Errors
/// [`KeysError::File`] if it cannot be.
pub(crate) fn delete(path: &Path) -> Result<(), KeysError> {
    let delete = || {
        fs::remove_file(path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    delete().map_err(at(path))
}

/// The public halves of all signing keys that a folder has or had; none if there is no such folder.
///
/// # Errors
/// [`KeysError`] if a file cannot be read or is no key.
pub(crate) fn published_halves(folder: &Path) -> Result<Vec<VerifyingKey>, KeysError> {
    if !folder.try_exists().map_err(at(folder))? {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.to_string_lossy().ends_with(".pub.pem") {
            let pem = fs::read_to_string(&path).map_err(at(&path))?;
            let key = VerifyingKey::from_pem(&pem);
            keys.push(key.map_err(|_| KeysError::Malformed(path.clone()))?);
        }
    }
    Ok(keys)
}

/// 32 secret bytes from a file of 64 hexadecimal digits, drawn if it does not exist.
fn open_secret(path: &Path, rng: &mut impl CryptoRng) -> Result<Zeroizing<[u8; 32]>, KeysError> {
    // An error is no proof that there is none: a key that phones and codes depend on must not be drawn anew.
    if path.try_exists().map_err(at(path))? {
        return parse_secret(path);
    }
    let mut secret = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *secret);
    let text = Zeroizing::new(HEXLOWER.encode(&*secret));
    write_new(path, 0o600, &text)?;
    Ok(secret)
}

fn parse_secret(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeysError> {
    let mut secret = Zeroizing::new([0; 32]);
    let text = read_secret(path)?;
    let decoded = HEXLOWER.decode(text.trim().as_bytes()).map(Zeroizing::new);
    match decoded {
        Ok(bytes) if bytes.len() == 32 => secret.copy_from_slice(&bytes),
        _ => return Err(KeysError::Malformed(path.to_owned())),
    }
    Ok(secret)
}

/// The text of a file that its owner alone may read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let file = File::open(path).map_err(at(path))?;
    let mode = file.metadata().map_err(at(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeysError::Exposed(path.to_owned()));
    }
    io::read_to_string(file)
        .map(Zeroizing::new)
        .map_err(at(path))
}

/// Writes aside, syncs and renames, so that a crash leaves either no key or a whole one.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), KeysError> {
    let aside = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    write().map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::File { path, source }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn open(folder: &Path, seed: u64) -> Result<Keys, KeysError> {
        let now = Timestamp::from_unix_seconds(1_600_000_000).unwrap();
        Keys::open(folder, now, &mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn keys_are_made_once_and_readable_by_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("keys");
        let made = open(&folder, 1).unwrap();
        let again = open(&folder, 2).unwrap();
        assert_eq!(
            made.current().key.verifying_key(),
            again.current().key.verifying_key()
        );
        assert_eq!(
            made.token_issuer.public_key(),
            again.token_issuer.public_key()
        );
        let mut secret_files = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "public.pem" && !name.ends_with(".pub.pem") {
                assert_eq!(
                    entry.metadata().unwrap().permissions().mode() & 0o777,
                    0o600
                );
                secret_files += 1;
            }
        }
        assert_eq!(secret_files, 4);
    }

    #[test]
    fn a_rotated_key_signs_after_a_restart_too() {
        let dir = tempfile::tempdir().unwrap();
        let keys = open(dir.path(), 1).unwrap();
        let first = keys.current().key.verifying_key();
        // By a clock that went back.
        let rotated = keys
            .rotate(Timestamp::MIN, &mut StdRng::seed_from_u64(3))
            .unwrap();
        let again = open(dir.path(), 2).unwrap();
        assert_eq!(
            again.current().key.verifying_key(),
            rotated.key.verifying_key()
        );
        assert!(again.by_id(first.id()).is_some());
        let public = fs::read_to_string(again.public_key_file()).unwrap();
        assert_eq!(public, rotated.key.verifying_key().to_pem());
    }

    #[test]
    fn exposed_and_broken_key_files_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path(), 1).unwrap());
        let path = dir.path().join("token.key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let Err(KeysError::Exposed(named)) = open(dir.path(), 1) else {
            panic!("opened an exposed key");
        };
        assert_eq!(named, path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for broken in ["", "00", "not hex"] {
            fs::write(&path, broken).unwrap();
            assert!(
                matches!(open(dir.path(), 1), Err(KeysError::Malformed(_))),
                "{broken}"
            );
        }
    }
}
