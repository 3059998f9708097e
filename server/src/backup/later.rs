//! Takes over what a server published after its backup was made, from copies of the files.
//!
//! A phone that has matched a batch refuses an index without it: the server must be shown to be the one it was. The
//! files are public, so that a cache, a mirror or the old folder still has them; they say all of themselves, and
//! each names the one before it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use truyvet_crypto::sign::TrustedKeys;
use truyvet_matching::{Digest, Header, Region, VerifiedBatch};

use super::{BackupError, Result, files::at};
use crate::{
    publish::slots_until,
    store::sqlite::{Contents, LaterBatch},
};

/// What was taken over of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose.
    pub region: Region,
    /// Of the last batch in the backup; 0: it has none.
    pub last_in_backup: u64,
    /// Of the last one taken over; the same if there was none.
    pub last: u64,
}

/// Finds the batches that follow on those of the backup, in unbroken chains.
///
/// - `folder`: holds `.tvb` files, of whatever region and age, whatever their names.
pub(super) fn find(
    folder: &Path,
    trusted: &TrustedKeys,
    backup: &Contents,
    clock_tolerance_seconds: u32,
) -> Result<(Vec<LaterBatch>, Vec<Taken>)> {
    let mut last: BTreeMap<String, (Region, u64, Digest)> = BTreeMap::new();
    for (region, batch) in &backup.batches {
        last.insert(region.to_string(), (*region, batch.sequence, batch.digest));
    }
    let mut later: BTreeMap<(String, u64), LaterBatch> = BTreeMap::new();
    for path in batch_files(folder)? {
        let bytes = fs::read(&path).map_err(at(&path))?;
        let damaged = |reason: String| BackupError::Damaged {
            path: path.clone(),
            reason,
        };
        let header = Header::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
        let region = header.region.to_string();
        let known = last.entry(region.clone());
        let (_, last_sequence, _) = *known.or_insert((header.region, 0, Digest::ZERO));
        if header.sequence <= last_sequence {
            continue;
        }
        let batch =
            VerifiedBatch::verify(bytes, trusted).map_err(|error| damaged(error.to_string()))?;
        let digest = batch.digest();
        let found = LaterBatch {
            slots_until: slots_until(header.closed_at, clock_tolerance_seconds),
            file_bytes: header.file_bytes(),
            header,
            digest,
            path,
        };
        let sequence = found.header.sequence;
        let twin = later.insert((region, sequence), found);
        if twin.is_some_and(|twin| twin.digest != digest) {
            let region = batch.header().region;
            return Err(BackupError::Forked { region, sequence });
        }
    }
    let mut taken = Vec::new();
    let mut chain = Vec::new();
    for (name, (region, last_in_backup, digest)) in last {
        let (mut sequence, mut before) = (last_in_backup, digest);
        while let Some(next) = later.remove(&(name.clone(), sequence + 1)) {
            if next.header.previous != before {
                let sequence = next.header.sequence;
                return Err(BackupError::Forked { region, sequence });
            }
            (sequence, before) = (next.header.sequence, next.digest);
            chain.push(next);
        }
        taken.push(Taken {
            region,
            last_in_backup,
            last: sequence,
        });
    }
    if let Some((_, beyond)) = later.pop_first() {
        // Half of them would help no phone that has seen the rest.
        return Err(BackupError::Damaged {
            path: beyond.path,
            reason: format!(
                "is batch {} of {}, and one between it and the backup's last is missing",
                beyond.header.sequence, beyond.header.region
            ),
        });
    }
    Ok((chain, taken))
}

fn batch_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|end| end == "tvb") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
