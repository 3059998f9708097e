//! Opening the file: for its owner alone, with the settings that were measured, at the newest schema.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rusqlite::Connection;

use super::{database_error, schema};
use crate::store::{Result, StoreError};

/// Prepared statements that a connection keeps: more than the calls of phones and officers have together.
pub(super) const STATEMENTS: usize = 128;

/// Opens a connection that may write, making the file and bringing its schema up to date where needed.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    make_private(path)?;
    let mut connection = Connection::open(path).map_err(database_error)?;
    // Before anything is written: the version that knows this schema must find it as it was.
    schema::refuse_newer(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Measured with eight phones at a time: a key's place is random, so that it costs a page in the log. Pages of
    // 4 KiB take a third of the processor time of pages of 16, of 2 KiB no less (a database that is there keeps its own).
    // NORMAL gains nothing once commits are grouped and loses acknowledged uploads in a power cut. The cache, 16 MB, holds
    // the keys of a window.
    connection
        .execute_batch(
            "PRAGMA page_size = 4096;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA cache_size = -16384;
             PRAGMA foreign_keys = ON;
             PRAGMA busy_timeout = 5000;
             PRAGMA secure_delete = ON;",
        )
        .map_err(database_error)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// SQLite gives its side files the mode of the database: disclosed keys are for the owner alone.
pub(super) fn make_private(path: &Path) -> Result<()> {
    let disk = |error: std::io::Error| StoreError::Disk(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(disk)?;
    }
    // Never opened if it is there: closing it would drop this process's locks on a database that is in use (POSIX).
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(disk(error)),
        _ => fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(disk),
    }
}
