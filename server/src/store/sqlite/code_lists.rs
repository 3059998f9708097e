//! SQL that lists and counts upload codes.

use rusqlite::{Connection, params_from_iter, types::Value};
use truyvet_crypto::Timestamp;

use super::{
    codes::{COLUMNS, CodeRow, record},
    database_error, number,
};
use crate::{
    authorize::CodeState,
    store::{CodeRecord, CodesOf, Issued, Result, StateCounts},
};

pub(super) fn issued(
    connection: &Connection,
    unit_codes: &[String],
    since: Timestamp,
) -> Result<Vec<Issued>> {
    let places = places(unit_codes.len());
    let sql = format!(
        "SELECT unit_code, officer_id, count(*) FROM upload_code
         WHERE issued_at >= ? AND unit_code IN ({places})
         GROUP BY unit_code, officer_id ORDER BY unit_code, officer_id"
    );
    let since = Value::from(since.unix_seconds());
    let units = unit_codes.iter().cloned().map(Value::from);
    let rows: Vec<(String, String, i64)> = connection
        .prepare(&sql)
        .and_then(|mut statement| {
            let values = params_from_iter(std::iter::once(since).chain(units));
            statement.query_map(values, |row| row.try_into())?.collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(unit_code, officer_id, codes)| {
            Ok(Issued {
                unit_code,
                officer_id,
                codes: number("upload_code", codes)?,
            })
        })
        .collect()
}

/// A code's state as a number, at the time `?1`: what `CodeState::of` says.
const STATE: &str = "CASE WHEN redeemed_at IS NOT NULL THEN 2 WHEN revoked THEN 4 \
                     WHEN expires_at <= ?1 THEN 3 ELSE 1 END";

fn state_number(state: CodeState) -> i64 {
    match state {
        CodeState::Issued => 1,
        CodeState::Redeemed => 2,
        CodeState::Expired => 3,
        CodeState::Revoked => 4,
    }
}

pub(super) fn list(connection: &Connection, of: &CodesOf) -> Result<Vec<CodeRecord>> {
    let places = places(of.unit_codes.len());
    let sql = format!(
        "SELECT {COLUMNS} FROM upload_code
         WHERE (?2 = 0 OR {STATE} = ?2)
           AND (issued_at < ?3 OR issued_at = ?3 AND serial > ?4)
           AND unit_code IN ({places})
         ORDER BY issued_at DESC, serial LIMIT {}",
        of.limit
    );
    let (issued_at, serial) = match &of.after {
        Some(after) => (after.issued_at.unix_seconds(), after.serial.as_str()),
        None => (i64::MAX, ""),
    };
    let values = [
        Value::from(of.now.unix_seconds()),
        Value::from(of.state.map_or(0, state_number)),
        Value::from(issued_at),
        Value::from(serial.to_owned()),
    ];
    let units = of.unit_codes.iter().cloned().map(Value::from);
    let rows: Vec<CodeRow> = connection
        .prepare(&sql)
        .and_then(|mut statement| {
            statement
                .query_map(params_from_iter(values.into_iter().chain(units)), |row| {
                    row.try_into()
                })?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter().map(record).collect()
}

pub(super) fn state_counts(connection: &Connection, of: &CodesOf) -> Result<StateCounts> {
    let places = places(of.unit_codes.len());
    let sql = format!(
        "SELECT {STATE}, count(*) FROM upload_code WHERE unit_code IN ({places}) GROUP BY 1"
    );
    let now = Value::from(of.now.unix_seconds());
    let units = of.unit_codes.iter().cloned().map(Value::from);
    let rows: Vec<(i64, i64)> = connection
        .prepare(&sql)
        .and_then(|mut statement| {
            let values = params_from_iter(std::iter::once(now).chain(units));
            statement.query_map(values, |row| row.try_into())?.collect()
        })
        .map_err(database_error)?;
    let count = |state| {
        let found = rows
            .iter()
            .find(|(number, _)| *number == state_number(state));
        number("upload_code", found.map_or(0, |(_, count)| *count))
    };
    Ok(StateCounts {
        issued: count(CodeState::Issued)?,
        redeemed: count(CodeState::Redeemed)?,
        expired: count(CodeState::Expired)?,
        revoked: count(CodeState::Revoked)?,
    })
}

/// `?, ?, ?`: so many.
pub(super) fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
}
