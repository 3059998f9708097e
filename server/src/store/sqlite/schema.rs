//! Which schema a database has, and bringing it up to date.

use rusqlite::Connection;

use super::database_error;
use crate::store::{Result, StoreError, open::newer_schema};

mod migrations {
    refinery::embed_migrations!("src/store/sqlite/migrations");
}

/// The latest schema that this program knows.
#[must_use]
pub fn newest_schema() -> u32 {
    let known = migrations::migrations::runner();
    let versions = known.get_migrations().iter().map(|step| step.version());
    versions
        .max()
        .map_or(0, |version| version.try_into().unwrap_or_default())
}

/// Of the last migration that was run; `None`: none was.
pub(super) fn schema_version(connection: &Connection) -> Result<Option<u32>> {
    let is_there: bool = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .map_err(database_error)?;
    if !is_there {
        return Ok(None);
    }
    connection
        .query_row(
            "SELECT max(version) FROM refinery_schema_history",
            [],
            |row| row.get(0),
        )
        .map_err(database_error)
}

/// Refuses a database of a later version of this program.
pub(super) fn refuse_newer(connection: &Connection) -> Result<()> {
    match schema_version(connection)? {
        Some(found) if found > newest_schema() => Err(newer_schema(found, newest_schema())),
        _ => Ok(()),
    }
}

/// Runs the migrations that are missing, each in a transaction with the note that it was run: one that is cut short is
/// run again at the next start.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    migrations::migrations::runner()
        .run(connection)
        .map(drop)
        .map_err(|error| StoreError::Database(error.to_string()))
}
