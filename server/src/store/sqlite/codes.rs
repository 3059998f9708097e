//! SQL of upload codes.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::Day;
use truyvet_matching::Region;

use super::{audit, bytes, database_error, inconsistent, is_constraint, number, timestamp};
use crate::{
    audit::AuditEntry,
    store::{
        CodeRecord, CodesAdded, IssueLimits, NewCode, Redeemed, Redemption, Result, Revocation,
        codes::{CountedQuota, JudgedCode, Verdict, over_quota, parse_report_type, rows_of_issue},
    },
};

pub(super) fn add(
    connection: &Connection,
    codes: &[NewCode],
    limits: &IssueLimits,
    entry: &AuditEntry,
) -> Result<CodesAdded> {
    let Some(first) = codes.first() else {
        return Ok(CodesAdded::Added {
            crossed: Vec::new(),
        });
    };
    let issued = issued(connection, first, limits)?;
    let quotas = CountedQuota::of(first, issued, limits);
    if let Some(refusal) = over_quota(&quotas, codes) {
        return Ok(refusal);
    }
    // Codes are drawn independently: check first, so that one that is taken leaves none of the others behind.
    let mut taken = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM upload_code WHERE code_hash = ?1 OR serial = ?2)",
        )
        .map_err(database_error)?;
    for code in codes {
        let exists = taken.query_row(params![code.hash.as_bytes(), code.serial], |row| row.get(0));
        if exists.map_err(database_error)? {
            return Ok(CodesAdded::Exists);
        }
    }
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO upload_code
                 (code_hash, serial, officer_id, unit_code, report_type, first_day, region, issued_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .map_err(database_error)?;
    for code in codes {
        insert
            .execute(params![
                code.hash.as_bytes(),
                code.serial,
                code.officer_id,
                code.unit_code,
                code.report_type.byte(),
                code.first_day.number(),
                code.region.as_str(),
                code.issued_at.unix_seconds(),
                code.expires_at.unix_seconds(),
            ])
            .map_err(|error| match is_constraint(&error) {
                // Two alike within one call: as good as impossible, and rolled back as a whole.
                true => inconsistent("upload_code: drawn twice"),
                false => database_error(error),
            })?;
    }
    let (rows, crossed) = rows_of_issue(&quotas, codes, entry);
    audit::append_all(connection, &rows)?;
    Ok(CodesAdded::Added { crossed })
}

/// How many codes this one's officer issued, and how many its unit's officers, since the limits' day began.
fn issued(connection: &Connection, code: &NewCode, limits: &IssueLimits) -> Result<(u64, u64)> {
    let since = |column: &str, value: &str| -> Result<u64> {
        let issued: i64 = connection
            .prepare_cached(&format!(
                "SELECT count(*) FROM upload_code WHERE {column} = ?1 AND issued_at >= ?2"
            ))
            .and_then(|mut count| {
                count.query_row(params![value, limits.since.unix_seconds()], |row| {
                    row.get(0)
                })
            })
            .map_err(database_error)?;
        number("upload_code", issued)
    };
    Ok((
        since("officer_id", &code.officer_id)?,
        since("unit_code", &code.unit_code)?,
    ))
}

/// As [`record`] takes them.
pub(super) const COLUMNS: &str =
    "serial, unit_code, report_type, region, issued_at, expires_at, redeemed_at, revoked";

pub(super) type CodeRow = (String, String, u8, String, i64, i64, Option<i64>, bool);

pub(super) fn record(row: CodeRow) -> Result<CodeRecord> {
    let (serial, unit_code, report_type, region, issued, expires, redeemed, revoked) = row;
    Ok(CodeRecord {
        serial,
        unit_code,
        report_type: parse_report_type(report_type)?,
        region: parse_region(&region)?,
        issued_at: timestamp("upload_code.issued_at", issued)?,
        expires_at: timestamp("upload_code.expires_at", expires)?,
        redeemed_at: redeemed
            .map(|at| timestamp("upload_code.redeemed_at", at))
            .transpose()?,
        revoked,
    })
}

pub(super) fn by_serial(connection: &Connection, serial: &str) -> Result<Option<CodeRecord>> {
    let row: Option<CodeRow> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM upload_code WHERE serial = ?1"
        ))
        .and_then(|mut statement| {
            statement
                .query_row([serial], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(record).transpose()
}

pub(super) fn parse_region(name: &str) -> Result<Region> {
    name.parse().map_err(|_| inconsistent("upload_code.region"))
}

pub(super) fn revoke(
    connection: &Connection,
    serial: &str,
    entry: &AuditEntry,
) -> Result<Option<Revocation>> {
    let redeemed: Option<bool> = connection
        .query_row(
            "SELECT redeemed_at IS NOT NULL FROM upload_code WHERE serial = ?1",
            [serial],
            |row| row.get(0),
        )
        .optional()
        .map_err(database_error)?;
    match redeemed {
        None => Ok(None),
        Some(true) => Ok(Some(Revocation::Redeemed)),
        Some(false) => {
            let changed = connection
                .execute(
                    "UPDATE upload_code SET revoked = 1 WHERE serial = ?1 AND revoked = 0",
                    [serial],
                )
                .map_err(database_error)?;
            // A second time nothing is done, and so nothing written down.
            if changed == 1 {
                audit::append(connection, entry)?;
            }
            Ok(Some(Revocation::Revoked))
        }
    }
}

/// Judges in the same reads, whatever the code: see [`JudgedCode::judge`].
fn judge(connection: &Connection, redemption: &Redemption) -> Result<Verdict> {
    type Judged = (Vec<u8>, u8, u32, String, i64, bool, bool, u32, Vec<u8>);
    // A used code's digest or, in the same length, something that no nonce has. Behind the last row comes the first.
    const JUDGED: &str = "SELECT code_hash, report_type, first_day, region, expires_at, revoked,
                                 last_day IS NOT NULL, coalesce(last_day, 0), coalesce(blinded_digest, zeroblob(32))
                          FROM upload_code";
    let row: Option<Judged> = connection
        .prepare_cached(&format!(
            "SELECT * FROM ({JUDGED} WHERE code_hash >= ?1 ORDER BY code_hash LIMIT 1)
             UNION ALL
             SELECT * FROM ({JUDGED} ORDER BY code_hash LIMIT 1)
             LIMIT 1"
        ))
        .and_then(|mut statement| {
            statement
                .query_row([redemption.code_hash.as_bytes()], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    // Only while there is no code at all.
    let Some((hash, report_type, first_day, region, expires_at, revoked, used, last_day, blinded)) =
        row
    else {
        return Ok(Verdict::Refused);
    };
    JudgedCode {
        hash: bytes("upload_code.code_hash", &hash)?,
        report_type,
        first_day: Day::from_number(first_day),
        region: parse_region(&region)?,
        expires_at: timestamp("upload_code.expires_at", expires_at)?,
        revoked,
        used,
        last_day: Day::from_number(last_day),
        blinded_digest: bytes("upload_code.blinded_digest", &blinded)?,
    }
    .judge(redemption)
}

/// The answer, if it takes no write: guesses never reach the writing thread.
pub(super) fn refused_or_again(
    connection: &Connection,
    redemption: &Redemption,
) -> Result<Option<Redeemed>> {
    Ok(match judge(connection, redemption)? {
        Verdict::Again(grant) => Some(Redeemed::Granted(grant)),
        Verdict::Refused => Some(Redeemed::Refused),
        Verdict::Good(..) => None,
    })
}

pub(super) fn redeem(connection: &Connection, redemption: &Redemption) -> Result<Redeemed> {
    let grant = match judge(connection, redemption)? {
        Verdict::Again(grant) => return Ok(Redeemed::Granted(grant)),
        Verdict::Refused => return Ok(Redeemed::Refused),
        Verdict::Good(grant) => grant,
    };
    connection
        .prepare_cached(
            "UPDATE upload_code SET redeemed_at = ?2, last_day = ?3, blinded_digest = ?4
             WHERE code_hash = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                redemption.code_hash.as_bytes(),
                redemption.now.hour_start().unix_seconds(),
                grant.metadata.last_day.number(),
                redemption.blinded_digest,
            ])
        })
        .map_err(database_error)?;
    Ok(Redeemed::Granted(grant))
}
