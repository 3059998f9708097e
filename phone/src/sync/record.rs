//! Matches one batch against what this phone heard, and writes down what came of it.
//!
//! Matches and the new position in the chain are written in one transaction: a crash leaves the batch either done or
//! not begun.

use rusqlite::Transaction;
use truyvet_crypto::sign::TrustedKeys;
use truyvet_matching::{BatchKind, Region, Sighting, VerifiedBatch, join};

use super::{
    BatchFault,
    index::{Entry, Index},
    progress::{self, Progress},
};
use crate::{database::StoreError, exposure, sightings};

/// What one batch brought.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorded {
    pub(super) new_matches: usize,
    pub(super) withdrawn_matches: usize,
}

/// Verifies a file and holds it against its entry in the index and the batch before it.
pub(super) fn verify<'a>(
    file: &'a [u8],
    trusted: &TrustedKeys,
    region: Region,
    entry: &Entry,
    index: &Index,
    progress: &Progress,
) -> Result<VerifiedBatch<&'a [u8]>, BatchFault> {
    let batch = VerifiedBatch::verify(file, trusted)?;
    let header = batch.header();
    let before = index.before(entry.sequence, progress);
    let rules = [
        (header.region == region, "region"),
        (header.sequence == entry.sequence, "sequence number"),
        (header.closed_at == entry.closed_at, "closing time"),
        (
            before.is_none_or(|digest| digest == header.previous),
            "batch before it",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, field)) => Err(BatchFault::NotTheOneAnnounced(field)),
        None => Ok(batch),
    }
}

/// Matches and moves `progress` on to this batch.
pub(super) fn record(
    transaction: &Transaction<'_>,
    batch: &VerifiedBatch<&[u8]>,
    entry: &Entry,
    progress: &mut Progress,
) -> Result<Recorded, StoreError> {
    let region = batch.header().region;
    let mut recorded = Recorded::default();
    if batch.header().kind == BatchKind::Withdrawal {
        let matched = exposure::matched(transaction)?;
        let withdrawn = matching(batch, &matched);
        recorded.withdrawn_matches = exposure::withdraw_matches(transaction, &withdrawn, region)?;
    } else {
        let heard = sightings::all(transaction)?;
        let matched = join(&batch.matches(&tags(&heard)), &heard);
        recorded.new_matches = exposure::keep_matches(transaction, &matched, region)?;
    }
    progress.last_sequence = entry.sequence;
    progress.last_digest = Some(entry.digest);
    progress.last_closed_at = Some(entry.closed_at);
    progress::save(transaction, region, progress)?;
    Ok(recorded)
}

fn matching(batch: &VerifiedBatch<&[u8]>, sightings: &[Sighting]) -> Vec<Sighting> {
    let matches = batch.matches(&tags(sightings));
    matches
        .indices()
        .iter()
        .map(|&index| sightings[index])
        .collect()
}

fn tags(sightings: &[Sighting]) -> Vec<truyvet_crypto::Tag> {
    sightings.iter().map(|sighting| sighting.tag).collect()
}
