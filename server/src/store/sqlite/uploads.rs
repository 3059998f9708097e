//! SQL of spent tokens and disclosed keys.

use rusqlite::{Connection, OptionalExtension as _, params};
use truyvet_crypto::{Day, DisclosedKey, Scheme, SlotSet, Timestamp};
use truyvet_matching::Region;

use super::{bytes, database_error, inconsistent, integer, number, timestamp};
use crate::{
    context::{Step, Steps},
    store::{AcceptedKey, NewUpload, Result, Stored},
};

pub(super) fn store(
    connection: &Connection,
    upload: &NewUpload,
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
        return if bytes("spent_token.request_digest", &request_digest)? == upload.request_digest {
            Ok(Stored::Again)
        } else {
            Ok(Stored::TokenSpent)
        };
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
    let open_window: i64 = connection
        .prepare_cached("SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = ?1")
        .and_then(|mut statement| statement.query_row([upload.region.as_str()], |row| row.get(0)))
        .map_err(database_error)?;
    // Split, so that a secret stands for the same slots in every upload.
    for key in upload.keys.iter().flat_map(DisclosedKey::split) {
        store_key(connection, upload, &key, open_window)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO upload_count (region, sequence, uploads) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET uploads = uploads + 1",
        )
        .and_then(|mut count| count.execute(params![upload.region.as_str(), open_window]))
        .map_err(database_error)?;
    steps.reached(Step::UploadWritten);
    Ok(Stored::Stored)
}

/// Adds the slots that no row of the same secret has yet: each is published once.
fn store_key(
    connection: &Connection,
    upload: &NewUpload,
    key: &DisclosedKey,
    open_window: i64,
) -> Result<()> {
    let known: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT accepted_window, slots FROM disclosed_key
             WHERE secret = ?1 AND region = ?2 AND scheme = ?3 AND day = ?4",
        )
        .and_then(|mut statement| {
            statement
                .query_map(
                    params![
                        key.secret(),
                        upload.region.as_str(),
                        key.scheme().byte(),
                        key.day().number(),
                    ],
                    |row| row.try_into(),
                )?
                .collect()
        })
        .map_err(database_error)?;
    let mut in_earlier_windows = SlotSet::empty(key.scheme());
    let mut in_this_window = key.slots().clone();
    for (accepted_window, slots) in &known {
        let slots = parse_slots(key.scheme(), slots)?;
        if *accepted_window == open_window {
            in_this_window.insert_all(&slots);
        } else {
            in_earlier_windows.insert_all(&slots);
        }
    }
    in_this_window.remove_all(&in_earlier_windows);
    if in_this_window.is_empty() {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT INTO disclosed_key (secret, region, scheme, day, accepted_window, slots)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET slots = excluded.slots",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                key.secret(),
                upload.region.as_str(),
                key.scheme().byte(),
                key.day().number(),
                open_window,
                in_this_window.as_bytes(),
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
            "SELECT scheme, day, secret, slots, accepted_window FROM disclosed_key
             WHERE region = ?1 AND accepted_window = ?2
             UNION ALL
             SELECT scheme, day, secret, slots, accepted_window FROM disclosed_key
             WHERE region = ?1 AND accepted_window < ?2 AND day >= ?3",
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
            let scheme =
                Scheme::from_byte(scheme).ok_or_else(|| inconsistent("disclosed_key.scheme"))?;
            let slots = parse_slots(scheme, &slots)?;
            let key = DisclosedKey::new(scheme, Day::from_number(day), secret, slots)
                .map_err(|_| inconsistent("disclosed_key.secret"))?;
            Ok(AcceptedKey {
                key,
                accepted_window: number("disclosed_key.accepted_window", accepted_window)?,
            })
        })
        .collect()
}

fn parse_slots(scheme: Scheme, slots: &[u8]) -> Result<SlotSet> {
    SlotSet::parse(scheme, slots).map_err(|_| inconsistent("disclosed_key.slots"))
}
