//! Makes a backup of a server, which may go on meanwhile.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use truyvet_crypto::Timestamp;

use super::{
    BackupError, Here, Manifest, Result,
    files::{at, copy, make_folder, measure, sync_folder, write},
    manifest::ManifestFile,
};
use crate::{
    settings::Settings,
    store::sqlite::{Contents, contents, snapshot},
};

/// In the data folder: when the last backup was made, in Unix seconds.
pub const LAST_BACKUP_FILE: &str = "last-backup";

/// How often a moment is looked for at which no named file goes away.
const TRIES: u32 = 3;

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What is in it.
    pub manifest: Manifest,
    /// Why the server will not know of it, if it will not.
    pub not_noted: Option<BackupError>,
}

/// Makes a backup of the server with these settings in the new folder `to`.
///
/// # Errors
/// [`BackupError`]; there is no folder of that name then.
pub fn make(settings: &Settings, to: &Path, with_keys: bool, now: Timestamp) -> Result<Made> {
    let here = Here::of(settings)?;
    if !here.database.is_file() {
        return Err(BackupError::NoDatabase(here.database.to_owned()));
    }
    refuse_existing(to)?;
    let parent = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(parent)?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    // For its owner alone; deleted again unless it becomes the backup.
    let aside = tempfile::Builder::new()
        .prefix(&format!(".{name}.partial-"))
        .tempdir_in(parent)
        .map_err(at(parent))?;
    let mut collected = Collected {
        folder: aside.path(),
        files: Vec::new(),
    };
    let found = collected.database_and_batches(&here)?;
    if with_keys {
        collected.keys(&settings.keys_dir())?;
    }
    let manifest = collected.manifest(settings, &found, with_keys, now);
    let text = serde_json::to_vec_pretty(&manifest).expect("numbers, texts and lists of them");
    write(&Manifest::path(aside.path()), &text)?;
    sync_folder(aside.path())?;
    refuse_existing(to)?;
    fs::rename(aside.path(), to).map_err(at(to))?;
    // Its name is gone: there is nothing left to delete.
    drop(aside.keep());
    sync_folder(parent)?;
    Ok(Made {
        manifest,
        not_noted: note(&settings.data_dir, now).err(),
    })
}

fn refuse_existing(to: &Path) -> Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(BackupError::Exists(to.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(to)(error)),
    }
}

/// Says in the data folder when the last backup was made, for the server to tell.
fn note(data_dir: &Path, now: Timestamp) -> Result<()> {
    let path = data_dir.join(LAST_BACKUP_FILE);
    let aside = data_dir.join(format!("{LAST_BACKUP_FILE}.new"));
    if let Err(error) = fs::remove_file(&aside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(at(&aside)(error));
    }
    write(&aside, now.unix_seconds().to_string().as_bytes())?;
    fs::rename(&aside, &path).map_err(at(&path))?;
    sync_folder(data_dir)
}

/// What has been copied so far.
struct Collected<'a> {
    folder: &'a Path,
    files: Vec<ManifestFile>,
}

impl Collected<'_> {
    /// The database as it is at one moment, and the files that it names. If retention takes one before it is copied, the
    /// moment was a bad one, and the next is taken.
    fn database_and_batches(&mut self, here: &Here<'_>) -> Result<Contents> {
        let database = self.folder.join("truyvet.db");
        let batches = self.folder.join("batches");
        for _ in 0..TRIES {
            snapshot(here.database, &database)?;
            let found = contents(&database)?;
            make_folder(&batches)?;
            if self.batches(here, &found)? {
                let (bytes, sha256) = measure(&database)?;
                self.add("truyvet.db".into(), bytes, sha256);
                sync_folder(&batches)?;
                return Ok(found);
            }
            self.files.clear();
            fs::remove_file(&database).map_err(at(&database))?;
            fs::remove_dir_all(&batches).map_err(at(&batches))?;
        }
        Err(BackupError::Unsteady)
    }

    /// False: one is gone.
    fn batches(&mut self, here: &Here<'_>, found: &Contents) -> Result<bool> {
        for (_, batch) in &found.batches {
            let name = format!("{}.tvb", batch.digest);
            let from = here.batches.join(&name);
            let inside = Path::new("batches").join(&name);
            if self.files.iter().any(|file| file.path == inside) {
                continue;
            }
            let (bytes, sha256) = match copy(&from, &self.folder.join(&inside)) {
                Err(BackupError::File { path, source })
                    if path == from && source.kind() == io::ErrorKind::NotFound =>
                {
                    return Ok(false);
                }
                copied => copied?,
            };
            if sha256 != batch.digest.to_string() {
                return Err(BackupError::Damaged {
                    path: from,
                    reason: "is not the file that was published under this name".into(),
                });
            }
            self.add(inside, bytes, sha256);
        }
        Ok(true)
    }

    fn keys(&mut self, keys: &Path) -> Result<()> {
        let to = self.folder.join("keys");
        make_folder(&to)?;
        for entry in fs::read_dir(keys).map_err(at(keys))? {
            let entry = entry.map_err(at(keys))?;
            let name = entry.file_name();
            // What a crash left behind of a key that was never in use.
            if Path::new(&name).extension().is_some_and(|end| end == "new") {
                continue;
            }
            let (bytes, sha256) = copy(&entry.path(), &to.join(&name))?;
            self.add(Path::new("keys").join(&name), bytes, sha256);
        }
        sync_folder(&to)
    }

    fn add(&mut self, path: PathBuf, bytes: u64, sha256: String) {
        self.files.push(ManifestFile {
            path,
            bytes,
            sha256,
        });
    }

    fn manifest(
        &self,
        settings: &Settings,
        found: &Contents,
        with_keys: bool,
        now: Timestamp,
    ) -> Manifest {
        let retention_seconds = i64::from(settings.retention_days) * 86_400;
        let mut files = self.files.clone();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Manifest {
            format: Manifest::FORMAT,
            made_by: concat!("truyvet ", env!("CARGO_PKG_VERSION")).into(),
            made_at: now.unix_seconds(),
            schema_version: found.schema_version,
            forgets_from: found
                .oldest_day
                .map(|day| day.start().unix_seconds() + 86_400 + retention_seconds),
            // Keys of today, tokens and codes: a code may live a week before its retention begins.
            delete_by: now.unix_seconds()
                + retention_seconds
                + i64::from(settings.code_valid_hours + 1) * 3_600
                + 86_400,
            with_keys,
            files,
        }
    }
}
