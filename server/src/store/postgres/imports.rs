//! SQL of lists of codes to issue.

use std::collections::HashSet;

use truyvet_crypto::{Day, Timestamp};
use truyvet_matching::Region;

use super::{
    audit, codes,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::{Action, AuditEntry},
    store::{
        CodesAdded, ImportRecord, ImportedLine, IssueLimits, NewCode, NewImport, NewSheet,
        SheetIssued, SheetRecord, codes::parse_report_type, imports::lists,
    },
};

pub(super) async fn add(sql: &Sql<'_>, new: &NewImport, entry: &AuditEntry) -> Result<()> {
    let NewImport { record, lines } = new;
    sql.execute(
        "INSERT INTO code_import (import_id, officer_id, unit_code, created_at, used_at)
         VALUES ($1, $2, $3, $4, $4)",
        &values![
            &record.import_id,
            &record.officer_id,
            &record.unit_code,
            record.created_at,
        ],
    )
    .await?;
    let numbers = |number: fn(&ImportedLine) -> i64| lines.iter().map(number).collect::<Vec<_>>();
    let regions: Vec<&str> = lines.iter().map(|line| line.region.as_str()).collect();
    sql.execute(
        "INSERT INTO code_import_line (import_id, sheet, line, report_type, onset_day, region)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6)",
        &values![
            &record.import_id,
            &numbers(|line| line.sheet.into()),
            &numbers(|line| line.line.into()),
            &numbers(|line| line.report_type.byte().into()),
            &numbers(|line| line.onset_day.number().into()),
            regions,
        ],
    )
    .await?;
    audit::append(sql, entry).await
}

/// As [`lists`] takes them, one row a sheet.
const SHEETS: &str =
    "SELECT code_import.import_id, code_import.officer_id, code_import.unit_code, created_at, sheet, count(*),
            min(line), max(line), count(code_import_line.serial), count(redeemed_at)
     FROM code_import JOIN code_import_line ON code_import_line.import_id = code_import.import_id
     LEFT JOIN upload_code ON upload_code.serial = code_import_line.serial";

pub(super) async fn by_id(
    sql: &Sql<'_>,
    import_id: &str,
) -> Result<Option<(ImportRecord, Vec<SheetRecord>)>> {
    let rows = sql
        .rows(
            &format!(
                "{SHEETS} WHERE code_import.import_id = $1
                 GROUP BY code_import.import_id, sheet ORDER BY sheet"
            ),
            &values![import_id],
        )
        .await?;
    Ok(lists(rows)?.pop())
}

pub(super) async fn of_units(
    sql: &Sql<'_>,
    unit_codes: &[String],
) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>> {
    let rows = sql
        .rows(
            &format!(
                "{SHEETS} WHERE code_import.unit_code = ANY($1)
                 GROUP BY code_import.import_id, sheet
                 ORDER BY created_at DESC, code_import.import_id, sheet"
            ),
            &values![unit_codes],
        )
        .await?;
    Ok(lists(rows)?)
}

pub(super) async fn lines(sql: &Sql<'_>, import_id: &str, sheet: u32) -> Result<Vec<ImportedLine>> {
    let rows: Vec<(u32, u8, Day, Region)> = sql
        .rows(
            "SELECT line, report_type, onset_day, region FROM code_import_line
             WHERE import_id = $1 AND sheet = $2 ORDER BY line",
            &values![import_id, sheet],
        )
        .await?;
    rows.into_iter()
        .map(|(line, report_type, onset_day, region)| {
            Ok(ImportedLine {
                line,
                sheet,
                report_type: parse_report_type(report_type)?,
                onset_day,
                region,
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

impl FromRow for Slip {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let (line, serial, redeemed) = FromRow::from_row(row)?;
        Ok(Self {
            line,
            serial,
            redeemed,
        })
    }
}

pub(super) async fn issue_sheet(
    sql: &Sql<'_>,
    new: &NewSheet,
    limits: &IssueLimits,
    entry: &AuditEntry,
) -> Result<SheetIssued> {
    let before = slips(sql, &new.import_id, new.sheet).await?;
    if !before.is_empty() && !new.again {
        return Ok(SheetIssued::Before);
    }
    let (kept, replaced): (Vec<Slip>, Vec<Slip>) =
        before.into_iter().partition(|slip| slip.redeemed);
    let is_kept = |line: u32| kept.iter().any(|slip| slip.line == line);
    let wanted = new.codes.iter().filter(|(line, _)| !is_kept(*line));
    let (lines, codes): (Vec<i64>, Vec<NewCode>) = wanted
        .map(|(line, code)| (i64::from(*line), code.clone()))
        .unzip();
    // Before anything is changed: what is refused leaves all as it was.
    let crossed = match codes::add(sql, &codes, limits, entry).await? {
        CodesAdded::Added { crossed } => crossed,
        CodesAdded::Exists => return Ok(SheetIssued::Exists),
        CodesAdded::OverQuota { whose, left } => {
            return Ok(SheetIssued::OverQuota { whose, left });
        }
    };
    // Codes, list, lines: in the order in which retention takes them, so that neither waits for the other in a circle.
    if !replaced.is_empty() {
        revoke(sql, &replaced, entry).await?;
    }
    sql.execute(
        "UPDATE code_import SET used_at = $2 WHERE import_id = $1",
        &values![&new.import_id, entry.at],
    )
    .await?;
    let serials: Vec<&str> = codes.iter().map(|code| code.serial.as_str()).collect();
    sql.execute(
        "UPDATE code_import_line SET serial = issued.serial
         FROM unnest($3, $4) AS issued (line, serial)
         WHERE import_id = $1 AND sheet = $2 AND code_import_line.line = issued.line",
        &values![&new.import_id, new.sheet, &lines, serials],
    )
    .await?;
    Ok(SheetIssued::Issued {
        kept: kept
            .into_iter()
            .map(|slip| (slip.line, slip.serial))
            .collect(),
        crossed,
    })
}

async fn slips(sql: &Sql<'_>, import_id: &str, sheet: u32) -> Result<Vec<Slip>> {
    sql.rows(
        "SELECT line, code_import_line.serial, redeemed_at IS NOT NULL
         FROM code_import_line LEFT JOIN upload_code ON upload_code.serial = code_import_line.serial
         WHERE import_id = $1 AND sheet = $2 AND code_import_line.serial IS NOT NULL ORDER BY line",
        &values![import_id, sheet],
    )
    .await
}

/// Withdraws the codes of slips, with a row of the audit each, in the order of the slips.
async fn revoke(sql: &Sql<'_>, slips: &[Slip], entry: &AuditEntry) -> Result<()> {
    let serials: Vec<&str> = slips.iter().map(|slip| slip.serial.as_str()).collect();
    // Only those that are still there: their retention may have ended before the list's.
    let revoked = sql
        .rows(
            "UPDATE upload_code SET revoked = TRUE
             WHERE serial = ANY($1) AND redeemed_at IS NULL AND NOT revoked
             RETURNING serial",
            &values![serials],
        )
        .await?;
    let revoked: HashSet<String> = revoked.into_iter().map(|(serial,)| serial).collect();
    let entries: Vec<AuditEntry> = slips
        .iter()
        .filter(|slip| revoked.contains(&slip.serial))
        .map(|slip| AuditEntry {
            action: Action::CodeRevoked,
            subject: slip.serial.clone(),
            ..entry.clone()
        })
        .collect();
    audit::append_all(sql, &entries).await
}

/// Lists that nobody used since then. They are locked first: one that is used at this moment, on another server, stays whole.
pub(super) async fn forget(sql: &Sql<'_>, before: Timestamp) -> Result<usize> {
    let stale = sql
        .rows(
            "SELECT import_id FROM code_import WHERE used_at < $1 FOR UPDATE",
            &values![before],
        )
        .await?;
    let stale: Vec<String> = stale.into_iter().map(|(import_id,)| import_id).collect();
    sql.execute(
        "DELETE FROM code_import_line WHERE import_id = ANY($1)",
        &values![&stale],
    )
    .await?;
    sql.execute(
        "DELETE FROM code_import WHERE import_id = ANY($1)",
        &values![&stale],
    )
    .await?;
    Ok(stale.len())
}
