//! A row spread to bytes of ones, 16 at a time, with what every 64-bit ARM has.

use std::arch::{aarch64::*, asm};

use super::{
    super::search::{Block, LANES, Mask},
    window,
};

/// Calls a cache line. The intrinsic for it is unstable.
#[inline(always)]
pub(super) fn prefetch(line: *const u8) {
    // SAFETY: a hint, which may name any address.
    unsafe {
        asm!("prfm pldl1keep, [{}]", in(reg) line, options(nostack, readonly, preserves_flags));
    }
}

/// `Block::evaluate`.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> Mask {
    // From 16 bytes a lane to 4. A loop, since all lanes in a row would be 2 KB of instructions.
    let mut fours = [vdupq_n_u8(0); LANES / 4];
    for (four, lane) in fours.iter_mut().zip((0..).step_by(4)) {
        let of = |lane| selected(block.rows[lane], window(body, block.at[lane]));
        *four = halves(
            halves(of(lane), of(lane + 1)),
            halves(of(lane + 2), of(lane + 3)),
        );
    }
    let [a, b, c, d] = fours;
    let sums = halves(halves(a, b), halves(c, d));
    let right = vandq_u8(vceqq_u8(sums, low_bytes(&block.expected)), bits());
    let low = vaddv_u8(vget_low_u8(right));
    let high = vaddv_u8(vget_high_u8(right));
    block.bumped | Mask::from(u16::from_le_bytes([low, high]))
}

/// A bit for each of eight bytes, twice.
#[inline]
#[target_feature(enable = "neon")]
fn bits() -> uint8x16_t {
    vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201))
}

/// The bytes of a window that a row selects, XORed to 16.
#[inline]
#[target_feature(enable = "neon")]
fn selected(row: u64, window: &[u8; 64]) -> uint8x16_t {
    let row = vreinterpretq_u8_u64(vdupq_n_u64(row));
    let (quarters, _) = window.as_chunks::<16>();
    let mut sum = vdupq_n_u8(0);
    for (quarter, byte) in quarters.iter().zip([0, 2, 4, 6]) {
        let bytes = vcombine_u8(vdup_n_u8(byte), vdup_n_u8(byte + 1));
        let ones = vtstq_u8(vqtbl1q_u8(row, bytes), bits());
        // SAFETY: 16 bytes, of any alignment.
        let quarter = unsafe { vld1q_u8(quarter.as_ptr()) };
        sum = veorq_u8(sum, vandq_u8(quarter, ones));
    }
    sum
}

/// Each byte XORed with its neighbour, first those of `a`.
#[inline]
#[target_feature(enable = "neon")]
fn halves(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    veorq_u8(vuzp1q_u8(a, b), vuzp2q_u8(a, b))
}

/// The lowest byte of each.
#[inline]
#[target_feature(enable = "neon")]
fn low_bytes(words: &[u64; LANES]) -> uint8x16_t {
    let (pairs, _) = words.as_chunks::<2>();
    // SAFETY: 16 bytes, of any alignment.
    let two = |pair: usize| unsafe { vreinterpretq_u32_u64(vld1q_u64(pairs[pair].as_ptr())) };
    let four = |pair| vreinterpretq_u16_u32(vuzp1q_u32(two(pair), two(pair + 1)));
    let eight = |pair| vreinterpretq_u8_u16(vuzp1q_u16(four(pair), four(pair + 2)));
    vuzp1q_u8(eight(0), eight(4))
}
