//! Four lanes to a register of 256 bits; a row is spread to bytes of ones, 32 at a time.

use std::arch::x86_64::*;

use super::{
    super::{
        BUCKET, THRESHOLDS,
        key::{K1, K2},
        search::{Block, Hashes, LANES, Mask, PlaceWord},
    },
    window,
};

/// `Block::locate`, four lanes at a time.
///
/// Each step for all lanes before the next: what is read says where the next step reads, and the steps of four lanes in a
/// row would be more than a processor looks ahead.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
pub(super) fn locate(block: &mut Block, hashes: &Hashes, places: &[PlaceWord], body: &[u8]) {
    let chunks = _mm256_set1_epi64x(places.len().cast_signed() as i64);
    // By code: a byte each, and none for the upper bytes of a word.
    let thresholds = _mm256_set1_epi32(u32::from_le_bytes(THRESHOLDS).cast_signed());
    let all = |word: u64| _mm256_set1_epi64x(word.cast_signed());
    let ([k1, k2], [k1_turned, k2_turned]) = (
        [all(K1), all(K2)],
        [all(K1.rotate_left(32)), all(K2.rotate_left(32))],
    );
    let high_halves = _mm256_set1_epi64x(-1 << 32);
    let low_bits = |words, bits: u32| _mm256_and_si256(words, _mm256_set1_epi64x((1 << bits) - 1));
    let nothing = [_mm256_setzero_si256(); LANES / 4];

    let (mut all_chunks, mut all_x, mut all_y) = (nothing, nothing, nothing);
    for (i, four) in hashes.0.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: 64 bytes, of any alignment.
        let (first, second) = unsafe {
            let at = four.as_ptr().cast::<__m256i>();
            (_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1)))
        };
        // Unpacked they stand as lanes 0, 2, 1, 3.
        let h0 = _mm256_permute4x64_epi64::<0xd8>(_mm256_unpacklo_epi64(first, second));
        let y = _mm256_permute4x64_epi64::<0xd8>(_mm256_unpackhi_epi64(first, second));

        // `Key::locate`: schoolbook multiplication by a number of 17 bits.
        let carry = _mm256_srli_epi64::<32>(_mm256_add_epi64(
            _mm256_mul_epu32(_mm256_srli_epi64::<32>(y), chunks),
            _mm256_srli_epi64::<32>(_mm256_mul_epu32(y, chunks)),
        ));
        let low = _mm256_add_epi64(_mm256_mul_epu32(h0, chunks), carry);
        let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(h0), chunks);
        all_chunks[i] =
            _mm256_srli_epi64::<32>(_mm256_add_epi64(high, _mm256_srli_epi64::<32>(low)));
        all_x[i] = _mm256_add_epi64(_mm256_slli_epi64::<32>(high), low);
        all_y[i] = y;
    }

    let (mut all_codes, mut all_starts) = (nothing, nothing);
    for (i, (chunk, x)) in all_chunks.into_iter().zip(all_x).enumerate() {
        let place = words_at(places, chunk);
        let codes = _mm256_srli_epi64::<26>(place);
        let fronts = _mm256_add_epi64(codes, low_bits(_mm256_srli_epi64::<16>(place), 10));
        let starts = low_bits(place, 16);
        let start = _mm256_srli_epi64::<32>(_mm256_mul_epu32(_mm256_srli_epi64::<32>(x), starts));
        store(&mut block.at, 4 * i, _mm256_add_epi64(fronts, start));
        all_codes[i] = _mm256_add_epi64(codes, _mm256_srli_epi64::<9>(start));
        all_starts[i] = start;
    }

    let mut bumped = 0;
    for (i, (codes, start)) in all_codes.into_iter().zip(all_starts).enumerate() {
        let shift = _mm256_and_si256(_mm256_srli_epi64::<6>(start), _mm256_set1_epi64x(6));
        let code = low_bits(_mm256_srlv_epi64(bytes_at(body, codes), shift), 2);
        let threshold = _mm256_shuffle_epi8(thresholds, code);
        let offset = low_bits(start, BUCKET.ilog2());
        bumped |= bits_of(_mm256_cmpgt_epi64(threshold, offset)) << (4 * i);
    }

    for (i, (x, y)) in all_x.into_iter().zip(all_y).enumerate() {
        // Products of the halves that stand across each other count in the high half alone.
        let straight = _mm256_add_epi64(_mm256_mul_epu32(x, k1), _mm256_mul_epu32(y, k2));
        let across = _mm256_add_epi32(
            _mm256_mullo_epi32(x, k1_turned),
            _mm256_mullo_epi32(y, k2_turned),
        );
        let across = _mm256_add_epi32(across, _mm256_slli_epi64::<32>(across));
        let mixed = _mm256_add_epi64(straight, _mm256_and_si256(across, high_halves));
        let row = _mm256_or_si256(y, _mm256_set1_epi64x(1));
        store(&mut block.rows, 4 * i, row);
        store(&mut block.expected, 4 * i, _mm256_srli_epi64::<56>(mixed));
    }
    block.bumped = bumped;
}

/// Read lane by lane, as are bytes: on many processors a gather takes longer than its loads.
#[inline]
#[target_feature(enable = "avx2")]
fn words_at(words: &[PlaceWord], indices: __m256i) -> __m256i {
    let indices = each(indices, words.len());
    // SAFETY: `each` found the indices inside.
    let [a, b, c, d] = indices.map(|index| unsafe { words.get_unchecked(index).0 }.cast_signed());
    // In registers: a load of 32 bytes would wait for four stores of 8.
    _mm256_setr_epi64x(a, b, c, d)
}

/// A byte to a word of 64 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn bytes_at(bytes: &[u8], indices: __m256i) -> __m256i {
    let indices = each(indices, bytes.len());
    // SAFETY: `each` found the indices inside.
    let four = indices.map(|index| unsafe { *bytes.get_unchecked(index) });
    _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(u32::from_le_bytes(four).cast_signed()))
}

/// Four indices, all below `length`: one comparison for all. Panics if one is not.
#[inline]
#[target_feature(enable = "avx2")]
fn each(indices: __m256i, length: usize) -> [usize; 4] {
    let below = _mm256_cmpgt_epi64(_mm256_set1_epi64x(length.cast_signed() as i64), indices);
    // The comparison takes those from 2^63 on for negative: their highest bit, which is what counts here, takes them out.
    let inside = _mm256_andnot_si256(indices, below);
    assert!(
        bits_of(inside) == 0xf,
        "a row and its code are in their layer"
    );
    let mut words = [0; 4];
    // SAFETY: 32 bytes, of any alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), indices) };
    words
}

/// The highest bit of each of four words.
#[inline]
#[target_feature(enable = "avx2")]
fn bits_of(words: __m256i) -> Mask {
    _mm256_movemask_pd(_mm256_castsi256_pd(words)).cast_unsigned()
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(words: &mut [u64; LANES], lane: usize, four: __m256i) {
    let words: &mut [u64; 4] = words[lane..]
        .first_chunk_mut()
        .expect("a multiple of 4 lanes");
    // SAFETY: 32 bytes, of any alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), four) };
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
        passed |= bits_of(right) << lane;
    }
    passed
}
