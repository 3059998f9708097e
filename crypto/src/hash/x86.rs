//! SHA-256 of blocks with the SHA extensions (Intel, "SHA Extensions", 2013), several blocks side by side.
//!
//! Two registers hold a hash's state, as the instructions want it: words a, b, e, f and c, d, g, h, the first in the
//! highest place.

use std::arch::x86_64::*;

use super::Block;

/// First 32 bits of the fractions of the square roots of the first eight primes.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// First 32 bits of the fractions of the cube roots of the first 64 primes, four rounds to a row.
const ROUNDS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Four words, the first in the lowest place.
macro_rules! quad {
    ($words:expr) => {{
        let [a, b, c, d] = $words;
        _mm_set_epi32(
            d.cast_signed(),
            c.cast_signed(),
            b.cast_signed(),
            a.cast_signed(),
        )
    }};
}

/// `None` if this processor has not the instructions.
#[inline]
pub(super) fn hash_each<const N: usize>(blocks: [&Block; N]) -> Option<[[u8; 32]; N]> {
    if std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1") {
        let mut hashes = [[0; 32]; N];
        // SAFETY: the processor has what the function is compiled for; sse4.1 comes with ssse3.
        unsafe { with_extensions(blocks, &mut hashes) };
        Some(hashes)
    } else {
        None
    }
}

// No closures, and loops that count: only so does the compiler keep all of it in registers.
#[target_feature(enable = "sha,sse4.1")]
fn with_extensions<const N: usize>(blocks: [&Block; N], hashes: &mut [[u8; 32]; N]) {
    // Bytes of each word the other way round.
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let start = [
        quad!([START[5], START[4], START[1], START[0]]),
        quad!([START[7], START[6], START[3], START[2]]),
    ];
    let mut words = [[big_endian; 4]; N];
    for lane in 0..N {
        let bytes = blocks[lane].0.as_ptr().cast::<__m128i>();
        for (i, four) in words[lane].iter_mut().enumerate() {
            // SAFETY: 16 of a block's 64 bytes, and blocks are aligned.
            *four = _mm_shuffle_epi8(unsafe { _mm_load_si128(bytes.add(i)) }, big_endian);
        }
    }
    let mut states = [start; N];
    for round in 0..16 {
        let constants = quad!(ROUNDS[round]);
        for lane in 0..N {
            let [w0, w1, w2, w3] = words[lane];
            let four = if round < 4 {
                words[lane][round]
            } else {
                let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2));
                let next = _mm_sha256msg2_epu32(sum, w3);
                words[lane] = [w1, w2, w3, next];
                next
            };
            let sum = _mm_add_epi32(four, constants);
            let [abef, cdgh] = states[lane];
            let cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            let high = _mm_shuffle_epi32::<0b00_00_11_10>(sum);
            states[lane] = [_mm_sha256rnds2_epu32(abef, cdgh, high), cdgh];
        }
    }
    for lane in 0..N {
        let [abef, cdgh] = states[lane];
        let feba = _mm_shuffle_epi32::<0b00_01_10_11>(_mm_add_epi32(abef, start[0]));
        let dchg = _mm_shuffle_epi32::<0b10_11_00_01>(_mm_add_epi32(cdgh, start[1]));
        let abcd = _mm_shuffle_epi8(_mm_blend_epi16::<0xf0>(feba, dchg), big_endian);
        let efgh = _mm_shuffle_epi8(_mm_alignr_epi8::<8>(dchg, feba), big_endian);
        let hash = hashes[lane].as_mut_ptr().cast::<__m128i>();
        // SAFETY: 16 bytes each of 32, of any alignment.
        unsafe {
            _mm_storeu_si128(hash, abcd);
            _mm_storeu_si128(hash.add(1), efgh);
        }
    }
}
