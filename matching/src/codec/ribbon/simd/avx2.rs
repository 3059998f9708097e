//! A row spread to bytes of ones, 32 at a time.

use std::arch::x86_64::*;

use super::{
    super::search::{Block, Hashes, LANES, Mask, PlaceWord},
    window,
};

/// `Block::locate`, with the multiplications and shifts of these processors.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn locate(block: &mut Block, hashes: &Hashes, places: &[PlaceWord], body: &[u8]) {
    block.locate(hashes, places, body);
}

/// `Block::evaluate`.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> Mask {
    let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    let low = _mm256_setr_epi64x(
        0,
        0x0101_0101_0101_0101,
        0x0202_0202_0202_0202,
        0x0303_0303_0303_0303,
    );
    let high = _mm256_add_epi8(low, _mm256_set1_epi8(4));
    let selected = |lane: usize| {
        let row = _mm256_set1_epi64x(block.rows[lane].cast_signed());
        let spread = |bytes| {
            _mm256_cmpeq_epi8(
                _mm256_and_si256(_mm256_shuffle_epi8(row, bytes), bits),
                bits,
            )
        };
        let window = window(body, block.at[lane]).as_ptr().cast::<__m256i>();
        // SAFETY: 64 bytes, of any alignment.
        let (first, second) = unsafe {
            (
                _mm256_loadu_si256(window),
                _mm256_loadu_si256(window.add(1)),
            )
        };
        _mm256_xor_si256(
            _mm256_and_si256(first, spread(low)),
            _mm256_and_si256(second, spread(high)),
        )
    };
    let mut passed = block.bumped;
    for lane in (0..LANES).step_by(4) {
        // Two registers to one, each lane's XOR of halves: 128, then 64 bits.
        let halves = |a, b| {
            _mm256_xor_si256(
                _mm256_permute2x128_si256::<0x20>(a, b),
                _mm256_permute2x128_si256::<0x31>(a, b),
            )
        };
        let even = halves(selected(lane), selected(lane + 2));
        let odd = halves(selected(lane + 1), selected(lane + 3));
        let mut sum = _mm256_xor_si256(
            _mm256_unpacklo_epi64(even, odd),
            _mm256_unpackhi_epi64(even, odd),
        );
        sum = _mm256_xor_si256(sum, _mm256_srli_epi64::<32>(sum));
        sum = _mm256_xor_si256(sum, _mm256_srli_epi64::<16>(sum));
        sum = _mm256_xor_si256(sum, _mm256_srli_epi64::<8>(sum));
        let expected: &[u64; 4] = block.expected[lane..]
            .first_chunk()
            .expect("a multiple of 4 lanes");
        // SAFETY: 32 bytes, of any alignment.
        let expected = unsafe { _mm256_loadu_si256(expected.as_ptr().cast()) };
        let wrong = _mm256_and_si256(_mm256_xor_si256(sum, expected), _mm256_set1_epi64x(0xff));
        let right = _mm256_cmpeq_epi64(wrong, _mm256_setzero_si256());
        let right = _mm256_movemask_pd(_mm256_castsi256_pd(right)).cast_unsigned();
        passed |= Mask::from(right) << lane;
    }
    passed
}
