//! What vector units do for a search, chosen at run time by what the processor can. The only unsafe code of this crate.
//!
//! Every function here but the prefetch has a safe twin, in [`Block`] or [`TagHasher`], that gives the same; tests
//! compare locating directly and the rest by what a whole search finds.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
// Not for big-endian ones, whose registers count their bytes the other way.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(target_arch = "x86_64")]
mod sse2;

use truyvet_crypto::Tag;

use super::search::{Block, HASHED, LANES};
use crate::batch::TagHasher;

/// The instructions that a search uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Those that every processor has.
    Portable,
    /// Every x86-64.
    #[cfg(target_arch = "x86_64")]
    Sse2,
    /// AVX2, BMI and POPCNT: x86-64 since 2013.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with bytes, quadwords and AES.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Every 64-bit ARM.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon,
}

/// The hash of many tags at once.
pub(super) enum Encryption<'a> {
    /// The crate `aes`, which looks for instructions by itself.
    Portable(&'a TagHasher),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::RoundKeys),
}

impl Encryption<'_> {
    /// - `tags`: at most as many as `hashes`; those after the last one are left as they are or encrypted.
    #[inline]
    pub(super) fn hash(&self, tags: &[Tag], hashes: &mut [[u8; 16]; HASHED]) {
        match self {
            Self::Portable(hasher) => hasher.hash_into(tags, hashes),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(keys) => {
                for (hash, tag) in hashes.iter_mut().zip(tags) {
                    *hash = *tag.as_bytes();
                }
                let (blocks, _) = hashes.as_chunks_mut::<LANES>();
                for blocks in &mut blocks[..tags.len().div_ceil(LANES)] {
                    // SAFETY: `available` found the features.
                    unsafe { avx512::encrypt(keys, blocks) };
                }
            }
        }
    }
}

impl Engine {
    /// The hash for these instructions.
    pub(super) fn encryption(self, hasher: &TagHasher) -> Encryption<'_> {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx512 => Encryption::Avx512(unsafe { avx512::RoundKeys::new(hasher.salt()) }),
            _ => Encryption::Portable(hasher),
        }
    }

    /// The fastest that this processor has.
    pub(crate) fn detect() -> Self {
        // Remembered by the standard library: asking is one load.
        *Self::available()
            .last()
            .expect("the portable one is always there")
    }

    /// All that this processor has, the slowest first.
    pub(crate) fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt")
            {
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("aes")
                    && is_x86_feature_detected!("vaes")
                {
                    return &[Self::Portable, Self::Sse2, Self::Avx2, Self::Avx512];
                }
                return &[Self::Portable, Self::Sse2, Self::Avx2];
            }
            &[Self::Portable, Self::Sse2]
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        {
            &[Self::Portable, Self::Neon]
        }
        #[cfg(not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_endian = "little")
        )))]
        &[Self::Portable]
    }

    /// Locates all lanes and calls their cache lines.
    #[inline]
    pub(super) fn locate(
        self,
        block: &mut Block,
        hashes: &[[u8; 16]; LANES],
        places: &[u64],
        body: &[u8],
    ) {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx512 => unsafe { avx512::locate(block, hashes, places, body) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx2 => unsafe { avx2::locate(block, hashes, places, body) },
            _ => block.locate(hashes, places, body),
        }
        for at in block.at {
            #[expect(clippy::cast_possible_truncation, reason = "came from a usize")]
            let at = at as usize;
            prefetch(body, at);
            prefetch(body, at.wrapping_add(63));
        }
    }

    /// By lane: whether the front lets it pass, or does not count.
    #[inline]
    pub(super) fn evaluate(self, block: &Block, body: &[u8]) -> u32 {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx512 => unsafe { avx512::evaluate(block, body) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx2 => unsafe { avx2::evaluate(block, body) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of x86-64.
            Self::Sse2 => unsafe { sse2::evaluate(block, body) },
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            // SAFETY: NEON is part of 64-bit ARM.
            Self::Neon => unsafe { neon::evaluate(block, body) },
            Self::Portable => block.evaluate(body),
        }
    }
}

/// Calls the cache line that holds `bytes[at]`.
#[inline(always)]
pub(super) fn prefetch(bytes: &[u8], at: usize) {
    let line = bytes.as_ptr().wrapping_add(at);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which may name any address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(line.cast());
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    neon::prefetch(line);
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )))]
    let _ = line;
}
