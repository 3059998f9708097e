//! Makes a server's folder from a backup.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use truyvet_crypto::sign::TrustedKeys;

use super::{
    BackupError, Here, Manifest, Result, Taken,
    files::{at, copy, make_folder, sync_folder, write},
    later, verify,
};
use crate::{
    keys::published_halves,
    run::{StartError, lock_data_dir},
    settings::Settings,
    store::sqlite::{adopt, contents},
};

/// In the data folder while a restore is under way: no server starts on half of one.
pub const RESTORING_FILE: &str = "restoring";

/// A server that was restored.
#[derive(Debug)]
pub struct Restored {
    /// Of the backup.
    pub manifest: Manifest,
    /// What was taken over from later files, by region.
    pub taken: Vec<Taken>,
}

/// Restores a backup into the empty folder of these settings; no server runs there.
///
/// - `published`: a folder with files that the server published after the backup.
///
/// # Errors
/// [`BackupError`]; a server refuses to start on what was begun then.
pub fn restore(settings: &Settings, from: &Path, published: Option<&Path>) -> Result<Restored> {
    let here = Here::of(settings)?;
    let manifest = verify(from)?;
    let _lock = lock_data_dir(&settings.data_dir).map_err(|error| match error {
        StartError::Folder { path, source, .. } => BackupError::File { path, source },
        _ => BackupError::InUse(settings.data_dir.clone()),
    })?;
    refuse_what_is_there(settings, &here, &manifest)?;
    let marker = settings.data_dir.join(RESTORING_FILE);
    write(&marker, b"a restore into this folder was not finished\n")?;
    sync_folder(&settings.data_dir)?;

    for file in &manifest.files {
        let to = place(settings, &here, &file.path);
        let folder = to.parent().expect("inside a folder");
        make_folder(folder)?;
        copy(&from.join(&file.path), &to)?;
        sync_folder(folder)?;
    }
    make_folder(here.batches)?;
    let backup = contents(here.database)?;
    let (later, taken) = match published {
        None => (Vec::new(), Vec::new()),
        Some(folder) => {
            let keys = published_halves(&settings.keys_dir())?;
            if keys.is_empty() {
                return Err(BackupError::NoKeys(settings.keys_dir()));
            }
            let trusted = TrustedKeys::new(keys);
            later::find(folder, &trusted, &backup, settings.clock_tolerance_seconds)?
        }
    };
    for batch in &later {
        copy(
            &batch.path,
            &here.batches.join(format!("{}.tvb", batch.digest)),
        )?;
    }
    sync_folder(here.batches)?;
    adopt(here.database, &later)?;

    fs::remove_file(&marker).map_err(at(&marker))?;
    sync_folder(&settings.data_dir)?;
    Ok(Restored { manifest, taken })
}

/// Where a file of a backup belongs.
fn place(settings: &Settings, here: &Here<'_>, path: &Path) -> PathBuf {
    if path == Path::new("truyvet.db") {
        return here.database.to_owned();
    }
    match path.strip_prefix("batches") {
        Ok(file) => here.batches.join(file),
        Err(_) => settings.data_dir.join(path),
    }
}

fn refuse_what_is_there(settings: &Settings, here: &Here<'_>, manifest: &Manifest) -> Result<()> {
    let (keys_dir, data_dir) = (settings.keys_dir(), &settings.data_dir);
    for entry in fs::read_dir(data_dir).map_err(at(data_dir))? {
        let path = entry.map_err(at(data_dir))?.path();
        let is_lock = path == data_dir.join("lock");
        // Keys that are kept elsewhere may be there first.
        let is_keys = path == keys_dir && !manifest.with_keys;
        let is_folder_of_batches = path == here.batches && is_empty(&path)?;
        if !is_lock && !is_keys && !is_folder_of_batches {
            return Err(BackupError::NotEmpty(data_dir.clone()));
        }
    }
    if here.database.exists() {
        return Err(BackupError::NotEmpty(here.database.to_owned()));
    }
    if !is_empty(here.batches)? {
        return Err(BackupError::NotEmpty(here.batches.to_owned()));
    }
    Ok(())
}

/// Whether there is no such folder, or nothing in it.
fn is_empty(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(at(folder)(error)),
    }
}
