//! Copies files so that they are on disk, for their owner alone, and known by their digest.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use data_encoding::HEXLOWER;
use ring::digest;

use super::{BackupError, Result};

const PIECE_BYTES: usize = 1 << 16;

/// Length in bytes and SHA-256, in 64 lower-case hex digits.
pub(super) type Measured = (u64, String);

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}

/// Reads a whole file.
pub(super) fn measure(path: &Path) -> Result<Measured> {
    let mut file = File::open(path).map_err(at(path))?;
    pass(&mut file, &mut io::sink()).map_err(at(path))
}

/// Copies into a new file that its owner alone may read, and syncs it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<Measured> {
    let mut source = File::open(from).map_err(at(from))?;
    let mut target = create(to).map_err(at(to))?;
    let measured = pass(&mut source, &mut target).map_err(at(to))?;
    target.sync_all().map_err(at(to))?;
    Ok(measured)
}

/// Writes a new file that its owner alone may read, and syncs it.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let write = || {
        let mut file = create(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(at(path))
}

/// Makes a folder, and those above it, for their owner alone.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(at(path))
}

/// Makes names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(at(path))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn pass(from: &mut File, to: &mut impl io::Write) -> io::Result<Measured> {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, HEXLOWER.encode(hash.finish().as_ref())));
        }
        hash.update(&piece[..read]);
        to.write_all(&piece[..read])?;
        bytes += read as u64;
    }
}
