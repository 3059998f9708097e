//! What is remembered of windows and their batches.

use truyvet_crypto::Timestamp;
use truyvet_crypto::sign::KeyId;
use truyvet_matching::{BatchKind, Codec, Digest, Region};

use super::ForWithdrawal;

/// How to close a window: all that its batch is made from, besides its keys. Fixed here, so that a publication taken
/// up after a crash gives the same bytes, whatever the settings say by then.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Which region.
    pub region: Region,
    /// Now; the store puts it after the window before if the clock went back.
    pub closed_at: Timestamp,
    /// Slots that ended later wait for the next window: see `publish::select`.
    pub slots_until: Timestamp,
    /// Where the window began; the store puts it where the one before closed, if there is one.
    pub window_start: Timestamp,
    /// Drawn when closing and shown to nobody before the file is out: no upload could aim at it.
    pub salt: [u8; 16],
    /// Padding tags are derived from it.
    pub padding_seed: [u8; 32],
    /// Who signs.
    pub key_id: KeyId,
    /// Encoding.
    pub codec: Codec,
    /// A batch finds an absent tag with chance 2^-this.
    pub fingerprint_bits: u8,
    /// Fewest tags.
    pub pad_floor_tags: u64,
    /// A multiple of this above.
    pub pad_step_tags: u64,
}

impl Closing {
    /// Of a window's delta. Closing times only ever grow, also by a clock that went back: phones order batches by them.
    ///
    /// - `last`: when the region's window before closed.
    pub(super) fn behind(&self, last: Option<Timestamp>) -> Self {
        let after_last = last.map_or(Timestamp::MIN, |last| last.plus_seconds(1));
        Self {
            closed_at: self.closed_at.max(after_last),
            window_start: last.unwrap_or(self.window_start),
            ..self.clone()
        }
    }

    /// Of the withdrawal behind that delta.
    pub(super) fn of_withdrawal(self, for_withdrawal: &ForWithdrawal) -> Self {
        Self {
            salt: for_withdrawal.salt,
            padding_seed: for_withdrawal.padding_seed,
            ..self
        }
    }
}

/// A file of a closed window that is not published yet.
#[derive(Clone, Debug)]
pub struct ClosedWindow {
    /// As it was closed.
    pub closing: Closing,
    /// Delta or withdrawal.
    pub kind: BatchKind,
    /// Counts the region's publications from 1, without gaps.
    pub sequence: u64,
    /// Until when the window before took slots; `None` for the first.
    pub previous_slots_until: Option<Timestamp>,
    /// Digest of the file before; zero for the first.
    pub previous: Digest,
}

/// A batch that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedBatch {
    /// Counts the region's publications from 1.
    pub sequence: u64,
    /// Name of the file.
    pub digest: Digest,
    /// Length of the file.
    pub file_bytes: u64,
    /// Tags in it, padding included.
    pub tags: u64,
    /// When its window closed.
    pub closed_at: Timestamp,
}

/// The right to close windows and to publish, which one server has at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who.
    pub holder: String,
    /// Grows with every grant: by it, what an earlier holder still wants to write is refused.
    pub fencing: u64,
}
