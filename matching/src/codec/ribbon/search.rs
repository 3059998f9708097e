//! The question for many tags at once: batches are located and prefetched before the one before them is answered.
//!
//! No branch depends on a single query: misses of cache and of prediction are what time goes to, not instructions.

use truyvet_crypto::Tag;

use super::{
    super::Filter,
    BLOCK, BUCKET, Codes, Key, THRESHOLDS, code_bytes,
    simd::{Engine, prefetch},
};
use crate::batch::{Chunk, TagHasher};

/// Queries located together: their cache lines are on the way while as many others are answered.
pub(super) const LANES: usize = 32;

/// Tags hashed by one call: fewer leave the pipelines of some CPUs idle.
pub(super) const HASHED: usize = 4 * LANES;

/// Passed the front, waiting for section 1.
const WAITING: usize = 64;

/// Where the sections of all chunks stand: a word each, so that a vector unit can look them up.
///
/// Position in the body · 2^22 + blocks of layer 1 · 2^11 + blocks of layer 2.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    words: Vec<u64>,
    /// Whether every chunk has both layers.
    regular: bool,
}

/// One word of [`Places`].
#[derive(Clone, Copy)]
pub(super) struct PlaceWord(pub(super) u64);

impl PlaceWord {
    #[inline(always)]
    pub(super) fn body_at(self) -> usize {
        // A body of more than the address space was refused.
        usize::try_from(self.0 >> 22).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    pub(super) fn blocks(self) -> [u32; 2] {
        [11, 0].map(|shift| (self.0 >> shift & 0x7ff) as u32)
    }
}

impl Places {
    /// - `at`: where section 0 of each chunk starts.
    pub(crate) fn new(chunks: impl Iterator<Item = ([u32; 4], usize)>) -> Self {
        let mut regular = true;
        let words = chunks
            .map(|([_, first, second, _], at)| {
                regular &= first > 0 && second > 0;
                (at as u64) << 22 | u64::from(first) << 11 | u64::from(second)
            })
            .collect();
        Self { words, regular }
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }
}

/// Up to [`LANES`] queries on their way.
#[derive(Clone)]
#[repr(align(64))]
pub(super) struct Block {
    /// Where the 64 slots of each start in the body.
    pub(super) at: [u64; LANES],
    /// Which of them count.
    pub(super) rows: [u64; LANES],
    /// The front's share of the fingerprint.
    pub(super) expected: [u64; LANES],
    /// By lane: bumped from both layers, so that only the tail can tell.
    pub(super) tail: u32,
}

impl Block {
    pub(super) const EMPTY: Self = Self {
        at: [0; LANES],
        rows: [0; LANES],
        expected: [0; LANES],
        tail: 0,
    };

    /// Locates all lanes. The twin of what vector units do.
    ///
    /// - `places`: of chunks that all have both layers.
    #[inline(always)]
    pub(super) fn locate(&mut self, hashes: &[[u8; 16]; LANES], places: &[u64], body: &[u8]) {
        self.tail = 0;
        for (lane, hash) in hashes.iter().enumerate() {
            self.locate_lane(lane, hash, places, body);
        }
    }

    #[inline(always)]
    pub(super) fn locate_lane(
        &mut self,
        lane: usize,
        hash: &[u8; 16],
        places: &[u64],
        body: &[u8],
    ) {
        let (halves, _) = hash.as_chunks::<8>();
        let hash = (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
        let (chunk, key) = Key::locate(hash, places.len() as u64);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below the number of chunks"
        )]
        let word = PlaceWord(places[chunk as usize]);
        let blocks = word.blocks();
        let codes = word.body_at();
        let second_codes = codes + code_bytes(blocks[0]) as usize;
        let fronts = second_codes + code_bytes(blocks[1]) as usize;
        let start = key.start(0, 64 * blocks[0]);
        let mut at = start;
        if is_bumped(body, codes, start) {
            let start = key.start(1, 64 * blocks[1]);
            at = 64 * blocks[0] + start;
            self.tail |= u32::from(is_bumped(body, second_codes, start)) << lane;
        }
        self.at[lane] = (fronts + at as usize) as u64;
        self.rows[lane] = key.row();
        self.expected[lane] = key.mixed() >> 56;
    }

    /// The 64 slots of a lane.
    #[inline(always)]
    pub(super) fn window<'a>(&self, lane: usize, body: &'a [u8]) -> &'a [u8; BLOCK] {
        #[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
        let at = self.at[lane] as usize;
        body[at..].first_chunk().expect("a row ends in its layer")
    }

    /// By lane: whether the front lets it pass, or does not count.
    #[inline(always)]
    pub(super) fn evaluate(&self, body: &[u8]) -> u32 {
        let mut passed = self.tail;
        for lane in 0..LANES {
            let sum = super::chunk::xor_selected(self.window(lane, body), self.rows[lane]);
            passed |= u32::from(u64::from(sum) == self.expected[lane]) << lane;
        }
        passed
    }
}

/// Whether the keys that start there were bumped, by the codes from `codes` on.
#[inline(always)]
fn is_bumped(body: &[u8], codes: usize, start: u32) -> bool {
    /// A byte each.
    const PACKED: u32 = u32::from_le_bytes(THRESHOLDS);
    // Two bits for 128 slots: a byte for 512, and shifts of 0, 2, 4 and 6.
    let code = body[codes + (start >> 9) as usize] >> (start >> 6 & 6) & 3;
    start % BUCKET < PACKED >> (8 * u32::from(code)) & 0xff
}

/// Hands out the indices of tags that the front lets pass, ascending.
///
/// - `places`: of chunks that all have both layers.
/// - `body`: what the positions in `places` count from.
pub(crate) fn search_front(
    engine: Engine,
    hasher: &TagHasher,
    places: &Places,
    body: &[u8],
    tags: &[Tag],
    mut passed: impl FnMut(usize),
) {
    debug_assert!(places.regular);
    let mut report = |block: &Block, start: usize, length: usize| {
        let mut lanes = engine.evaluate(block, body) & (u32::MAX >> (LANES - length));
        while lanes != 0 {
            passed(start + lanes.trailing_zeros() as usize);
            lanes &= lanes - 1;
        }
    };
    let mut hashes = [[0; 16]; HASHED];
    let encrypt = engine.encryption(hasher);
    // One is located while the other waits for its cache lines.
    let mut blocks = [Block::EMPTY, Block::EMPTY];
    let mut before: Option<(usize, usize)> = None;
    let mut turn = 0;
    for (start, tags) in (0..).step_by(HASHED).zip(tags.chunks(HASHED)) {
        encrypt.hash(tags, &mut hashes);
        // Lanes after the last tag hold old hashes: located like the others, never reported.
        let (hashes, _) = hashes.as_chunks::<LANES>();
        for (start, (hashes, tags)) in (start..)
            .step_by(LANES)
            .zip(hashes.iter().zip(tags.chunks(LANES)))
        {
            engine.locate(&mut blocks[turn], hashes, places.words(), body);
            turn ^= 1;
            if let Some((start, length)) = before {
                report(&blocks[turn], start, length);
            }
            before = Some((start, tags.len()));
        }
    }
    if let Some((start, length)) = before {
        report(&blocks[turn ^ 1], start, length);
    }
}

/// Indices of the tags that are in the batch, ascending.
pub(crate) fn search(filter: &Filter<'_>, places: &Places, tags: &[Tag]) -> Vec<usize> {
    let engine = Engine::detect();
    let mut confirm = Confirm {
        filter,
        indices: Vec::with_capacity(WAITING),
        tags: Vec::with_capacity(WAITING),
        found: vec![],
    };
    if places.regular {
        search_front(engine, filter.hasher, places, filter.body, tags, |index| {
            confirm.wait(index, tags[index]);
        });
    } else {
        for (index, tag) in tags.iter().enumerate() {
            confirm.wait(index, *tag);
        }
    }
    confirm.all();
    confirm.found
}

/// Tags that passed the front, until there are enough of them to ask section 1 for many at once.
struct Confirm<'a> {
    filter: &'a Filter<'a>,
    indices: Vec<usize>,
    tags: Vec<Tag>,
    found: Vec<usize>,
}

impl Confirm<'_> {
    #[inline]
    fn wait(&mut self, index: usize, tag: Tag) {
        self.indices.push(index);
        self.tags.push(tag);
        if self.indices.len() == WAITING {
            self.all();
        }
    }

    #[cold]
    fn all(&mut self) {
        let Filter {
            header,
            chunks,
            body,
            ..
        } = *self.filter;
        let mut keys = Vec::with_capacity(self.tags.len());
        self.filter.hasher.hash_each(&self.tags, |hash| {
            let (chunk, key) = Key::locate(hash, header.chunks.into());
            #[expect(
                clippy::cast_possible_truncation,
                reason = "below the number of chunks"
            )]
            let chunk = &chunks[chunk as usize];
            let [front, rest] = chunk.sections.clone().map(|range| &body[range]);
            let codes = Codes::new(chunk.fields, front);
            let (at, block_bytes) = codes.rest_at(header.fingerprint_bits, key);
            prefetch(rest, at);
            prefetch(rest, at + block_bytes);
            keys.push((chunk, key));
        });
        for (index, (chunk, key)) in self.indices.drain(..).zip(keys) {
            if holds(self.filter, chunk, key) {
                self.found.push(index);
            }
        }
        self.tags.clear();
    }
}

/// Whether the tag is in the batch.
pub(crate) fn contains(filter: &Filter<'_>, tag: &Tag) -> bool {
    let hash = filter.hasher.hash(tag);
    let (chunk, key) = Key::locate(hash, filter.header.chunks.into());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of chunks"
    )]
    let chunk = &filter.chunks[chunk as usize];
    holds(filter, chunk, key)
}

/// One key at a time.
fn holds(filter: &Filter<'_>, chunk: &Chunk, key: Key) -> bool {
    let [front, rest] = chunk.sections.clone().map(|range| &filter.body[range]);
    let codes = Codes::new(chunk.fields, front);
    codes.passes_front(front, key) && codes.passes_rest(filter.header.fingerprint_bits, rest, key)
}
