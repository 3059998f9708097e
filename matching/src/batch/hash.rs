//! Where a tag belongs: chunk, then position in the chunk, out of one AES call.
//!
//! ```text
//! h0, h1   = AES-128(key = salt, block = tag), each half a little-endian u64
//! fraction = (h0 · 2^64 + h1) / 2^128                      uniform in [0, 1)
//! scale(fraction, n) = whole part and fraction of fraction · n
//! ```
//!
//! Scaled by the number of chunks, the whole part is the chunk; what is left is again a fraction, to be scaled inside
//! the chunk. All 128 bits take part in both steps: 64 would add false matches from 10 million tags on.

use aes::{
    Aes128, Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use truyvet_crypto::Tag;

/// 128 bits after the point: `(high, low)`. Orders like the number.
pub(crate) type Fraction = (u64, u64);

/// Blocks of one AES call: enough to keep the pipelines of any CPU full, small enough for the stack.
const BLOCKS: usize = 128;

/// Hashes tags under one batch's salt.
#[derive(Clone, Debug)]
pub(crate) struct TagHasher {
    #[cfg(target_arch = "x86_64")]
    salt: [u8; 16],
    aes: Aes128,
}

impl TagHasher {
    /// The hash of the batch with this salt. A permutation: distinct tags have distinct fractions.
    pub(crate) fn new(salt: &[u8; 16]) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            salt: *salt,
            aes: Aes128::new(&(*salt).into()),
        }
    }

    /// Its key.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Hashes tags in one go, as AES gives them: the halves of a fraction, little-endian.
    ///
    /// - `tags`: at most `N`.
    pub(crate) fn hash_into<const N: usize>(&self, tags: &[Tag], hashes: &mut [[u8; 16]; N]) {
        for (hash, tag) in hashes.iter_mut().zip(tags) {
            *hash = *tag.as_bytes();
        }
        let blocks = Block::cast_slice_from_core_mut(hashes);
        self.aes.encrypt_blocks(blocks);
    }

    /// One tag's fraction. For many, the others are faster by far.
    pub(crate) fn hash(&self, tag: &Tag) -> Fraction {
        let mut block = (*tag.as_bytes()).into();
        self.aes.encrypt_block(&mut block);
        fraction(&block)
    }

    /// Hands out each tag's fraction, in the order of the tags.
    pub(crate) fn hash_each(&self, tags: &[Tag], mut take: impl FnMut(Fraction)) {
        let mut blocks = [Block::default(); BLOCKS];
        for tags in tags.chunks(BLOCKS) {
            let blocks = &mut blocks[..tags.len()];
            for (block, tag) in blocks.iter_mut().zip(tags) {
                *block = (*tag.as_bytes()).into();
            }
            self.aes.encrypt_blocks(blocks);
            for block in blocks {
                take(fraction(block));
            }
        }
    }
}

fn fraction(block: &Block) -> Fraction {
    let (halves, _) = block.as_chunks::<8>();
    (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]))
}

/// Whole part and fraction of `fraction · n`.
#[inline]
pub(crate) fn scale((high, low): Fraction, n: u64) -> (u64, Fraction) {
    let (low, carry) = low.carrying_mul(n, 0);
    let (high, whole) = high.carrying_mul(n, carry);
    (whole, (high, low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// FIPS 197, appendix C.1: ciphertext 69c4e0d86a7b0430 d8cdb78070b4c55a.
    #[test]
    fn the_hash_is_aes_128_with_the_salt_as_key() {
        let salt = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let tag = Tag::from_bytes(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff_u128.to_be_bytes());
        let mut fractions = vec![];
        // More than one call's worth.
        TagHasher::new(&salt).hash_each(&[tag; 300], |fraction| fractions.push(fraction));
        let expected = (0x3004_7b6a_d8e0_c469, 0x5ac5_b470_80b7_cdd8);
        assert_eq!(fractions, [expected; 300]);
    }

    /// With 4,096 chunks and 55 bits of position, 64 bits of hash would reach one position in eight only.
    #[test]
    fn the_low_half_of_the_hash_decides_between_neighbouring_positions() {
        let position = |low| {
            let (chunk, fraction) = scale((1 << 40, low), 4_096);
            (chunk, scale(fraction, 1 << 55).0)
        };
        let positions: Vec<_> = (0..8).map(|eighth| position(eighth << 61)).collect();
        let expected: Vec<_> = (0..8).map(|i| (0, (1 << 43) + i)).collect();
        assert_eq!(positions, expected);
    }

    proptest! {
        /// Against schoolbook multiplication in base 2^32.
        #[test]
        fn scaling_is_multiplication(high: u64, low: u64, n: u64) {
            let digits = |x: u64| [x & 0xffff_ffff, x >> 32].map(u128::from);
            let (h, l, n) = (digits(high), digits(low), digits(n));
            let mut product = [0_u128; 7];
            for (i, a) in [l[0], l[1], h[0], h[1]].into_iter().enumerate() {
                for (j, b) in n.into_iter().enumerate() {
                    product[i + j] += a * b;
                }
            }
            for i in 0..6 {
                product[i + 1] += product[i] >> 32;
                product[i] &= 0xffff_ffff;
            }
            let word = |i: usize| u64::try_from(product[i + 1] << 32 | product[i]).unwrap();
            let n = u64::try_from(n[1] << 32 | n[0]).unwrap();
            prop_assert_eq!(scale((high, low), n), (word(4), (word(2), word(0))));
        }
    }
}
