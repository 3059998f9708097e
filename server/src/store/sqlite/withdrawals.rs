//! SQL of what is taken back: slots move from `disclosed_key` to `withdrawn_key`, and back if they are uploaded again.
//!
//! Rows are found by the proof in a receipt, one key at a time: nothing here
//! tells which of them came together.

use rusqlite::{Connection, Params, params};
use truyvet_crypto::{Day, DisclosedKey, Receipt, SlotSet, Timestamp};
use truyvet_matching::Region;

use super::{database_error, integer, number, timestamp};
use crate::store::{
    Result,
    uploads::{parse_key, parse_slots},
    withdrawals::{self, KeyRow, Moved},
};

/// Takes back those of the receipt's slots that are there.
pub(super) fn withdraw(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    open_window: i64,
) -> Result<()> {
    let slots_until = slots_until(connection, region)?;
    let open = number("publication.sequence", open_window)?;
    let withdrawn = withdrawn(connection, region, receipt, open_window)?;
    let disclosed = disclosed(connection, region, receipt)?;
    let moved = withdrawals::withdraw(disclosed, &withdrawn, receipt, open, slots_until);
    put(connection, region, receipt, open_window, moved)
}

/// Discloses again what was taken back in this window.
pub(super) fn undo(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    open_window: i64,
) -> Result<()> {
    let withdrawn = withdrawn(connection, region, receipt, open_window)?;
    if withdrawn.is_empty() {
        return Ok(());
    }
    let disclosed = disclosed(connection, region, receipt)?;
    let moved = withdrawals::undo(withdrawn, &disclosed, receipt);
    put(connection, region, receipt, open_window, moved)
}

fn put(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    window: i64,
    moved: Vec<Moved>,
) -> Result<()> {
    for Moved {
        row,
        disclosed,
        withdrawn,
    } in moved
    {
        put_disclosed(connection, region, receipt, &row, &disclosed)?;
        put_withdrawn(connection, region, receipt, &row, window, &withdrawn)?;
    }
    Ok(())
}

/// Whether anything was taken back in a window.
pub(super) fn any_in_window(connection: &Connection, region: Region, window: i64) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM withdrawn_key
                            WHERE region = ?1 AND withdrawn_window = ?2)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![region.as_str(), window], |row| row.get(0))
        })
        .map_err(database_error)
}

/// What was taken back in a window.
pub(super) fn in_window(
    connection: &Connection,
    region: Region,
    window: u64,
) -> Result<Vec<DisclosedKey>> {
    type KeyRow = (u8, u32, Vec<u8>, Vec<u8>);
    let rows: Vec<KeyRow> = connection
        .prepare_cached(
            "SELECT scheme, day, secret, slots FROM withdrawn_key
             WHERE region = ?1 AND withdrawn_window = ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![region.as_str(), integer(window)], |row| {
                    row.try_into()
                })?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(scheme, day, secret, slots)| {
            parse_key(scheme, Day::from_number(day), secret, &slots)
        })
        .collect()
}

/// Forgets what was taken back in a window, which is published now.
pub(super) fn forget_window(connection: &Connection, region: Region, window: u64) -> Result<()> {
    execute(
        connection,
        "DELETE FROM withdrawn_key WHERE region = ?1 AND withdrawn_window = ?2",
        params![region.as_str(), integer(window)],
    )
}

/// Until when the region's last closed window took slots; `None` before the first.
fn slots_until(connection: &Connection, region: Region) -> Result<Option<Timestamp>> {
    let seconds: Option<i64> = connection
        .prepare_cached("SELECT max(slots_until) FROM publication WHERE region = ?1")
        .and_then(|mut statement| statement.query_row([region.as_str()], |row| row.get(0)))
        .map_err(database_error)?;
    seconds
        .map(|seconds| timestamp("publication.slots_until", seconds))
        .transpose()
}

fn disclosed(connection: &Connection, region: Region, receipt: &Receipt) -> Result<Vec<KeyRow>> {
    rows(
        connection,
        "SELECT secret, accepted_window, slots FROM disclosed_key
         WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4",
        params![
            receipt.proof(),
            region.as_str(),
            receipt.scheme().byte(),
            receipt.day().number(),
        ],
        receipt,
    )
}

fn withdrawn(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    window: i64,
) -> Result<Vec<KeyRow>> {
    rows(
        connection,
        "SELECT secret, accepted_window, slots FROM withdrawn_key
         WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4 AND withdrawn_window = ?5",
        params![
            receipt.proof(),
            region.as_str(),
            receipt.scheme().byte(),
            receipt.day().number(),
            window,
        ],
        receipt,
    )
}

fn rows(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    receipt: &Receipt,
) -> Result<Vec<KeyRow>> {
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = connection
        .prepare_cached(sql)
        .and_then(|mut statement| {
            statement
                .query_map(parameters, |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(secret, accepted_window, slots)| {
            Ok(KeyRow {
                secret,
                accepted_window: number("disclosed_key.accepted_window", accepted_window)?,
                slots: parse_slots(receipt.scheme(), &slots)?,
            })
        })
        .collect()
}

/// Gives the disclosed key these slots; without any, there is no row. It lies among the fresh ones, whatever its window: its
/// place there tells what it was taken back with until the next window is published.
fn put_disclosed(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    row: &KeyRow,
    slots: &SlotSet,
) -> Result<()> {
    for sql in [
        "DELETE FROM fresh_key
         WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4 AND accepted_window = ?5",
        "DELETE FROM settled_key
         WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4 AND accepted_window = ?5",
    ] {
        execute(
            connection,
            sql,
            params![
                receipt.proof(),
                region.as_str(),
                receipt.scheme().byte(),
                receipt.day().number(),
                integer(row.accepted_window),
            ],
        )?;
    }
    if slots.is_empty() {
        return Ok(());
    }
    execute(
        connection,
        "INSERT INTO fresh_key (proof, secret, region, scheme, day, accepted_window, slots)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            receipt.proof(),
            row.secret,
            region.as_str(),
            receipt.scheme().byte(),
            receipt.day().number(),
            integer(row.accepted_window),
            slots.as_bytes(),
        ],
    )
}

/// Gives the row of `withdrawn_key` these slots; without any, there is no row.
fn put_withdrawn(
    connection: &Connection,
    region: Region,
    receipt: &Receipt,
    row: &KeyRow,
    window: i64,
    slots: &SlotSet,
) -> Result<()> {
    execute(
        connection,
        "DELETE FROM withdrawn_key
         WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4 AND accepted_window = ?5
           AND withdrawn_window = ?6",
        params![
            receipt.proof(),
            region.as_str(),
            receipt.scheme().byte(),
            receipt.day().number(),
            integer(row.accepted_window),
            window,
        ],
    )?;
    if slots.is_empty() {
        return Ok(());
    }
    execute(
        connection,
        "INSERT INTO withdrawn_key
             (proof, secret, region, scheme, day, accepted_window, withdrawn_window, slots)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            receipt.proof(),
            row.secret,
            region.as_str(),
            receipt.scheme().byte(),
            receipt.day().number(),
            integer(row.accepted_window),
            window,
            slots.as_bytes(),
        ],
    )
}

fn execute(connection: &Connection, sql: &str, parameters: impl Params) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(parameters))
        .map(drop)
        .map_err(database_error)
}
