//! SQL of the audit.

use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter, types::Value};

use super::{bytes, database_error, integer, number};
use crate::{
    audit::{AuditEntry, AuditFilter, AuditLine, AuditQuery, AuditRow, Head, chain},
    store::Result,
};

/// Adds a row behind the last one, in the transaction of what it tells of.
pub(super) fn append(connection: &Connection, entry: &AuditEntry) -> Result<()> {
    let before = head(connection)?;
    let sequence = before.sequence + 1;
    let hash = chain(&before.hash, sequence, entry);
    connection
        .prepare_cached(
            "INSERT INTO audit (sequence, at, officer_id, key_id, action, unit_code, subject, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                integer(sequence),
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

/// As [`row`] takes them.
const COLUMNS: &str =
    "sequence, at, audit.officer_id, key_id, action, audit.unit_code, subject, hash";

fn row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        // Rows before the first are never asked for.
        sequence: row.get::<_, i64>(0)?.unsigned_abs(),
        at: row.get(1)?,
        officer_id: row.get(2)?,
        key_id: row.get(3)?,
        action: row.get(4)?,
        unit_code: row.get(5)?,
        subject: row.get(6)?,
        hash: row.get(7)?,
    })
}

/// Rows after `after`, oldest first, at most `limit`.
pub(super) fn rows(connection: &Connection, after: i64, limit: u32) -> Result<Vec<AuditRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"
        ))
        .and_then(|mut statement| statement.query_map(params![after, limit], row)?.collect())
        .map_err(database_error)
}

pub(super) fn lines(connection: &Connection, query: &AuditQuery) -> Result<Vec<AuditLine>> {
    let AuditFilter {
        unit_code: _,
        officer_id,
        action,
        from,
        until,
    } = &query.filter;
    let mut sql = format!(
        "SELECT {COLUMNS}, officer.label, officer.unit_code
         FROM audit LEFT JOIN officer ON officer.officer_id = audit.officer_id
         WHERE sequence > ?1 AND sequence < ?2"
    );
    let mut values: Vec<Value> = vec![integer(query.after).into(), integer(query.before).into()];
    let mut also = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(" AND ");
            sql.push_str(&condition.replace('?', &format!("?{}", values.len())));
        }
    };
    also(
        "audit.unit_code IN (
             WITH RECURSIVE within (code) AS (
                 SELECT ? UNION SELECT unit_code FROM unit JOIN within ON parent_code = code)
             SELECT code FROM within)",
        query.within.clone().map(Value::from),
    );
    also("audit.officer_id = ?", officer_id.clone().map(Value::from));
    also(
        "action = ?",
        action.map(|action| action.name().to_owned().into()),
    );
    also("at >= ?", from.map(|from| from.unix_seconds().into()));
    also("at < ?", until.map(|until| until.unix_seconds().into()));
    sql.push_str(match query.newest_first {
        true => " ORDER BY sequence DESC",
        false => " ORDER BY sequence",
    });
    sql.push_str(&format!(" LIMIT {}", query.limit));
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_map(params_from_iter(values), |found| {
                    Ok(AuditLine {
                        row: row(found)?,
                        officer_label: found.get(8)?,
                        officer_unit_code: found.get(9)?,
                    })
                })?
                .collect()
        })
        .map_err(database_error)
}

pub(super) fn head(connection: &Connection) -> Result<Head> {
    let last: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
        .and_then(|mut statement| statement.query_row([], |row| row.try_into()).optional())
        .map_err(database_error)?;
    match last {
        Some((sequence, hash)) => Ok(Head {
            sequence: number("audit.sequence", sequence)?,
            hash: bytes("audit.hash", &hash)?,
        }),
        None => Ok(Head::START),
    }
}
