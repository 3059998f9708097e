//! The seam between a batch file and what stands in its chunks: all that differs between codecs goes through here.
//!
//! Files, signatures and digests are left to [`batch`](crate::batch).

mod compressed_bloom;
mod plain_bloom;
mod ribbon;
mod rice;

use std::fmt;

use truyvet_crypto::Tag;

#[cfg(feature = "build")]
use crate::batch::scale;
use crate::batch::{
    Chunk, Fraction, Header, MAX_CHUNK_BODY_BYTES, MAX_CHUNK_TAGS, TagHasher, head_bytes,
};

/// How the chunks of a batch are coded. Readers know all of them; an operator picks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Compressed Bloom filter with one hash function (Mitzenmacher): sorted positions, Rice-coded. R + 1.54 bits a tag.
    CompressedBloom = 0,
    /// Bumped ribbon filter, its columns in two sections. From 1e5 tags on R + 0.4 % bits a tag, and by
    /// far the fastest to ask.
    SplitRibbon = 1,
    /// Plain Bloom filter of the crate `bloomfilter`: 1.44 · R bits a tag. For apps that own a reader of such filters.
    PlainBloom = 2,
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
    pub(crate) hasher: &'a TagHasher,
    pub(crate) chunks: &'a [Chunk],
    pub(crate) body: &'a [u8],
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::CompressedBloom, Self::SplitRibbon, Self::PlainBloom];

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

    /// Bytes of a file with so many tags: 1 % more or less from 40,000 on, up to 4 % more with a tenth of them.
    ///
    /// What an operator who picks a codec wants to know of the others.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn expected_file_bytes(self, tags: u64, fingerprint_bits: u8) -> u64 {
        let bits = f64::from(fingerprint_bits);
        let bits_per_tag = match self {
            // A Rice code of a geometric gap.
            Self::CompressedBloom => bits + 1.54,
            // Slots that stay empty; codes, and 0.08 % of the tags in the tail.
            Self::SplitRibbon => 1.0016 * bits + 0.067,
            Self::PlainBloom => bits / std::f64::consts::LN_2,
        };
        head_bytes(tags) + (tags as f64 * bits_per_tag / 8.0) as u64
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
            Self::PlainBloom => plain_bloom::shape(fingerprint_bits, fields)?,
        };
        if shape.tags > MAX_CHUNK_TAGS {
            return Err("tags");
        }
        let body_bytes: u64 = shape.section_bytes.into_iter().map(u64::from).sum();
        if body_bytes > MAX_CHUNK_BODY_BYTES {
            return Err("section bytes");
        }
        Ok(shape)
    }

    /// Encodes some chunks; `None` if this codec encodes all chunks at once, by [`Self::encode_all`].
    ///
    /// - `chunks`: how many there are in the batch.
    /// - `hashes`: for each, those of the chunk's tags in any order, each once; at most 65,535.
    #[cfg(feature = "build")]
    pub(crate) fn encode(
        self,
        fingerprint_bits: u8,
        chunks: u64,
        hashes: impl Iterator<Item: Iterator<Item = Fraction>>,
    ) -> Option<Vec<EncodedChunk>> {
        match self {
            Self::CompressedBloom => {
                let encode = |hashes| {
                    let fractions = Iterator::map(hashes, |hash| scale(hash, chunks).1);
                    let mut fractions: Vec<Fraction> = fractions.collect();
                    fractions.sort_unstable();
                    compressed_bloom::encode(fingerprint_bits, &fractions)
                };
                Some(hashes.map(encode).collect())
            }
            Self::SplitRibbon => {
                let keys = |hashes| -> Vec<ribbon::Key> {
                    Iterator::map(hashes, |hash| ribbon::Key::locate(hash, chunks).1).collect()
                };
                let keys: Vec<_> = hashes.map(keys).collect();
                let (pairs, rest) = keys.as_chunks();
                let pairs = pairs
                    .iter()
                    .flat_map(|[a, b]| ribbon::encode(fingerprint_bits, [a, b]));
                let rest = rest
                    .iter()
                    .flat_map(|keys| ribbon::encode(fingerprint_bits, [keys]));
                Some(pairs.chain(rest).collect())
            }
            Self::PlainBloom => None,
        }
    }

    /// Encodes all chunks at once; `None` if this codec encodes them one by one.
    #[cfg(feature = "build")]
    pub(crate) fn encode_all(header: &Header, tags: &[Tag]) -> Option<Vec<EncodedChunk>> {
        (header.codec == Self::PlainBloom).then(|| plain_bloom::encode(header, tags))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::CompressedBloom => "compressed-bloom",
            Self::SplitRibbon => "split-ribbon",
            Self::PlainBloom => "plain-bloom",
        })
    }
}

/// What a codec computes once for a verified batch, so that asking it is fast.
#[derive(Clone, Debug)]
pub(crate) enum Prepared {
    /// Nothing.
    CompressedBloom,
    /// Where the chunks stand: 16 bytes each.
    SplitRibbon(ribbon::Places),
    /// The keys of its hash functions.
    PlainBloom(plain_bloom::Positions),
}

impl Prepared {
    /// For a batch whose every byte was checked.
    ///
    /// # Errors
    /// Names a field in which the chunks do not fit together.
    pub(crate) fn new(header: &Header, chunks: &[Chunk]) -> Result<Self, &'static str> {
        Ok(match header.codec {
            Codec::CompressedBloom => Self::CompressedBloom,
            Codec::SplitRibbon => Self::SplitRibbon(ribbon::Places::new(
                chunks
                    .iter()
                    .map(|chunk| (chunk.fields, chunk.sections[0].start)),
            )),
            Codec::PlainBloom => Self::PlainBloom(plain_bloom::Positions::new(header, chunks)?),
        })
    }
}

impl Filter<'_> {
    /// Indices of the tags that are in the batch, each once, in no order.
    pub(crate) fn search(&self, prepared: &Prepared, tags: &[Tag]) -> Vec<usize> {
        match prepared {
            Prepared::CompressedBloom => compressed_bloom::search(self, tags),
            Prepared::SplitRibbon(places) => ribbon::search(self, places, tags),
            Prepared::PlainBloom(positions) => plain_bloom::search(self, positions, tags),
        }
    }

    /// Whether one tag is in the batch.
    pub(crate) fn contains(&self, prepared: &Prepared, tag: &Tag) -> bool {
        match prepared {
            Prepared::CompressedBloom => {
                !compressed_bloom::search(self, std::slice::from_ref(tag)).is_empty()
            }
            Prepared::SplitRibbon(_) => ribbon::contains(self, tag),
            Prepared::PlainBloom(positions) => positions.hold(self.body, tag),
        }
    }
}

/// A section of a chunk that arrived, its digest checked.
pub(crate) struct Piece<'a> {
    pub(crate) header: &'a Header,
    pub(crate) hasher: &'a TagHasher,
    /// Counted from 0.
    pub(crate) chunk: u32,
    /// What the directory says of the chunk.
    pub(crate) fields: [u32; 4],
    /// 0 or 1.
    pub(crate) section: usize,
    pub(crate) bytes: &'a [u8],
}

impl Piece<'_> {
    /// Hashes tags once more, and moves the indices of those that pass to the front; how many there are.
    fn keep(
        &self,
        tags: &[Tag],
        indices: &mut [u32],
        mut passes: impl FnMut(Fraction) -> bool,
    ) -> usize {
        let mut kept = 0;
        for start in (0..indices.len()).step_by(SIFTED) {
            let end = indices.len().min(start + SIFTED);
            // Sized for the stack: one call of the hash.
            let mut asked = [Tag::from_bytes([0; 16]); SIFTED];
            for (tag, index) in asked.iter_mut().zip(&indices[start..end]) {
                *tag = tags[*index as usize];
            }
            let mut at = start;
            self.hasher.hash_each(&asked[..end - start], |hash| {
                indices[kept] = indices[at];
                kept += usize::from(passes(hash));
                at += 1;
            });
        }
        kept
    }
}

/// Tags of one call of the hash while sifting.
const SIFTED: usize = 128;

/// What a codec remembers between the sections of a batch that is read in file order.
#[derive(Debug)]
pub(crate) enum Sift {
    CompressedBloom,
    SplitRibbon(ribbon::Sift),
    PlainBloom(plain_bloom::Sift),
}

impl Sift {
    pub(crate) fn new(prepared: Prepared) -> Self {
        match prepared {
            Prepared::CompressedBloom => Self::CompressedBloom,
            Prepared::SplitRibbon(_) => Self::SplitRibbon(ribbon::Sift::default()),
            Prepared::PlainBloom(positions) => Self::PlainBloom(plain_bloom::Sift::new(positions)),
        }
    }

    /// Whether a tag belongs to one chunk, and is asked for in that alone.
    pub(crate) fn is_by_chunk(&self) -> bool {
        !matches!(self, Self::PlainBloom(_))
    }

    /// Memory behind it.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Self::CompressedBloom | Self::PlainBloom(_) => 0,
            Self::SplitRibbon(sift) => sift.memory_bytes(),
        }
    }

    /// Moves the indices of those tags that this section lets pass to the front of `indices`; how many there are.
    ///
    /// - `indices`: of tags that belong to the chunk, or of any.
    pub(crate) fn keep(&mut self, piece: &Piece<'_>, tags: &[Tag], indices: &mut [u32]) -> usize {
        match self {
            // They have no section 1 to refuse anything.
            Self::CompressedBloom | Self::PlainBloom(_) if piece.section == 1 => indices.len(),
            Self::CompressedBloom => compressed_bloom::keep(piece, tags, indices),
            Self::SplitRibbon(sift) => sift.keep(piece, tags, indices),
            Self::PlainBloom(sift) => sift.keep(piece, tags, indices),
        }
    }
}
