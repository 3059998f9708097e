//! SQL of forgetting.

use truyvet_crypto::Day;

use super::{
    failure::Result,
    imports, sign_in,
    sql::{Sql, Value, values},
};
use crate::store::{Forget, Forgotten};

/// Published keys stand in the order of their days; the others are those of a window at most.
pub(super) async fn oldest_key_day(sql: &Sql<'_>) -> Result<Option<Day>> {
    let (oldest,) = sql
        .row(
            "SELECT least((SELECT min(day) FROM fresh_key),
                          (SELECT min(day) FROM settled_key),
                          (SELECT min(day) FROM withdrawn_key)) AS day",
            &[],
        )
        .await?;
    Ok(oldest)
}

/// Beside uploads and publications on other servers: each statement takes what is there when it begins, and leaves the rest
/// to the next time. Fresh keys before settled ones: what is settled in between is found there.
pub(super) async fn forget(sql: &Sql<'_>, what: &Forget) -> Result<Forgotten> {
    let fresh = delete(
        sql,
        "DELETE FROM fresh_key
         WHERE day < $2
            OR day < $1 AND accepted_window <= (
                   SELECT coalesce(max(sequence), 0) FROM publication
                   WHERE publication.region = fresh_key.region AND digest IS NOT NULL)",
        &values![what.keys_before, what.unpublished_keys_before],
    )
    .await?;
    let settled = delete(
        sql,
        "DELETE FROM settled_key WHERE day < $1",
        &values![what.keys_before],
    )
    .await?;
    // Those whose withdrawal was published went with that.
    let withdrawn_keys = delete(
        sql,
        "DELETE FROM withdrawn_key WHERE day < $1",
        &values![what.unpublished_keys_before],
    )
    .await?;
    let tokens = delete(
        sql,
        "DELETE FROM spent_token WHERE last_day < $1",
        &values![what.tokens_before],
    )
    .await?;
    let codes = delete(
        sql,
        "DELETE FROM upload_code WHERE expires_at < $1",
        &values![what.codes_before],
    )
    .await?;
    let imports = imports::forget(sql, what.codes_before).await?;
    let batches = sql
        .rows(
            "DELETE FROM publication
             WHERE closed_at < $1 AND digest IS NOT NULL
               AND sequence < (SELECT max(sequence) FROM publication AS last
                               WHERE last.region = publication.region AND last.digest IS NOT NULL)
             RETURNING digest",
            &values![what.batches_before],
        )
        .await?;
    // All writers' rows: none of them counts any more for a window that closed so long ago.
    sql.execute(
        "DELETE FROM upload_count
         WHERE sequence < (SELECT min(sequence) FROM publication
                           WHERE publication.region = upload_count.region)",
        &[],
    )
    .await?;
    Ok(Forgotten {
        keys: fresh + settled,
        withdrawn_keys,
        tokens,
        codes,
        sign_ins: sign_in::forget(sql, &what.sign_ins).await?,
        imports,
        batches: batches.into_iter().map(|(digest,)| digest).collect(),
    })
}

/// How many rows went.
async fn delete(sql: &Sql<'_>, statement: &str, values: &[Value<'_>]) -> Result<usize> {
    let rows = sql.execute(statement, values).await?;
    Ok(usize::try_from(rows).unwrap_or(usize::MAX))
}
