//! Forgets in which order uploads came, also in the bytes of the file.
//!
//! Rows are kept in the order of random values, but within a page SQLite lays a new row below those that are there. Whoever
//! has the file reads from the places in which order the rows of a page came: which keys came together, and which spent
//! token belongs to which redeemed code. Rows that are written anew in the order of their values lie in that order.

use rusqlite::{Connection, params, params_from_iter, types::Value};
use truyvet_matching::Region;

use super::{database_error, integer};
use crate::store::Result;

/// Moves what windows up to this one have added to the keys that are published, and writes the spent tokens anew, of
/// which nothing says in which window they came. What came since then keeps its places until its own window is published.
pub(super) fn forget_order(connection: &Connection, region: Region, sequence: u64) -> Result<()> {
    settle(connection, region, sequence)?;
    rewrite(connection, "spent_token", "spend_id")
}

/// Earlier windows' too: a key of theirs of which a part was taken back came back among the fresh ones.
fn settle(connection: &Connection, region: Region, sequence: u64) -> Result<()> {
    for sql in [
        "INSERT INTO settled_key (proof, secret, region, scheme, day, accepted_window, slots)
         SELECT proof, secret, region, scheme, day, accepted_window, slots FROM fresh_key
         WHERE region = ?1 AND accepted_window <= ?2
         ORDER BY day, region, scheme, proof, accepted_window",
        "DELETE FROM fresh_key WHERE region = ?1 AND accepted_window <= ?2",
    ] {
        connection
            .execute(sql, params![region.as_str(), integer(sequence)])
            .map_err(database_error)?;
    }
    Ok(())
}

/// Takes rows out and puts them back in order. In the transaction of the caller: nobody sees them missing.
fn rewrite(connection: &Connection, table: &str, order: &str) -> Result<()> {
    let mut select = connection
        .prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))
        .map_err(database_error)?;
    let columns = select.column_count();
    let rows: Vec<Vec<Value>> = select
        .query_map([], |row| {
            (0..columns).map(|column| row.get(column)).collect()
        })
        .and_then(Iterator::collect)
        .map_err(database_error)?;
    connection
        .execute(&format!("DELETE FROM {table}"), [])
        .map_err(database_error)?;
    let places = vec!["?"; columns].join(", ");
    let mut insert = connection
        .prepare(&format!("INSERT INTO {table} VALUES ({places})"))
        .map_err(database_error)?;
    for row in rows {
        insert
            .execute(params_from_iter(row))
            .map_err(database_error)?;
    }
    Ok(())
}
