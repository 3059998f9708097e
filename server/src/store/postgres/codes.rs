//! SQL of upload codes.

use truyvet_crypto::{
    CodeHash, Day, Timestamp,
    token::{ReportType, TokenMetadata},
};
use truyvet_matching::Region;

use super::{
    audit,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::{Action, AuditEntry},
    authorize::{QuotaLevel, QuotaOf, QuotaState},
    store::{
        CodeRecord, CodesAdded, Grant, IssueLimits, NewCode, Redeemed, Redemption, Revocation,
        StoreError,
    },
};

pub(super) async fn add(
    sql: &Sql<'_>,
    codes: &[NewCode],
    limits: &IssueLimits,
    entry: &AuditEntry,
) -> Result<CodesAdded> {
    let Some(first) = codes.first() else {
        return Ok(CodesAdded::Added {
            crossed: Vec::new(),
        });
    };
    let quotas = quotas(sql, first, limits).await?;
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
    if any_taken(sql, codes).await? {
        return Ok(CodesAdded::Exists);
    }
    insert(sql, codes).await?;
    let mut entries: Vec<AuditEntry> = codes
        .iter()
        .map(|code| AuditEntry {
            subject: code.serial.clone(),
            ..entry.clone()
        })
        .collect();
    let mut crossed = Vec::new();
    for (whose, subject, quota) in quotas {
        if let Some(level) = quota.crossed_by(more) {
            entries.push(AuditEntry {
                action: match level {
                    QuotaLevel::NearlyReached => Action::QuotaNearlyReached,
                    QuotaLevel::Reached => Action::QuotaReached,
                },
                subject: subject.to_owned(),
                ..entry.clone()
            });
            crossed.push((whose, level));
        }
    }
    audit::append_all(sql, &entries).await?;
    Ok(CodesAdded::Added { crossed })
}

/// The quotas that this code counts for, like all that are issued with it: whose, which account or unit, how far.
async fn quotas<'c>(
    sql: &Sql<'_>,
    code: &'c NewCode,
    limits: &IssueLimits,
) -> Result<[(QuotaOf, &'c str, QuotaState); 2]> {
    let (by_officer, by_unit) = sql
        .row(
            "SELECT (SELECT count(*) FROM upload_code WHERE officer_id = $1 AND issued_at >= $3),
                    (SELECT count(*) FROM upload_code WHERE unit_code = $2 AND issued_at >= $3)",
            &values![&code.officer_id, &code.unit_code, limits.since],
        )
        .await?;
    let state = |issued_today, limit| QuotaState {
        issued_today,
        limit,
    };
    Ok([
        (
            QuotaOf::Officer,
            code.officer_id.as_str(),
            state(by_officer, limits.officer),
        ),
        (
            QuotaOf::Unit,
            code.unit_code.as_str(),
            state(by_unit, limits.unit),
        ),
    ])
}

fn hashes(codes: &[NewCode]) -> Vec<&[u8]> {
    let hashes = codes.iter().map(|code| code.hash.as_bytes().as_slice());
    hashes.collect()
}

async fn any_taken(sql: &Sql<'_>, codes: &[NewCode]) -> Result<bool> {
    let serials: Vec<&str> = codes.iter().map(|code| code.serial.as_str()).collect();
    let (taken,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM upload_code WHERE code_hash = ANY($1))
                 OR EXISTS (SELECT 1 FROM upload_code WHERE serial = ANY($2))",
            &values![&hashes(codes), serials],
        )
        .await?;
    Ok(taken)
}

/// Adds codes of which none is there.
pub(super) async fn insert(sql: &Sql<'_>, codes: &[NewCode]) -> Result<()> {
    let texts = |text: fn(&NewCode) -> &str| codes.iter().map(text).collect::<Vec<_>>();
    let numbers = |number: fn(&NewCode) -> i64| codes.iter().map(number).collect::<Vec<_>>();
    let added = sql
        .execute(
            "INSERT INTO upload_code
                 (code_hash, serial, officer_id, unit_code, report_type, first_day, region, issued_at, expires_at)
             SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT DO NOTHING",
            &values![
                &hashes(codes),
                texts(|code| &code.serial),
                texts(|code| &code.officer_id),
                texts(|code| &code.unit_code),
                &numbers(|code| code.report_type.byte().into()),
                &numbers(|code| code.first_day.number().into()),
                texts(|code| code.region.as_str()),
                &numbers(|code| code.issued_at.unix_seconds()),
                &numbers(|code| code.expires_at.unix_seconds()),
            ],
        )
        .await?;
    if added == codes.len() as u64 {
        Ok(())
    } else {
        // Two alike within one call: as good as impossible, and rolled back as a whole.
        Err(StoreError::Inconsistent("upload_code: drawn twice".into()).into())
    }
}

/// As [`CodeRecord`] takes them.
pub(super) const COLUMNS: &str =
    "serial, unit_code, report_type, region, issued_at, expires_at, redeemed_at, revoked";

impl FromRow for CodeRecord {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let (serial, unit_code, report_type, region, issued_at, expires_at, redeemed_at, revoked) =
            FromRow::from_row(row)?;
        Ok(Self {
            serial,
            unit_code,
            report_type: parse_report_type(report_type)?,
            region,
            issued_at,
            expires_at,
            redeemed_at,
            revoked,
        })
    }
}

pub(super) async fn by_serial(sql: &Sql<'_>, serial: &str) -> Result<Option<CodeRecord>> {
    sql.optional(
        &format!("SELECT {COLUMNS} FROM upload_code WHERE serial = $1"),
        &values![serial],
    )
    .await
}

pub(super) fn parse_report_type(byte: u8) -> Result<ReportType> {
    ReportType::from_byte(byte)
        .ok_or_else(|| StoreError::Inconsistent("upload_code.report_type".into()).into())
}

pub(super) async fn revoke(
    sql: &Sql<'_>,
    serial: &str,
    entry: &AuditEntry,
) -> Result<Option<Revocation>> {
    let redeemed = sql
        .optional(
            "SELECT redeemed_at IS NOT NULL FROM upload_code WHERE serial = $1",
            &values![serial],
        )
        .await?;
    match redeemed {
        None => Ok(None),
        Some((true,)) => Ok(Some(Revocation::Redeemed)),
        Some((false,)) => {
            let changed = sql
                .execute(
                    "UPDATE upload_code SET revoked = TRUE WHERE serial = $1 AND NOT revoked",
                    &values![serial],
                )
                .await?;
            // A second time nothing is done, and so nothing written down.
            if changed == 1 {
                audit::append(sql, entry).await?;
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

/// Judges every code alike: unknown, used, expired and revoked ones cost the same statement, the same descent of the index
/// in it, the same decoding and the same comparisons, so that time does not tell them apart.
///
/// An unknown code is judged on the row that would follow it, whatever that is, and fails in the comparison of hashes like
/// every other test here: in constant time, none of them before the others are done. That a good code is then written
/// shows, but so does the token that comes of it.
async fn judge(sql: &Sql<'_>, redemption: &Redemption) -> Result<Verdict> {
    type Judged = (
        [u8; 32],
        u8,
        Day,
        Region,
        Timestamp,
        bool,
        bool,
        Day,
        [u8; 32],
    );
    // A used code's digest or, in the same length, something that no nonce has. Behind the last row comes the first.
    const JUDGED: &str = "SELECT code_hash, report_type, first_day, region, expires_at, revoked,
                                 last_day IS NOT NULL AS used, coalesce(last_day, 0) AS last_day,
                                 coalesce(blinded_digest, decode(repeat('00', 32), 'hex')) AS blinded_digest
                          FROM upload_code";
    let row: Option<Judged> = sql
        .optional(
            &format!(
                "({JUDGED} WHERE code_hash >= $1 ORDER BY code_hash LIMIT 1)
                 UNION ALL
                 ({JUDGED} ORDER BY code_hash LIMIT 1)
                 LIMIT 1"
            ),
            &values![redemption.code_hash.as_bytes()],
        )
        .await?;
    // Only while there is no code at all.
    let Some((hash, report_type, first_day, region, expires_at, revoked, used, last_day, blinded)) =
        row
    else {
        return Ok(Verdict::Refused);
    };
    let report_type = parse_report_type(report_type)?;
    let grant = |last_day| Grant {
        metadata: TokenMetadata {
            report_type,
            first_day,
            last_day,
        },
        region,
    };
    let known = CodeHash::from_bytes(hash) == redemption.code_hash;
    // Digests are compared as the hashes are.
    let asked = CodeHash::from_bytes(redemption.blinded_digest);
    let same_nonce = CodeHash::from_bytes(blinded) == asked;
    let in_time = redemption.now < expires_at;
    // `&` and not `&&`: all of it is looked at for every code.
    let again = known & used & same_nonce;
    let good = known & !used & !revoked & in_time;
    Ok(match (again, good) {
        // Also after the code has expired: it was spent in time, only the answer was lost.
        (true, _) => Verdict::Again(grant(last_day)),
        (_, true) => Verdict::Good(grant(redemption.now.day())),
        _ => Verdict::Refused,
    })
}

/// For statements that are transactions of their own: guesses never write, and a good code waits only for others at its row.
pub(super) async fn redeem(sql: &Sql<'_>, redemption: &Redemption) -> Result<Redeemed> {
    let grant = match judge(sql, redemption).await? {
        Verdict::Again(grant) => return Ok(Redeemed::Granted(grant)),
        Verdict::Refused => return Ok(Redeemed::Refused),
        Verdict::Good(grant) => grant,
    };
    let spent = sql
        .execute(
            "UPDATE upload_code SET redeemed_at = $2, last_day = $3, blinded_digest = $4
             WHERE code_hash = $1 AND redeemed_at IS NULL AND NOT revoked",
            &values![
                redemption.code_hash.as_bytes(),
                redemption.now.hour_start(),
                grant.metadata.last_day,
                &redemption.blinded_digest,
            ],
        )
        .await?;
    if spent == 1 {
        return Ok(Redeemed::Granted(grant));
    }
    // Another server was quicker, perhaps with the same request, or an officer withdrew the code meanwhile.
    Ok(match judge(sql, redemption).await? {
        Verdict::Again(grant) => Redeemed::Granted(grant),
        Verdict::Good(_) | Verdict::Refused => Redeemed::Refused,
    })
}
