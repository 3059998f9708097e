//! One chunk, one key: where it is looked for, and whether it is there.

use super::{BLOCK, BUCKET, FRONT_BITS, Key, THRESHOLDS, code_bytes};

/// The codes of one chunk: they say where a key was put.
#[derive(Clone, Copy)]
pub(crate) struct Codes<'a> {
    slots: [u32; 2],
    codes: [&'a [u8]; 2],
}

/// Where a key was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the layer of this index, from this slot on.
    Layer(usize, u32),
    Tail,
}

impl<'a> Codes<'a> {
    /// How many bytes of section 0 they are.
    pub(super) fn bytes([_, first, second, _]: [u32; 4]) -> usize {
        (code_bytes(first) + code_bytes(second)) as usize
    }

    /// - `section`: section 0, or so many bytes of it.
    #[inline]
    pub(super) fn new(fields: [u32; 4], section: &'a [u8]) -> Self {
        let [_, first, second, _] = fields;
        let (codes, second_codes) = section.split_at(code_bytes(first) as usize);
        Self {
            slots: [64 * first, 64 * second],
            codes: [codes, second_codes],
        }
    }

    /// The layer that holds the key.
    #[inline]
    fn place(&self, key: Key) -> Place {
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

    /// Blocks before that of `start`.
    fn block(&self, layer: usize, start: u32) -> usize {
        (start / 64 + [0, self.slots[0] / 64][layer]) as usize
    }

    /// Where section 1 starts to be read for this key, and how far behind it the next block lies.
    pub(super) fn rest_at(&self, fingerprint_bits: u8, key: Key) -> (usize, usize) {
        let block_bytes = 8 * usize::from(fingerprint_bits - FRONT_BITS);
        let block = match self.place(key) {
            Place::Tail => self.block(1, self.slots[1]),
            Place::Layer(layer, start) => self.block(layer, start),
        };
        (block * block_bytes, block_bytes)
    }

    /// Whether the front lets the key pass: 255 of 256 that are not there end here.
    ///
    /// - `section`: section 0.
    pub(super) fn passes_front(&self, section: &[u8], key: Key) -> bool {
        match self.place(key) {
            Place::Tail => true,
            Place::Layer(layer, start) => {
                let codes = code_bytes(self.slots[0] / 64) + code_bytes(self.slots[1] / 64);
                let at = codes + start + [0, self.slots[0]][layer];
                let window = section[at as usize..].first_chunk();
                let sum = xor_selected(window.expect("a row ends in its layer"), key.row());
                u64::from(sum) == key.mixed() >> 56
            }
        }
    }

    /// Whether section 1 confirms a key that passed the front.
    ///
    /// - `section`: section 1.
    pub(super) fn passes_rest(&self, fingerprint_bits: u8, section: &[u8], key: Key) -> bool {
        let columns = usize::from(fingerprint_bits - FRONT_BITS);
        let (words, _) = section.as_chunks::<8>();
        match self.place(key) {
            Place::Tail => words[self.block(1, self.slots[1]) * columns..]
                .binary_search_by_key(&key.tail(), |word| u64::from_le_bytes(*word))
                .is_ok(),
            Place::Layer(layer, start) => {
                let block = self.block(layer, start);
                let shift = start % 64;
                // In two halves; for shift 0 the right one is empty, and the next block, of which there may be none, is
                // not looked at.
                let left = key.row() << shift;
                let right = (key.row() >> 1) >> (63 - shift);
                let next = block + usize::from(shift > 0);
                let fingerprint = key.mixed() >> (64 - fingerprint_bits);
                (0..columns).all(|column| {
                    let word = |block: usize| u64::from_le_bytes(words[block * columns + column]);
                    let selected = word(block) & left ^ word(next) & right;
                    u64::from(selected.count_ones() & 1) == fingerprint >> column & 1
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
