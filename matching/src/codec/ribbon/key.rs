//! What the ribbon takes from a tag's hash.
//!
//! ```text
//! H = h0 · 2^64 + h1, the hash;  C, the chunks        chunk = floor(H · C / 2^128)
//! x = high 64 bits of H · C mod 2^128,  y = h1
//! start in layer 1 = floor(floor(x / 2^32) · (m1 - 63) / 2^32)
//! start in layer 2 = floor((x mod 2^32) · (m2 - 63) / 2^32)
//! row = y | 1                       fingerprint = high R bits of (x · K1 + y · K2) mod 2^64
//! ```
//!
//! The starts take other bits of x than the row takes of y, and the fingerprint mixes all of both: whether two tags agree
//! in one says nothing about the others. Words of 32 bits are multiplied where they suffice, since that is what vector
//! units can do.

use crate::batch::{Fraction, scale};

/// 2^64 divided by the golden ratio, odd.
pub(crate) const K1: u64 = 0x9e37_79b9_7f4a_7c15;
/// 2^64 times the fraction of the square root of two, odd.
pub(crate) const K2: u64 = 0x6a09_e667_f3bc_c909;

/// A tag inside its chunk. Orders as the builder does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(super) x: u64,
    pub(super) y: u64,
}

impl Key {
    /// The chunk of a hash, and the key inside it.
    #[inline(always)]
    pub(crate) fn locate(hash: Fraction, chunks: u64) -> (u64, Self) {
        let (chunk, (x, _)) = scale(hash, chunks);
        (chunk, Self { x, y: hash.1 })
    }

    /// First slot of its 64 in layer 0 or 1 (the first or the second).
    ///
    /// - `slots`: at least 64, at most 2^16.
    #[inline(always)]
    pub(super) fn start(self, layer: usize, slots: u32) -> u32 {
        let word = if layer == 0 {
            self.x >> 32
        } else {
            self.x & 0xffff_ffff
        };
        let start = (word * u64::from(slots - 63)) >> 32;
        // Below `slots`.
        start as u32
    }

    /// Which of the 64 slots from its start on are XORed, the first by the lowest bit: always the first.
    #[inline(always)]
    pub(super) fn row(self) -> u64 {
        self.y | 1
    }

    /// The fingerprint's R bits are the high ones.
    #[inline(always)]
    pub(super) fn mixed(self) -> u64 {
        (self.x.wrapping_mul(K1)).wrapping_add(self.y.wrapping_mul(K2))
    }

    /// What stands in the tail.
    #[inline(always)]
    pub(super) fn tail(self) -> u64 {
        self.y
    }
}
