//! SHA-256 (FIPS 180-4): of anything, and twice as fast of messages that fit one block.

use ring::digest;

/// SHA-256 of the parts, one after the other.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let digest = context.finish();
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Longest message that fits one block: behind it stand a bit and the length.
pub(crate) const BLOCK_MESSAGE_BYTES: usize = 55;

/// SHA-256 of the first `length` bytes of a block. What stands behind them is overwritten.
///
/// Key schedules hash nothing longer, a country's batch does so millions of times, and handing a block straight to the
/// processor's instructions takes half the time of a library's call for messages of any length.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn sha256_block(block: &mut [u8; 64], length: usize) -> [u8; 32] {
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
    debug_assert!(length <= BLOCK_MESSAGE_BYTES, "two bytes say the length");
    block[length..].fill(0);
    block[length] = 0x80;
    let bits = u16::try_from(8 * length).expect("fits one block");
    block[62..].copy_from_slice(&bits.to_be_bytes());
    let mut state = START;
    sha2::compress256(&mut state, std::slice::from_ref((&*block).into()));
    let mut out = [0; 32];
    for (bytes, word) in out.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    out
}

/// Elsewhere `sha2` leaves the processor's instructions alone, and `ring` does not.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn sha256_block(block: &mut [u8; 64], length: usize) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, &block[..length]);
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_hashes_as_any_message() {
        // FIPS 180-4, "abc".
        let mut block = [0xff; 64];
        block[..3].copy_from_slice(b"abc");
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = sha256_block(&mut block, 3);
        assert_eq!(data_encoding::HEXLOWER.encode(&hash), expected);
        for length in 0..=BLOCK_MESSAGE_BYTES {
            let message: [u8; 64] = std::array::from_fn(|i| u8::try_from(i + length).unwrap());
            let expected = sha256(&[&message[..length]]);
            assert_eq!(sha256_block(&mut message.clone(), length), expected);
        }
    }
}
