//! The question for many tags at once: a block of them is located and prefetched while those before it wait for memory.
//!
//! No branch depends on a single query: misses of cache and of prediction are what time goes to, not instructions.

use truyvet_crypto::Tag;

use super::{
    super::Filter,
    BUCKET, Codes, Key, THRESHOLDS, code_bytes,
    simd::{Engine, prefetch, prefetch_tags, prefetch_window},
};
use crate::batch::{Fraction, TagHasher};

/// Queries located together. Few: while a processor waits for room to call their cache lines, it gets ahead with nothing
/// else, and while it computes, it calls none.
pub(super) const LANES: usize = 16;

/// Blocks on their way: the first is answered when the last is called.
const RING: usize = 3;

/// So many tags are called from memory before they are hashed. Processors read ahead by themselves, but not from one page
/// to the next.
const TAGS_AHEAD: usize = 256;

/// A bit for each lane.
pub(super) type Mask = u32;

/// What AES makes of one tag for each lane. Aligned as vector units like it.
#[repr(align(64))]
pub(super) struct Hashes(pub(super) [[u8; 16]; LANES]);

/// Passed the front, waiting for section 1.
const WAITING: usize = 64;

/// Where the sections of all chunks stand, 16 bytes a chunk.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// What every query needs to know of its chunk.
    words: Vec<PlaceWord>,
    /// The blocks of both layers: for those that were bumped.
    blocks: Vec<[u32; 2]>,
    /// Whether every chunk has both layers.
    regular: bool,
}

/// Layer 1 of a chunk in one word, so that a vector unit can look it up.
///
/// Position of the codes in the body · 2^26 + bytes of codes · 2^16 + starts, the slots at which a row may start.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(super) struct PlaceWord(pub(super) u64);

impl PlaceWord {
    /// - `at`: of section 0, below 2^38.
    /// - `blocks`: at most 1,024 in either layer.
    pub(super) fn new(at: usize, [first, second]: [u32; 2]) -> Self {
        let codes = u64::from(code_bytes(first) + code_bytes(second));
        let starts = u64::from((64 * first).saturating_sub(63));
        Self((at as u64) << 26 | codes << 16 | starts)
    }

    #[inline(always)]
    fn codes(self) -> usize {
        // A body of more than the address space was refused.
        usize::try_from(self.0 >> 26).unwrap_or(usize::MAX)
    }

    #[inline(always)]
    fn front(self) -> usize {
        self.codes() + (self.0 >> 16 & 0x3ff) as usize
    }

    #[inline(always)]
    fn starts(self) -> u64 {
        self.0 & 0xffff
    }
}

impl Places {
    /// - `chunks`: directory fields, and where section 0 starts.
    pub(crate) fn new(chunks: impl Iterator<Item = ([u32; 4], usize)>) -> Self {
        let (words, blocks): (Vec<_>, Vec<_>) = chunks
            .map(|([_, first, second, _], at)| {
                let blocks = [first, second];
                (PlaceWord::new(at, blocks), blocks)
            })
            .unzip();
        let regular = blocks.iter().flatten().all(|blocks| *blocks > 0);
        Self {
            words,
            blocks,
            regular,
        }
    }

    pub(super) fn words(&self) -> &[PlaceWord] {
        &self.words
    }
}

/// [`LANES`] queries on their way.
#[derive(Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(super) struct Block {
    /// Where the 64 slots of each start in the body.
    pub(super) at: [u64; LANES],
    /// Which of them count.
    pub(super) rows: [u64; LANES],
    /// The front's share of the fingerprint.
    pub(super) expected: [u64; LANES],
    /// Bumped from layer 1; once settled, from both layers: only the tail can tell.
    pub(super) bumped: Mask,
}

impl Block {
    pub(super) const EMPTY: Self = Self {
        at: [0; LANES],
        rows: [0; LANES],
        expected: [0; LANES],
        bumped: 0,
    };

    /// Locates all lanes in layer 1. The twin of what vector units do.
    ///
    /// - `places`: of chunks that all have both layers.
    #[inline(always)]
    pub(super) fn locate(&mut self, hashes: &Hashes, places: &[PlaceWord], body: &[u8]) {
        let mut bumped = 0;
        for (lane, hash) in hashes.0.iter().enumerate() {
            let (chunk, key) = locate_key(hash, places.len());
            let place = places[chunk];
            let start = ((key.x >> 32) * place.starts()) >> 32;
            bumped |= Mask::from(is_bumped(body, place.codes(), start)) << lane;
            self.at[lane] = place.front() as u64 + start;
            self.rows[lane] = key.row();
            self.expected[lane] = key.mixed() >> 56;
        }
        self.bumped = bumped;
    }

    /// Locates the bumped in layer 2: one in 25.
    ///
    /// A step of its own: the processor guesses wrong how many they are, and loses least if it knows soon.
    pub(super) fn settle(&mut self, hashes: &Hashes, places: &Places, body: &[u8]) {
        let mut lanes = self.bumped;
        while lanes != 0 {
            let lane = lanes.trailing_zeros() as usize;
            lanes &= lanes - 1;
            let (chunk, key) = locate_key(&hashes.0[lane], places.words.len());
            let (place, [first, second]) = (places.words[chunk], places.blocks[chunk]);
            let start = key.start(1, 64 * second);
            let codes = place.codes() + code_bytes(first) as usize;
            if !is_bumped(body, codes, start.into()) {
                self.bumped ^= 1 << lane;
                let at = place.front() + (64 * first + start) as usize;
                self.at[lane] = at as u64;
                prefetch_window(body, at);
            }
        }
    }

    /// By lane: whether the front lets it pass, or does not count.
    #[inline(always)]
    pub(super) fn evaluate(&self, body: &[u8]) -> Mask {
        let mut passed = self.bumped;
        for lane in 0..LANES {
            #[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
            let at = self.at[lane] as usize;
            let window = body[at..].first_chunk().expect("a row ends in its layer");
            let sum = super::chunk::xor_selected(window, self.rows[lane]);
            passed |= Mask::from(u64::from(sum) == self.expected[lane]) << lane;
        }
        passed
    }
}

/// The chunk of a hash, and the key inside it.
#[inline(always)]
fn locate_key(hash: &[u8; 16], chunks: usize) -> (usize, Key) {
    let (halves, _) = hash.as_chunks::<8>();
    let hash = (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
    let (chunk, key) = Key::locate(hash, chunks as u64);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of chunks"
    )]
    (chunk as usize, key)
}

/// Whether the keys that start there were bumped, by the codes from `codes` on.
#[inline(always)]
fn is_bumped(body: &[u8], codes: usize, start: u64) -> bool {
    // Two bits for 128 slots: a byte for 512, and shifts of 0, 2, 4 and 6.
    let code = body[codes + (start >> 9) as usize] >> (start >> 6 & 6) & 3;
    start % u64::from(BUCKET) < THRESHOLDS[usize::from(code)].into()
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
    let mut report = |start: usize, mut lanes: Mask| {
        while lanes != 0 {
            passed(start + lanes.trailing_zeros() as usize);
            lanes &= lanes - 1;
        }
    };
    let mut hashes = Hashes([[0; 16]; LANES]);
    let encrypt = engine.encryption(hasher);
    let mut ring = [const { Asked::NOTHING }; RING];
    let mut ahead = tags.chunks(LANES).skip(TAGS_AHEAD / LANES);
    for (i, here) in tags.chunks(LANES).enumerate() {
        prefetch_tags(ahead.next().unwrap_or_default());
        encrypt.hash(here, &mut hashes);
        let [last, first] = ring
            .get_disjoint_mut([i % RING, (i + 1) % RING])
            .expect("more than one");
        engine.locate(&mut last.block, &hashes, places.words(), body);
        // Before settling and reporting, which branch: the processor has this to do while it learns where to.
        let passed = engine.evaluate(&first.block, body) & first.lanes;
        last.block.settle(&hashes, places, body);
        report(first.start, passed);
        // Lanes after the last tag hold something: located like the others, never reported.
        last.start = i * LANES;
        last.lanes = Mask::MAX >> (Mask::BITS as usize - here.len());
    }
    let blocks = tags.len().div_ceil(LANES);
    for asked in (blocks.saturating_sub(RING - 1)..blocks).map(|i| &ring[i % RING]) {
        report(
            asked.start,
            engine.evaluate(&asked.block, body) & asked.lanes,
        );
    }
}

/// A block on its way.
struct Asked {
    block: Block,
    /// Its first tag.
    start: usize,
    /// Those that hold one.
    lanes: Mask,
}

impl Asked {
    const NOTHING: Self = Self {
        block: Block::EMPTY,
        start: 0,
        lanes: 0,
    };
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
        let mut index = 0;
        filter.hasher.hash_each(tags, |hash| {
            let (codes, [front, _], key) = open(filter, hash);
            if codes.passes_front(front, key) {
                confirm.wait(index, tags[index]);
            }
            index += 1;
        });
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
        let bits = self.filter.header.fingerprint_bits;
        let mut located = Vec::with_capacity(self.tags.len());
        self.filter.hasher.hash_each(&self.tags, |hash| {
            let (codes, [_, rest], key) = open(self.filter, hash);
            let (at, block_bytes) = codes.rest_at(bits, key);
            prefetch(rest, at);
            prefetch(rest, at + block_bytes);
            located.push((codes, rest, key));
        });
        for (index, (codes, rest, key)) in self.indices.drain(..).zip(located) {
            if codes.passes_rest(bits, rest, key) {
                self.found.push(index);
            }
        }
        self.tags.clear();
    }
}

/// Whether the tag is in the batch.
pub(crate) fn contains(filter: &Filter<'_>, tag: &Tag) -> bool {
    let (codes, [front, rest], key) = open(filter, filter.hasher.hash(tag));
    codes.passes_front(front, key) && codes.passes_rest(filter.header.fingerprint_bits, rest, key)
}

/// Where a hash is looked for: the codes and the sections of its chunk.
fn open<'a>(filter: &Filter<'a>, hash: Fraction) -> (Codes<'a>, [&'a [u8]; 2], Key) {
    let (chunk, key) = Key::locate(hash, filter.header.chunks.into());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "below the number of chunks"
    )]
    let chunk = &filter.chunks[chunk as usize];
    let [front, rest] = chunk.sections.clone().map(|range| &filter.body[range]);
    (Codes::new(chunk.fields, front), [front, rest], key)
}
