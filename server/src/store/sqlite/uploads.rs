//! SQL of spent tokens and disclosed keys.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::{Day, DisclosedKey, Receipt, SlotSet, Timestamp};
use truyvet_matching::Region;

use super::{bytes, database_error, integer, number, publications, timestamp, withdrawals};
use crate::{
    context::{Step, Steps},
    store::{
        AcceptedKey, Result, Stored,
        uploads::{Prepared, PreparedChange, parse_key, parse_slots, slots_to_keep},
    },
};

pub(super) fn store(
    connection: &Connection,
    Prepared { upload, change }: &Prepared,
    steps: &dyn Steps,
) -> Result<Stored> {
    let spent_on: Option<Vec<u8>> = connection
        .prepare_cached("SELECT request_digest FROM spent_token WHERE spend_id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([upload.spend_id], |row| row.get(0))
                .optional()
        })
        .map_err(database_error)?;
    if let Some(request_digest) = spent_on {
        let spent_on = bytes("spent_token.request_digest", &request_digest)?;
        return Ok(Stored::before(&spent_on, upload));
    }
    connection
        .prepare_cached(
            "INSERT INTO spent_token (spend_id, request_digest, last_day) VALUES (?1, ?2, ?3)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                upload.spend_id,
                upload.request_digest,
                upload.token_last_day.number(),
            ])
        })
        .map_err(database_error)?;
    let open_window = publications::open_window(connection, upload.region)?;
    match change {
        PreparedChange::Disclose(keys) => {
            // Rare: asked once, and not for each key.
            let some_withdrawn =
                withdrawals::any_in_window(connection, upload.region, open_window)?;
            for (key, receipt) in keys {
                if some_withdrawn {
                    withdrawals::undo(connection, upload.region, receipt, open_window)?;
                }
                store_key(connection, upload.region, key, receipt, open_window)?;
            }
            count(connection, upload.region, open_window)?;
        }
        PreparedChange::Withdraw(receipts) => {
            for receipt in receipts {
                withdrawals::withdraw(connection, upload.region, receipt, open_window)?;
            }
        }
    }
    steps.reached(Step::UploadWritten);
    Ok(Stored::Stored)
}

/// Counts an upload for the figures: the window is all that is known of its time anyway.
fn count(connection: &Connection, region: Region, open_window: i64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO upload_count (region, sequence, uploads) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET uploads = uploads + 1",
        )
        .and_then(|mut count| count.execute(params![region.as_str(), open_window]))
        .map(drop)
        .map_err(database_error)
}

/// Adds the slots that no row of the same secret has yet.
fn store_key(
    connection: &Connection,
    region: Region,
    key: &DisclosedKey,
    receipt: &Receipt,
    open_window: i64,
) -> Result<()> {
    let known: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT accepted_window, slots FROM disclosed_key
             WHERE proof = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4",
        )
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![
                        receipt.proof(),
                        region.as_str(),
                        key.scheme().byte(),
                        key.day().number(),
                    ],
                    |row| row.try_into(),
                )?
                .collect()
        })
        .map_err(database_error)?;
    let known: Vec<(u64, SlotSet)> = known
        .into_iter()
        .map(|(window, slots)| {
            let window = number("disclosed_key.accepted_window", window)?;
            Ok((window, parse_slots(key.scheme(), &slots)?))
        })
        .collect::<Result<_>>()?;
    let open = number("publication.sequence", open_window)?;
    let slots = slots_to_keep(key.slots(), &known, open);
    if slots.is_empty() {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO fresh_key (proof, secret, region, scheme, day, accepted_window, slots)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET slots = excluded.slots",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                receipt.proof(),
                key.secret(),
                region.as_str(),
                key.scheme().byte(),
                key.day().number(),
                open_window,
                slots.as_bytes(),
            ])
        })
        .map(drop)
        .map_err(database_error)
}

pub(super) fn counts(
    connection: &Connection,
    region: Region,
) -> Result<Vec<(Option<Timestamp>, u64)>> {
    let rows: Vec<(Option<i64>, i64)> = connection
        .prepare_cached(
            "SELECT closed_at, uploads FROM upload_count LEFT JOIN publication USING (region, sequence)
             WHERE region = ?1 ORDER BY sequence",
        )
        .and_then(|mut statement| {
            statement
                .query_map([region.as_str()], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(closed_at, uploads)| {
            let closed_at = closed_at
                .map(|seconds| timestamp("publication.closed_at", seconds))
                .transpose()?;
            Ok((closed_at, number("upload_count.uploads", uploads)?))
        })
        .collect()
}

pub(super) fn keys_for_window(
    connection: &Connection,
    region: Region,
    sequence: u64,
    since: Day,
) -> Result<Vec<AcceptedKey>> {
    type KeyRow = (u8, u32, Vec<u8>, Vec<u8>, i64);
    let rows: Vec<KeyRow> = connection
        .prepare_cached(
            "SELECT scheme, day, secret, slots, accepted_window FROM fresh_key
             WHERE region = ?1 AND accepted_window = ?2
             UNION ALL
             SELECT scheme, day, secret, slots, accepted_window FROM disclosed_key
             WHERE region = ?1 AND accepted_window < ?2 AND day >= ?3
             UNION ALL
             SELECT scheme, day, secret, slots, accepted_window FROM withdrawn_key
             WHERE region = ?1 AND accepted_window <= ?2 AND withdrawn_window > ?2",
        )
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![region.as_str(), integer(sequence), since.number()],
                    |row| row.try_into(),
                )?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(scheme, day, secret, slots, accepted_window)| {
            Ok(AcceptedKey {
                key: parse_key(scheme, Day::from_number(day), secret, &slots)?,
                accepted_window: number("disclosed_key.accepted_window", accepted_window)?,
            })
        })
        .collect()
}
