//! SQL of lists of codes to issue.

use rusqlite::{Connection, Row, params, params_from_iter};
use truyvet_crypto::{Day, Timestamp};

use super::{audit, code_lists, codes, database_error};
use crate::{
    audit::{Action, AuditEntry},
    store::{
        CodesAdded, ImportRecord, ImportedLine, IssueLimits, NewCode, NewImport, NewSheet, Result,
        SheetIssued, SheetRecord,
        codes::parse_report_type,
        imports::{SheetRow, lists},
    },
};

pub(super) fn add(connection: &Connection, new: &NewImport, entry: &AuditEntry) -> Result<()> {
    let NewImport { record, lines } = new;
    connection
        .prepare_cached(
            "INSERT INTO code_import (import_id, officer_id, unit_code, created_at, used_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                record.import_id,
                record.officer_id,
                record.unit_code,
                record.created_at.unix_seconds(),
            ])
        })
        .map_err(database_error)?;
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO code_import_line (import_id, sheet, line, report_type, onset_day, region)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .map_err(database_error)?;
    for line in lines {
        insert
            .execute(params![
                record.import_id,
                line.sheet,
                line.line,
                line.report_type.byte(),
                line.onset_day.number(),
                line.region.as_str(),
            ])
            .map_err(database_error)?;
    }
    audit::append(connection, entry)
}

/// As [`lists`] takes them.
const SHEETS: &str =
    "SELECT import_id, code_import.officer_id, code_import.unit_code, created_at, sheet, count(*),
                      min(line), max(line), count(code_import_line.serial), count(redeemed_at)
                      FROM code_import JOIN code_import_line USING (import_id)
                      LEFT JOIN upload_code ON upload_code.serial = code_import_line.serial";

fn row(row: &Row<'_>) -> rusqlite::Result<SheetRow> {
    row.try_into()
}

pub(super) fn by_id(
    connection: &Connection,
    import_id: &str,
) -> Result<Option<(ImportRecord, Vec<SheetRecord>)>> {
    let rows: Vec<SheetRow> = connection
        .prepare_cached(&format!(
            "{SHEETS} WHERE import_id = ?1 GROUP BY sheet ORDER BY sheet"
        ))
        .and_then(|mut statement| statement.query_map([import_id], row)?.collect())
        .map_err(database_error)?;
    Ok(lists(rows)?.pop())
}

pub(super) fn of_units(
    connection: &Connection,
    unit_codes: &[String],
) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>> {
    let places = code_lists::places(unit_codes.len());
    let rows: Vec<SheetRow> = connection
        .prepare(&format!(
            "{SHEETS} WHERE code_import.unit_code IN ({places}) GROUP BY import_id, sheet
             ORDER BY created_at DESC, import_id, sheet"
        ))
        .and_then(|mut statement| {
            statement
                .query_map(params_from_iter(unit_codes), row)?
                .collect()
        })
        .map_err(database_error)?;
    lists(rows)
}

pub(super) fn lines(
    connection: &Connection,
    import_id: &str,
    sheet: u32,
) -> Result<Vec<ImportedLine>> {
    let rows: Vec<(u32, u8, u32, String)> = connection
        .prepare_cached(
            "SELECT line, report_type, onset_day, region FROM code_import_line
             WHERE import_id = ?1 AND sheet = ?2 ORDER BY line",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![import_id, sheet], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(line, report_type, onset_day, region)| {
            Ok(ImportedLine {
                line,
                sheet,
                report_type: parse_report_type(report_type)?,
                onset_day: Day::from_number(onset_day),
                region: codes::parse_region(&region)?,
            })
        })
        .collect()
}

/// A line with a slip, and whether its code was redeemed.
struct Slip {
    line: u32,
    serial: String,
    redeemed: bool,
}

pub(super) fn issue_sheet(
    connection: &Connection,
    new: &NewSheet,
    limits: &IssueLimits,
    entry: &AuditEntry,
) -> Result<SheetIssued> {
    let before = slips(connection, &new.import_id, new.sheet)?;
    if !before.is_empty() && !new.again {
        return Ok(SheetIssued::Before);
    }
    let kept: Vec<(u32, String)> = before
        .iter()
        .filter(|slip| slip.redeemed)
        .map(|slip| (slip.line, slip.serial.clone()))
        .collect();
    let is_kept = |line: u32| kept.iter().any(|(kept, _)| *kept == line);
    let wanted = new.codes.iter().filter(|(line, _)| !is_kept(*line));
    let (lines, codes): (Vec<u32>, Vec<NewCode>) = wanted.cloned().unzip();
    // Before anything is changed: what is refused leaves all as it was.
    let crossed = match codes::add(connection, &codes, limits, entry)? {
        CodesAdded::Added { crossed } => crossed,
        CodesAdded::Exists => return Ok(SheetIssued::Exists),
        CodesAdded::OverQuota { whose, left } => {
            return Ok(SheetIssued::OverQuota { whose, left });
        }
    };
    for slip in before.iter().filter(|slip| !slip.redeemed) {
        let entry = AuditEntry {
            action: Action::CodeRevoked,
            subject: slip.serial.clone(),
            ..entry.clone()
        };
        // Only those that are still there: their retention may have ended before the list's.
        codes::revoke(connection, &slip.serial, &entry)?;
    }
    let mut name = connection
        .prepare_cached(
            "UPDATE code_import_line SET serial = ?4 WHERE import_id = ?1 AND sheet = ?2 AND line = ?3",
        )
        .map_err(database_error)?;
    for (line, code) in lines.iter().zip(&codes) {
        name.execute(params![new.import_id, new.sheet, line, code.serial])
            .map_err(database_error)?;
    }
    used(connection, &new.import_id, entry.at)?;
    Ok(SheetIssued::Issued { kept, crossed })
}

fn slips(connection: &Connection, import_id: &str, sheet: u32) -> Result<Vec<Slip>> {
    connection
        .prepare_cached(
            "SELECT line, code_import_line.serial, redeemed_at IS NOT NULL
             FROM code_import_line LEFT JOIN upload_code ON upload_code.serial = code_import_line.serial
             WHERE import_id = ?1 AND sheet = ?2 AND code_import_line.serial IS NOT NULL ORDER BY line",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![import_id, sheet], |row| {
                    Ok(Slip {
                        line: row.get(0)?,
                        serial: row.get(1)?,
                        redeemed: row.get(2)?,
                    })
                })?
                .collect()
        })
        .map_err(database_error)
}

fn used(connection: &Connection, import_id: &str, at: Timestamp) -> Result<()> {
    connection
        .prepare_cached("UPDATE code_import SET used_at = ?2 WHERE import_id = ?1")
        .and_then(|mut update| update.execute(params![import_id, at.unix_seconds()]))
        .map(drop)
        .map_err(database_error)
}

/// Lists that nobody used since then.
pub(super) fn forget(connection: &Connection, before: Timestamp) -> Result<usize> {
    let stale = "SELECT import_id FROM code_import WHERE used_at < ?1";
    let delete = |sql: &str| {
        connection
            .execute(sql, [before.unix_seconds()])
            .map_err(database_error)
    };
    delete(&format!(
        "DELETE FROM code_import_line WHERE import_id IN ({stale})"
    ))?;
    delete("DELETE FROM code_import WHERE used_at < ?1")
}
