//! Forgets in which order uploads came, also in what the database keeps beside the columns.
//!
//! Every row carries the number of the transaction that wrote it (xmin) and its place (ctid): whoever reads those knows which
//! keys came together, and which spent token came with them. Rows that are written anew, all in one transaction and in the
//! order of random values, tell only that they were there when a window was published. What stays on disk of the rows before,
//! and in the write-ahead log, the database overwrites in its own time (VACUUM, checkpoints, archives): `deploy/` says so.

use truyvet_matching::Region;

use super::{
    failure::Result,
    sql::{Sql, values},
};

/// Moves what windows up to this one have added to the keys that are published, and writes the fresh tokens anew, of which
/// nothing says in which region's window they came. What came since then keeps its places until its own window is published.
pub(super) async fn forget_order(sql: &Sql<'_>, region: Region, sequence: u64) -> Result<()> {
    // Earlier windows' too: a key of theirs of which a part was taken back came back among the fresh ones.
    sql.execute(
        "WITH moved AS (
             DELETE FROM fresh_key WHERE region = $1 AND accepted_window <= $2
             RETURNING proof, secret, region, scheme, day, accepted_window, slots)
         INSERT INTO settled_key (proof, secret, region, scheme, day, accepted_window, slots)
         SELECT proof, secret, region, scheme, day, accepted_window, slots FROM moved
         ORDER BY day, region, scheme, proof, accepted_window",
        &values![&region, sequence],
    )
    .await?;
    sql.execute(
        "WITH moved AS (
             DELETE FROM spent_token WHERE fresh RETURNING spend_id, request_digest, last_day)
         INSERT INTO spent_token (spend_id, request_digest, last_day, fresh)
         SELECT spend_id, request_digest, last_day, FALSE FROM moved ORDER BY spend_id",
        &[],
    )
    .await
    .map(drop)
}
