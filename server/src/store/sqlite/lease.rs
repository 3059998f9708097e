//! SQL of the lease: one server publishes at a time, and what another still wants to publish is refused.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{database_error, integer, number};
use crate::store::{Lease, Result, StoreError};

/// There is one, for all regions.
const NAME: &str = "publish";

pub(super) fn take(connection: &Connection, holder: &str, seconds: u32) -> Result<Option<Lease>> {
    let granted: Option<i64> = connection
        .prepare_cached(
            "INSERT INTO lease (name, holder, fencing, expires_at) VALUES (?1, ?2, 1, unixepoch('subsec') + ?3)
             ON CONFLICT DO UPDATE
             SET holder = excluded.holder, fencing = fencing + 1, expires_at = excluded.expires_at
             WHERE holder = excluded.holder OR expires_at <= unixepoch('subsec')
             RETURNING fencing",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![NAME, holder, seconds], |row| row.get(0))
                .optional()
        })
        .map_err(database_error)?;
    granted
        .map(|fencing| {
            Ok(Lease {
                holder: holder.to_owned(),
                fencing: number("lease.fencing", fencing)?,
            })
        })
        .transpose()
}

/// False: another server has it.
pub(super) fn renew(connection: &Connection, lease: &Lease, seconds: u32) -> Result<bool> {
    connection
        .prepare_cached(
            "UPDATE lease SET expires_at = unixepoch('subsec') + ?4
             WHERE name = ?1 AND holder = ?2 AND fencing = ?3",
        )
        .and_then(|mut statement| {
            statement.execute(params![NAME, lease.holder, integer(lease.fencing), seconds])
        })
        .map(|renewed| renewed > 0)
        .map_err(database_error)
}

/// Anybody may take it from now on.
pub(super) fn end(connection: &Connection, lease: &Lease) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE lease SET expires_at = 0 WHERE name = ?1 AND holder = ?2 AND fencing = ?3",
        )
        .and_then(|mut statement| {
            statement.execute(params![NAME, lease.holder, integer(lease.fencing)])
        })
        .map(drop)
        .map_err(database_error)
}

/// Refuses what comes with a lease that another has been granted since.
pub(super) fn check(connection: &Connection, lease: &Lease) -> Result<()> {
    let held: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lease WHERE name = ?1 AND holder = ?2 AND fencing = ?3)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![NAME, lease.holder, integer(lease.fencing)], |row| {
                row.get(0)
            })
        })
        .map_err(database_error)?;
    if held {
        Ok(())
    } else {
        Err(StoreError::LeaseLost)
    }
}
