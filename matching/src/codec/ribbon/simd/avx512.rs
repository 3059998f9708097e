//! Eight lanes to a register of 512 bits.

use std::arch::x86_64::*;

use super::super::{
    key::{K1, K2},
    search::{Block, LANES},
};

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

/// Encrypts 32 blocks, four to a register and all at once.
#[target_feature(enable = "avx512f,vaes")]
pub(super) fn encrypt(keys: &RoundKeys, blocks: &mut [[u8; 16]; LANES]) {
    let at = blocks.as_mut_ptr().cast::<__m512i>();
    let mut state = [_mm512_setzero_si512(); LANES / 4];
    let first = _mm512_broadcast_i32x4(keys.0[0]);
    for (i, state) in state.iter_mut().enumerate() {
        // SAFETY: the i-th 64 of 512 bytes, of any alignment.
        *state = _mm512_xor_si512(unsafe { _mm512_loadu_si512(at.add(i)) }, first);
    }
    for key in &keys.0[1..10] {
        let key = _mm512_broadcast_i32x4(*key);
        for state in &mut state {
            *state = _mm512_aesenc_epi128(*state, key);
        }
    }
    let last = _mm512_broadcast_i32x4(keys.0[10]);
    for (i, state) in state.iter().enumerate() {
        // SAFETY: the i-th 64 of 512 bytes, of any alignment.
        unsafe { _mm512_storeu_si512(at.add(i), _mm512_aesenclast_epi128(*state, last)) };
    }
}

/// `Block::locate`, eight lanes at a time. Table and codes are read lane by lane: on many processors a gather takes
/// longer than its loads.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
pub(super) fn locate(block: &mut Block, hashes: &[[u8; 16]; LANES], places: &[u64], body: &[u8]) {
    let chunks = _mm512_set1_epi64(places.len().cast_signed() as i64);
    let thresholds = _mm512_set1_epi64(0x8028_1000);
    let byte = _mm512_set1_epi64(0xff);
    let eleven = _mm512_set1_epi64(0x7ff);
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    let mut bumped = 0;
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

        let place = each(chunk, |chunk| places[chunk]);
        let codes = _mm512_srli_epi64::<22>(place);
        let blocks_1 = _mm512_and_si512(_mm512_srli_epi64::<11>(place), eleven);
        let blocks_2 = _mm512_and_si512(place, eleven);
        let seven = _mm512_set1_epi64(7);
        let fronts = _mm512_add_epi64(
            _mm512_add_epi64(
                codes,
                _mm512_srli_epi64::<3>(_mm512_add_epi64(blocks_1, seven)),
            ),
            _mm512_srli_epi64::<3>(_mm512_add_epi64(blocks_2, seven)),
        );
        let starts = _mm512_sub_epi64(_mm512_slli_epi64::<6>(blocks_1), _mm512_set1_epi64(63));
        let start = _mm512_srli_epi64::<32>(_mm512_mul_epu32(_mm512_srli_epi64::<32>(x), starts));

        let code_at = _mm512_add_epi64(codes, _mm512_srli_epi64::<9>(start));
        let word = each(code_at, |at| body[at].into());
        let shift = _mm512_and_si512(_mm512_srli_epi64::<6>(start), _mm512_set1_epi64(6));
        let code = _mm512_and_si512(_mm512_srlv_epi64(word, shift), _mm512_set1_epi64(3));
        let threshold = _mm512_and_si512(
            _mm512_srlv_epi64(thresholds, _mm512_slli_epi64::<3>(code)),
            byte,
        );
        let offset = _mm512_and_si512(start, _mm512_set1_epi64(127));
        bumped |= u32::from(_mm512_cmplt_epu64_mask(offset, threshold)) << lane;

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
    block.tail = 0;
    // One in 25.
    while bumped != 0 {
        let lane = bumped.trailing_zeros() as usize;
        block.locate_lane(lane, &hashes[lane], places, body);
        bumped &= bumped - 1;
    }
}

/// What `look_up` says of each of eight numbers.
#[inline]
#[target_feature(enable = "avx512f")]
fn each(numbers: __m512i, look_up: impl Fn(usize) -> u64) -> __m512i {
    let mut words = [0_u64; 8];
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), numbers) };
    #[expect(clippy::cast_possible_truncation, reason = "x86-64")]
    let [a, b, c, d, e, f, g, h] = words.map(|word| look_up(word as usize).cast_signed());
    // In registers: a load of 64 bytes would wait for eight stores of 8.
    _mm512_setr_epi64(a, b, c, d, e, f, g, h)
}

#[target_feature(enable = "avx512f")]
fn store(words: &mut [u64; LANES], lane: usize, eight: __m512i) {
    let words: &mut [u64; 8] = words[lane..]
        .first_chunk_mut()
        .expect("a multiple of 8 lanes");
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), eight) };
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn selected(row: u64, window: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes, of any alignment.
    unsafe { _mm512_maskz_loadu_epi8(row, window.as_ptr().cast()) }
}

/// `Block::evaluate`: a row selects bytes by being the mask of their load.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
pub(super) fn evaluate(block: &Block, body: &[u8]) -> u32 {
    let mut passed = block.tail;
    for lane in (0..LANES).step_by(8) {
        let mut sums = [_mm512_setzero_si512(); 8];
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = selected(block.rows[lane + i], block.window(lane + i, body));
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
        let expected: &[u64; 8] = block.expected[lane..]
            .first_chunk()
            .expect("a multiple of 8 lanes");
        // SAFETY: 64 bytes, of any alignment.
        let expected = unsafe { _mm512_loadu_si512(expected.as_ptr().cast()) };
        let wrong = _mm512_xor_si512(sum, expected);
        let right = _mm512_testn_epi64_mask(wrong, _mm512_set1_epi64(0xff));
        passed |= u32::from(right) << lane;
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
