//! A row spread to bytes of ones, 16 at a time, with what every x86-64 has.

use std::arch::x86_64::*;

use super::super::search::{Block, LANES};

/// `Block::evaluate`.
#[target_feature(enable = "sse2")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> u32 {
    let mut passed = block.tail;
    for lane in (0..LANES).step_by(2) {
        let even = selected(block.rows[lane], block.window(lane, body));
        let odd = selected(block.rows[lane + 1], block.window(lane + 1, body));
        let sum = _mm_xor_si128(_mm_unpacklo_epi64(even, odd), _mm_unpackhi_epi64(even, odd));
        let sum = _mm_xor_si128(sum, _mm_srli_epi64::<32>(sum));
        let sum = _mm_xor_si128(sum, _mm_srli_epi64::<16>(sum));
        let sum = _mm_xor_si128(sum, _mm_srli_epi64::<8>(sum));
        let expected: &[u64; 2] = block.expected[lane..]
            .first_chunk()
            .expect("an even number");
        // SAFETY: 16 bytes, of any alignment.
        let expected = unsafe { _mm_loadu_si128(expected.as_ptr().cast()) };
        // The lowest byte of each half decides.
        let equal = _mm_movemask_epi8(_mm_cmpeq_epi8(sum, expected)).cast_unsigned();
        passed |= (equal & 1 | equal >> 7 & 2) << lane;
    }
    passed
}

/// The bytes of a window that a row selects, XORed to 16.
#[inline]
#[target_feature(enable = "sse2")]
fn selected(row: u64, window: &[u8; 64]) -> __m128i {
    let bits = _mm_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    // Each byte of the row twice, four times, eight times.
    let row = _mm_cvtsi64_si128(row.cast_signed());
    let twice = _mm_unpacklo_epi8(row, row);
    let low = _mm_unpacklo_epi16(twice, twice);
    let high = _mm_unpackhi_epi16(twice, twice);
    let spread = [
        _mm_unpacklo_epi32(low, low),
        _mm_unpackhi_epi32(low, low),
        _mm_unpacklo_epi32(high, high),
        _mm_unpackhi_epi32(high, high),
    ];
    let (quarters, _) = window.as_chunks::<16>();
    let mut sum = _mm_setzero_si128();
    for (quarter, spread) in quarters.iter().zip(spread) {
        let ones = _mm_cmpeq_epi8(_mm_and_si128(spread, bits), bits);
        // SAFETY: 16 bytes, of any alignment.
        let quarter = unsafe { _mm_loadu_si128(quarter.as_ptr().cast()) };
        sum = _mm_xor_si128(sum, _mm_and_si128(quarter, ones));
    }
    sum
}
