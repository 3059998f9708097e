//! Tags to encoded chunks, on several threads: hash and deal out, then encode chunk by chunk.
//!
//! Chunks know nothing of each other, so that neither the order of the tags nor who encoded what shows in the bytes.

use std::{
    num::NonZero,
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

use truyvet_crypto::Tag;

use super::{BuildError, TagSet, threads::on_threads};
use crate::{
    Codec, Header, MAX_CHUNK_TAGS,
    batch::{ENTRY_BYTES, Fraction, TagHasher, chunk_digest, scale, second_digest},
    codec::EncodedChunk,
};

/// A chunk as it goes into a file.
pub(super) struct Chunk {
    /// What the directory says of it.
    pub(super) entry: [u8; ENTRY_BYTES],
    pub(super) sections: [Vec<u8>; 2],
}

impl Chunk {
    fn new(encoded: EncodedChunk) -> Self {
        let [first, second] = &encoded.sections;
        let mut entry = [0; ENTRY_BYTES];
        let (fields, digests) = entry.split_at_mut(16);
        for (bytes, field) in fields.as_chunks_mut().0.iter_mut().zip(encoded.fields) {
            *bytes = field.to_le_bytes();
        }
        let (first_digest, last_digest) = digests.split_at_mut(16);
        first_digest.copy_from_slice(&chunk_digest(first));
        last_digest.copy_from_slice(&second_digest(second));
        Self {
            entry,
            sections: encoded.sections,
        }
    }

    /// Bytes of both sections.
    pub(super) fn bytes(&self) -> usize {
        self.sections.iter().map(Vec::len).sum()
    }
}

/// The hashes of some of the tags, dealt out to the chunks.
type Hand = Vec<Vec<Fraction>>;

/// All chunks, in order.
///
/// # Errors
/// [`BuildError::ChunkFull`].
pub(super) fn encode(
    header: &Header,
    tags: &TagSet,
    threads: NonZero<usize>,
) -> Result<Vec<Chunk>, BuildError> {
    if let Some(encoded) = Codec::encode_all(header, tags.as_slice()) {
        return Ok(encoded.into_iter().map(Chunk::new).collect());
    }
    // A thread for less than a chunk costs more than it gains.
    let threads = threads.get().min(header.chunks as usize);
    let share = tags.len().div_ceil(threads).max(1);
    let hands: Vec<Hand> = on_threads(
        tags.as_slice()
            .chunks(share)
            .map(|tags| move || deal(header, tags)),
    );
    // Two are encoded in less time together; but no thread is left without work for that.
    let together = if header.chunks as usize / threads < 2 {
        1
    } else {
        2
    };
    let next = AtomicU32::new(0);
    let encoded = on_threads((0..threads).map(|_| {
        || {
            let mut encoded = vec![];
            loop {
                let first = next.fetch_add(together, Ordering::Relaxed);
                if first >= header.chunks {
                    return Ok(encoded);
                }
                let numbers = first..header.chunks.min(first + together);
                let chunks = encode_chunks(header, &hands, numbers.clone())?;
                encoded.extend(numbers.zip(chunks));
            }
        }
    }));
    let mut chunks = Vec::with_capacity(header.chunks as usize);
    for encoded in encoded {
        chunks.extend(encoded?);
    }
    chunks.sort_unstable_by_key(|(chunk, _)| *chunk);
    Ok(chunks.into_iter().map(|(_, chunk)| chunk).collect())
}

fn deal(header: &Header, tags: &[Tag]) -> Hand {
    let chunks = header.chunks as usize;
    // Room for all but the rarest counts.
    let mean = tags.len() / chunks;
    let mut hand = vec![Vec::with_capacity(mean + mean / 32 + 64); chunks];
    TagHasher::new(&header.salt).hash_each(tags, |hash| {
        let (chunk, _) = scale(hash, header.chunks.into());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below the number of chunks"
        )]
        hand[chunk as usize].push(hash);
    });
    hand
}

fn encode_chunks(
    header: &Header,
    hands: &[Hand],
    numbers: Range<u32>,
) -> Result<Vec<Chunk>, BuildError> {
    let dealt = |chunk: u32| hands.iter().map(move |hand| &hand[chunk as usize]);
    for chunk in numbers.clone() {
        let count: usize = dealt(chunk).map(Vec::len).sum();
        if count > MAX_CHUNK_TAGS as usize {
            return Err(BuildError::ChunkFull { chunk });
        }
    }
    let encoded = header
        .codec
        .encode(
            header.fingerprint_bits,
            header.chunks.into(),
            numbers.map(|chunk| dealt(chunk).flatten().copied()),
        )
        .expect("what is not encoded all at once is encoded chunk by chunk");
    Ok(encoded.into_iter().map(Chunk::new).collect())
}
