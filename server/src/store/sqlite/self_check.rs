//! SQL of the self-check: its codes, and forgetting what it published.

use rusqlite::{Connection, params};
use truyvet_matching::{Digest, Region};

use super::{bytes, database_error};
use crate::store::{NewCode, Result};

/// A unit that is below no other and closed, with an account that nobody can sign in to: what belongs to it is in no
/// officer's reach, so in no list, figure or quota.
pub(super) fn add_code(connection: &Connection, code: &NewCode) -> Result<()> {
    let execute = |sql, values: &[&dyn rusqlite::ToSql]| {
        connection
            .execute(sql, values)
            .map(drop)
            .map_err(database_error)
    };
    execute(
        "INSERT OR IGNORE INTO unit (unit_code, name, parent_code, listed, closed)
         VALUES (?1, ?1, NULL, 0, 1)",
        params![code.unit_code],
    )?;
    execute(
        "INSERT OR IGNORE INTO officer (officer_id, label, unit_code, role, active)
         VALUES (?1, ?1, ?2, 1, 0)",
        params![code.officer_id, code.unit_code],
    )?;
    execute(
        "DELETE FROM upload_code WHERE unit_code = ?1 AND (redeemed_at IS NOT NULL OR issued_at < ?2)",
        params![
            code.unit_code,
            code.issued_at.plus_seconds(-3_600).unix_seconds()
        ],
    )?;
    execute(
        "INSERT INTO upload_code
             (code_hash, serial, officer_id, unit_code, report_type, first_day, region, issued_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            code.hash.as_bytes(),
            code.serial,
            code.officer_id,
            code.unit_code,
            code.report_type.byte(),
            code.first_day.number(),
            code.region.as_str(),
            code.issued_at.unix_seconds(),
            code.expires_at.unix_seconds(),
        ],
    )
}

/// Its last publication stays: its number goes on.
pub(super) fn forget(connection: &Connection, region: Region) -> Result<Vec<Digest>> {
    const LAST: &str = "(SELECT coalesce(max(sequence), 0) FROM publication
                         WHERE region = ?1 AND digest IS NOT NULL)";
    for (table, window) in [
        ("fresh_key", "accepted_window"),
        ("settled_key", "accepted_window"),
        ("withdrawn_key", "withdrawn_window"),
        ("upload_count", "sequence"),
    ] {
        let sql = format!("DELETE FROM {table} WHERE region = ?1 AND {window} <= {LAST}");
        connection
            .execute(&sql, [region.as_str()])
            .map_err(database_error)?;
    }
    let sql = format!(
        "DELETE FROM publication WHERE region = ?1 AND digest IS NOT NULL AND sequence < {LAST} RETURNING digest"
    );
    let digests: Vec<Vec<u8>> = connection
        .prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_map([region.as_str()], |row| row.get(0))?
                .collect()
        })
        .map_err(database_error)?;
    digests
        .iter()
        .map(|digest| Ok(Digest::from_bytes(bytes("publication.digest", digest)?)))
        .collect()
}
