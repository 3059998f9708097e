//! Brings a phone up to date with a region: index, then every new batch: download, verify, match.
//!
//! A phone downloads all new batches, whatever matched in the ones before: what it asks for tells nothing of what it
//! heard. A batch that fails leaves everything as it was before that batch; the next sync tries it again.

mod download;
mod index;
mod parts;
mod progress;
mod record;

use std::io;

use truyvet_crypto::{Timestamp, sign::SignError};
use truyvet_matching::{BatchError, Region, VerifiedBatch};
use truyvet_proto::v1 as pb;

pub use self::index::IndexError;
use self::{
    index::{Entry, Fetched, Index},
    progress::Progress,
    record::Recorded,
};
pub(crate) use self::{
    parts::Parts,
    progress::{last_closed_at, newest_index},
};
use crate::{
    Phone,
    config::ConfigError,
    connection::{Connection, HttpError},
    database::StoreError,
    signed::SignedError,
};

/// No larger batch file is downloaded: it is held in memory while it is matched. One of 40,000 cases with 14 days each
/// takes about half of it.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// Why a sync ended early. Batches before the failed one are done. Safe to print.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no configuration yet, and none could be fetched, or it tells that this phone cannot go on.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The index.
    #[error("index of {region}: {reason}")]
    Index {
        /// Of this region.
        region: Region,
        /// What is wrong with it.
        reason: IndexError,
    },
    /// A batch.
    #[error("batch {sequence}: {reason}")]
    Batch {
        /// Its number.
        sequence: u64,
        /// What is wrong with it.
        reason: BatchFault,
    },
    /// The phone's file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a batch could not be applied. Safe to print.
#[derive(Debug, thiserror::Error)]
pub enum BatchFault {
    /// Not to be had.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The download ended early; the next one goes on from there.
    #[error("{found} of {expected} bytes")]
    Truncated {
        /// Bytes of the file.
        expected: u64,
        /// Bytes there are so far.
        found: u64,
    },
    /// Not the file that the index announced.
    #[error("the SHA-256 is not the one announced")]
    Digest,
    /// Not a batch that a trusted key signed.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A signed batch, and not the one that the index announced.
    #[error("not the one announced: {0} differs")]
    NotTheOneAnnounced(&'static str),
    /// The phone's file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<io::Error> for BatchFault {
    fn from(error: io::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What a sync brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// The index was the one of the last sync ("304").
    pub index_unchanged: bool,
    /// Batches downloaded and matched.
    pub batches: usize,
    /// Length of these batches together.
    pub bytes: u64,
    /// Sightings that turned out to be of a case.
    pub new_matches: usize,
    /// Matches that were withdrawn.
    pub withdrawn_matches: usize,
    /// How far this phone's clock is ahead of the server's (negative: behind), in seconds, if that is beyond the clock
    /// tolerance: what it hears may match nobody then. The server's clock is not signed here: for advice only.
    pub clock_skew_seconds: Option<i64>,
}

/// Syncs one region. The caller sees to it that a phone runs one sync at a time.
pub(crate) async fn run(
    phone: &Phone,
    connection: &Connection,
    region: Region,
    now: Timestamp,
) -> Result<SyncReport, SyncError> {
    phone.refresh_config_if_due(connection, now).await?;
    let in_index = |reason| SyncError::Index { region, reason };
    let mut progress = phone
        .database
        .read(|connection| progress::load(connection, region))?;
    let answer = index::fetch(connection, region, &progress, now)
        .await
        .map_err(in_index)?;
    let tolerance_seconds = phone.rules().clock_tolerance_seconds;
    let clock_skew_seconds = answer
        .server_time
        .map(|time| now.seconds_since(time))
        .filter(|seconds| seconds.unsigned_abs() > tolerance_seconds.into());
    let (signed, etag) = match answer.fetched {
        Fetched::Unchanged => {
            return Ok(SyncReport {
                index_unchanged: true,
                clock_skew_seconds,
                ..SyncReport::default()
            });
        }
        Fetched::Signed { signed, etag } => (signed, etag),
    };
    let index = open_index(phone, connection, &signed, region, &progress, now).await?;
    progress.generated_at = index.generated_at;
    progress.valid_until = index.valid_until;
    // No ETag until all of its batches are matched: a "304" must mean that nothing is left to do.
    progress.etag = None;
    phone
        .database
        .write(|transaction| progress::save(transaction, region, &progress))?;
    let report = apply_all(phone, connection, region, &index, &mut progress, now).await?;
    progress.etag = etag;
    phone
        .database
        .write(|transaction| progress::save(transaction, region, &progress))?;
    Ok(SyncReport {
        clock_skew_seconds,
        ..report
    })
}

/// Opens the index; if a key signed it that this phone does not know, asks once for the configuration that may name it.
async fn open_index(
    phone: &Phone,
    connection: &Connection,
    signed: &pb::Signed,
    region: Region,
    progress: &Progress,
    now: Timestamp,
) -> Result<Index, SyncError> {
    let open = || {
        let (trusted, retention_days) = (phone.trusted_keys(), phone.rules().retention_days);
        index::open(signed, &trusted, region, progress, retention_days, now)
    };
    let mut result = open();
    if result.as_ref().err() == Some(&IndexError::Signed(SignedError::UnknownKey)) {
        // Without it, the index stays one that nobody trusted signed.
        if phone.refresh_config(connection, now).await.is_ok() {
            result = open();
        }
    }
    result.map_err(|reason| SyncError::Index { region, reason })
}

async fn apply_all(
    phone: &Phone,
    connection: &Connection,
    region: Region,
    index: &Index,
    progress: &mut Progress,
    now: Timestamp,
) -> Result<SyncReport, SyncError> {
    let new: Vec<Entry> = index
        .entries
        .iter()
        .filter(|entry| entry.sequence > progress.last_sequence)
        .copied()
        .collect();
    let wanted: Vec<_> = new.iter().map(|entry| entry.digest).collect();
    phone
        .parts
        .discard_all_but(&wanted)
        .map_err(StoreError::from)?;
    let mut report = SyncReport::default();
    for entry in &new {
        let recorded = apply(phone, connection, region, entry, index, progress, now)
            .await
            .map_err(|reason| SyncError::Batch {
                sequence: entry.sequence,
                reason,
            })?;
        report.batches += 1;
        report.bytes += entry.file_bytes;
        report.new_matches += recorded.new_matches;
        report.withdrawn_matches += recorded.withdrawn_matches;
    }
    Ok(report)
}

/// Downloads, verifies and matches one batch. `progress` moves on only if all of it succeeded.
async fn apply(
    phone: &Phone,
    connection: &Connection,
    region: Region,
    entry: &Entry,
    index: &Index,
    progress: &mut Progress,
    now: Timestamp,
) -> Result<Recorded, BatchFault> {
    let file = download::download(connection, &phone.parts, entry).await?;
    let verify = || {
        let trusted = phone.trusted_keys();
        record::verify(&file, &trusted, region, entry, index, progress)
    };
    let mut verified = verify();
    let unknown_key = |error: &BatchFault| {
        matches!(
            error,
            BatchFault::Batch(BatchError::Signature(SignError::UnknownKey(_)))
        )
    };
    if verified.as_ref().err().is_some_and(unknown_key) {
        // Batches are signed by the newest key alone, which the configuration names; without it, the fault stands.
        if phone.refresh_config(connection, now).await.is_ok() {
            verified = verify();
        }
    }
    let mut moved = progress.clone();
    let recorded = verified.and_then(|batch: VerifiedBatch<&[u8]>| {
        Ok(phone
            .database
            .write(|transaction| record::record(transaction, &batch, entry, &mut moved))?)
    });
    // Matched, or of no use: an unknown key may be known tomorrow, but then the file is as quickly fetched anew.
    phone.parts.discard(entry.digest)?;
    let recorded = recorded?;
    *progress = moved;
    Ok(recorded)
}
