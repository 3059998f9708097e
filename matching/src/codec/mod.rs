//! The seam between a batch file and what stands in its chunks: all that differs between codecs goes through here.
//!
//! Files, signatures and digests are left to [`batch`](crate::batch).

mod compressed_bloom;
mod ribbon;
mod rice;

use std::fmt;

use truyvet_crypto::Tag;

use crate::batch::{Chunk, Header, MAX_CHUNK_TAGS};
#[cfg(feature = "build")]
use crate::batch::{Fraction, scale};

/// How the chunks of a batch are coded. Readers know all of them; an operator picks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Compressed Bloom filter with one hash function (Mitzenmacher): sorted positions, Rice-coded. R + 1.54 bits a tag.
    CompressedBloom = 0,
    /// Bumped ribbon filter, its columns in two sections. R + 0.4 % bits a tag, and by far the fastest to ask.
    SplitRibbon = 1,
}

/// What the four directory fields of a chunk say, within the codec's bounds.
pub(crate) struct Shape {
    /// Tags in the chunk.
    pub(crate) tags: u32,
    /// Length of each section.
    pub(crate) section_bytes: [u32; 2],
}

/// A chunk as it goes into a file.
#[cfg(feature = "build")]
pub(crate) struct EncodedChunk {
    pub(crate) fields: [u32; 4],
    pub(crate) sections: [Vec<u8>; 2],
}

/// The chunks of one batch, to be searched.
pub(crate) struct Filter<'a> {
    pub(crate) header: &'a Header,
    pub(crate) chunks: &'a [Chunk],
    pub(crate) body: &'a [u8],
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::CompressedBloom, Self::SplitRibbon];

    /// The smallest and the fastest.
    pub const DEFAULT: Self = Self::SplitRibbon;

    /// The number that stands for it in a header.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The codec of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.number() == number)
    }

    /// Bounds a chunk's directory fields. `Err` names the field.
    pub(crate) fn shape(
        self,
        fingerprint_bits: u8,
        fields: [u32; 4],
    ) -> Result<Shape, &'static str> {
        let shape = match self {
            Self::CompressedBloom => compressed_bloom::shape(fingerprint_bits, fields)?,
            Self::SplitRibbon => ribbon::shape(fingerprint_bits, fields)?,
        };
        if shape.tags > MAX_CHUNK_TAGS {
            return Err("tags");
        }
        Ok(shape)
    }

    /// Encodes one chunk.
    ///
    /// - `chunks`: how many there are in the batch.
    /// - `hashes`: those of the chunk's tags in any order, each once; at most 65,535.
    #[cfg(feature = "build")]
    pub(crate) fn encode(
        self,
        fingerprint_bits: u8,
        chunks: u64,
        hashes: impl Iterator<Item = Fraction>,
    ) -> EncodedChunk {
        match self {
            Self::CompressedBloom => {
                let mut fractions: Vec<Fraction> =
                    hashes.map(|hash| scale(hash, chunks).1).collect();
                fractions.sort_unstable();
                compressed_bloom::encode(fingerprint_bits, &fractions)
            }
            Self::SplitRibbon => {
                let keys = hashes.map(|hash| ribbon::Key::locate(hash, chunks).1);
                ribbon::encode(fingerprint_bits, keys.collect())
            }
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CompressedBloom => "compressed-bloom",
            Self::SplitRibbon => "split-ribbon",
        })
    }
}

/// What a codec computes once for a verified batch, so that asking it is fast.
#[derive(Clone, Debug)]
pub(crate) enum Prepared {
    /// Nothing.
    CompressedBloom,
    /// Where the chunks stand: 8 bytes each.
    SplitRibbon(ribbon::Places),
}

impl Prepared {
    /// For a batch whose every byte was checked.
    pub(crate) fn new(header: &Header, chunks: &[Chunk]) -> Self {
        match header.codec {
            Codec::CompressedBloom => Self::CompressedBloom,
            Codec::SplitRibbon => Self::SplitRibbon(ribbon::Places::new(
                chunks
                    .iter()
                    .map(|chunk| (chunk.fields, chunk.sections[0].start)),
            )),
        }
    }
}

impl Filter<'_> {
    /// Indices of the tags that are in the batch, each once, in no order.
    pub(crate) fn search(&self, prepared: &Prepared, tags: &[Tag]) -> Vec<usize> {
        match prepared {
            Prepared::CompressedBloom => compressed_bloom::search(self, tags),
            Prepared::SplitRibbon(places) => ribbon::search(self, places, tags),
        }
    }
}
