//! Codec 2: a plain Bloom filter as the crate `bloomfilter` makes it, for apps that own a reader of such filters.
//!
//! The body is the crate's bitmap and nothing else, cut into one section a chunk so that a download is verified piece by
//! piece. 1.44 · R bits a tag: its place is compatibility. Two hashes make up for k of them, so that in a bitmap of few
//! bits an absent tag is found more often than 2^-R: with a thousand tags and less, R above 20 promises too much.
//!
//! ```text
//! directory fields: tags (of all, shared out evenly), hash functions k, bytes of the section, 0      (one section)
//! seed = SHA-256("truyvet plain bloom v1" ‖ salt);  h0, h1 = SipHash-1-3 of the tag's 16 bytes under each half of it
//! bit i = (i < 2: h_i, else (h0 + i · h1 mod 2^64) mod (2^64 - 59)) mod (8 · bytes of the body), lowest of a byte first
//! ```
//!
//! The crate itself is for the builder only: its reader copies the bitmap, and trusts lengths and k.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use truyvet_crypto::{Tag, sha256};

use super::{Filter, Piece, Shape};
use crate::batch::{Chunk, Header};

/// As many as R = 48 takes, and some more. The crate would believe any number.
const MAX_FUNCTIONS: u32 = 64;
/// Longest section: 48 · 1.4427 bits for each tag of the fullest chunk take 567 KB.
const MAX_SECTION_BYTES: u32 = 1 << 20;
/// Largest prime below 2^64, as the crate has it.
const PRIME: u64 = 0xffff_ffff_ffff_ffc5;

/// Bounds a chunk's directory fields.
pub(super) fn shape(fingerprint_bits: u8, fields: [u32; 4]) -> Result<Shape, &'static str> {
    let [tags, functions, bytes, reserved] = fields;
    if functions > MAX_FUNCTIONS || (functions == 0) != (tags == 0) {
        return Err("hash functions");
    }
    if bytes > MAX_SECTION_BYTES || (bytes == 0) != (tags == 0) {
        return Err("section bytes");
    }
    // An honest filter has 1.44 times as many. Fewer would let a short file have very many chunks, each of which costs
    // every query all its hash functions.
    if u64::from(bytes) * 8 < u64::from(tags) * u64::from(fingerprint_bits) {
        return Err("section bytes");
    }
    if reserved != 0 {
        return Err("reserved field");
    }
    Ok(Shape {
        tags,
        section_bytes: [bytes, 0],
    })
}

/// Where the bits of tags stand.
#[derive(Clone, Debug)]
pub(crate) struct Positions {
    keys: [SipHasher13; 2],
    functions: u64,
    /// Not 0 if `functions` is not.
    bits: u64,
}

impl Positions {
    /// For chunks that agree on the number of hash functions; `Err` names the field.
    pub(crate) fn new(header: &Header, chunks: &[Chunk]) -> Result<Self, &'static str> {
        // Chunks without tags have none, but then no chunk has tags: they are shared out evenly.
        let functions = chunks.first().map_or(0, |chunk| chunk.fields[1]);
        if chunks.iter().any(|chunk| chunk.fields[1] != functions) {
            return Err("hash functions");
        }
        let [first, second] = halves(&header.salt);
        Ok(Self {
            keys: [
                SipHasher13::new_with_key(&first),
                SipHasher13::new_with_key(&second),
            ],
            functions: functions.into(),
            bits: 8 * header.body_bytes,
        })
    }

    /// The bits of a tag, one after the other.
    fn of(&self, tag: &Tag) -> impl Iterator<Item = u64> + use<'_> {
        let [h0, h1] = self.keys.map(|mut key| {
            key.write(tag.as_bytes());
            key.finish()
        });
        (0..self.functions).map(move |i| {
            let hash = match i {
                0 => h0,
                1 => h1,
                _ => h0.wrapping_add(i.wrapping_mul(h1)) % PRIME,
            };
            hash % self.bits
        })
    }

    /// Whether all bits of the tag are set.
    ///
    /// - `body`: of as many bytes as the header says.
    pub(super) fn hold(&self, body: &[u8], tag: &Tag) -> bool {
        self.functions > 0 && self.of(tag).all(|bit| is_set(body, bit))
    }
}

/// Keys of the two hash functions. Hashed, because equal halves would make them one: a salt repeated twice would find
/// absent tags thousands of times as often.
fn halves(salt: &[u8; 16]) -> [[u8; 16]; 2] {
    let seed = sha256(&[b"truyvet plain bloom v1", salt]);
    let (halves, _) = seed.as_chunks::<16>();
    [halves[0], halves[1]]
}

fn is_set(bytes: &[u8], bit: u64) -> bool {
    let byte = usize::try_from(bit / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
}

/// Indices of the tags that are in the batch, ascending.
pub(super) fn search(filter: &Filter<'_>, positions: &Positions, tags: &[Tag]) -> Vec<usize> {
    let held = |(_, tag): &(usize, &Tag)| positions.hold(filter.body, tag);
    tags.iter()
        .enumerate()
        .filter(held)
        .map(|(index, _)| index)
        .collect()
}

/// The question in file order: each piece of the bitmap refuses those tags that miss a bit in it.
#[derive(Debug)]
pub(crate) struct Sift {
    positions: Positions,
    /// Bits before the next piece.
    before: u64,
}

impl Sift {
    pub(super) fn new(positions: Positions) -> Self {
        Self {
            positions,
            before: 0,
        }
    }

    /// Moves the indices of those tags that this section lets pass to the front of `indices`; how many there are.
    ///
    /// - `indices`: of any tags, whatever the chunk.
    pub(super) fn keep(&mut self, piece: &Piece<'_>, tags: &[Tag], indices: &mut [u32]) -> usize {
        let bits = 8 * piece.bytes.len() as u64;
        let mut kept = 0;
        for at in 0..indices.len() {
            let missed = |bit: u64| {
                // Bits before the piece wrap, and so lie behind it like those that come later.
                let bit = bit.wrapping_sub(self.before);
                bit < bits && !is_set(piece.bytes, bit)
            };
            let tag = &tags[indices[at] as usize];
            let passes = self.positions.functions > 0 && !self.positions.of(tag).any(missed);
            indices[kept] = indices[at];
            kept += usize::from(passes);
        }
        self.before += bits;
        kept
    }
}

/// The bitmap of all tags, and how many hash functions it has.
///
/// - `tags`: at least one.
#[cfg(feature = "build")]
fn bitmap(header: &Header, tags: &[Tag]) -> (Vec<u8>, u32) {
    /// What the crate's own header takes before the bits.
    const CRATE_HEADER_BYTES: usize = 45;
    /// Hashes its bytes and nothing else: `[u8; 16]` would mix in its length as a `usize`, so that phones of 32 bits
    /// would see other bits than servers of 64.
    struct Key<'a>(&'a Tag);
    impl std::hash::Hash for Key<'_> {
        fn hash<H: Hasher>(&self, state: &mut H) {
            state.write(self.0.as_bytes());
        }
    }

    let [first, second] = halves(&header.salt);
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&first);
    seed[16..].copy_from_slice(&second);
    assert_ne!(first, second, "no salt is known to do that");
    let rate = (-f64::from(header.fingerprint_bits)).exp2();
    let bytes = bloomfilter::Bloom::<Key<'_>>::compute_bitmap_size(tags.len(), rate);
    let mut bloom = bloomfilter::Bloom::new_with_seed(bytes, tags.len(), &seed)
        .expect("a size and a seed are given");
    for tag in tags {
        bloom.set(&Key(tag));
    }
    let functions = bloom.number_of_hash_functions();
    (bloom.into_bytes().split_off(CRATE_HEADER_BYTES), functions)
}

/// The chunks of a batch: its bitmap in equal pieces.
#[cfg(feature = "build")]
pub(super) fn encode(header: &Header, tags: &[Tag]) -> Vec<super::EncodedChunk> {
    let (bitmap, functions) = if tags.is_empty() {
        (vec![], 0)
    } else {
        bitmap(header, tags)
    };
    let chunks = header.chunks as usize;
    let share = |whole: usize, chunk: usize| whole * chunk / chunks..whole * (chunk + 1) / chunks;
    let count = |length: usize| u32::try_from(length).expect("a chunk is bounded");
    (0..chunks)
        .map(|chunk| {
            let section = bitmap[share(bitmap.len(), chunk)].to_vec();
            let tags = share(tags.len(), chunk).len();
            super::EncodedChunk {
                fields: [count(tags), functions, count(section.len()), 0],
                sections: [section, vec![]],
            }
        })
        .collect()
}

#[cfg(test)]
#[cfg(feature = "build")]
mod tests {
    use super::*;
    use crate::Codec;

    /// The crate's own reader, on the same bits: what an app that owns one does.
    #[test]
    fn the_crate_reads_what_we_read() {
        struct Key([u8; 16]);
        impl std::hash::Hash for Key {
            fn hash<H: Hasher>(&self, state: &mut H) {
                state.write(&self.0);
            }
        }
        let tags: Vec<Tag> = (0..3_000_u128)
            .map(|i| Tag::from_bytes(i.to_le_bytes()))
            .collect();
        let mut header = Header::of_test(Codec::PlainBloom, 9);
        let (body, functions) = bitmap(&header, &tags[..1_000]);
        assert_eq!(functions, 9);
        header.body_bytes = body.len() as u64;
        let chunk = Chunk {
            tags: 1_000,
            fields: [1_000, functions, header.body_bytes.try_into().unwrap(), 0],
            sections: [0..body.len(), 0..0],
        };
        let ours = Positions::new(&header, &[chunk]).unwrap();

        let [first, second] = halves(&header.salt);
        let file = [
            &[1][..],
            &header.body_bytes.to_le_bytes(),
            &functions.to_le_bytes(),
            &first,
            &second,
            &body,
        ]
        .concat();
        let theirs = bloomfilter::Bloom::<Key>::from_bytes(file).unwrap();
        let found = |tag: &&Tag| {
            let found = ours.hold(&body, tag);
            assert_eq!(found, theirs.check(&Key(*tag.as_bytes())));
            found
        };
        assert_eq!(tags[..1_000].iter().filter(found).count(), 1_000);
        // 2,000 / 2^9 = 4 expected.
        let chance = tags[1_000..].iter().filter(found).count();
        assert!((1..15).contains(&chance), "{chance}");
    }
}
