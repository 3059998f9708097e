//! SQL of what became of codes, counted.

use std::ops::RangeInclusive;

use truyvet_crypto::Timestamp;

use super::{
    failure::Result,
    sql::{Sql, values},
};
use crate::store::{CodeCounts, CodeTallies, codes::seconds_of_days};

pub(super) async fn tallies(
    sql: &Sql<'_>,
    unit_codes: &[String],
    days: &RangeInclusive<u32>,
    utc_offset_seconds: i32,
    now: Timestamp,
) -> Result<CodeTallies> {
    let offset = i64::from(utc_offset_seconds);
    let [from, until] = seconds_of_days(days, utc_offset_seconds);
    let counts: Vec<(String, u32, u64, u64, u64, u64)> = sql
        .rows(
            "SELECT unit_code, (issued_at + $1) / 86400 AS day,
                    count(*),
                    count(redeemed_at),
                    count(*) FILTER (WHERE redeemed_at IS NULL AND revoked),
                    count(*) FILTER (WHERE redeemed_at IS NULL AND NOT revoked AND expires_at <= $2)
             FROM upload_code
             WHERE issued_at >= $3 AND issued_at < $4 AND unit_code = ANY($5)
             GROUP BY 1, 2",
            &values![offset, now, from, until, unit_codes],
        )
        .await?;
    let redeemed_after = sql
        .rows(
            "SELECT unit_code, (issued_at + $1) / 86400 AS day,
                    greatest(redeemed_at - issued_at, 0) / 3600 AS hours,
                    count(*)
             FROM upload_code
             WHERE issued_at >= $2 AND issued_at < $3 AND redeemed_at IS NOT NULL AND unit_code = ANY($4)
             GROUP BY 1, 2, 3",
            &values![offset, from, until, unit_codes],
        )
        .await?;
    let open_since = sql
        .rows(
            "SELECT unit_code, greatest($1 - issued_at, 0) / 3600 AS hours, count(*)
             FROM upload_code
             WHERE redeemed_at IS NULL AND NOT revoked AND expires_at > $1 AND unit_code = ANY($2)
             GROUP BY 1, 2",
            &values![now, unit_codes],
        )
        .await?;
    Ok(CodeTallies {
        counts: counts
            .into_iter()
            .map(|(unit, day, issued, redeemed, revoked, expired)| {
                let counts = CodeCounts {
                    issued,
                    redeemed,
                    revoked,
                    expired,
                };
                (unit, day, counts)
            })
            .collect(),
        redeemed_after,
        open_since,
    })
}
