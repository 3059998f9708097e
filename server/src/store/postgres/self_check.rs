//! SQL of the self-check: its codes, and forgetting what it published.

use truyvet_matching::{Digest, Region};

use super::{
    codes,
    failure::Result,
    sql::{Sql, values},
};
use crate::store::NewCode;

/// A unit that is below no other and closed, with an account that nobody can sign in to: what belongs to it is in no
/// officer's reach, so in no list, figure or quota.
pub(super) async fn add_code(sql: &Sql<'_>, code: &NewCode) -> Result<()> {
    sql.execute(
        "INSERT INTO unit (unit_code, name, parent_code, listed, closed)
         VALUES ($1, $1, NULL, FALSE, TRUE) ON CONFLICT DO NOTHING",
        &values![&code.unit_code],
    )
    .await?;
    sql.execute(
        "INSERT INTO officer (officer_id, label, unit_code, role, active)
         VALUES ($1, $1, $2, 1, FALSE) ON CONFLICT DO NOTHING",
        &values![&code.officer_id, &code.unit_code],
    )
    .await?;
    sql.execute(
        "DELETE FROM upload_code WHERE unit_code = $1 AND (redeemed_at IS NOT NULL OR issued_at < $2)",
        &values![&code.unit_code, code.issued_at.plus_seconds(-3_600)],
    )
    .await?;
    codes::insert(sql, std::slice::from_ref(code)).await
}

/// Its last publication stays: its number goes on. Each statement may find a later one to be the last, and takes no more
/// than what is published by then.
pub(super) async fn forget(sql: &Sql<'_>, region: Region) -> Result<Vec<Digest>> {
    const LAST: &str = "(SELECT coalesce(max(sequence), 0) FROM publication
                         WHERE region = $1 AND digest IS NOT NULL)";
    for (table, window) in [
        ("fresh_key", "accepted_window"),
        ("settled_key", "accepted_window"),
        ("withdrawn_key", "withdrawn_window"),
        ("upload_count", "sequence"),
    ] {
        let delete = format!("DELETE FROM {table} WHERE region = $1 AND {window} <= {LAST}");
        sql.execute(&delete, &values![&region]).await?;
    }
    let digests = sql
        .rows(
            &format!(
                "DELETE FROM publication
                 WHERE region = $1 AND digest IS NOT NULL AND sequence < {LAST} RETURNING digest"
            ),
            &values![&region],
        )
        .await?;
    Ok(digests.into_iter().map(|(digest,)| digest).collect())
}
