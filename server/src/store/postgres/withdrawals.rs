//! SQL of what is taken back: slots move from `disclosed_key` to `withdrawn_key`, and back if they are uploaded again.
//!
//! Rows are found by the proof in a receipt, one key at a time: nothing here tells which of them came together. All of it is for
//! whoever holds all gates of the region.

use std::collections::{BTreeMap, HashSet};

use truyvet_crypto::{Day, DisclosedKey, Receipt, SlotSet, Timestamp};
use truyvet_matching::Region;

use super::{
    failure::Result,
    publications,
    sql::{Sql, values},
};
use crate::store::{
    uploads::{Prepared, PreparedChange, parse_key, parse_slots},
    withdrawals::{self, KeyRow, Moved},
};

/// Proofs of the secrets in these uploads of which something was taken back in the window that is open.
pub(super) async fn of_open_windows(
    sql: &Sql<'_>,
    uploads: &[Prepared],
    open: &BTreeMap<Region, u64>,
) -> Result<HashSet<Vec<u8>>> {
    let mut found = HashSet::new();
    for (region, window) in open {
        let proofs: Vec<&[u8]> = uploads
            .iter()
            .filter(|upload| upload.upload.region == *region)
            .filter_map(|upload| match &upload.change {
                PreparedChange::Disclose(keys) => Some(keys),
                PreparedChange::Withdraw(_) => None,
            })
            .flatten()
            .map(|(_, receipt)| receipt.proof())
            .collect();
        let rows: Vec<(Vec<u8>,)> = sql
            .rows(
                "SELECT proof FROM withdrawn_key
                 WHERE region = $1 AND withdrawn_window = $2 AND proof = ANY($3)",
                &values![region, *window, &proofs],
            )
            .await?;
        found.extend(rows.into_iter().map(|(proof,)| proof));
    }
    Ok(found)
}

/// Takes back those of the receipt's slots that are there.
pub(super) async fn withdraw(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    open_window: u64,
) -> Result<()> {
    let (slots_until,): (Option<Timestamp>,) = sql
        .row(
            "SELECT max(slots_until) FROM publication WHERE region = $1",
            &values![&region],
        )
        .await?;
    let withdrawn = withdrawn(sql, region, receipt, open_window).await?;
    let disclosed = disclosed(sql, region, receipt).await?;
    let moved = withdrawals::withdraw(disclosed, &withdrawn, receipt, open_window, slots_until);
    put(sql, region, receipt, open_window, moved).await
}

/// Discloses again what was taken back in this window.
pub(super) async fn undo(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    open_window: u64,
) -> Result<()> {
    let withdrawn = withdrawn(sql, region, receipt, open_window).await?;
    if withdrawn.is_empty() {
        return Ok(());
    }
    let disclosed = disclosed(sql, region, receipt).await?;
    let moved = withdrawals::undo(withdrawn, &disclosed, receipt);
    put(sql, region, receipt, open_window, moved).await
}

async fn put(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    window: u64,
    moved: Vec<Moved>,
) -> Result<()> {
    for Moved {
        row,
        disclosed,
        withdrawn,
    } in moved
    {
        put_disclosed(sql, region, receipt, &row, &disclosed).await?;
        put_withdrawn(sql, region, receipt, &row, window, &withdrawn).await?;
    }
    Ok(())
}

/// Whether anything was taken back in a window.
pub(super) async fn any_in_window(sql: &Sql<'_>, region: Region, window: u64) -> Result<bool> {
    let (any,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM withdrawn_key WHERE region = $1 AND withdrawn_window = $2)",
            &values![&region, window],
        )
        .await?;
    Ok(any)
}

/// What was taken back in a window.
pub(super) async fn in_window(
    sql: &Sql<'_>,
    region: Region,
    window: u64,
) -> Result<Vec<DisclosedKey>> {
    publications::must_know(sql, region, window).await?;
    let rows: Vec<(u8, Day, Vec<u8>, Vec<u8>)> = sql
        .rows(
            "SELECT scheme, day, secret, slots FROM withdrawn_key
             WHERE region = $1 AND withdrawn_window = $2",
            &values![&region, window],
        )
        .await?;
    rows.into_iter()
        .map(|(scheme, day, secret, slots)| Ok(parse_key(scheme, day, secret, &slots)?))
        .collect()
}

/// Forgets what was taken back in a window, which is published now.
pub(super) async fn forget_window(sql: &Sql<'_>, region: Region, window: u64) -> Result<()> {
    sql.execute(
        "DELETE FROM withdrawn_key WHERE region = $1 AND withdrawn_window = $2",
        &values![&region, window],
    )
    .await
    .map(drop)
}

async fn disclosed(sql: &Sql<'_>, region: Region, receipt: &Receipt) -> Result<Vec<KeyRow>> {
    let rows = sql
        .rows(
            "SELECT secret, accepted_window, slots FROM disclosed_key
             WHERE proof = $1 AND region = $2 AND scheme = $3 AND day = $4",
            &values![
                receipt.proof(),
                &region,
                receipt.scheme().byte(),
                receipt.day(),
            ],
        )
        .await?;
    rows.into_iter()
        .map(|row| parse_row(row, receipt))
        .collect()
}

async fn withdrawn(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    window: u64,
) -> Result<Vec<KeyRow>> {
    let rows = sql
        .rows(
            "SELECT secret, accepted_window, slots FROM withdrawn_key
             WHERE proof = $1 AND region = $2 AND scheme = $3 AND day = $4 AND withdrawn_window = $5",
            &values![
                receipt.proof(),
                &region,
                receipt.scheme().byte(),
                receipt.day(),
                window,
            ],
        )
        .await?;
    rows.into_iter()
        .map(|row| parse_row(row, receipt))
        .collect()
}

fn parse_row(
    (secret, accepted_window, slots): (Vec<u8>, u64, Vec<u8>),
    receipt: &Receipt,
) -> Result<KeyRow> {
    Ok(KeyRow {
        secret,
        accepted_window,
        slots: parse_slots(receipt.scheme(), &slots)?,
    })
}

/// Gives the disclosed key these slots; without any, there is no row. It lies among the fresh ones, whatever its window: what
/// the database remembers of when it was written tells what it was taken back with until the next window is published.
async fn put_disclosed(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    row: &KeyRow,
    slots: &SlotSet,
) -> Result<()> {
    for table in ["fresh_key", "settled_key"] {
        sql.execute(
            &format!(
                "DELETE FROM {table}
                 WHERE proof = $1 AND region = $2 AND scheme = $3 AND day = $4 AND accepted_window = $5"
            ),
            &values![
                receipt.proof(),
                &region,
                receipt.scheme().byte(),
                receipt.day(),
                row.accepted_window,
            ],
        )
        .await?;
    }
    if slots.is_empty() {
        return Ok(());
    }
    sql.execute(
        "INSERT INTO fresh_key (proof, secret, region, scheme, day, accepted_window, slots)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &values![
            receipt.proof(),
            &row.secret,
            &region,
            receipt.scheme().byte(),
            receipt.day(),
            row.accepted_window,
            slots.as_bytes(),
        ],
    )
    .await
    .map(drop)
}

/// Gives the row of `withdrawn_key` these slots; without any, there is no row.
async fn put_withdrawn(
    sql: &Sql<'_>,
    region: Region,
    receipt: &Receipt,
    row: &KeyRow,
    window: u64,
    slots: &SlotSet,
) -> Result<()> {
    sql.execute(
        "DELETE FROM withdrawn_key
         WHERE proof = $1 AND region = $2 AND scheme = $3 AND day = $4 AND accepted_window = $5
           AND withdrawn_window = $6",
        &values![
            receipt.proof(),
            &region,
            receipt.scheme().byte(),
            receipt.day(),
            row.accepted_window,
            window,
        ],
    )
    .await?;
    if slots.is_empty() {
        return Ok(());
    }
    sql.execute(
        "INSERT INTO withdrawn_key
             (proof, secret, region, scheme, day, accepted_window, withdrawn_window, slots)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &values![
            receipt.proof(),
            &row.secret,
            &region,
            receipt.scheme().byte(),
            receipt.day(),
            row.accepted_window,
            window,
            slots.as_bytes(),
        ],
    )
    .await
    .map(drop)
}
