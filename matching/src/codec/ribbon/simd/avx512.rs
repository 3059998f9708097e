//! Eight lanes to a register of 512 bits.

use std::arch::x86_64::*;

use super::super::{
    BLOCK, BUCKET, THRESHOLDS,
    key::{K1, K2},
    search::{Block, Hashes, LANES, Mask, PlaceWord},
};

/// Places that a table in registers holds.
const TABLE: usize = 32;

/// `Block::locate`, eight lanes at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
pub(super) fn locate(block: &mut Block, hashes: &Hashes, places: &[PlaceWord], body: &[u8]) {
    let chunks = _mm512_set1_epi64(places.len().cast_signed() as i64);
    let table = table(places);
    // By code: a byte each, and none for the upper bytes of a word.
    let thresholds = _mm512_set1_epi32(u32::from_le_bytes(THRESHOLDS).cast_signed());
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    let low_bits = |words, bits: u32| _mm512_and_si512(words, _mm512_set1_epi64((1 << bits) - 1));
    let mut bumped = 0;
    for lane in (0..LANES).step_by(8) {
        let eight: &[[u8; 16]; 8] = hashes.0[lane..]
            .first_chunk()
            .expect("a multiple of 8 lanes");
        // SAFETY: 128 bytes, of any alignment.
        let (first, second) = unsafe {
            let at = eight.as_ptr().cast::<__m512i>();
            (_mm512_loadu_si512(at), _mm512_loadu_si512(at.add(1)))
        };
        let h0 = _mm512_permutex2var_epi64(first, even, second);
        let y = _mm512_permutex2var_epi64(first, odd, second);

        // `Key::locate`: schoolbook multiplication by a number of 17 bits.
        let carry = _mm512_srli_epi64::<32>(_mm512_add_epi64(
            _mm512_mul_epu32(_mm512_srli_epi64::<32>(y), chunks),
            _mm512_srli_epi64::<32>(_mm512_mul_epu32(y, chunks)),
        ));
        let low = _mm512_add_epi64(_mm512_mul_epu32(h0, chunks), carry);
        let high = _mm512_mul_epu32(_mm512_srli_epi64::<32>(h0), chunks);
        let chunk = _mm512_srli_epi64::<32>(_mm512_add_epi64(high, _mm512_srli_epi64::<32>(low)));
        let x = _mm512_add_epi64(_mm512_slli_epi64::<32>(high), low);

        let place = if places.len() <= TABLE {
            look_up(table, chunk)
        } else {
            words_at(places, chunk)
        };
        let codes = _mm512_srli_epi64::<26>(place);
        let fronts = _mm512_add_epi64(codes, low_bits(_mm512_srli_epi64::<16>(place), 10));
        let starts = low_bits(place, 16);
        let start = _mm512_srli_epi64::<32>(_mm512_mul_epu32(_mm512_srli_epi64::<32>(x), starts));

        let word = bytes_at(body, _mm512_add_epi64(codes, _mm512_srli_epi64::<9>(start)));
        let shift = _mm512_and_si512(_mm512_srli_epi64::<6>(start), _mm512_set1_epi64(6));
        let code = low_bits(_mm512_srlv_epi64(word, shift), 2);
        let threshold = _mm512_shuffle_epi8(thresholds, code);
        let offset = low_bits(start, BUCKET.ilog2());
        bumped |= Mask::from(_mm512_cmplt_epu64_mask(offset, threshold)) << lane;

        let mixed = _mm512_add_epi64(
            _mm512_mullo_epi64(x, _mm512_set1_epi64(K1.cast_signed())),
            _mm512_mullo_epi64(y, _mm512_set1_epi64(K2.cast_signed())),
        );
        store(&mut block.at, lane, _mm512_add_epi64(fronts, start));
        store(
            &mut block.rows,
            lane,
            _mm512_or_si512(y, _mm512_set1_epi64(1)),
        );
        store(&mut block.expected, lane, _mm512_srli_epi64::<56>(mixed));
    }
    block.bumped = bumped;
}

/// The first [`TABLE`] places.
#[inline]
#[target_feature(enable = "avx512f")]
fn table(places: &[PlaceWord]) -> [__m512i; TABLE / 8] {
    let mut table = [_mm512_setzero_si512(); TABLE / 8];
    for (eight, places) in table.iter_mut().zip(places.chunks(8)) {
        let lanes = u8::MAX >> (8 - places.len());
        // SAFETY: no more words than there are, of any alignment.
        *eight = unsafe { _mm512_maskz_loadu_epi64(lanes, places.as_ptr().cast()) };
    }
    table
}

/// - `indices`: below [`TABLE`].
#[inline]
#[target_feature(enable = "avx512f")]
fn look_up(table: [__m512i; TABLE / 8], indices: __m512i) -> __m512i {
    let low = _mm512_permutex2var_epi64(table[0], indices, table[1]);
    let high = _mm512_permutex2var_epi64(table[2], indices, table[3]);
    let is_high = _mm512_test_epi64_mask(indices, _mm512_set1_epi64(16));
    _mm512_mask_mov_epi64(low, is_high, high)
}

/// Read lane by lane, as are bytes: on many processors a gather takes longer than its loads.
#[inline]
#[target_feature(enable = "avx512f")]
fn words_at(words: &[PlaceWord], indices: __m512i) -> __m512i {
    let [a, b, c, d, e, f, g, h] = each(indices, words.len());
    // SAFETY: `each` found the indices inside.
    let word = |index: usize| unsafe { words.get_unchecked(index).0 }.cast_signed();
    // In registers: a load of 64 bytes would wait for eight stores of 8.
    _mm512_setr_epi64(
        word(a),
        word(b),
        word(c),
        word(d),
        word(e),
        word(f),
        word(g),
        word(h),
    )
}

/// A byte to a word of 64 bits.
#[inline]
#[target_feature(enable = "avx512f")]
fn bytes_at(bytes: &[u8], indices: __m512i) -> __m512i {
    let [a, b, c, d, e, f, g, h] = each(indices, bytes.len());
    // SAFETY: `each` found the indices inside.
    let byte = |index: usize| unsafe { bytes.get_unchecked(index) }.cast_signed();
    _mm512_cvtepu8_epi64(_mm_setr_epi8(
        byte(a),
        byte(b),
        byte(c),
        byte(d),
        byte(e),
        byte(f),
        byte(g),
        byte(h),
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ))
}

/// Panics unless all eight are below `length`: one comparison for all.
#[inline]
#[target_feature(enable = "avx512f")]
fn check(indices: __m512i, length: usize) {
    let length = _mm512_set1_epi64(length.cast_signed() as i64);
    let inside = _mm512_cmplt_epu64_mask(indices, length);
    assert!(inside == u8::MAX, "a row and its code are in their layer");
}

/// Eight indices, all below `length`.
#[inline]
#[target_feature(enable = "avx512f")]
fn each(indices: __m512i, length: usize) -> [usize; 8] {
    check(indices, length);
    let mut words = [0; 8];
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), indices) };
    words
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; LANES], lane: usize) -> __m512i {
    let words: &[u64; 8] = words[lane..].first_chunk().expect("a multiple of 8 lanes");
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(words: &mut [u64; LANES], lane: usize, eight: __m512i) {
    let words: &mut [u64; 8] = words[lane..]
        .first_chunk_mut()
        .expect("a multiple of 8 lanes");
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), eight) };
}

/// `Block::evaluate`: a row selects bytes by being the mask of their load.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> Mask {
    let starts = body.len().saturating_sub(BLOCK - 1);
    let mut passed = block.bumped;
    for lane in (0..LANES).step_by(8) {
        let mut sums = [_mm512_setzero_si512(); 8];
        check(load(&block.at, lane), starts);
        for (lane, sum) in (lane..).zip(&mut sums) {
            #[expect(clippy::cast_possible_truncation, reason = "x86-64")]
            let at = block.at[lane] as usize;
            // SAFETY: `check` found 64 bytes from there on, of any alignment.
            *sum =
                unsafe { _mm512_maskz_loadu_epi8(block.rows[lane], body.as_ptr().add(at).cast()) };
        }
        // Two registers to one, each with the XOR of its halves: from 512 bits a lane to 64.
        let [a, b, c, d, e, f, g, h] = sums;
        let even = quarters(halves(a, c), halves(e, g));
        let odd = quarters(halves(b, d), halves(f, h));
        let sum = _mm512_xor_si512(
            _mm512_unpacklo_epi64(even, odd),
            _mm512_unpackhi_epi64(even, odd),
        );
        let sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<32>(sum));
        let sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<16>(sum));
        let sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<8>(sum));
        let wrong = _mm512_xor_si512(sum, load(&block.expected, lane));
        let right = _mm512_testn_epi64_mask(wrong, _mm512_set1_epi64(0xff));
        passed |= Mask::from(right) << lane;
    }
    passed
}

#[inline]
#[target_feature(enable = "avx512f")]
fn halves(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(
        _mm512_shuffle_i64x2::<0x44>(a, b),
        _mm512_shuffle_i64x2::<0xee>(a, b),
    )
}

#[inline]
#[target_feature(enable = "avx512f")]
fn quarters(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(
        _mm512_shuffle_i64x2::<0x88>(a, b),
        _mm512_shuffle_i64x2::<0xdd>(a, b),
    )
}
