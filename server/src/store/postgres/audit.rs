//! SQL of the audit.

use super::{
    failure::Result,
    sql::{Column as _, FromRow, Sql, values},
};
use crate::audit::{AuditEntry, AuditFilter, AuditLine, AuditQuery, AuditRow, Head, chain};

/// Adds a row behind the last one, in the transaction of what it tells of.
pub(super) async fn append(sql: &Sql<'_>, entry: &AuditEntry) -> Result<()> {
    append_all(sql, std::slice::from_ref(entry)).await
}

/// Adds rows in order, in one statement: an officer may issue a thousand codes at once.
pub(super) async fn append_all(sql: &Sql<'_>, entries: &[AuditEntry]) -> Result<()> {
    let Head { sequence, mut hash } = head(sql).await?;
    let mut hashes = Vec::with_capacity(entries.len());
    let (mut sequences, mut times) = (Vec::new(), Vec::new());
    for (entry, sequence) in entries.iter().zip(sequence + 1..) {
        hash = chain(&hash, sequence, entry);
        hashes.push(hash);
        sequences.push(i64::try_from(sequence).unwrap_or(i64::MAX));
        times.push(entry.at.unix_seconds());
    }
    let hashes: Vec<&[u8]> = hashes.iter().map(<[u8; 32]>::as_slice).collect();
    let texts = |text: fn(&AuditEntry) -> &str| entries.iter().map(text).collect::<Vec<_>>();
    let options =
        |text: fn(&AuditEntry) -> Option<&str>| entries.iter().map(text).collect::<Vec<_>>();
    sql.execute(
        "INSERT INTO audit (sequence, at, officer_id, key_id, action, unit_code, subject, hash)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)",
        &values![
            &sequences,
            &times,
            options(|entry| entry.officer_id.as_deref()),
            options(|entry| entry.key_id.as_deref()),
            texts(|entry| entry.action.name()),
            texts(|entry| &entry.unit_code),
            texts(|entry| &entry.subject),
            &hashes,
        ],
    )
    .await
    .map(drop)
}

/// As [`AuditRow`] takes them.
const COLUMNS: &str =
    "sequence, at, audit.officer_id, key_id, action, audit.unit_code, subject, hash";

impl FromRow for AuditRow {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let (sequence, at, officer_id, key_id, action, unit_code, subject, hash) =
            FromRow::from_row(row)?;
        Ok(Self {
            sequence,
            at,
            officer_id,
            key_id,
            action,
            unit_code,
            subject,
            hash,
        })
    }
}

impl FromRow for AuditLine {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        Ok(Self {
            row: AuditRow::from_row(row)?,
            officer_label: Option::<String>::read(row, 8)?,
            officer_unit_code: Option::<String>::read(row, 9)?,
        })
    }
}

/// Rows after `after`, oldest first, at most `limit`.
pub(super) async fn rows(sql: &Sql<'_>, after: u64, limit: u32) -> Result<Vec<AuditRow>> {
    sql.rows(
        &format!("SELECT {COLUMNS} FROM audit WHERE sequence > $1 ORDER BY sequence LIMIT $2"),
        &values![after, limit],
    )
    .await
}

pub(super) async fn lines(sql: &Sql<'_>, query: &AuditQuery) -> Result<Vec<AuditLine>> {
    let AuditFilter {
        unit_code: _,
        officer_id,
        action,
        from,
        until,
    } = &query.filter;
    let order = match query.newest_first {
        true => "DESC",
        false => "ASC",
    };
    sql.rows(
        &format!(
            "SELECT {COLUMNS}, officer.label, officer.unit_code
             FROM audit LEFT JOIN officer ON officer.officer_id = audit.officer_id
             WHERE sequence > $1 AND sequence < $2
               AND ($3 IS NULL OR audit.unit_code IN (
                       WITH RECURSIVE within (code) AS (
                           SELECT $3 COLLATE \"C\" UNION SELECT unit_code FROM unit JOIN within ON parent_code = code)
                       SELECT code FROM within))
               AND ($4 IS NULL OR audit.officer_id = $4)
               AND ($5 IS NULL OR action = $5)
               AND ($6 IS NULL OR at >= $6)
               AND ($7 IS NULL OR at < $7)
             ORDER BY sequence {order} LIMIT $8"
        ),
        &values![
            query.after,
            query.before,
            &query.within,
            officer_id,
            action.map(|action| action.name()),
            from.map(|from| from.unix_seconds()),
            until.map(|until| until.unix_seconds()),
            query.limit,
        ],
    )
    .await
}

/// The last row.
pub(super) async fn head(sql: &Sql<'_>) -> Result<Head> {
    let last = sql
        .optional(
            "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
            &[],
        )
        .await?;
    Ok(last.map_or(Head::START, |(sequence, hash)| Head { sequence, hash }))
}
