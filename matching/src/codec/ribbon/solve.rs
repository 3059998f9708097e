//! The writer: one chunk's keys to its codes, front, rest and tail.
//!
//! Buckets ascending, inside a bucket the keys that start last first. A key's equation goes to the first free slot that
//! elimination leads it to. One that depends on those before it and contradicts them bumps all keys of its bucket that
//! start below the next threshold. Those came last, so taking back their slots undoes nothing else: no retry, no seed.

use std::cmp::Reverse;

use super::{super::EncodedChunk, BLOCK, BUCKET, FRONT_BITS, Key, THRESHOLDS, code_bytes};
use crate::build::insertion_sort;

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

/// Encodes chunks side by side: while the processor waits for one, it works on another. The order of the keys does not show.
///
/// - `chunks`: the keys of each, each once, at most 65,535.
pub(crate) fn encode<const N: usize>(
    fingerprint_bits: u8,
    chunks: [&[Key]; N],
) -> [EncodedChunk; N] {
    // A load of 1.04 in the first layer, of 1 in the second, to whole blocks: found best for 2^-40 by search.
    let first = chunks.map(|keys| count((25 * keys.len() + 832) / 1_664));
    let layers_1 = Layer::solve(fingerprint_bits, 0, first, chunks);
    let bumped = layers_1.each_ref().map(|layer| &*layer.bumped);
    let second = bumped.map(|keys| count((keys.len() + 32) / 64));
    let layers_2 = Layer::solve(fingerprint_bits, 1, second, bumped);
    std::array::from_fn(|i| {
        let (layer_1, layer_2) = (&layers_1[i], &layers_2[i]);
        let mut tail: Vec<u64> = layer_2.bumped.iter().map(|key| key.tail()).collect();
        tail.sort_unstable();
        let tail_length = count(tail.len());
        let tail: Vec<u8> = tail.into_iter().flat_map(u64::to_le_bytes).collect();
        EncodedChunk {
            fields: [count(chunks[i].len()), first[i], second[i], tail_length],
            sections: [
                [
                    &*layer_1.codes,
                    &layer_2.codes,
                    &layer_1.front,
                    &layer_2.front,
                ]
                .concat(),
                [&*layer_1.rest, &layer_2.rest, &tail].concat(),
            ],
        }
    })
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a chunk has at most 65,535 tags")
}

impl Layer {
    /// The same layer of several chunks.
    fn solve<const N: usize>(
        fingerprint_bits: u8,
        layer: usize,
        blocks: [u32; N],
        keys: [&[Key]; N],
    ) -> [Self; N] {
        let mut placing: [Placing; N] =
            std::array::from_fn(|i| Placing::new(fingerprint_bits, layer, 64 * blocks[i], keys[i]));
        place_all(&mut placing);
        placing.map(|placing| Self::substitute(fingerprint_bits, placing))
    }

    /// From the last slot to the first: what each must hold. A slot without equation holds zero.
    fn substitute(fingerprint_bits: u8, placed: Placing) -> Self {
        let equations = &placed.equations;
        let columns = usize::from(fingerprint_bits - FRONT_BITS);
        let mut front = vec![0; equations.len()];
        let mut all_rest = vec![0; equations.len() / 8 * columns];
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
            for (byte, value) in front[block * BLOCK..].iter_mut().zip(values) {
                *byte = (value >> columns).to_le_bytes()[0];
            }
            let rest = &mut all_rest[block * 8 * columns..][..8 * columns];
            for (word, column) in rest
                .as_chunks_mut::<8>()
                .0
                .iter_mut()
                .zip(transposed(values))
            {
                *word = column.to_le_bytes();
            }
        }
        Self {
            codes: placed.codes,
            front,
            rest: all_rest,
            bumped: placed.bumped,
        }
    }
}

/// No slot: the key's equation follows from those before it.
const NOWHERE: u32 = u32::MAX;

/// A layer while its keys are placed.
struct Placing {
    fingerprint_bits: u8,
    layer: usize,
    /// As many as there are slots.
    equations: Vec<Equation>,
    /// In the order in which they are placed.
    keys: Vec<Key>,
    /// How many of them are placed or bumped, and the slots of those that are placed.
    done: usize,
    placed: Vec<u32>,
    codes: Vec<u8>,
    bumped: Vec<Key>,
}

/// What is left of the next key's equation, and where it has got to.
#[derive(Clone, Copy, Default)]
struct Leftover {
    slot: u32,
    equation: Equation,
}

impl Placing {
    fn new(fingerprint_bits: u8, layer: usize, slots: u32, keys: &[Key]) -> Self {
        let (keys, bumped) = match slots {
            0 => (vec![], keys.to_vec()),
            _ => (in_order(keys, slots, |key| key.start(layer, slots)), vec![]),
        };
        Self {
            fingerprint_bits,
            layer,
            equations: vec![Equation::default(); slots as usize],
            done: 0,
            placed: vec![NOWHERE; keys.len()],
            keys,
            codes: vec![0; code_bytes(slots / 64) as usize],
            bumped,
        }
    }

    fn is_done(&self) -> bool {
        self.done == self.keys.len()
    }

    #[inline(always)]
    fn start(&self, key: Key) -> u32 {
        key.start(self.layer, count(self.equations.len()))
    }

    /// The next key's equation, where it starts.
    #[inline(always)]
    fn next(&self) -> Leftover {
        let key = self.keys[self.done];
        Leftover {
            slot: self.start(key),
            equation: Equation {
                row: key.row(),
                fingerprint: key.mixed() >> (64 - self.fingerprint_bits),
            },
        }
    }

    /// Puts what is left of an equation into its slot if that is free, or eliminates once; false at the end of the keys.
    #[inline(always)]
    fn step(&mut self, left: &mut Leftover) -> bool {
        let there = &mut self.equations[left.slot as usize];
        let row = left.equation.row ^ there.row;
        let fingerprint = left.equation.fingerprint ^ there.fingerprint;
        if there.row != 0 && row != 0 {
            let zeros = row.trailing_zeros();
            left.slot += zeros;
            left.equation = Equation {
                row: row >> zeros,
                fingerprint,
            };
            return true;
        }
        if there.row == 0 {
            *there = left.equation;
            self.placed[self.done] = left.slot;
            self.done += 1;
        } else if fingerprint == 0 {
            self.done += 1;
        } else {
            self.bump();
        }
        if self.is_done() {
            return false;
        }
        *left = self.next();
        true
    }

    /// The next key contradicts those placed before it: bumps it, and all keys of its bucket that start below the threshold
    /// that takes.
    #[cold]
    fn bump(&mut self) {
        let start = self.start(self.keys[self.done]);
        let bucket = start / BUCKET;
        let (code, threshold) = (0_u8..)
            .zip(THRESHOLDS)
            .find(|(_, threshold)| u32::from(*threshold) > start % BUCKET)
            .expect("the last is a whole bucket");
        self.codes[(bucket / 4) as usize] |= code << (2 * (bucket % 4));
        let first = BUCKET * bucket;
        let bumped = first..first + u32::from(threshold);
        let (mut from, mut to) = (self.done, self.done);
        // They came last: taking back their slots undoes nothing else.
        while from > 0 && bumped.contains(&self.start(self.keys[from - 1])) {
            from -= 1;
            if let Some(equation) = self.equations.get_mut(self.placed[from] as usize) {
                *equation = Equation::default();
            }
        }
        while to < self.keys.len() && bumped.contains(&self.start(self.keys[to])) {
            to += 1;
        }
        self.bumped.extend(&self.keys[from..to]);
        self.done = to;
    }
}

/// Places the keys of several layers. Eliminating waits for one slot after the other, so they take turns.
fn place_all<const N: usize>(layers: &mut [Placing; N]) {
    // Some layers have no key at all.
    let next = |layer: &Placing| (!layer.is_done()).then(|| layer.next());
    let mut left = layers
        .each_ref()
        .map(|layer| next(layer).unwrap_or_default());
    let mut all_go_on = !layers.iter().any(Placing::is_done);
    while all_go_on {
        for (layer, left) in layers.iter_mut().zip(&mut left) {
            all_go_on &= layer.step(left);
        }
    }
    for (layer, left) in layers.iter_mut().zip(&mut left) {
        while !layer.is_done() && layer.step(left) {}
    }
}

/// Bucket by bucket, in each the keys that start last first, and those of one start by x and y, descending. Starts spread
/// evenly: counting them leaves little to sort.
fn in_order(keys: &[Key], slots: u32, start: impl Fn(&Key) -> u32) -> Vec<Key> {
    // Ascends as the starts of a bucket descend.
    let turn = |key: &Key| start(key) ^ (BUCKET - 1);
    let mut next = vec![0_u32; slots.next_multiple_of(BUCKET) as usize + 1];
    for key in keys {
        next[turn(key) as usize + 1] += 1;
    }
    for i in 1..next.len() {
        next[i] += next[i - 1];
    }
    let mut sorted = vec![Key::default(); keys.len()];
    for key in keys {
        let at = &mut next[turn(key) as usize];
        sorted[*at as usize] = *key;
        *at += 1;
    }
    // Keys of one start are next to each other already.
    insertion_sort(&mut sorted, |key| (turn(key), Reverse(*key)));
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
