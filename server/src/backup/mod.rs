//! Copies of a server that can be taken while it runs, and a server made from such a copy.
//!
//! A backup is a folder:
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | what is in it and the digest of each file; written last |
//! | `truyvet.db` | the database as it was at one moment |
//! | `batches/<digest>.tvb` | every file that the database calls published |
//! | `keys/` | the secret keys, only if asked for |
//!
//! The database is copied first: batch files never change, so that those it names can be copied after it. All is written
//! into a folder aside, synced, and renamed: what is cut short never has the name of a backup.

mod files;
mod later;
mod make;
mod manifest;
mod restore;
mod verify;

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

use truyvet_matching::Region;

pub use later::Taken;
pub use make::{LAST_BACKUP_FILE, Made, make};
pub use manifest::Manifest;
pub use restore::{RESTORING_FILE, Restored, restore};
pub use verify::verify;

use crate::{keys::KeysError, settings::Settings, store::StoreError};

/// Why a backup was not made, not believed or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is something where the backup was to go.
    #[error("{0}: exists already; a backup is never written over anything")]
    Exists(PathBuf),
    /// There is something where the server was to be restored.
    #[error("{0}: is not empty; restore into an empty folder, and move away what is there")]
    NotEmpty(PathBuf),
    /// The database or the batch files are not this machine's.
    #[error(
        "{setting}: {place}: a backup is of files on this machine; this is backed up by its own tools (deploy/backups.md)"
    )]
    Elsewhere {
        /// Which setting says where it is.
        setting: &'static str,
        /// Where.
        place: String,
    },
    /// There is no server's database.
    #[error("{0}: no database here")]
    NoDatabase(PathBuf),
    /// Not what the manifest says.
    #[error("{path}: {reason}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// Made by a later version.
    #[error(
        "the backup's {what} is of version {found}, this program knows up to {known}: restore with the version that made it, or a later one"
    )]
    Newer {
        /// Manifest or schema.
        what: &'static str,
        /// The backup's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Files of batches kept vanishing while they were copied.
    #[error("batch files went away while they were copied; try again")]
    Unsteady,
    /// Two files, or a file and the database, tell two stories of one batch.
    #[error("{region}: batch {sequence} of the later files does not follow from what is before it")]
    Forked {
        /// Whose.
        region: Region,
        /// Which.
        sequence: u64,
    },
    /// Nothing tells a batch of this server's from any other.
    #[error(
        "{0}: no signing keys here; put the server's keys folder there before later batches are taken over"
    )]
    NoKeys(PathBuf),
    /// A server runs there.
    #[error("data_dir: {0}: a server works here")]
    InUse(PathBuf),
    /// The keys cannot be used.
    #[error("keys: {0}")]
    Keys(#[from] KeysError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
}

/// The database and the folder of batch files of a server that has both on this machine.
struct Here<'a> {
    database: &'a Path,
    batches: &'a Path,
}

impl<'a> Here<'a> {
    fn of(settings: &'a Settings) -> Result<Self> {
        let elsewhere = |setting, place: &dyn Display| BackupError::Elsewhere {
            setting,
            place: place.to_string(),
        };
        let (database, batches) = (&settings.database, &settings.batches);
        Ok(Self {
            database: database
                .file()
                .ok_or_else(|| elsewhere("database", database))?,
            batches: batches
                .folder()
                .ok_or_else(|| elsewhere("batches", batches))?,
        })
    }
}

/// Result of what is done with backups.
pub type Result<T> = std::result::Result<T, BackupError>;
