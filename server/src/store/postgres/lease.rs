//! SQL of the lease: one server publishes at a time, and what another still wants to publish is refused.
//!
//! Time is the database's: servers' clocks need not agree.

use super::{
    failure::Result,
    sql::{Sql, values},
};
use crate::store::{Lease, StoreError};

/// There is one, for all regions.
const NAME: &str = "publish";

const NOW: &str = "extract(epoch FROM clock_timestamp())::float8";

/// How long a publication's record makes the lease last: while it is written, nobody can renew it.
const AFTER_RECORD_SECONDS: u32 = 15;

/// A publication that is being recorded holds the row: who asks meanwhile is told no, and does not stand in line with a
/// statement that is granted when nobody waits for it any more.
const WAIT: &str = "1s";

pub(super) async fn take(sql: &Sql<'_>, holder: &str, seconds: u32) -> Result<Option<Lease>> {
    sql.wait_at_most(WAIT).await?;
    let granted = sql
        .optional(
            &format!(
                "INSERT INTO lease (name, holder, fencing, expires_at) VALUES ($1, $2, 1, {NOW} + $3)
                 ON CONFLICT (name) DO UPDATE
                 SET holder = excluded.holder, fencing = lease.fencing + 1, expires_at = excluded.expires_at
                 WHERE lease.holder = excluded.holder OR lease.expires_at <= {NOW}
                 RETURNING fencing"
            ),
            &values![NAME, holder, seconds],
        )
        .await;
    let granted = match granted {
        Err(failure) if failure.is_held_by_others() => None,
        granted => granted?,
    };
    Ok(granted.map(|(fencing,)| Lease {
        holder: holder.to_owned(),
        fencing,
    }))
}

/// False: another server has it.
pub(super) async fn renew(sql: &Sql<'_>, lease: &Lease, seconds: u32) -> Result<bool> {
    sql.wait_at_most(WAIT).await?;
    let renewed = sql
        .execute(
            &format!(
                "UPDATE lease SET expires_at = {NOW} + $4 WHERE name = $1 AND holder = $2 AND fencing = $3"
            ),
            &values![NAME, &lease.holder, lease.fencing, seconds],
        )
        .await;
    match renewed {
        // Its own publication, whose record makes up for it.
        Err(failure) if failure.is_held_by_others() => Err(StoreError::Busy.into()),
        renewed => Ok(renewed? > 0),
    }
}

/// Anybody may take it from now on.
pub(super) async fn end(sql: &Sql<'_>, lease: &Lease) -> Result<()> {
    sql.execute(
        "UPDATE lease SET expires_at = 0 WHERE name = $1 AND holder = $2 AND fencing = $3",
        &values![NAME, &lease.holder, lease.fencing],
    )
    .await
    .map(drop)
}

/// Makes up for the renewals that waited while this transaction held the row. For its end.
pub(super) async fn make_up(sql: &Sql<'_>, lease: &Lease) -> Result<()> {
    renew(sql, lease, AFTER_RECORD_SECONDS).await.map(drop)
}

/// Refuses what comes with a lease that another has been granted since. Nobody is granted it before the transaction ends.
pub(super) async fn check(sql: &Sql<'_>, lease: &Lease) -> Result<()> {
    let held: Option<(i64,)> = sql
        .optional(
            "SELECT fencing FROM lease WHERE name = $1 AND holder = $2 AND fencing = $3 FOR SHARE",
            &values![NAME, &lease.holder, lease.fencing],
        )
        .await?;
    match held {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost.into()),
    }
}
