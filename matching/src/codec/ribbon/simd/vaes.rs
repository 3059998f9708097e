//! AES on several blocks to a register, which the crate `aes` does not do.

use std::arch::x86_64::*;

use truyvet_crypto::Tag;

use super::super::search::{Hashes, LANES};

// Nothing but their bytes.
const _: () = assert!(size_of::<Tag>() == 16);

/// AES-128's eleven round keys.
#[derive(Clone, Copy)]
pub(in super::super) struct RoundKeys([__m128i; 11]);

impl RoundKeys {
    /// FIPS 197, section 5.2.
    #[target_feature(enable = "aes,sse2")]
    pub(super) fn new(key: &[u8; 16]) -> Self {
        // SAFETY: 16 bytes, of any alignment.
        let mut keys = [unsafe { _mm_loadu_si128(key.as_ptr().cast()) }; 11];
        macro_rules! round {
            ($round:literal, $constant:literal) => {
                let last = keys[$round - 1];
                let word = _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$constant>(last));
                // Each word is XORed with those before it.
                let pairs = _mm_xor_si128(last, _mm_slli_si128::<4>(last));
                let all = _mm_xor_si128(pairs, _mm_slli_si128::<8>(pairs));
                keys[$round] = _mm_xor_si128(all, word);
            };
        }
        round!(1, 0x01);
        round!(2, 0x02);
        round!(3, 0x04);
        round!(4, 0x08);
        round!(5, 0x10);
        round!(6, 0x20);
        round!(7, 0x40);
        round!(8, 0x80);
        round!(9, 0x1b);
        round!(10, 0x36);
        Self(keys)
    }
}

/// Encrypts a tag for each lane, two to a register and all at once: in half the registers that these processors have.
#[target_feature(enable = "avx2,vaes")]
pub(super) fn encrypt_256(keys: &RoundKeys, tags: &[Tag; LANES], hashes: &mut Hashes) {
    let tags = tags.as_ptr().cast::<__m256i>();
    let mut state = [_mm256_setzero_si256(); LANES / 2];
    let first = _mm256_broadcastsi128_si256(keys.0[0]);
    for (i, state) in state.iter_mut().enumerate() {
        // SAFETY: the i-th 32 of 256 bytes, of any alignment.
        *state = _mm256_xor_si256(unsafe { _mm256_loadu_si256(tags.add(i)) }, first);
    }
    for key in &keys.0[1..10] {
        let key = _mm256_broadcastsi128_si256(*key);
        for state in &mut state {
            *state = _mm256_aesenc_epi128(*state, key);
        }
    }
    let last = _mm256_broadcastsi128_si256(keys.0[10]);
    let hashes = hashes.0.as_mut_ptr().cast::<__m256i>();
    for (i, state) in state.iter().enumerate() {
        // SAFETY: the i-th 32 of 256 bytes, of any alignment.
        unsafe { _mm256_storeu_si256(hashes.add(i), _mm256_aesenclast_epi128(*state, last)) };
    }
}

/// Encrypts a tag for each lane, four to a register and all at once.
#[target_feature(enable = "avx512f,vaes")]
pub(super) fn encrypt_512(keys: &RoundKeys, tags: &[Tag; LANES], hashes: &mut Hashes) {
    let tags = tags.as_ptr().cast::<__m512i>();
    let mut state = [_mm512_setzero_si512(); LANES / 4];
    let first = _mm512_broadcast_i32x4(keys.0[0]);
    for (i, state) in state.iter_mut().enumerate() {
        // SAFETY: the i-th 64 of 256 bytes, of any alignment.
        *state = _mm512_xor_si512(unsafe { _mm512_loadu_si512(tags.add(i)) }, first);
    }
    for key in &keys.0[1..10] {
        let key = _mm512_broadcast_i32x4(*key);
        for state in &mut state {
            *state = _mm512_aesenc_epi128(*state, key);
        }
    }
    let last = _mm512_broadcast_i32x4(keys.0[10]);
    let hashes = hashes.0.as_mut_ptr().cast::<__m512i>();
    for (i, state) in state.iter().enumerate() {
        // SAFETY: the i-th 64 of 256 bytes, of any alignment.
        unsafe { _mm512_storeu_si512(hashes.add(i), _mm512_aesenclast_epi128(*state, last)) };
    }
}
