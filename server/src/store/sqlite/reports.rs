//! SQL of units' reports.

use rusqlite::{Connection, params};

use super::{audit, database_error, timestamp};
use crate::{
    audit::AuditEntry,
    figures::{NewReport, ReportKind, SentReport},
    store::{Added, Result},
};

pub(super) fn send(
    connection: &Connection,
    report: &NewReport,
    entry: &AuditEntry,
) -> Result<Added> {
    let added = connection
        .execute(
            "INSERT INTO unit_report (kind, day, unit_code, sent_at, officer_id) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO NOTHING",
            params![
                report.kind.number(),
                report.day,
                report.unit_code,
                report.sent_at.unix_seconds(),
                report.officer_id,
            ],
        )
        .map_err(database_error)?;
    if added == 0 {
        return Ok(Added::Exists);
    }
    audit::append(connection, entry).map(|()| Added::Added)
}

pub(super) fn sent(connection: &Connection, kind: ReportKind, day: u32) -> Result<Vec<SentReport>> {
    let rows: Vec<(String, i64)> = connection
        .prepare_cached(
            "SELECT unit_code, sent_at FROM unit_report WHERE kind = ?1 AND day = ?2 ORDER BY unit_code",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![kind.number(), day], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(unit_code, sent_at)| {
            Ok(SentReport {
                unit_code,
                sent_at: timestamp("unit_report.sent_at", sent_at)?,
            })
        })
        .collect()
}
