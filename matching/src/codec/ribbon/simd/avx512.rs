//! Eight lanes to a register of 512 bits.

use std::arch::x86_64::*;

use super::super::{
    key::{K1, K2},
    search::{Block, LANES},
};

/// `Block::locate`, eight lanes at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
pub(super) fn locate(block: &mut Block, hashes: &[[u8; 16]; LANES], places: &[u64], body: &[u8]) {
    let chunks = _mm512_set1_epi64(places.len().cast_signed() as i64);
    let last = _mm512_set1_epi64((places.len() - 1).cast_signed() as i64);
    // A load of codes reads 8 bytes: never beyond the body, whatever the words in `places` say.
    assert!(body.len() >= 8);
    let last_load = _mm512_set1_epi64((body.len() - 8).cast_signed() as i64);
    let code_word = |at: __m512i, wanted: __mmask8| {
        let at = _mm512_min_epu64(at, last_load);
        // SAFETY: 8 bytes from `at` lie in the body.
        unsafe {
            _mm512_mask_i64gather_epi64::<1>(
                _mm512_setzero_si512(),
                wanted,
                at,
                body.as_ptr().cast(),
            )
        }
    };
    let thresholds = _mm512_set1_epi64(0x8028_1000);
    let byte = _mm512_set1_epi64(0xff);
    // Whether a key that starts there was bumped, from the codes of its layer.
    let bumped = |codes: __m512i, start: __m512i, wanted: __mmask8| {
        let word = code_word(
            _mm512_add_epi64(codes, _mm512_srli_epi64::<9>(start)),
            wanted,
        );
        let shift = _mm512_and_si512(_mm512_srli_epi64::<6>(start), _mm512_set1_epi64(6));
        let code = _mm512_and_si512(_mm512_srlv_epi64(word, shift), _mm512_set1_epi64(3));
        let threshold = _mm512_and_si512(
            _mm512_srlv_epi64(thresholds, _mm512_slli_epi64::<3>(code)),
            byte,
        );
        let offset = _mm512_and_si512(start, _mm512_set1_epi64(127));
        _mm512_mask_cmplt_epu64_mask(wanted, offset, threshold)
    };
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    block.tail = 0;
    for lane in (0..LANES).step_by(8) {
        let eight: &[[u8; 16]; 8] = hashes[lane..].first_chunk().expect("a multiple of 8 lanes");
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

        // SAFETY: indices below the length of `places`.
        let place = unsafe {
            _mm512_i64gather_epi64::<8>(_mm512_min_epu64(chunk, last), places.as_ptr().cast())
        };
        let eleven = _mm512_set1_epi64(0x7ff);
        let codes_1 = _mm512_srli_epi64::<22>(place);
        let blocks_1 = _mm512_and_si512(_mm512_srli_epi64::<11>(place), eleven);
        let blocks_2 = _mm512_and_si512(place, eleven);
        let code_bytes =
            |blocks| _mm512_srli_epi64::<3>(_mm512_add_epi64(blocks, _mm512_set1_epi64(7)));
        let codes_2 = _mm512_add_epi64(codes_1, code_bytes(blocks_1));
        let fronts = _mm512_add_epi64(codes_2, code_bytes(blocks_2));
        let start = |word, blocks| {
            let starts = _mm512_sub_epi64(_mm512_slli_epi64::<6>(blocks), _mm512_set1_epi64(63));
            _mm512_srli_epi64::<32>(_mm512_mul_epu32(word, starts))
        };
        let start_1 = start(_mm512_srli_epi64::<32>(x), blocks_1);
        let bumped_1 = bumped(codes_1, start_1, 0xff);
        let start_2 = start(x, blocks_2);
        let bumped_2 = bumped(codes_2, start_2, bumped_1);
        let slot =
            _mm512_mask_add_epi64(start_1, bumped_1, _mm512_slli_epi64::<6>(blocks_1), start_2);
        let at = _mm512_add_epi64(fronts, slot);
        let row = _mm512_or_si512(y, _mm512_set1_epi64(1));
        let mixed = _mm512_add_epi64(
            _mm512_mullo_epi64(x, _mm512_set1_epi64(K1.cast_signed())),
            _mm512_mullo_epi64(y, _mm512_set1_epi64(K2.cast_signed())),
        );
        store(&mut block.at, lane, at);
        store(&mut block.rows, lane, row);
        store(&mut block.expected, lane, _mm512_srli_epi64::<56>(mixed));
        block.tail |= u32::from(bumped_2) << lane;
    }
}

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
pub(super) fn evaluate(block: &Block, body: &[u8]) -> u32 {
    let mut passed = block.tail;
    for lane in (0..LANES).step_by(8) {
        let selected = |lane: usize| {
            let window = block.window(lane, body);
            // SAFETY: 64 bytes, of any alignment.
            unsafe { _mm512_maskz_loadu_epi8(block.rows[lane], window.as_ptr().cast()) }
        };
        // Two registers to one, each lane's XOR of halves: 256, 128, then 64 bits.
        let halves = |a, b| {
            _mm512_xor_si512(
                _mm512_shuffle_i64x2::<0x44>(a, b),
                _mm512_shuffle_i64x2::<0xee>(a, b),
            )
        };
        let quarters = |a, b| {
            _mm512_xor_si512(
                _mm512_shuffle_i64x2::<0x88>(a, b),
                _mm512_shuffle_i64x2::<0xdd>(a, b),
            )
        };
        let four = |a, b, c, d| {
            quarters(
                halves(selected(a), selected(b)),
                halves(selected(c), selected(d)),
            )
        };
        let low = four(lane, lane + 2, lane + 4, lane + 6);
        let high = four(lane + 1, lane + 3, lane + 5, lane + 7);
        let mut sum = _mm512_xor_si512(
            _mm512_unpacklo_epi64(low, high),
            _mm512_unpackhi_epi64(low, high),
        );
        sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<32>(sum));
        sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<16>(sum));
        sum = _mm512_xor_si512(sum, _mm512_srli_epi64::<8>(sum));
        let expected: &[u64; 8] = block.expected[lane..]
            .first_chunk()
            .expect("a multiple of 8 lanes");
        // SAFETY: 64 bytes, of any alignment.
        let expected = unsafe { _mm512_loadu_si512(expected.as_ptr().cast()) };
        let wrong = _mm512_xor_si512(sum, expected);
        passed |= u32::from(_mm512_testn_epi64_mask(wrong, _mm512_set1_epi64(0xff))) << lane;
    }
    passed
}
