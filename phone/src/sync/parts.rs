//! Files on their way: what was downloaded of a batch so far, kept over restarts.
//!
//! Holds unverified bytes. A part that turns out wrong is thrown away whole.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use truyvet_matching::Digest;

use crate::database::private_file;

/// Where parts are kept.
pub(crate) enum Parts {
    /// As `{digest}.part` in a folder.
    Folder(PathBuf),
    /// For phones without a folder.
    Memory(Mutex<HashMap<Digest, Vec<u8>>>),
}

impl Parts {
    /// Keeps parts in a folder, which it makes first: for this user alone, since the phone's secrets are there too.
    pub(crate) fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
        Ok(Self::Folder(folder.to_owned()))
    }

    /// Keeps parts until dropped.
    pub(crate) fn in_memory() -> Self {
        Self::Memory(Mutex::default())
    }

    /// How many bytes there are of a file.
    pub(super) fn len(&self, digest: Digest) -> io::Result<u64> {
        match self {
            Self::Folder(folder) => match fs::metadata(part(folder, digest)) {
                Ok(metadata) => Ok(metadata.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
                Err(error) => Err(error),
            },
            Self::Memory(parts) => Ok(lock(parts).get(&digest).map_or(0, |part| part.len() as u64)),
        }
    }

    /// Adds the next bytes.
    pub(super) fn append(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                let mut file = private_file().append(true).open(part(folder, digest))?;
                // No sync: a part that a power cut damaged fails verification, and is downloaded again.
                io::Write::write_all(&mut file, bytes)
            }
            Self::Memory(parts) => {
                lock(parts)
                    .entry(digest)
                    .or_default()
                    .extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// All bytes there are.
    pub(super) fn read(&self, digest: Digest) -> io::Result<Vec<u8>> {
        match self {
            Self::Folder(folder) => fs::read(part(folder, digest)),
            Self::Memory(parts) => Ok(lock(parts).get(&digest).cloned().unwrap_or_default()),
        }
    }

    /// Throws a part away, if there is one.
    pub(super) fn discard(&self, digest: Digest) -> io::Result<()> {
        match self {
            Self::Folder(folder) => match fs::remove_file(part(folder, digest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            Self::Memory(parts) => {
                lock(parts).remove(&digest);
                Ok(())
            }
        }
    }

    /// Throws away the parts of files that are not wanted any more, another region's included: it is broken downloads
    /// that leave parts, and those begin anew. Other files in the folder stay.
    pub(super) fn discard_all_but(&self, wanted: &[Digest]) -> io::Result<()> {
        match self {
            Self::Folder(folder) => {
                for entry in fs::read_dir(folder)? {
                    let path = entry?.path();
                    let digest = path
                        .file_stem()
                        .and_then(|name| name.to_str()?.parse().ok());
                    let is_part = path
                        .extension()
                        .is_some_and(|extension| extension == "part");
                    if let Some(digest) = digest.filter(|d| is_part && !wanted.contains(d)) {
                        self.discard(digest)?;
                    }
                }
                Ok(())
            }
            Self::Memory(parts) => {
                lock(parts).retain(|digest, _| wanted.contains(digest));
                Ok(())
            }
        }
    }
}

fn part(folder: &Path, digest: Digest) -> PathBuf {
    folder.join(format!("{digest}.part"))
}

fn lock(parts: &Mutex<HashMap<Digest, Vec<u8>>>) -> MutexGuard<'_, HashMap<Digest, Vec<u8>>> {
    parts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_are_read_and_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("phone.sqlite"), b"stays").unwrap();
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        for parts in [Parts::in_folder(folder.path()).unwrap(), Parts::in_memory()] {
            assert_eq!(parts.len(a).unwrap(), 0);
            parts.discard(a).unwrap();
            parts.append(a, b"one ").unwrap();
            parts.append(a, b"two").unwrap();
            parts.append(b, b"other").unwrap();
            assert_eq!(parts.len(a).unwrap(), 7);
            assert_eq!(parts.read(a).unwrap(), b"one two");
            parts.discard_all_but(&[b]).unwrap();
            assert_eq!((parts.len(a).unwrap(), parts.len(b).unwrap()), (0, 5));
            parts.discard(b).unwrap();
            assert_eq!(parts.len(b).unwrap(), 0);
        }
        assert!(folder.path().join("phone.sqlite").exists());
    }
}
