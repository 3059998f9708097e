//! Looks into a batch file without a key: for people who operate a service.
//!
//! Tells whether a file is whole, not who made it: phones use [`VerifiedBatch`].

use truyvet_crypto::Tag;

use super::{BatchError, Chunk, Digest, Header, Matches, VerifiedBatch, frame::Frame};

/// What can be told of a batch file without trusting anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The header, as it is.
    pub header: Header,
    /// Names the file.
    pub digest: Digest,
    /// The deltas that a roll-up replaces.
    pub replaced: Vec<Digest>,
    /// Length of the file.
    pub file_bytes: u64,
    /// Tags of the emptiest chunk.
    pub fewest_tags_of_a_chunk: u32,
    /// Tags of the fullest chunk.
    pub most_tags_of_a_chunk: u32,
    /// Bytes of the largest chunk, all sections.
    pub largest_chunk_bytes: u64,
}

impl Summary {
    /// Bits of the whole file for each tag, header and signature included; `None` for an empty batch.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn bits_per_tag(&self) -> Option<f64> {
        (self.header.tags > 0).then(|| self.file_bytes as f64 * 8.0 / self.header.tags as f64)
    }

    /// Bits for each tag over R: no filter with this false-positive rate takes less than 1.
    #[must_use]
    pub fn over_bound(&self) -> Option<f64> {
        Some(self.bits_per_tag()? / f64::from(self.header.fingerprint_bits))
    }
}

/// Checks all that [`VerifiedBatch::verify`] does, but for the signature.
///
/// # Errors
/// [`BatchError`] says what is wrong.
pub fn inspect(bytes: &[u8]) -> Result<Summary, BatchError> {
    let frame = Frame::split(bytes)?;
    let chunks = frame.chunks()?;
    frame.prepare(&chunks)?;
    frame.check_digests(&chunks)?;
    let tags = || chunks.iter().map(|chunk| chunk.tags);
    let bytes_of = |chunk: &Chunk| chunk.sections.iter().map(|s| s.len() as u64).sum();
    Ok(Summary {
        digest: Digest::of(bytes),
        replaced: frame
            .replaced
            .iter()
            .copied()
            .map(Digest::from_bytes)
            .collect(),
        file_bytes: bytes.len() as u64,
        fewest_tags_of_a_chunk: tags().min().unwrap_or(0),
        most_tags_of_a_chunk: tags().max().unwrap_or(0),
        largest_chunk_bytes: chunks.iter().map(bytes_of).max().unwrap_or(0),
        header: frame.header,
    })
}

/// Which of `tags` are in a file that nobody vouches for: [`VerifiedBatch::matches`] without the signature.
///
/// # Errors
/// [`BatchError`] says what is wrong.
pub fn query_unsigned(bytes: &[u8], tags: &[Tag]) -> Result<Matches, BatchError> {
    Ok(VerifiedBatch::whole(bytes)?.matches(tags))
}
