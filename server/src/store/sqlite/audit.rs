//! SQL of the audit.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{bytes, database_error, inconsistent, number, timestamp};
use crate::{
    audit::{Action, AuditEntry, AuditRow, chain},
    store::Result,
};

/// Adds a row behind the last one, in the transaction of what it tells of.
pub(super) fn append(connection: &Connection, entry: &AuditEntry) -> Result<()> {
    let last: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .and_then(|mut statement| statement.query_row([], |row| row.try_into()).optional())
        .map_err(database_error)?;
    let (sequence, previous) = match last {
        Some((sequence, hash)) => (sequence + 1, bytes("audit.hash", &hash)?),
        None => (1, [0; 32]),
    };
    let hash = chain(&previous, number("audit.sequence", sequence)?, entry);
    connection
        .prepare_cached(
            "INSERT INTO audit (sequence, at, officer_id, key_id, action, unit_code, subject, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                sequence,
                entry.at.unix_seconds(),
                entry.officer_id,
                entry.key_id,
                entry.action.name(),
                entry.unit_code,
                entry.subject,
                hash,
            ])
        })
        .map(drop)
        .map_err(database_error)
}

/// Adds rows in order.
pub(super) fn append_all(connection: &Connection, entries: &[AuditEntry]) -> Result<()> {
    entries
        .iter()
        .try_for_each(|entry| append(connection, entry))
}

/// Rows after `after`, oldest first, at most `limit`.
pub(super) fn rows(connection: &Connection, after: i64, limit: u32) -> Result<Vec<AuditRow>> {
    type Row = (
        i64,
        i64,
        Option<String>,
        Option<String>,
        String,
        String,
        String,
        Vec<u8>,
    );
    let rows: Vec<Row> = connection
        .prepare_cached(
            "SELECT sequence, at, officer_id, key_id, action, unit_code, subject, hash
             FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![after, limit], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(
            |(sequence, at, officer_id, key_id, action, unit_code, subject, hash)| {
                Ok(AuditRow {
                    sequence: number("audit.sequence", sequence)?,
                    entry: AuditEntry {
                        at: timestamp("audit.at", at)?,
                        officer_id,
                        key_id,
                        action: Action::from_name(&action)
                            .ok_or_else(|| inconsistent("audit.action"))?,
                        unit_code,
                        subject,
                    },
                    hash: bytes("audit.hash", &hash)?,
                })
            },
        )
        .collect()
}
