//! Holds a backup against its manifest, and its database against itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    BackupError, Manifest, Result,
    files::{at, measure},
};
use crate::store::sqlite::{check_integrity, contents, newest_schema};

/// Reads all of a backup and checks that it could be restored by this program.
///
/// # Errors
/// [`BackupError`], naming the first file that is not as it must be.
pub fn verify(folder: &Path) -> Result<Manifest> {
    let manifest = Manifest::read(folder)?;
    if manifest.schema_version > newest_schema() {
        return Err(BackupError::Newer {
            what: "schema",
            found: manifest.schema_version,
            known: newest_schema(),
        });
    }
    let damaged = |path: &Path, reason: &str| BackupError::Damaged {
        path: folder.join(path),
        reason: reason.into(),
    };
    let mut listed = BTreeSet::from([PathBuf::from("manifest.json")]);
    for file in &manifest.files {
        let (bytes, sha256) = measure(&folder.join(&file.path))?;
        if (bytes, &sha256) != (file.bytes, &file.sha256) {
            return Err(damaged(
                &file.path,
                "is not as it was when the backup was made",
            ));
        }
        listed.insert(file.path.clone());
    }
    for path in files_in(folder, Path::new(""))? {
        if !listed.contains(&path) {
            return Err(damaged(&path, "was not there when the backup was made"));
        }
    }
    let database = folder.join("truyvet.db");
    check_integrity(&database)?;
    let found = contents(&database)?;
    if found.schema_version != manifest.schema_version {
        return Err(damaged(
            Path::new("truyvet.db"),
            "is of another schema than the manifest says",
        ));
    }
    for (_, batch) in &found.batches {
        let path = PathBuf::from(format!("batches/{}.tvb", batch.digest));
        let entry = manifest.files.iter().find(|file| file.path == path);
        if entry.is_none_or(|entry| entry.sha256 != batch.digest.to_string()) {
            return Err(damaged(&path, "is not the batch that the database names"));
        }
    }
    Ok(manifest)
}

fn files_in(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let here = root.join(folder);
    for entry in fs::read_dir(&here).map_err(at(&here))? {
        let entry = entry.map_err(at(&here))?;
        let path = folder.join(entry.file_name());
        if entry.file_type().map_err(at(&here))?.is_dir() {
            found.extend(files_in(root, &path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
