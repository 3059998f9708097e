//! A batch whose every byte is signed for, and the question that a phone asks it.
//!
//! Turning matches into exposures is left to [`join`](crate::join) and what follows it.

use truyvet_crypto::{Tag, Timestamp, sign::TrustedKeys};

use super::{BatchError, Chunk, Digest, Header, TagHasher, frame::Frame};
use crate::codec::{Filter, Prepared};

/// A batch file that a trusted key signed and whose every byte is as signed. Queried in place.
///
/// `B`: a vector, a slice, a memory map; `as_ref` must give the same bytes every time.
#[derive(Clone, Debug)]
pub struct VerifiedBatch<B> {
    bytes: B,
    header: Header,
    chunks: Vec<Chunk>,
    prepared: Prepared,
    hasher: TagHasher,
    replaced: Vec<Digest>,
    body_start: usize,
}

impl<B: AsRef<[u8]>> VerifiedBatch<B> {
    /// Checks header, signature, directory and the digest of every chunk.
    ///
    /// Costs about one SHA-256 of the file, and 64 bytes of memory for each chunk.
    ///
    /// # Errors
    /// [`BatchError`] says what is wrong; the signature is checked before the directory is believed.
    pub fn verify(bytes: B, trusted: &TrustedKeys) -> Result<Self, BatchError> {
        Frame::split(bytes.as_ref())?.check_signature(trusted)?;
        Self::whole(bytes)
    }

    /// Checks everything but the signature.
    pub(super) fn whole(bytes: B) -> Result<Self, BatchError> {
        let frame = Frame::split(bytes.as_ref())?;
        let chunks = frame.chunks()?;
        frame.check_digests(&chunks)?;
        let replaced = frame
            .replaced
            .iter()
            .copied()
            .map(Digest::from_bytes)
            .collect();
        let body_start = bytes.as_ref().len() - frame.body.len();
        Ok(Self {
            prepared: frame.prepare(&chunks)?,
            hasher: TagHasher::new(&frame.header.salt),
            header: frame.header,
            chunks,
            replaced,
            body_start,
            bytes,
        })
    }

    /// What the batch says about itself.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Names the file. Hashes it each time.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.bytes())
    }

    /// The deltas that a roll-up replaces.
    pub fn replaced(&self) -> impl ExactSizeIterator<Item = Digest> {
        self.replaced.iter().copied()
    }

    /// Which of `tags` are in the batch; a tag that is not matches with chance 2^-R.
    ///
    /// - `tags`: any order, repeats allowed.
    ///
    /// Ask for many tags at once: with the default codec 48 are under way together, 5 to 30 ns each in a batch of a
    /// million, by the processor and its memory; codec 0 reads every chunk once, and takes 16 bytes of memory a tag.
    #[must_use]
    pub fn matches(&self, tags: &[Tag]) -> Matches {
        let mut indices = self.filter().search(&self.prepared, tags);
        indices.sort_unstable();
        Matches {
            indices,
            closed_at: self.header.closed_at,
        }
    }

    /// Whether `tag` is in the batch. For many tags, [`Self::matches`] is faster by far.
    #[must_use]
    pub fn contains(&self, tag: &Tag) -> bool {
        self.filter().contains(&self.prepared, tag)
    }

    fn filter(&self) -> Filter<'_> {
        Filter {
            header: &self.header,
            hasher: &self.hasher,
            chunks: &self.chunks,
            body: &self.bytes()[self.body_start..],
        }
    }
}

/// Which of the tags that were asked for are in one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    pub(super) indices: Vec<usize>,
    pub(super) closed_at: Timestamp,
}

impl Matches {
    /// Positions in the slice of tags that was asked for, ascending.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// When the batch closed: whatever was heard from then on cannot be one of its cases.
    #[must_use]
    pub fn closed_at(&self) -> Timestamp {
        self.closed_at
    }

    #[cfg(test)]
    pub(crate) fn of_test(indices: Vec<usize>, closed_at: Timestamp) -> Self {
        Self { indices, closed_at }
    }
}
