//! The writer: one chunk's keys to its codes, front, rest and tail.
//!
//! Buckets ascending, inside a bucket the keys that start last first. A key's equation goes to the first free slot that
//! elimination leads it to. One that depends on those before it and contradicts them bumps all keys of its bucket that
//! start below the next threshold. Those came last, so taking back their slots undoes nothing else: no retry, no seed.

use super::{super::EncodedChunk, BLOCK, BUCKET, FRONT_BITS, Key, THRESHOLDS, code_bytes};

/// An equation: the lowest bit of `row` is set and stands for the slot it is kept at; no row, no equation.
#[derive(Clone, Copy, Default)]
struct Equation {
    row: u64,
    fingerprint: u64,
}

/// One layer's bytes, and the keys that found no place in it.
struct Layer {
    codes: Vec<u8>,
    front: Vec<u8>,
    rest: Vec<u8>,
    bumped: Vec<Key>,
}

/// Encodes a chunk. The order of the keys does not show.
///
/// - `keys`: each once, at most 65,535.
pub(crate) fn encode(fingerprint_bits: u8, keys: &[Key]) -> EncodedChunk {
    // A load of 1.04 in the first layer, of 1 in the second, to whole blocks: found best for 2^-40 by search.
    let first = count((25 * keys.len() + 832) / 1_664);
    let tags = count(keys.len());
    let layer_1 = Layer::solve(fingerprint_bits, 0, first, keys);
    let second = count((layer_1.bumped.len() + 32) / 64);
    let layer_2 = Layer::solve(fingerprint_bits, 1, second, &layer_1.bumped);
    let mut tail: Vec<u64> = layer_2.bumped.iter().map(|key| key.tail()).collect();
    tail.sort_unstable();
    EncodedChunk {
        fields: [tags, first, second, count(tail.len())],
        sections: [
            [layer_1.codes, layer_2.codes, layer_1.front, layer_2.front].concat(),
            [
                layer_1.rest,
                layer_2.rest,
                tail.into_iter().flat_map(u64::to_le_bytes).collect(),
            ]
            .concat(),
        ],
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a chunk has at most 65,535 tags")
}

impl Layer {
    fn solve(fingerprint_bits: u8, layer: usize, blocks: u32, keys: &[Key]) -> Self {
        let mut solved = Self {
            codes: vec![0; code_bytes(blocks) as usize],
            front: vec![],
            rest: vec![],
            bumped: vec![],
        };
        if blocks == 0 {
            solved.bumped.extend(keys);
            return solved;
        }
        let slots = 64 * blocks;
        let mut equations = vec![Equation::default(); slots as usize];
        let start = |key: &Key| key.start(layer, slots);
        let keys = sorted(keys, slots, start);
        for keys in keys.chunk_by(|a, b| start(a) / BUCKET == start(b) / BUCKET) {
            solved.bucket(fingerprint_bits, &mut equations, keys, start);
        }
        solved.substitute(fingerprint_bits, &equations);
        solved
    }

    /// Places the keys of one bucket, or bumps those below the threshold it needs.
    fn bucket(
        &mut self,
        fingerprint_bits: u8,
        equations: &mut [Equation],
        keys: &[Key],
        start: impl Fn(&Key) -> u32,
    ) {
        // (start, slot) of what was placed; no slot for an equation that follows from others.
        let mut placed = Vec::with_capacity(keys.len());
        for (i, key) in keys.iter().enumerate().rev() {
            let start_here = start(key);
            let equation = Equation {
                row: key.row(),
                fingerprint: key.mixed() >> (64 - fingerprint_bits),
            };
            match place(equations, start_here as usize, equation) {
                Ok(slot) => placed.push((start_here % BUCKET, slot)),
                Err(Contradiction) => {
                    let code = (0_u8..)
                        .zip(THRESHOLDS)
                        .find(|(_, threshold)| u32::from(*threshold) > start_here % BUCKET);
                    let (code, threshold) = code.expect("the last is a whole bucket");
                    let bucket = start_here / BUCKET;
                    self.codes[(bucket / 4) as usize] |= code << (2 * (bucket % 4));
                    let kept = placed.partition_point(|(at, _)| *at >= threshold.into());
                    for (_, slot) in placed.drain(kept..) {
                        if let Some(slot) = slot {
                            equations[slot] = Equation::default();
                        }
                    }
                    // `i` and all that start before it, with those that were placed after the last kept one.
                    let last = keys.len() - kept;
                    debug_assert!(last > i);
                    self.bumped.extend(&keys[..last]);
                    return;
                }
            }
        }
    }

    /// From the last slot to the first: what each must hold. A slot without equation holds zero.
    fn substitute(&mut self, fingerprint_bits: u8, equations: &[Equation]) {
        let columns = usize::from(fingerprint_bits - FRONT_BITS);
        self.front = vec![0; equations.len()];
        self.rest = vec![0; equations.len() / 8 * columns];
        // Those of this block and of the one after it.
        let mut window = [0_u64; 2 * BLOCK];
        for block in (0..equations.len() / BLOCK).rev() {
            window.copy_within(..BLOCK, BLOCK);
            let here = &equations[block * BLOCK..][..BLOCK];
            for (slot, equation) in here.iter().enumerate().rev() {
                let value = equation.fingerprint ^ selected(&window, slot, equation.row);
                window[slot] = value;
            }
            let values = window.first_chunk().expect("a block");
            for (byte, value) in self.front[block * BLOCK..].iter_mut().zip(values) {
                *byte = (value >> columns).to_le_bytes()[0];
            }
            let rest = &mut self.rest[block * 8 * columns..][..8 * columns];
            for (word, column) in rest
                .as_chunks_mut::<8>()
                .0
                .iter_mut()
                .zip(transposed(values))
            {
                *word = column.to_le_bytes();
            }
        }
    }
}

/// An equation that cannot hold beside those placed before it.
struct Contradiction;

/// Eliminates until a free slot takes what is left of the equation: `None` if nothing is left.
#[inline(always)]
fn place(
    equations: &mut [Equation],
    mut slot: usize,
    mut equation: Equation,
) -> Result<Option<usize>, Contradiction> {
    loop {
        let there = &mut equations[slot];
        if there.row == 0 {
            *there = equation;
            return Ok(Some(slot));
        }
        equation.row ^= there.row;
        equation.fingerprint ^= there.fingerprint;
        if equation.row == 0 {
            return if equation.fingerprint == 0 {
                Ok(None)
            } else {
                Err(Contradiction)
            };
        }
        let zeros = equation.row.trailing_zeros();
        slot += zeros as usize;
        equation.row >>= zeros;
    }
}

/// By start, then by x and y. Starts spread evenly: counting them leaves little to sort.
fn sorted(keys: &[Key], slots: u32, start: impl Fn(&Key) -> u32) -> Vec<Key> {
    let mut next = vec![0_u32; slots as usize + 1];
    for key in keys {
        next[start(key) as usize + 1] += 1;
    }
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let mut sorted = vec![Key::default(); keys.len()];
    for key in keys {
        let at = &mut next[start(key) as usize];
        sorted[*at as usize] = *key;
        *at += 1;
    }
    // Keys of one start are next to each other already: insertion moves each by one or two places.
    let rank = |key: &Key| (start(key), *key);
    for i in 1..sorted.len() {
        let key = sorted[i];
        let mut at = i;
        while at > 0 && rank(&sorted[at - 1]) > rank(&key) {
            sorted[at] = sorted[at - 1];
            at -= 1;
        }
        sorted[at] = key;
    }
    sorted
}

/// XOR of the slots behind `slot` that a row selects, four at a time: its own bit is not looked at.
#[inline(always)]
fn selected(window: &[u64; 2 * BLOCK], slot: usize, row: u64) -> u64 {
    let behind: &[u64; BLOCK] = window[slot..]
        .first_chunk()
        .expect("slot lies in the first half");
    // Those just written, one by one: a wider load would wait for them.
    let mut sum = (1..4).fold(0, |sum, i| sum ^ behind[i] & (row >> i & 1).wrapping_neg());
    let mut sums = [0; 4];
    for (i, four) in behind.as_chunks::<4>().0.iter().enumerate().skip(1) {
        let nibble = &NIBBLES[(row >> (4 * i) & 15) as usize];
        for ((sum, value), mask) in sums.iter_mut().zip(four).zip(nibble) {
            *sum ^= value & mask;
        }
    }
    sums.iter().for_each(|of_four| sum ^= of_four);
    sum
}

/// Each bit of four, as a word of ones.
static NIBBLES: [[u64; 4]; 16] = {
    let mut nibbles = [[0; 4]; 16];
    let mut nibble = 0;
    while nibble < 16 {
        let mut bit = 0;
        while bit < 4 {
            if nibble >> bit & 1 == 1 {
                nibbles[nibble][bit] = u64::MAX;
            }
            bit += 1;
        }
        nibble += 1;
    }
    nibbles
};

/// Bit i of word j becomes bit j of word i.
fn transposed(values: &[u64; BLOCK]) -> [u64; BLOCK] {
    let mut words = *values;
    let mut width = 32;
    let mut mask = 0xffff_ffff_u64;
    while width > 0 {
        for pairs in words.chunks_exact_mut(2 * width) {
            let (low, high) = pairs.split_at_mut(width);
            for (a, b) in low.iter_mut().zip(high) {
                let swapped = ((*a >> width) ^ *b) & mask;
                *b ^= swapped;
                *a ^= swapped << width;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
    words
}
