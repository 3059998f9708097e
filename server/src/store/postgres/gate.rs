//! Which window takes an upload: gates between those who store and whoever closes.
//!
//! Each region has [`GATES`] rows with the number of its open window. An upload goes through one of them, whichever is free,
//! and holds it until it is committed; whoever closes a window, or takes slots back, holds them all. So an upload is whole
//! in the window before or in the one after, uploads do not wait for each other, and who wants all gates gets them one after
//! the other however many uploads come: of a row that is locked in share mode he might wait for ever.

use truyvet_matching::Region;

use super::{
    failure::Result,
    sql::{Sql, values},
};
use crate::store::StoreError;

/// Groups of uploads that are written at a time in one region, by all servers together; more wait.
const GATES: i64 = 16;

/// Goes through one gate, until the transaction ends. Returns the window that is open.
pub(super) async fn pass(sql: &Sql<'_>, region: Region) -> Result<u64> {
    // Free ones first; if all are held, some one of them.
    for wait in ["SKIP LOCKED", ""] {
        let passed = sql
            .optional(
                &format!(
                    "SELECT sequence FROM open_window WHERE region = $1 ORDER BY gate LIMIT 1 FOR UPDATE {wait}"
                ),
                &values![&region],
            )
            .await?;
        if let Some((sequence,)) = passed {
            return Ok(sequence);
        }
    }
    make(sql, region).await?;
    hold_all(sql, region).await
}

/// Holds all gates, until the transaction ends. Returns the window that is open.
pub(super) async fn hold_all(sql: &Sql<'_>, region: Region) -> Result<u64> {
    const HOLD: &str =
        "SELECT sequence FROM open_window WHERE region = $1 ORDER BY gate FOR UPDATE";
    let mut held: Vec<(u64,)> = sql.rows(HOLD, &values![&region]).await?;
    if held.is_empty() {
        make(sql, region).await?;
        held = sql.rows(HOLD, &values![&region]).await?;
    }
    let open = held.first().map(|(sequence,)| *sequence);
    match open {
        Some(open) if held.iter().all(|(sequence,)| *sequence == open) => Ok(open),
        _ => Err(StoreError::Inconsistent("open_window.sequence".into()).into()),
    }
}

/// Of a region's first upload or publication.
async fn make(sql: &Sql<'_>, region: Region) -> Result<()> {
    sql.execute(
        "INSERT INTO open_window (region, gate, sequence)
         SELECT $1, gate, (SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = $1)
         FROM generate_series(1, $2) AS gate
         ON CONFLICT (region, gate) DO NOTHING",
        &values![&region, GATES],
    )
    .await
    .map(drop)
}

/// Opens the next window. For whoever holds all gates.
pub(super) async fn open_next(sql: &Sql<'_>, region: Region) -> Result<()> {
    sql.execute(
        "UPDATE open_window
         SET sequence = (SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = $1)
         WHERE region = $1",
        &values![&region],
    )
    .await
    .map(drop)
}
