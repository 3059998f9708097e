//! A row spread to bytes of ones, 16 at a time, with what every x86-64 has.

use std::arch::x86_64::*;

use super::{
    super::search::{Block, LANES, Mask},
    window,
};

/// `Block::evaluate`.
#[target_feature(enable = "sse2")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> Mask {
    let mut passed = block.bumped;
    for lane in (0..LANES).step_by(4) {
        let selected = |lane: usize| selected(block.rows[lane], window(body, block.at[lane]));
        // Two registers to one, each with the XOR of its halves: from 128 bits a lane to 64, to 32.
        let halves = |a, b| _mm_xor_si128(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b));
        let first = halves(selected(lane), selected(lane + 1));
        let second = halves(selected(lane + 2), selected(lane + 3));
        let sum = _mm_xor_si128(lower(first, second), upper(first, second));
        let sum = _mm_xor_si128(sum, _mm_srli_epi32::<16>(sum));
        let sum = _mm_xor_si128(sum, _mm_srli_epi32::<8>(sum));
        let expected: &[u64; 4] = block.expected[lane..]
            .first_chunk()
            .expect("a multiple of 4 lanes");
        let expected = expected.as_ptr().cast::<__m128i>();
        // SAFETY: twice 16 bytes, of any alignment.
        let (first, second) =
            unsafe { (_mm_loadu_si128(expected), _mm_loadu_si128(expected.add(1))) };
        let wrong = _mm_slli_epi32::<24>(_mm_xor_si128(sum, lower(first, second)));
        let right = _mm_cmpeq_epi32(wrong, _mm_setzero_si128());
        let right = _mm_movemask_ps(_mm_castsi128_ps(right)).cast_unsigned();
        passed |= right << lane;
    }
    passed
}

/// The lower halves of the four words of 64 bits.
#[inline]
#[target_feature(enable = "sse2")]
fn lower(a: __m128i, b: __m128i) -> __m128i {
    let (a, b) = (_mm_castsi128_ps(a), _mm_castsi128_ps(b));
    _mm_castps_si128(_mm_shuffle_ps::<0x88>(a, b))
}

/// The upper halves of the four words of 64 bits.
#[inline]
#[target_feature(enable = "sse2")]
fn upper(a: __m128i, b: __m128i) -> __m128i {
    let (a, b) = (_mm_castsi128_ps(a), _mm_castsi128_ps(b));
    _mm_castps_si128(_mm_shuffle_ps::<0xdd>(a, b))
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
