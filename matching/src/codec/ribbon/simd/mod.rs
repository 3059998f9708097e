//! What vector units do for a search, chosen at run time by what the processor can. The only unsafe code of this crate.
//!
//! Every function here but the prefetch has a safe twin, in [`Block`] or [`TagHasher`], that gives the same: the tests
//! compare them one by one.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
// Not for big-endian ones, whose registers count their bytes the other way.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(target_arch = "x86_64")]
mod sse2;
#[cfg(target_arch = "x86_64")]
mod vaes;

#[cfg(target_arch = "x86_64")]
use std::array;

use truyvet_crypto::Tag;

#[cfg(target_arch = "x86_64")]
use super::search::LANES;
use super::{
    BLOCK,
    search::{Block, Hashes, Mask, PlaceWord},
};
use crate::batch::TagHasher;

/// Bytes of a cache line on nearly every processor.
const LINE_BYTES: usize = 64;

/// The instructions that a search uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Those that every processor has.
    Portable,
    /// Every x86-64.
    #[cfg(target_arch = "x86_64")]
    Sse2,
    /// AVX2, BMI and POPCNT: x86-64 since 2013. Hashes by VAES where there is that.
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
    /// Two blocks to a register.
    #[cfg(target_arch = "x86_64")]
    Vaes256(vaes::RoundKeys),
    /// Four.
    #[cfg(target_arch = "x86_64")]
    Vaes512(vaes::RoundKeys),
}

impl Encryption<'_> {
    /// - `tags`: at most `LANES`; what stands behind the hash of the last one is of no use.
    #[inline]
    pub(super) fn hash(&self, tags: &[Tag], hashes: &mut Hashes) {
        match self {
            Self::Portable(hasher) => hasher.hash_into(tags, &mut hashes.0),
            #[cfg(target_arch = "x86_64")]
            Self::Vaes256(keys) => {
                // SAFETY: `Engine::encryption` found the features.
                unsafe { vaes::encrypt_256(keys, filled(tags, &mut None), hashes) };
            }
            #[cfg(target_arch = "x86_64")]
            Self::Vaes512(keys) => {
                // SAFETY: `Engine::encryption` found the features.
                unsafe { vaes::encrypt_512(keys, filled(tags, &mut None), hashes) };
            }
        }
    }
}

/// A tag for every lane. If there are too few, `spare` holds them and others behind them.
#[cfg(target_arch = "x86_64")]
#[inline]
fn filled<'a>(tags: &'a [Tag], spare: &'a mut Option<[Tag; LANES]>) -> &'a [Tag; LANES] {
    tags.first_chunk().unwrap_or_else(|| {
        let nothing = Tag::from_bytes([0; 16]);
        spare.insert(array::from_fn(|i| *tags.get(i).unwrap_or(&nothing)))
    })
}

impl Engine {
    /// The hash for these instructions.
    pub(super) fn encryption(self, hasher: &TagHasher) -> Encryption<'_> {
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `available` found the features.
            Self::Avx512 => Encryption::Vaes512(unsafe { vaes::RoundKeys::new(hasher.salt()) }),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 if is_x86_feature_detected!("aes") && is_x86_feature_detected!("vaes") => {
                // SAFETY: just found.
                Encryption::Vaes256(unsafe { vaes::RoundKeys::new(hasher.salt()) })
            }
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

    /// Locates all lanes in layer 1 and calls their cache lines.
    #[inline]
    pub(super) fn locate(
        self,
        block: &mut Block,
        hashes: &Hashes,
        places: &[PlaceWord],
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
            prefetch_window(body, at as usize);
        }
    }

    /// By lane: whether the front lets it pass, or does not count.
    #[inline]
    pub(super) fn evaluate(self, block: &Block, body: &[u8]) -> Mask {
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

/// The 64 slots from there on: checked by one comparison, where slicing takes two.
#[cfg(any(
    target_arch = "x86_64",
    all(target_arch = "aarch64", target_endian = "little")
))]
#[inline(always)]
fn window(body: &[u8], at: u64) -> &[u8; BLOCK] {
    let starts = body.len().saturating_sub(BLOCK - 1);
    assert!(at < starts as u64, "a row ends in its layer");
    #[expect(clippy::cast_possible_truncation, reason = "both have 64 bits")]
    let at = at as usize;
    // SAFETY: at least 64 bytes are left from there on.
    unsafe { &*body.as_ptr().add(at).cast() }
}

/// Calls the cache lines of 64 slots.
#[inline(always)]
pub(super) fn prefetch_window(body: &[u8], at: usize) {
    prefetch(body, at);
    prefetch(body, at.wrapping_add(BLOCK - 1));
}

/// Calls the cache lines of tags.
#[inline(always)]
pub(super) fn prefetch_tags(tags: &[Tag]) {
    for line in tags.chunks(LINE_BYTES / size_of::<Tag>()) {
        prefetch_line(line.as_ptr().cast());
    }
}

/// Calls the cache line that holds `bytes[at]`.
#[inline(always)]
pub(super) fn prefetch(bytes: &[u8], at: usize) {
    prefetch_line(bytes.as_ptr().wrapping_add(at));
}

/// From memory, but not from level 2 to 1: many small reads at once wait less than these calls take.
#[inline(always)]
fn prefetch_line(line: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which may name any address; SSE is part of x86-64.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(line.cast());
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    neon::prefetch(line);
    #[cfg(not(any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", target_endian = "little")
    )))]
    let _ = line;
}

#[cfg(test)]
mod tests;
