//! What a backup says about itself.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{BackupError, Result, files::at};

/// The form of manifests that this program writes, and the latest that it reads.
const FORMAT: u32 = 1;

/// What is in a backup. Guards against damage, not against whoever may write into the folder.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// Form of this manifest.
    pub format: u32,
    /// Which program made it.
    pub made_by: String,
    /// Unix seconds.
    pub made_at: i64,
    /// Of the database.
    pub schema_version: u32,
    /// From when on the server itself has forgotten some of what is in here, Unix seconds; none: there is nothing to forget.
    pub forgets_from: Option<i64>,
    /// When the server itself has forgotten all of what is in here but officers, units and the audit, Unix seconds.
    pub delete_by: i64,
    /// Whether the secret keys are in it.
    pub with_keys: bool,
    /// By path.
    pub files: Vec<ManifestFile>,
}

/// A file of a backup.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct ManifestFile {
    /// From the backup's folder.
    pub path: PathBuf,
    /// Length.
    pub bytes: u64,
    /// 64 lower-case hex digits.
    pub sha256: String,
}

impl Manifest {
    pub(super) const FORMAT: u32 = FORMAT;

    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join("manifest.json")
    }

    /// Reads a backup's manifest; believes nothing of it yet.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = Self::path(folder);
        let text = fs::read(&path).map_err(at(&path))?;
        let damaged = |reason: String| BackupError::Damaged {
            path: path.clone(),
            reason,
        };
        let format = serde_json::from_slice::<serde_json::Value>(&text)
            .map_err(|error| damaged(error.to_string()))?["format"]
            .as_u64();
        match format.and_then(|format| u32::try_from(format).ok()) {
            Some(FORMAT) => {}
            Some(found) if found > FORMAT => {
                return Err(BackupError::Newer {
                    what: "manifest",
                    found,
                    known: FORMAT,
                });
            }
            _ => return Err(damaged("no manifest of a backup".into())),
        }
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        for file in &manifest.files {
            // Never out of the folder, wherever the backup comes from.
            let inside = file
                .path
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !inside || file.path.as_os_str().is_empty() {
                return Err(damaged(format!("{:?} is no path inside it", file.path)));
            }
        }
        Ok(manifest)
    }
}
