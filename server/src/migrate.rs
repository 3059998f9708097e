//! Moves a server from SQLite into PostgreSQL while none runs: its batch files, its rows, then the old file out of the way.
//!
//! Everything is compared with what it was made from before it counts. Keys stay where they are.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use truyvet_matching::Digest;

use crate::{
    backup::RESTORING_FILE,
    batch_store::BatchStore,
    download::batch_path,
    run::{StartError, lock_data_dir},
    settings::{Batches, PostgresPlace, Settings},
    store::{
        migrate::{self, MigrateError},
        sqlite,
    },
};

/// A server that was moved.
#[derive(Debug)]
pub struct Moved {
    /// How many rows of each table were copied.
    pub rows: Vec<(&'static str, u64)>,
    /// How many batch files were copied; `None`: they stay where they are.
    pub files: Option<u64>,
    /// Where the old database is now. An error: it is still where it was, and no server may start on it.
    pub set_aside: io::Result<PathBuf>,
}

/// Why a server was not moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// It is in a database already.
    #[error("from: {0}: only a database in a SQLite file is moved")]
    NotAFile(String),
    /// Batch files are in a bucket already.
    #[error("from_batches: {0}: batch files are copied out of a folder")]
    NotAFolder(String),
    /// There is something where the old database would be put aside.
    #[error("{0}: exists already; move it away first")]
    InTheWay(PathBuf),
    /// A server runs there, or the folder is none.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A published file cannot be read.
    #[error("batch file {digest}: {source}")]
    File {
        /// Its name.
        digest: Digest,
        /// Why.
        source: io::Error,
    },
    /// A file is not what its name says.
    #[error("batch file {digest}: {place} has another file under this name than was published")]
    WrongFile {
        /// Its name.
        digest: Digest,
        /// Where it is.
        place: String,
    },
    /// The batch store cannot be opened or written.
    #[error("to_batches: {0}")]
    Objects(#[from] object_store::Error),
    /// The rows were not taken along.
    #[error(transparent)]
    Rows(#[from] MigrateError),
}

/// Moves a server out of the SQLite file of its settings. No server may run there, also not with other settings.
///
/// - `to`: an empty database.
/// - `batches`: where to copy the batch files; `None`: they stay where they are.
///
/// # Errors
/// [`MoveError`]; the server can go on where it was then. Batch files that were copied stay: a further try finds them.
pub async fn migrate_store(
    settings: &Settings,
    to: &PostgresPlace,
    batches: Option<&Batches>,
) -> Result<Moved, MoveError> {
    let database = settings.database.file();
    let database = database.ok_or_else(|| MoveError::NotAFile(settings.database.to_string()))?;
    let aside = with_end(database, ".moved");
    if fs::symlink_metadata(&aside).is_ok() {
        return Err(MoveError::InTheWay(aside));
    }
    let _lock = lock_data_dir(&settings.data_dir)?;
    if settings.data_dir.join(RESTORING_FILE).exists() {
        return Err(StartError::HalfRestored(settings.data_dir.clone()).into());
    }
    migrate::check(database, to).await?;
    let files = match batches {
        None => None,
        Some(batches) => Some(copy_files(settings, database, batches).await?),
    };
    let migrated = migrate::migrate(database, to).await?;
    Ok(Moved {
        rows: migrated.rows,
        files,
        set_aside: set_aside(database, &aside).map(|()| aside),
    })
}

/// Copies every file that an index may name. Returns how many there are.
async fn copy_files(settings: &Settings, database: &Path, to: &Batches) -> Result<u64, MoveError> {
    let from = settings.batches.folder();
    let from = from.ok_or_else(|| MoveError::NotAFolder(settings.batches.to_string()))?;
    let store = BatchStore::open(&Settings {
        batches: to.clone(),
        ..settings.clone()
    })?;
    let digests = sqlite::published_digests(database).map_err(MigrateError::Source)?;
    for &digest in &digests {
        let file = tokio::fs::read(from.join(format!("{digest}.tvb"))).await;
        let file = file.map_err(|source| MoveError::File { digest, source })?;
        refuse_other(digest, &file, &settings.batches)?;
        store.put_file(digest, Bytes::from(file)).await?;
        // Also what was there before under this name.
        let there = store
            .files()
            .get(&batch_path(digest))
            .await?
            .bytes()
            .await?;
        refuse_other(digest, &there, to)?;
    }
    Ok(digests.len() as u64)
}

fn refuse_other(digest: Digest, file: &[u8], place: &Batches) -> Result<(), MoveError> {
    if Digest::of(file) == digest {
        return Ok(());
    }
    Err(MoveError::WrongFile {
        digest,
        place: place.to_string(),
    })
}

/// Gives the old database another name: a server that was started on it by mistake would publish a second history.
fn set_aside(database: &Path, aside: &Path) -> io::Result<()> {
    fs::rename(database, aside)?;
    // Whoever closed it last removed these, unless it was cut short.
    for end in ["-wal", "-shm"] {
        match fs::rename(with_end(database, end), with_end(aside, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let folder = match database.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_left_beside_the_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("truyvet.db");
        let aside = with_end(&database, ".moved");
        for end in ["", "-wal"] {
            fs::write(with_end(&database, end), end).unwrap();
        }
        set_aside(&database, &aside).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["truyvet.db.moved", "truyvet.db.moved-wal"]);
        set_aside(&database, &aside).unwrap_err();
    }
}
