//! SQL of upload codes.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::{
    CodeHash, Day,
    token::{ReportType, TokenMetadata},
};

use super::{audit, bytes, database_error, inconsistent, is_constraint, timestamp};
use crate::{
    audit::AuditEntry,
    store::{Added, CodeRecord, NewCode, Redeemed, Redemption, Result, Revocation},
};

pub(super) fn add(connection: &Connection, codes: &[NewCode], entry: &AuditEntry) -> Result<Added> {
    // Codes are drawn independently: check first, so that one that is taken leaves none of the others behind.
    let mut taken = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM upload_code WHERE code_hash = ?1 OR serial = ?2)",
        )
        .map_err(database_error)?;
    for code in codes {
        let exists = taken.query_row(params![code.hash.as_bytes(), code.serial], |row| row.get(0));
        if exists.map_err(database_error)? {
            return Ok(Added::Exists);
        }
    }
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO upload_code
                 (code_hash, serial, officer_id, unit_code, report_type, first_day, issued_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
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
                code.issued_at.unix_seconds(),
                code.expires_at.unix_seconds(),
            ])
            .map_err(|error| match is_constraint(&error) {
                // Two alike within one call: as good as impossible, and rolled back as a whole.
                true => inconsistent("upload_code: drawn twice"),
                false => database_error(error),
            })?;
        let entry = AuditEntry {
            subject: code.serial.clone(),
            ..entry.clone()
        };
        audit::append(connection, &entry)?;
    }
    Ok(Added::Added)
}

pub(super) fn by_serial(connection: &Connection, serial: &str) -> Result<Option<CodeRecord>> {
    type CodeRow = (String, u8, i64, i64, Option<i64>, bool);
    let row: Option<CodeRow> = connection
        .prepare_cached(
            "SELECT unit_code, report_type, issued_at, expires_at, redeemed_at, revoked
             FROM upload_code WHERE serial = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([serial], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    row.map(
        |(unit_code, report_type, issued, expires, redeemed, revoked)| {
            Ok(CodeRecord {
                serial: serial.to_owned(),
                unit_code,
                report_type: parse_report_type(report_type)?,
                issued_at: timestamp("upload_code.issued_at", issued)?,
                expires_at: timestamp("upload_code.expires_at", expires)?,
                redeemed_at: redeemed
                    .map(|at| timestamp("upload_code.redeemed_at", at))
                    .transpose()?,
                revoked,
            })
        },
    )
    .transpose()
}

fn parse_report_type(byte: u8) -> Result<ReportType> {
    ReportType::from_byte(byte).ok_or_else(|| inconsistent("upload_code.report_type"))
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
            connection
                .execute(
                    "UPDATE upload_code SET revoked = 1 WHERE serial = ?1",
                    [serial],
                )
                .map_err(database_error)?;
            audit::append(connection, entry)?;
            Ok(Some(Revocation::Revoked))
        }
    }
}

/// What a redemption would get, without changing anything.
enum Verdict {
    /// The code was spent on this very nonce: the answer again.
    Again(TokenMetadata),
    /// The code is good.
    Good(ReportType, Day),
    Refused,
}

fn judge(connection: &Connection, redemption: &Redemption) -> Result<Verdict> {
    type CodeRow = (Vec<u8>, u8, u32, i64, bool, Option<u32>, Option<Vec<u8>>);
    let row: Option<CodeRow> = connection
        .prepare_cached(
            "SELECT code_hash, report_type, first_day, expires_at, revoked, last_day, blinded_digest
             FROM upload_code WHERE code_hash = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([redemption.code_hash.as_bytes()], |row| row.try_into())
                .optional()
        })
        .map_err(database_error)?;
    // The look-up goes by a keyed hash, so its time tells nothing about codes; the decision compares in constant time.
    let Some((hash, report_type, first_day, expires_at, revoked, last_day, blinded)) = row else {
        return Ok(Verdict::Refused);
    };
    if CodeHash::from_bytes(bytes("upload_code.code_hash", &hash)?) != redemption.code_hash {
        return Ok(Verdict::Refused);
    }
    let report_type = parse_report_type(report_type)?;
    let first_day = Day::from_number(first_day);
    match (last_day, blinded) {
        // Also after the code has expired: it was spent in time, only the answer was lost.
        (Some(last_day), Some(blinded)) if blinded == redemption.blinded_digest => {
            Ok(Verdict::Again(TokenMetadata {
                report_type,
                first_day,
                last_day: Day::from_number(last_day),
            }))
        }
        (None, None)
            if !revoked && redemption.now < timestamp("upload_code.expires_at", expires_at)? =>
        {
            Ok(Verdict::Good(report_type, first_day))
        }
        _ => Ok(Verdict::Refused),
    }
}

/// The answer, if it takes no write: guesses never reach the writing thread.
pub(super) fn refused_or_again(
    connection: &Connection,
    redemption: &Redemption,
) -> Result<Option<Redeemed>> {
    Ok(match judge(connection, redemption)? {
        Verdict::Again(metadata) => Some(Redeemed::Granted(metadata)),
        Verdict::Refused => Some(Redeemed::Refused),
        Verdict::Good(..) => None,
    })
}

pub(super) fn redeem(connection: &Connection, redemption: &Redemption) -> Result<Redeemed> {
    let (report_type, first_day) = match judge(connection, redemption)? {
        Verdict::Again(metadata) => return Ok(Redeemed::Granted(metadata)),
        Verdict::Refused => return Ok(Redeemed::Refused),
        Verdict::Good(report_type, first_day) => (report_type, first_day),
    };
    let last_day = redemption.now.day();
    connection
        .prepare_cached(
            "UPDATE upload_code SET redeemed_at = ?2, last_day = ?3, blinded_digest = ?4
             WHERE code_hash = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                redemption.code_hash.as_bytes(),
                redemption.now.hour_start().unix_seconds(),
                last_day.number(),
                redemption.blinded_digest,
            ])
        })
        .map_err(database_error)?;
    Ok(Redeemed::Granted(TokenMetadata {
        report_type,
        first_day,
        last_day,
    }))
}
