//! The seam between a batch file and what stands in its chunks: all that differs between codecs goes through here.
//!
//! Files, signatures and digests are left to [`batch`](crate::batch).

mod compressed_bloom;
mod rice;

use std::fmt;

use truyvet_crypto::Tag;

#[cfg(feature = "build")]
use crate::batch::Fraction;
use crate::batch::{Chunk, Header, MAX_CHUNK_TAGS};

/// How the chunks of a batch are coded. Readers know all of them; an operator picks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Compressed Bloom filter with one hash function (Mitzenmacher): sorted positions, Rice-coded. R + 1.54 bits a tag.
    CompressedBloom = 0,
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
    pub const ALL: [Self; 1] = [Self::CompressedBloom];

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
        };
        if shape.tags > MAX_CHUNK_TAGS {
            return Err("tags");
        }
        Ok(shape)
    }

    /// Encodes one chunk.
    ///
    /// - `fractions`: what is left of each tag's hash inside the chunk, ascending; at most 65,535.
    #[cfg(feature = "build")]
    pub(crate) fn encode(self, fingerprint_bits: u8, fractions: &[Fraction]) -> EncodedChunk {
        match self {
            Self::CompressedBloom => compressed_bloom::encode(fingerprint_bits, fractions),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CompressedBloom => "compressed-bloom",
        })
    }
}

impl Filter<'_> {
    /// Indices of the tags that are in the batch, each once, in no order.
    pub(crate) fn search(&self, tags: &[Tag]) -> Vec<usize> {
        match self.header.codec {
            Codec::CompressedBloom => compressed_bloom::search(self, tags),
        }
    }
}
