//! The one SQLite file of a phone: opening, settings, transactions.
//!
//! What the tables mean stands in `schema.sql`; each table is read and written by the module named after its job.

use std::{
    fs,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use truyvet_crypto::Scheme;

/// Written to `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 4;

/// Another process that is just closing the file gets so long.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

/// Settings of every connection:
///
/// - `locking_mode = EXCLUSIVE`, before WAL: one process owns the file, and no shared-memory file is needed (two open
///   files a phone instead of three, which counts when hundreds run in one process).
/// - WAL: one sequential write a commit, kind to flash and battery.
/// - `synchronous = NORMAL`: a power cut may take the last minutes of sightings but never damages the file. Secrets and
///   uploads are written under FULL ([`Database::write_durably`]).
/// - `secure_delete`: what retention deletes is overwritten. [`Database::forget_deleted`] empties the log too.
/// - a cache of 256 KiB: tables are scanned in order, a larger one gains nothing.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -256;
";

/// Why the phone's own file could not be used. Holds no stored value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("phone file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Another process has it open.
    #[error("phone file is in use by another process")]
    InUse,
    /// The folder could not be made, or a downloaded part not be kept.
    #[error("phone folder: {0}")]
    Folder(#[from] std::io::Error),
    /// The file was made for another scheme.
    #[error("phone file is of scheme {found}, expected {expected}")]
    Scheme {
        /// What the phone was opened for.
        expected: Scheme,
        /// What the file is for.
        found: Scheme,
    },
    /// Written by another version of this library.
    #[error("phone file has schema version {0}, this library reads {SCHEMA_VERSION}")]
    Version(i64),
    /// A stored value is not what this library writes.
    #[error("phone file: column {0} is damaged")]
    Damaged(&'static str),
}

/// A phone's file, shared by its tasks. Locked for one closure at a time, so never across an `await`.
pub(crate) struct Database(Mutex<Connection>);

impl Database {
    /// Opens the file, making it first if there is none; for this user alone, since it holds secrets.
    pub(crate) fn open(file: &Path, scheme: Scheme) -> Result<Self, StoreError> {
        // SQLite gives its log the mode of the file.
        private_file().write(true).open(file)?;
        #[cfg(unix)]
        fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Self::prepare(Connection::open(file)?, scheme)
    }

    /// A database that is gone when dropped.
    pub(crate) fn in_memory(scheme: Scheme) -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, scheme)
    }

    fn prepare(mut connection: Connection, scheme: Scheme) -> Result<Self, StoreError> {
        connection.set_prepared_statement_cache_capacity(24);
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch(SETTINGS).map_err(in_use)?;
        let transaction = connection.transaction().map_err(StoreError::from)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match version {
            0 => {
                transaction.execute_batch(include_str!("schema.sql"))?;
                transaction.execute_batch(include_str!("schema-4.sql"))?;
                transaction.execute(
                    "INSERT INTO phone (one, scheme) VALUES (1, ?)",
                    params![scheme.byte()],
                )?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            3 => {
                transaction.execute_batch(include_str!("schema-4.sql"))?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            SCHEMA_VERSION => {}
            other => return Err(StoreError::Version(other)),
        }
        let byte: Option<u8> = transaction
            .query_row("SELECT scheme FROM phone", [], |row| row.get(0))
            .optional()?;
        let found = byte
            .and_then(Scheme::from_byte)
            .ok_or(StoreError::Damaged("phone.scheme"))?;
        transaction.commit()?;
        if found != scheme {
            return Err(StoreError::Scheme {
                expected: scheme,
                found,
            });
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// Reads.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&self.lock())
    }

    /// Writes in one transaction: all of it, or nothing if `work` fails.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        in_transaction(&mut self.lock(), work)
    }

    /// Like [`Self::write`], and on flash before it returns: for what must not be lost once it was sent or broadcast.
    pub(crate) fn write_durably<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.lock();
        set_synchronous(&connection, "FULL")?;
        let result = in_transaction(&mut connection, work);
        set_synchronous(&connection, "NORMAL")?;
        result
    }

    /// Moves the log into the file and empties it: what was deleted is then nowhere.
    pub(crate) fn forget_deleted(&self) -> Result<(), StoreError> {
        self.lock()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// A panic inside a closure rolled its transaction back, so the connection is good.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes files, and those for this user alone, whatever the folder allows.
pub(crate) fn private_file() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn in_transaction<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction().map_err(StoreError::from)?;
    let result = work(&transaction)?;
    transaction.commit().map_err(StoreError::from)?;
    Ok(result)
}

fn set_synchronous(connection: &Connection, level: &str) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "synchronous", level)?)
}

fn in_use(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            StoreError::InUse
        }
        _ => StoreError::Sqlite(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_scheme() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phone.sqlite");
        Database::open(&file, Scheme::Gaen).unwrap();
        Database::open(&file, Scheme::Gaen).unwrap();
        let refused = Database::open(&file, Scheme::Dp3t).err().unwrap();
        assert!(matches!(
            refused,
            StoreError::Scheme {
                found: Scheme::Gaen,
                ..
            }
        ));
    }

    #[test]
    fn a_file_of_the_version_before_is_taken_along() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phone.sqlite");
        drop(Database::open(&file, Scheme::Gaen).unwrap());
        Connection::open(&file)
            .unwrap()
            .execute_batch("DROP TABLE decoy; PRAGMA user_version = 3")
            .unwrap();
        let count = |database: &Database| -> Result<i64, StoreError> {
            database.read(|connection| {
                Ok(connection.query_row("SELECT count(*) FROM decoy", [], |row| row.get(0))?)
            })
        };
        for _ in 0..2 {
            assert_eq!(
                count(&Database::open(&file, Scheme::Gaen).unwrap()).unwrap(),
                0
            );
        }
    }

    #[test]
    fn a_file_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("phone.sqlite");
        let first = Database::open(&file, Scheme::Bluezone).unwrap();
        let refused = Database::open(&file, Scheme::Bluezone).err().unwrap();
        assert!(matches!(refused, StoreError::InUse), "{refused}");
        drop(first);
        Database::open(&file, Scheme::Bluezone).unwrap();
    }

    #[test]
    fn a_failed_write_leaves_nothing() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let failed: Result<(), StoreError> = database.write(|transaction| {
            transaction.execute("INSERT INTO day_secret VALUES (1, x'00')", [])?;
            Err(StoreError::Damaged("nothing"))
        });
        failed.unwrap_err();
        let rows: i64 =
            database
                .read::<_, StoreError>(|connection| {
                    Ok(connection
                        .query_row("SELECT count(*) FROM day_secret", [], |row| row.get(0))?)
                })
                .unwrap();
        assert_eq!(rows, 0);
    }
}
