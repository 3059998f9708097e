//! Builds and signs batch files: `TagSet` → [`Batch`] → [`SignedBatch`]. For servers.
//!
//! Pure: which tags, which salt and when are the caller's. The same tags, salt and parameters give the same bytes.

mod chunks;
mod order;
mod tag_set;
mod threads;

use std::{num::NonZero, thread};

use truyvet_crypto::{
    Timestamp,
    sign::{KeyId, Purpose, SigningKey},
};

use self::chunks::Chunk;
pub(crate) use self::order::insertion_sort;
pub use self::tag_set::TagSet;
use crate::{
    BatchKind, Codec, Digest, HEADER_BYTES, Header, MAX_REPLACES, Region,
    batch::{ENTRY_BYTES, SIGNATURE_BYTES, chunks_for},
};

/// All that a batch says besides its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchParameters {
    /// How the chunks are coded.
    pub codec: Codec,
    /// Delta, roll-up or withdrawal.
    pub kind: BatchKind,
    /// The area it is for.
    pub region: Region,
    /// Place in the region's chain, from 1.
    pub sequence: u64,
    /// First second of the window it is published for.
    pub window_start: Timestamp,
    /// End of that window.
    pub window_end: Timestamp,
    /// When the last upload was taken in. Phones ignore what they heard later.
    pub closed_at: Timestamp,
    /// 16 random bytes, drawn after `closed_at`: who uploads must not be able to choose what collides.
    pub salt: [u8; 16],
    /// R, 8 to 48: a tag that is not in the batch matches with chance 2^-R.
    pub fingerprint_bits: u8,
    /// The file before this one in the region's chain; [`Digest::ZERO`] for the first.
    pub previous: Digest,
    /// The deltas that a roll-up replaces, at most 4,096; none for other kinds.
    pub replaces: Vec<Digest>,
}

/// Why a batch cannot be built. Safe to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A parameter that is out of its bounds, or does not fit the others.
    #[error("{field} out of bounds")]
    Field {
        /// Which one, by its name in the header.
        field: &'static str,
    },
    /// More tags than a chunk can hold fell into one: no salt that was drawn at random does that. Draw another.
    #[error("chunk {chunk} is too full under this salt")]
    ChunkFull {
        /// Counted from 0.
        chunk: u32,
    },
}

/// A batch that nobody has signed yet.
#[derive(Clone, Debug)]
pub struct Batch {
    header: Header,
    /// Directory and replaced digests.
    directory: Vec<u8>,
    body: Vec<u8>,
}

/// A batch file, ready to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedBatch {
    bytes: Vec<u8>,
    digest: Digest,
}

/// Builds the filter of `tags`, with directory and header, on all cores.
///
/// Takes 16 bytes of memory a tag besides the result, once more while it is put together.
///
/// # Errors
/// [`BuildError::Field`] for a parameter out of bounds, [`BuildError::ChunkFull`] with negligible chance.
pub fn build(parameters: &BatchParameters, tags: &TagSet) -> Result<Batch, BuildError> {
    let cores = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    build_with_threads(parameters, tags, cores)
}

/// [`build`] on so many threads. The bytes do not depend on how many.
///
/// # Errors
/// As [`build`].
pub fn build_with_threads(
    parameters: &BatchParameters,
    tags: &TagSet,
    threads: NonZero<usize>,
) -> Result<Batch, BuildError> {
    let mut header = header(parameters, tags)?;
    let chunks = chunks::encode(&header, tags, threads)?;
    let body_bytes: usize = chunks.iter().map(Chunk::bytes).sum();
    let mut directory = Vec::with_capacity(chunks.len() * ENTRY_BYTES);
    let mut body = Vec::with_capacity(body_bytes);
    for chunk in &chunks {
        directory.extend(chunk.entry);
        body.extend(&chunk.sections[0]);
    }
    for chunk in &chunks {
        body.extend(&chunk.sections[1]);
    }
    header.body_bytes = body.len() as u64;
    header
        .check()
        .map_err(|field| BuildError::Field { field })?;
    directory.extend(parameters.replaces.iter().flat_map(Digest::as_bytes));
    Ok(Batch {
        header,
        directory,
        body,
    })
}

/// The header, but for what is known later: key id and body length.
fn header(parameters: &BatchParameters, tags: &TagSet) -> Result<Header, BuildError> {
    let BatchParameters {
        codec,
        kind,
        region,
        sequence,
        window_start,
        window_end,
        closed_at,
        salt,
        fingerprint_bits,
        previous,
        ref replaces,
    } = *parameters;
    let header = Header {
        codec,
        kind,
        fingerprint_bits,
        region,
        sequence,
        tags: tags.len() as u64,
        chunks: chunks_for(tags.len() as u64),
        replaces: u32::try_from(replaces.len()).unwrap_or(MAX_REPLACES + 1),
        window_start,
        window_end,
        closed_at,
        salt,
        previous,
        key_id: KeyId::from_bytes([0; 8]),
        body_bytes: 0,
    };
    header
        .check()
        .map_err(|field| BuildError::Field { field })?;
    Ok(header)
}

impl Batch {
    /// What the batch says about itself; the key id is still zero.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Signs the batch. The same key gives the same bytes again.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> SignedBatch {
        let header = Header {
            key_id: key.verifying_key().id(),
            ..self.header
        };
        let mut bytes = Vec::with_capacity(
            HEADER_BYTES + self.directory.len() + SIGNATURE_BYTES + self.body.len(),
        );
        bytes.extend(header.encode());
        bytes.extend(self.directory);
        let signature = key.sign(Purpose::Batch, &bytes);
        bytes.extend(signature);
        bytes.extend(self.body);
        let digest = Digest::of(&bytes);
        SignedBatch { bytes, digest }
    }
}

impl SignedBatch {
    /// The file.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Names the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl std::fmt::Debug for SignedBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "SignedBatch({}, {} bytes)",
            self.digest,
            self.bytes.len()
        )
    }
}
