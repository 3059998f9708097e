//! SQL of upload codes.

use super::{
    audit,
    failure::Result,
    sql::{FromRow, Sql, values},
};
use crate::{
    audit::AuditEntry,
    store::{
        CodeRecord, CodesAdded, IssueLimits, NewCode, Redeemed, Redemption, Revocation, StoreError,
        codes::{CountedQuota, JudgedCode, Verdict, over_quota, parse_report_type, rows_of_issue},
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
    let issued = issued(sql, first, limits).await?;
    let quotas = CountedQuota::of(first, issued, limits);
    if let Some(refusal) = over_quota(&quotas, codes) {
        return Ok(refusal);
    }
    // Codes are drawn independently: check first, so that one that is taken leaves none of the others behind.
    if any_taken(sql, codes).await? {
        return Ok(CodesAdded::Exists);
    }
    insert(sql, codes).await?;
    let (rows, crossed) = rows_of_issue(&quotas, codes, entry);
    audit::append_all(sql, &rows).await?;
    Ok(CodesAdded::Added { crossed })
}

/// How many codes this one's officer issued, and how many its unit's officers, since the limits' day began.
async fn issued(sql: &Sql<'_>, code: &NewCode, limits: &IssueLimits) -> Result<(u64, u64)> {
    sql.row(
        "SELECT (SELECT count(*) FROM upload_code WHERE officer_id = $1 AND issued_at >= $3),
                (SELECT count(*) FROM upload_code WHERE unit_code = $2 AND issued_at >= $3)",
        &values![&code.officer_id, &code.unit_code, limits.since],
    )
    .await
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

/// Judges in one statement, with the same descent of the index in it, whatever the code: see [`JudgedCode::judge`].
async fn judge(sql: &Sql<'_>, redemption: &Redemption) -> Result<Verdict> {
    // A used code's digest or, in the same length, something that no nonce has. Behind the last row comes the first.
    const JUDGED: &str = "SELECT code_hash, report_type, first_day, region, expires_at, revoked,
                                 last_day IS NOT NULL AS used, coalesce(last_day, 0) AS last_day,
                                 coalesce(blinded_digest, decode(repeat('00', 32), 'hex')) AS blinded_digest
                          FROM upload_code";
    let row: Option<JudgedCode> = sql
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
    match row {
        Some(code) => Ok(code.judge(redemption)?),
        // Only while there is no code at all.
        None => Ok(Verdict::Refused),
    }
}

impl FromRow for JudgedCode {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let (
            hash,
            report_type,
            first_day,
            region,
            expires_at,
            revoked,
            used,
            last_day,
            blinded_digest,
        ) = FromRow::from_row(row)?;
        Ok(Self {
            hash,
            report_type,
            first_day,
            region,
            expires_at,
            revoked,
            used,
            last_day,
            blinded_digest,
        })
    }
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
