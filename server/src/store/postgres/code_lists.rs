//! SQL that lists and counts upload codes.

use truyvet_crypto::Timestamp;

use super::{
    codes::COLUMNS,
    failure::Result,
    sql::{Sql, values},
};
use crate::{
    authorize::CodeState,
    store::{CodeRecord, CodesOf, Issued, StateCounts},
};

pub(super) async fn issued(
    sql: &Sql<'_>,
    unit_codes: &[String],
    since: Timestamp,
) -> Result<Vec<Issued>> {
    let rows = sql
        .rows(
            "SELECT unit_code, officer_id, count(*) FROM upload_code
             WHERE issued_at >= $1 AND unit_code = ANY($2)
             GROUP BY unit_code, officer_id ORDER BY unit_code, officer_id",
            &values![since, unit_codes],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|(unit_code, officer_id, codes)| Issued {
            unit_code,
            officer_id,
            codes,
        })
        .collect())
}

/// A code's state as a number, at the time `$1`: what `CodeState::of` says.
const STATE: &str = "(CASE WHEN redeemed_at IS NOT NULL THEN 2 WHEN revoked THEN 4 \
                     WHEN expires_at <= $1 THEN 3 ELSE 1 END)::int8";

fn state_number(state: CodeState) -> i64 {
    match state {
        CodeState::Issued => 1,
        CodeState::Redeemed => 2,
        CodeState::Expired => 3,
        CodeState::Revoked => 4,
    }
}

pub(super) async fn list(sql: &Sql<'_>, of: &CodesOf) -> Result<Vec<CodeRecord>> {
    let (issued_at, serial) = match &of.after {
        Some(after) => (after.issued_at.unix_seconds(), after.serial.as_str()),
        None => (i64::MAX, ""),
    };
    sql.rows(
        &format!(
            "SELECT {COLUMNS} FROM upload_code
             WHERE ($2 = 0 OR {STATE} = $2)
               AND (issued_at < $3 OR issued_at = $3 AND serial > $4)
               AND unit_code = ANY($5)
             ORDER BY issued_at DESC, serial LIMIT $6"
        ),
        &values![
            of.now,
            of.state.map_or(0, state_number),
            issued_at,
            serial,
            &of.unit_codes,
            of.limit,
        ],
    )
    .await
}

pub(super) async fn state_counts(sql: &Sql<'_>, of: &CodesOf) -> Result<StateCounts> {
    let rows: Vec<(i64, u64)> = sql
        .rows(
            &format!(
                "SELECT {STATE}, count(*) FROM upload_code WHERE unit_code = ANY($2) GROUP BY 1"
            ),
            &values![of.now, &of.unit_codes],
        )
        .await?;
    let count = |state| {
        let found = rows
            .iter()
            .find(|(number, _)| *number == state_number(state));
        found.map_or(0, |(_, count)| *count)
    };
    Ok(StateCounts {
        issued: count(CodeState::Issued),
        redeemed: count(CodeState::Redeemed),
        expired: count(CodeState::Expired),
        revoked: count(CodeState::Revoked),
    })
}
