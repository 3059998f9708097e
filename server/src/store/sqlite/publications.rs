//! SQL of windows and their publication.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use truyvet_crypto::{Timestamp, sign::KeyId};
use truyvet_matching::{BatchKind, Codec, Digest, Region};

use super::{bytes, database_error, inconsistent, integer, number, timestamp, withdrawals};
use crate::store::{ClosedWindow, Closing, ForWithdrawal, PublishedBatch, Result};

pub(super) fn close(
    connection: &Connection,
    closing: &Closing,
    for_withdrawal: &ForWithdrawal,
) -> Result<ClosedWindow> {
    if let Some(waiting) = closed_window(connection, closing.region)? {
        return Ok(waiting);
    }
    let last = last_closed_at(connection, closing.region)?;
    let delta = closing.behind(last);
    let window = open_window(connection, closing.region)?;
    insert(connection, &delta, BatchKind::Delta)?;
    if withdrawals::any_in_window(connection, closing.region, window)? {
        // In one transaction with the delta's row, so that no upload comes to belong to a window of this number.
        let withdrawal = delta.of_withdrawal(for_withdrawal);
        insert(connection, &withdrawal, BatchKind::Withdrawal)?;
    }
    closed_window(connection, closing.region)?
        .ok_or_else(|| inconsistent("publication: no window after closing one"))
}

/// Sequence number of the window that is open.
pub(super) fn open_window(connection: &Connection, region: Region) -> Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = ?1")
        .and_then(|mut statement| statement.query_row([region.as_str()], |row| row.get(0)))
        .map_err(database_error)
}

fn insert(connection: &Connection, closing: &Closing, kind: BatchKind) -> Result<()> {
    connection
        .execute(
            "INSERT INTO publication
                 (region, sequence, kind, closed_at, window_start, salt, padding_seed, key_id, codec,
                  fingerprint_bits, pad_floor_tags, pad_step_tags, slots_until)
             VALUES (?1, (SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = ?1),
                     ?12, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                     max(?11, (SELECT coalesce(max(slots_until), 0) FROM publication WHERE region = ?1)))",
            params![
                closing.region.as_str(),
                closing.closed_at.unix_seconds(),
                closing.window_start.unix_seconds(),
                closing.salt,
                closing.padding_seed,
                closing.key_id.as_bytes(),
                closing.codec.number(),
                closing.fingerprint_bits,
                integer(closing.pad_floor_tags),
                integer(closing.pad_step_tags),
                closing.slots_until.unix_seconds(),
                kind.number(),
            ],
        )
        .map(drop)
        .map_err(database_error)
}

pub(super) fn last_closed_at(connection: &Connection, region: Region) -> Result<Option<Timestamp>> {
    let seconds: Option<i64> = connection
        .prepare_cached("SELECT max(closed_at) FROM publication WHERE region = ?1")
        .and_then(|mut statement| statement.query_row([region.as_str()], |row| row.get(0)))
        .map_err(database_error)?;
    seconds
        .map(|seconds| timestamp("publication.closed_at", seconds))
        .transpose()
}

struct WindowRow {
    sequence: i64,
    closed_at: i64,
    window_start: i64,
    salt: Vec<u8>,
    padding_seed: Vec<u8>,
    key_id: Vec<u8>,
    codec: u8,
    fingerprint_bits: u8,
    pad_floor_tags: i64,
    pad_step_tags: i64,
    slots_until: i64,
    kind: u8,
}

fn window_row(row: &Row<'_>) -> rusqlite::Result<WindowRow> {
    Ok(WindowRow {
        sequence: row.get(0)?,
        closed_at: row.get(1)?,
        window_start: row.get(2)?,
        salt: row.get(3)?,
        padding_seed: row.get(4)?,
        key_id: row.get(5)?,
        codec: row.get(6)?,
        fingerprint_bits: row.get(7)?,
        pad_floor_tags: row.get(8)?,
        pad_step_tags: row.get(9)?,
        slots_until: row.get(10)?,
        kind: row.get(11)?,
    })
}

pub(super) fn closed_window(
    connection: &Connection,
    region: Region,
) -> Result<Option<ClosedWindow>> {
    let row = connection
        .prepare_cached(
            "SELECT sequence, closed_at, window_start, salt, padding_seed, key_id, codec,
                    fingerprint_bits, pad_floor_tags, pad_step_tags, slots_until, kind
             FROM publication WHERE region = ?1 AND digest IS NULL ORDER BY sequence LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([region.as_str()], window_row)
                .optional()
        })
        .map_err(database_error)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let before = match row.sequence {
        1 => None,
        sequence => Some(before(connection, region, sequence - 1)?),
    };
    Ok(Some(ClosedWindow {
        closing: Closing {
            region,
            closed_at: timestamp("publication.closed_at", row.closed_at)?,
            slots_until: timestamp("publication.slots_until", row.slots_until)?,
            window_start: timestamp("publication.window_start", row.window_start)?,
            salt: bytes("publication.salt", &row.salt)?,
            padding_seed: bytes("publication.padding_seed", &row.padding_seed)?,
            key_id: KeyId::from_bytes(bytes("publication.key_id", &row.key_id)?),
            codec: Codec::from_number(row.codec)
                .ok_or_else(|| inconsistent("publication.codec"))?,
            fingerprint_bits: row.fingerprint_bits,
            pad_floor_tags: number("publication.pad_floor_tags", row.pad_floor_tags)?,
            pad_step_tags: number("publication.pad_step_tags", row.pad_step_tags)?,
        },
        kind: BatchKind::from_number(row.kind).ok_or_else(|| inconsistent("publication.kind"))?,
        sequence: number("publication.sequence", row.sequence)?,
        previous_slots_until: before.map(|before| before.slots_until),
        previous: before.map_or(Digest::ZERO, |before| before.digest),
    }))
}

#[derive(Clone, Copy)]
struct Before {
    slots_until: Timestamp,
    digest: Digest,
}

/// What a window follows on. Retention never deletes a region's last publication.
fn before(connection: &Connection, region: Region, sequence: i64) -> Result<Before> {
    let (slots_until, digest): (i64, Option<Vec<u8>>) = connection
        .query_row(
            "SELECT slots_until, digest FROM publication WHERE region = ?1 AND sequence = ?2",
            params![region.as_str(), sequence],
            |row| row.try_into(),
        )
        .map_err(database_error)?;
    let digest = digest.ok_or_else(|| inconsistent("publication.digest"))?;
    Ok(Before {
        slots_until: timestamp("publication.slots_until", slots_until)?,
        digest: Digest::from_bytes(bytes("publication.digest", &digest)?),
    })
}

pub(super) fn record(
    connection: &Connection,
    region: Region,
    batch: &PublishedBatch,
) -> Result<()> {
    let changed = connection
        .execute(
            "UPDATE publication SET digest = ?3, file_bytes = ?4, tags = ?5
             WHERE region = ?1 AND sequence = ?2 AND (digest IS NULL OR digest = ?3)",
            params![
                region.as_str(),
                integer(batch.sequence),
                batch.digest.as_bytes(),
                integer(batch.file_bytes),
                integer(batch.tags),
            ],
        )
        .map_err(database_error)?;
    match changed {
        // The withdrawal of window n is number n + 1.
        1 => withdrawals::forget_window(connection, region, batch.sequence.saturating_sub(1)),
        _ => Err(inconsistent(
            "publication: published twice with other bytes",
        )),
    }
}

pub(super) fn published(connection: &Connection, region: Region) -> Result<Vec<PublishedBatch>> {
    type BatchRow = (i64, Vec<u8>, i64, i64, i64);
    let rows: Vec<BatchRow> = connection
        .prepare_cached(
            "SELECT sequence, digest, file_bytes, tags, closed_at FROM publication
             WHERE region = ?1 AND digest IS NOT NULL ORDER BY sequence",
        )
        .and_then(|mut statement| {
            statement
                .query_map([region.as_str()], |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)?;
    rows.into_iter()
        .map(|(sequence, digest, file_bytes, tags, closed_at)| {
            Ok(PublishedBatch {
                sequence: number("publication.sequence", sequence)?,
                digest: Digest::from_bytes(bytes("publication.digest", &digest)?),
                file_bytes: number("publication.file_bytes", file_bytes)?,
                tags: number("publication.tags", tags)?,
                closed_at: timestamp("publication.closed_at", closed_at)?,
            })
        })
        .collect()
}

/// Numbers of the first and the last file that are published.
pub(super) fn published_span(
    connection: &Connection,
    region: Region,
) -> Result<Option<(u64, u64)>> {
    let (first, last): (Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT min(sequence), max(sequence) FROM publication
             WHERE region = ?1 AND digest IS NOT NULL",
        )
        .and_then(|mut statement| statement.query_row([region.as_str()], |row| row.try_into()))
        .map_err(database_error)?;
    let sequence = |value| number("publication.sequence", value);
    first
        .zip(last)
        .map(|(first, last)| Ok((sequence(first)?, sequence(last)?)))
        .transpose()
}

pub(super) fn deltas_since(
    connection: &Connection,
    region: Region,
    since: Timestamp,
) -> Result<Vec<(u8, u32)>> {
    connection
        .prepare_cached(
            "SELECT fingerprint_bits, count(*) FROM publication
             WHERE region = ?1 AND closed_at > ?2 AND kind = ?3 AND digest IS NOT NULL
             GROUP BY fingerprint_bits",
        )
        .and_then(|mut statement| {
            let delta = BatchKind::Delta.number();
            let of_region = params![region.as_str(), since.unix_seconds(), delta];
            statement
                .query_map(of_region, |row| row.try_into())?
                .collect()
        })
        .map_err(database_error)
}

pub(super) fn published_digests(connection: &Connection) -> Result<Vec<Digest>> {
    let digests: Vec<Vec<u8>> = connection
        .prepare_cached("SELECT digest FROM publication WHERE digest IS NOT NULL")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(database_error)?;
    digests
        .iter()
        .map(|digest| Ok(Digest::from_bytes(bytes("publication.digest", digest)?)))
        .collect()
}
