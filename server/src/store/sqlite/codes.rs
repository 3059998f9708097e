//! SQL of upload codes.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::{
    CodeHash, Day,
    token::{ReportType, TokenMetadata},
};
use truyvet_matching::Region;

use super::{audit, bytes, database_error, inconsistent, is_constraint, number, timestamp};
use crate::{
    audit::{Action, AuditEntry},
    authorize::{QuotaLevel, QuotaOf, QuotaState},
    store::{
        CodeRecord, CodesAdded, Grant, IssueLimits, NewCode, Redeemed, Redemption, Result,
        Revocation,
    },
};

pub(super) fn add(
    connection: &Connection,
    codes: &[NewCode],
    limits: &IssueLimits,
    entry: &AuditEntry,
) -> Result<CodesAdded> {
    let quotas = quotas(connection, codes, limits)?;
    let more = codes.len() as u64;
    for (whose, _, quota) in &quotas {
        if more > quota.left() {
            return Ok(CodesAdded::OverQuota {
                whose: *whose,
                left: quota.left(),
            });
        }
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
        let entry = AuditEntry {
            subject: code.serial.clone(),
            ..entry.clone()
        };
        audit::append(connection, &entry)?;
    }
    let mut crossed = Vec::new();
    for (whose, subject, quota) in quotas {
        if let Some(level) = quota.crossed_by(more) {
            let entry = AuditEntry {
                action: match level {
                    QuotaLevel::NearlyReached => Action::QuotaNearlyReached,
                    QuotaLevel::Reached => Action::QuotaReached,
                },
                subject,
                ..entry.clone()
            };
            audit::append(connection, &entry)?;
            crossed.push((whose, level));
        }
    }
    Ok(CodesAdded::Added { crossed })
}

/// The quotas that these codes, all of one officer, count for: whose, which account or unit, how far.
fn quotas(
    connection: &Connection,
    codes: &[NewCode],
    limits: &IssueLimits,
) -> Result<Vec<(QuotaOf, String, QuotaState)>> {
    let Some(first) = codes.first() else {
        return Ok(Vec::new());
    };
    let state = |column: &str, value: &str, limit| -> Result<QuotaState> {
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
        Ok(QuotaState {
            issued_today: number("upload_code", issued)?,
            limit,
        })
    };
    let officer = state("officer_id", &first.officer_id, limits.officer)?;
    let unit = state("unit_code", &first.unit_code, limits.unit)?;
    Ok(vec![
        (QuotaOf::Officer, first.officer_id.clone(), officer),
        (QuotaOf::Unit, first.unit_code.clone(), unit),
    ])
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

pub(super) fn parse_report_type(byte: u8) -> Result<ReportType> {
    ReportType::from_byte(byte).ok_or_else(|| inconsistent("upload_code.report_type"))
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

/// What a redemption would get, without changing anything.
enum Verdict {
    /// The code was spent on this very nonce: the answer again.
    Again(Grant),
    /// The code is good: what it would give now.
    Good(Grant),
    Refused,
}

/// Judges every code alike: unknown, used, expired and revoked ones cost the same reads, the same decoding and the same
/// comparisons, so that time does not tell them apart.
///
/// An unknown code is judged on the row that would follow it, whatever that is, and fails in the comparison of hashes like
/// every other test here: in constant time, none of them before the others are done. That a good code then goes on to the
/// writing thread shows, but so does the token that comes of it.
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
    let report_type = parse_report_type(report_type)?;
    let region = parse_region(&region)?;
    let expires_at = timestamp("upload_code.expires_at", expires_at)?;
    let blinded: [u8; 32] = bytes("upload_code.blinded_digest", &blinded)?;
    let hash = CodeHash::from_bytes(bytes("upload_code.code_hash", &hash)?);
    let grant = |last_day| Grant {
        metadata: TokenMetadata {
            report_type,
            first_day: Day::from_number(first_day),
            last_day,
        },
        region,
    };
    let known = hash == redemption.code_hash;
    // Digests are compared as the hashes are.
    let asked = CodeHash::from_bytes(redemption.blinded_digest);
    let same_nonce = CodeHash::from_bytes(blinded) == asked;
    let in_time = redemption.now < expires_at;
    // `&` and not `&&`: all of it is looked at for every code.
    let again = known & used & same_nonce;
    let good = known & !used & !revoked & in_time;
    Ok(match (again, good) {
        // Also after the code has expired: it was spent in time, only the answer was lost.
        (true, _) => Verdict::Again(grant(Day::from_number(last_day))),
        (_, true) => Verdict::Good(grant(redemption.now.day())),
        _ => Verdict::Refused,
    })
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
