//! SQL of windows and their publication. What writes runs READ COMMITTED: it waits for gates, and must see what was stored
//! meanwhile.

use truyvet_crypto::{Timestamp, sign::KeyId};
use truyvet_matching::{BatchKind, Codec, Digest, Region};

use super::{
    arrival,
    failure::{Failure, Result},
    gate, lease,
    sql::{Column, FromRow, Sql, values},
    withdrawals,
};
use crate::{
    self_check,
    store::{ClosedWindow, Closing, ForWithdrawal, Lease, PublishedBatch, StoreError},
};

pub(super) async fn close(
    sql: &Sql<'_>,
    closing: &Closing,
    for_withdrawal: &ForWithdrawal,
    held: &Lease,
) -> Result<ClosedWindow> {
    lease::check(sql, held).await?;
    let region = closing.region;
    let window = gate::hold_all(sql, region).await?;
    if let Some(waiting) = closed_window(sql, region).await? {
        return Ok(waiting);
    }
    let last = last_closed_at(sql, region).await?;
    let delta = closing.behind(last);
    insert(sql, &delta, BatchKind::Delta).await?;
    if withdrawals::any_in_window(sql, region, window).await? {
        // In one transaction with the delta's row, so that no upload comes to belong to a window of this number.
        let withdrawal = delta.of_withdrawal(for_withdrawal);
        insert(sql, &withdrawal, BatchKind::Withdrawal).await?;
    }
    gate::open_next(sql, region).await?;
    let closed = closed_window(sql, region).await?;
    Ok(closed.ok_or_else(|| inconsistent("publication: no window after closing one"))?)
}

fn inconsistent(what: &str) -> StoreError {
    StoreError::Inconsistent(what.into())
}

async fn insert(sql: &Sql<'_>, closing: &Closing, kind: BatchKind) -> Result<()> {
    sql.execute(
        "INSERT INTO publication
             (region, sequence, kind, closed_at, window_start, salt, padding_seed, key_id, codec,
              fingerprint_bits, pad_floor_tags, pad_step_tags, slots_until)
         VALUES ($1, (SELECT coalesce(max(sequence), 0) + 1 FROM publication WHERE region = $1),
                 $12, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                 greatest($11, (SELECT max(slots_until) FROM publication WHERE region = $1)))",
        &values![
            &closing.region,
            closing.closed_at,
            closing.window_start,
            &closing.salt,
            &closing.padding_seed,
            closing.key_id.as_bytes().as_slice(),
            closing.codec.number(),
            closing.fingerprint_bits,
            closing.pad_floor_tags,
            closing.pad_step_tags,
            closing.slots_until,
            kind.number(),
        ],
    )
    .await
    .map(drop)
}

/// Refuses to read a window from a node that does not know that it closed: uploads that came before would be left out of its
/// file, which the node that writes would then record.
pub(super) async fn must_know(sql: &Sql<'_>, region: Region, sequence: u64) -> Result<()> {
    let (known,) = sql
        .row(
            "SELECT EXISTS (SELECT 1 FROM publication WHERE region = $1 AND sequence = $2)",
            &values![&region, sequence],
        )
        .await?;
    if known { Ok(()) } else { Err(Failure::Behind) }
}

pub(super) async fn last_closed_at(sql: &Sql<'_>, region: Region) -> Result<Option<Timestamp>> {
    let (last,) = sql
        .row(
            "SELECT max(closed_at) FROM publication WHERE region = $1",
            &values![&region],
        )
        .await?;
    Ok(last)
}

/// Numbers of the first and the last file that are published.
pub(super) async fn published_span(sql: &Sql<'_>, region: Region) -> Result<Option<(u64, u64)>> {
    sql.optional(
        "SELECT min(sequence), max(sequence) FROM publication
         WHERE region = $1 AND digest IS NOT NULL HAVING count(*) > 0",
        &values![&region],
    )
    .await
}

struct WindowRow {
    closing: Closing,
    kind: BatchKind,
    sequence: u64,
    /// Of the file before; `None`: there is none, or it is forgotten, which retention never does to a region's last.
    slots_until_before: Option<Timestamp>,
    digest_before: Option<Digest>,
}

impl FromRow for WindowRow {
    fn from_row(row: &tokio_postgres::Row) -> Result<Self> {
        let codec = Codec::from_number(u8::read(row, 7)?);
        let kind = BatchKind::from_number(u8::read(row, 12)?);
        Ok(Self {
            closing: Closing {
                region: Column::read(row, 0)?,
                closed_at: Column::read(row, 2)?,
                window_start: Column::read(row, 3)?,
                salt: Column::read(row, 4)?,
                padding_seed: Column::read(row, 5)?,
                key_id: KeyId::from_bytes(Column::read(row, 6)?),
                codec: codec.ok_or_else(|| inconsistent("publication.codec"))?,
                fingerprint_bits: Column::read(row, 8)?,
                pad_floor_tags: Column::read(row, 9)?,
                pad_step_tags: Column::read(row, 10)?,
                slots_until: Column::read(row, 11)?,
            },
            kind: kind.ok_or_else(|| inconsistent("publication.kind"))?,
            sequence: Column::read(row, 1)?,
            slots_until_before: Column::read(row, 13)?,
            digest_before: Column::read(row, 14)?,
        })
    }
}

pub(super) async fn closed_window(sql: &Sql<'_>, region: Region) -> Result<Option<ClosedWindow>> {
    let waiting: Option<WindowRow> = sql
        .optional(
            "SELECT waiting.region, waiting.sequence, waiting.closed_at, waiting.window_start, waiting.salt,
                    waiting.padding_seed, waiting.key_id, waiting.codec, waiting.fingerprint_bits,
                    waiting.pad_floor_tags, waiting.pad_step_tags, waiting.slots_until, waiting.kind,
                    before.slots_until, before.digest
             FROM publication AS waiting
             LEFT JOIN publication AS before
                    ON before.region = waiting.region AND before.sequence = waiting.sequence - 1
             WHERE waiting.region = $1 AND waiting.digest IS NULL
             ORDER BY waiting.sequence LIMIT 1",
            &values![&region],
        )
        .await?;
    let Some(row) = waiting else {
        return Ok(None);
    };
    if row.sequence > 1 && row.digest_before.is_none() {
        return Err(inconsistent("publication.digest").into());
    }
    Ok(Some(ClosedWindow {
        closing: row.closing,
        kind: row.kind,
        sequence: row.sequence,
        previous_slots_until: row.slots_until_before,
        previous: row.digest_before.unwrap_or(Digest::ZERO),
    }))
}

pub(super) async fn record(
    sql: &Sql<'_>,
    region: Region,
    batch: &PublishedBatch,
    held: &Lease,
) -> Result<()> {
    lease::check(sql, held).await?;
    let changed = sql
        .execute(
            "UPDATE publication SET digest = $3, file_bytes = $4, tags = $5
             WHERE region = $1 AND sequence = $2 AND (digest IS NULL OR digest = $3)",
            &values![
                &region,
                batch.sequence,
                batch.digest.as_bytes().as_slice(),
                batch.file_bytes,
                batch.tags,
            ],
        )
        .await?;
    if changed != 1 {
        return Err(inconsistent("publication: published twice with other bytes").into());
    }
    // The withdrawal of window n is number n + 1.
    withdrawals::forget_window(sql, region, batch.sequence.saturating_sub(1)).await?;
    // Nobody's keys: no order to forget.
    if region != self_check::region() {
        arrival::forget_order(sql, region, batch.sequence).await?;
    }
    lease::make_up(sql, held).await
}

pub(super) async fn published(sql: &Sql<'_>, region: Region) -> Result<Vec<PublishedBatch>> {
    let rows: Vec<(u64, Digest, u64, u64, Timestamp)> = sql
        .rows(
            "SELECT sequence, digest, file_bytes, tags, closed_at FROM publication
             WHERE region = $1 AND digest IS NOT NULL ORDER BY sequence",
            &values![&region],
        )
        .await?;
    let batch = |(sequence, digest, file_bytes, tags, closed_at)| PublishedBatch {
        sequence,
        digest,
        file_bytes,
        tags,
        closed_at,
    };
    Ok(rows.into_iter().map(batch).collect())
}

pub(super) async fn deltas_since(
    sql: &Sql<'_>,
    region: Region,
    since: Timestamp,
) -> Result<Vec<(u8, u32)>> {
    sql.rows(
        "SELECT fingerprint_bits, count(*) FROM publication
         WHERE region = $1 AND closed_at > $2 AND kind = $3 AND digest IS NOT NULL
         GROUP BY fingerprint_bits ORDER BY fingerprint_bits",
        &values![&region, since, BatchKind::Delta.number()],
    )
    .await
}

pub(super) async fn published_digests(sql: &Sql<'_>) -> Result<Vec<Digest>> {
    let digests = sql
        .rows(
            "SELECT digest FROM publication WHERE digest IS NOT NULL",
            &[],
        )
        .await?;
    Ok(digests.into_iter().map(|(digest,)| digest).collect())
}

/// How many published batches a key has signed, or is to sign.
pub(super) async fn signed_by(sql: &Sql<'_>, key: KeyId) -> Result<u64> {
    let (batches,) = sql
        .row(
            "SELECT count(*) FROM publication WHERE key_id = $1",
            &values![key.as_bytes().as_slice()],
        )
        .await?;
    Ok(batches)
}
