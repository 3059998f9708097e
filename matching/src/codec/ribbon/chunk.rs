//! One chunk, one key: where it is looked for, and whether it is there.

use super::{BLOCK, BUCKET, FRONT_BITS, Key, THRESHOLDS, code_bytes};

/// The front of one chunk, cut along its directory fields.
#[derive(Clone, Copy)]
pub(crate) struct RibbonChunk<'a> {
    slots: [u32; 2],
    codes: [&'a [u8]; 2],
    front: [&'a [u8]; 2],
}

/// Where a key was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the layer of this index, from this slot on.
    Layer(usize, u32),
    Tail,
}

impl<'a> RibbonChunk<'a> {
    /// - `section`: section 0, of the length that these fields gave.
    #[inline]
    pub(crate) fn new(fields: [u32; 4], section: &'a [u8]) -> Self {
        let [_, first, second, _] = fields;
        let (codes_1, rest) = section.split_at(code_bytes(first) as usize);
        let (codes_2, rest) = rest.split_at(code_bytes(second) as usize);
        let (front_1, front_2) = rest.split_at(first as usize * BLOCK);
        Self {
            slots: [64 * first, 64 * second],
            codes: [codes_1, codes_2],
            front: [front_1, front_2],
        }
    }

    /// The layer that holds the key, by the codes.
    #[inline]
    pub(super) fn place(&self, key: Key) -> Place {
        for layer in [0, 1] {
            if self.slots[layer] > 0 {
                let start = key.start(layer, self.slots[layer]);
                if start % BUCKET >= threshold(self.codes[layer], start) {
                    return Place::Layer(layer, start);
                }
            }
        }
        Place::Tail
    }

    /// Where section 1 starts to be read for this key.
    pub(super) fn rest_at(&self, fingerprint_bits: u8, fields: [u32; 4], key: Key) -> usize {
        let block_bytes = 8 * usize::from(fingerprint_bits - FRONT_BITS);
        let [_, first, second, _] = fields.map(|field| field as usize);
        block_bytes
            * match self.place(key) {
                Place::Tail => first + second,
                Place::Layer(layer, start) => start as usize / BLOCK + layer * first,
            }
    }

    /// Whether the front lets the key pass: 255 of 256 that are not there end here.
    pub(crate) fn may_hold(&self, key: Key) -> bool {
        match self.place(key) {
            Place::Tail => true,
            Place::Layer(layer, start) => {
                let window = self.front[layer]
                    .get(start as usize..)
                    .and_then(<[u8]>::first_chunk);
                window.is_some_and(|window| {
                    u64::from(xor_selected(window, key.row())) == key.mixed() >> 56
                })
            }
        }
    }
}

/// Keys that start below it in the bucket of `start` were bumped.
#[inline]
pub(super) fn threshold(codes: &[u8], start: u32) -> u32 {
    let bucket = start / BUCKET;
    let code = codes[(bucket / 4) as usize] >> (2 * (bucket % 4)) & 3;
    THRESHOLDS[usize::from(code)].into()
}

/// Whether section 1 confirms a key that passed the front of its chunk.
///
/// - `section`: section 1, of the length that the chunk's fields gave.
pub(crate) fn check_rest(
    fingerprint_bits: u8,
    fields: [u32; 4],
    chunk: &RibbonChunk<'_>,
    section: &[u8],
    key: Key,
) -> bool {
    let columns = usize::from(fingerprint_bits - FRONT_BITS);
    let [_, first, second, _] = fields.map(|field| field as usize);
    match chunk.place(key) {
        Place::Tail => {
            let (tail, _) = section[(first + second) * 8 * columns..].as_chunks::<8>();
            tail.binary_search_by_key(&key.tail(), |word| u64::from_le_bytes(*word))
                .is_ok()
        }
        Place::Layer(layer, start) => {
            let (words, _) = section.as_chunks::<8>();
            let first_block = start as usize / BLOCK + layer * first;
            let shift = start % 64;
            // In two halves, of which the right one is empty, and the block after the last not looked at, for shift 0.
            let left = key.row() << shift;
            let right = (key.row() >> 1) >> (63 - shift);
            let next_block = first_block + usize::from(shift > 0);
            let fingerprint = key.mixed() >> (64 - fingerprint_bits);
            (0..columns).all(|column| {
                let word = |block: usize| u64::from_le_bytes(words[block * columns + column]);
                let selected = word(first_block) & left ^ word(next_block) & right;
                u64::from(selected.count_ones() & 1) == fingerprint >> column & 1
            })
        }
    }
}

/// XOR of the bytes of a window that a row selects.
#[inline(always)]
pub(super) fn xor_selected(window: &[u8; BLOCK], row: u64) -> u8 {
    let (words, _) = window.as_chunks::<8>();
    let mut sum = 0;
    for (word, selected) in words.iter().zip(row.to_le_bytes()) {
        sum ^= u64::from_le_bytes(*word) & SPREAD[usize::from(selected)];
    }
    sum.to_le_bytes()
        .into_iter()
        .fold(0, |sum, byte| sum ^ byte)
}

/// Each bit of a byte, as a byte of ones.
static SPREAD: [u64; 256] = {
    let mut spread = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                spread[byte] |= 0xff << (8 * bit);
            }
            bit += 1;
        }
        byte += 1;
    }
    spread
};
