//! SQL of forgetting.

use rusqlite::{Connection, params};
use truyvet_crypto::Day;
use truyvet_matching::Digest;

use super::{bytes, database_error, imports, sign_in};
use crate::store::{Forget, Forgotten, Result};

/// Published keys stand in the order of their days; the others are those of a window at most.
pub(super) fn oldest_key_day(connection: &Connection) -> Result<Option<Day>> {
    let oldest: Option<u32> = connection
        .query_row(
            "SELECT min(day) FROM (SELECT min(day) AS day FROM disclosed_key
                                   UNION ALL SELECT min(day) FROM withdrawn_key)",
            [],
            |row| row.get(0),
        )
        .map_err(database_error)?;
    Ok(oldest.map(Day::from_number))
}

pub(super) fn forget(connection: &Connection, what: &Forget) -> Result<Forgotten> {
    let delete = |sql: &str, before: i64| connection.execute(sql, [before]).map_err(database_error);
    let fresh = connection
        .execute(
            "DELETE FROM fresh_key
             WHERE day < ?2
                OR day < ?1 AND accepted_window <= (
                       SELECT coalesce(max(sequence), 0) FROM publication
                       WHERE publication.region = fresh_key.region AND digest IS NOT NULL)",
            params![
                what.keys_before.number(),
                what.unpublished_keys_before.number()
            ],
        )
        .map_err(database_error)?;
    let settled = delete(
        "DELETE FROM settled_key WHERE day < ?1",
        what.keys_before.number().into(),
    )?;
    // Those whose withdrawal was published went with that.
    let withdrawn_keys = delete(
        "DELETE FROM withdrawn_key WHERE day < ?1",
        what.unpublished_keys_before.number().into(),
    )?;
    let tokens = delete(
        "DELETE FROM spent_token WHERE last_day < ?1",
        what.tokens_before.number().into(),
    )?;
    let codes = delete(
        "DELETE FROM upload_code WHERE expires_at < ?1",
        what.codes_before.unix_seconds(),
    )?;
    let imports = imports::forget(connection, what.codes_before)?;
    let batches: Vec<Vec<u8>> = connection
        .prepare_cached(
            "DELETE FROM publication
             WHERE closed_at < ?1 AND digest IS NOT NULL
               AND sequence < (SELECT max(sequence) FROM publication AS last
                               WHERE last.region = publication.region AND last.digest IS NOT NULL)
             RETURNING digest",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![what.batches_before.unix_seconds()], |row| {
                    row.get(0)
                })?
                .collect()
        })
        .map_err(database_error)?;
    connection
        .execute(
            "DELETE FROM upload_count
             WHERE sequence < (SELECT min(sequence) FROM publication
                               WHERE publication.region = upload_count.region)",
            [],
        )
        .map_err(database_error)?;
    Ok(Forgotten {
        keys: fresh + settled,
        withdrawn_keys,
        tokens,
        codes,
        sign_ins: sign_in::forget(connection, &what.sign_ins)?,
        imports,
        batches: batches
            .iter()
            .map(|digest| Ok(Digest::from_bytes(bytes("publication.digest", digest)?)))
            .collect::<Result<_>>()?,
    })
}
