//! SQL of what became of codes, counted.

use std::ops::RangeInclusive;

use rusqlite::{Connection, Row, params_from_iter, types::Value};
use truyvet_crypto::Timestamp;

use super::{database_error, inconsistent, number};
use crate::store::{CodeCounts, CodeTallies, Result, codes::seconds_of_days};

pub(super) fn tallies(
    connection: &Connection,
    unit_codes: &[String],
    days: &RangeInclusive<u32>,
    utc_offset_seconds: i32,
    now: Timestamp,
) -> Result<CodeTallies> {
    let offset = i64::from(utc_offset_seconds);
    let [from, until] = seconds_of_days(days, utc_offset_seconds);
    let query = Query {
        connection,
        unit_codes,
        numbers: [offset, now.unix_seconds(), from, until],
    };
    let counts: Vec<(String, u32, [i64; 4])> = query.rows(
        "SELECT unit_code, (issued_at + ?1) / 86400,
                count(*),
                count(redeemed_at),
                sum(redeemed_at IS NULL AND revoked = 1),
                sum(redeemed_at IS NULL AND revoked = 0 AND expires_at <= ?2)
         FROM upload_code
         WHERE issued_at >= ?3 AND issued_at < ?4 AND unit_code IN (UNITS)
         GROUP BY 1, 2",
        |row| {
            let counts = [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?];
            Ok((row.get(0)?, row.get(1)?, counts))
        },
    )?;
    let redeemed_after: Vec<(String, u32, i64, i64)> = query.rows(
        "SELECT unit_code, (issued_at + ?1) / 86400, max(redeemed_at - issued_at, 0) / 3600, count(*)
         FROM upload_code
         WHERE issued_at >= ?3 AND issued_at < ?4 AND redeemed_at IS NOT NULL AND unit_code IN (UNITS)
         GROUP BY 1, 2, 3",
        |row| row.try_into(),
    )?;
    let open_since: Vec<(String, i64, i64)> = query.rows(
        "SELECT unit_code, max(?2 - issued_at, 0) / 3600, count(*)
         FROM upload_code
         WHERE redeemed_at IS NULL AND revoked = 0 AND expires_at > ?2 AND unit_code IN (UNITS)
         GROUP BY 1, 2",
        |row| row.try_into(),
    )?;
    let count = |value| number("upload_code", value);
    let hours = |value| u32::try_from(value).map_err(|_| inconsistent("upload_code"));
    Ok(CodeTallies {
        counts: counts
            .into_iter()
            .map(|(unit, day, [issued, redeemed, revoked, expired])| {
                let counts = CodeCounts {
                    issued: count(issued)?,
                    redeemed: count(redeemed)?,
                    revoked: count(revoked)?,
                    expired: count(expired)?,
                };
                Ok((unit, day, counts))
            })
            .collect::<Result<_>>()?,
        redeemed_after: redeemed_after
            .into_iter()
            .map(|(unit, day, taken, codes)| Ok((unit, day, hours(taken)?, count(codes)?)))
            .collect::<Result<_>>()?,
        open_since: open_since
            .into_iter()
            .map(|(unit, age, codes)| Ok((unit, hours(age)?, count(codes)?)))
            .collect::<Result<_>>()?,
    })
}

/// Queries of one form: four numbers, which a query need not use, then the units.
struct Query<'a> {
    connection: &'a Connection,
    unit_codes: &'a [String],
    /// Offset, now, from, until.
    numbers: [i64; 4],
}

impl Query<'_> {
    fn rows<T>(&self, sql: &str, row: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>> {
        let first = self.numbers.len() + 1;
        let places: Vec<String> = (first..first + self.unit_codes.len())
            .map(|number| format!("?{number}"))
            .collect();
        let sql = sql.replace("UNITS", &places.join(", "));
        let numbers = self.numbers.into_iter().map(Value::from);
        let units = self.unit_codes.iter().cloned().map(Value::from);
        self.connection
            .prepare(&sql)
            .and_then(|mut statement| {
                let values = params_from_iter(numbers.chain(units));
                statement.query_map(values, |found| row(found))?.collect()
            })
            .map_err(database_error)
    }
}
