//! SHA-256 (FIPS 180-4): of anything, and twice as fast of messages that fit one block.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the processor's instructions need it")]
mod x86;

use ring::digest;
use zeroize::Zeroize;

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
const MESSAGE_BYTES: usize = 55;

/// A message that fits one block of SHA-256, with what stands behind it there.
///
/// Key schedules hash nothing longer, and a country's batch does so millions of times: handing a block straight to the
/// processor's instructions takes half the time of a library's call for messages of any length.
#[derive(Zeroize)]
#[repr(align(16))]
pub(crate) struct Block([u8; 64]);

impl Block {
    /// - `message`: at most 55 bytes.
    #[inline(always)]
    pub(crate) fn new(message: &[u8]) -> Self {
        debug_assert!(message.len() <= MESSAGE_BYTES, "two bytes say the length");
        let mut block = [0; 64];
        block[..message.len()].copy_from_slice(message);
        block[message.len()] = 0x80;
        let bits = u16::try_from(8 * message.len()).expect("fits one block");
        block[62..].copy_from_slice(&bits.to_be_bytes());
        Self(block)
    }

    /// Writes over a part of the message.
    #[inline(always)]
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        debug_assert!(at + bytes.len() <= self.message().len());
        self.0[at..][..bytes.len()].copy_from_slice(bytes);
    }

    fn message(&self) -> &[u8] {
        let [.., high, low] = self.0;
        &self.0[..usize::from(u16::from_be_bytes([high, low]) / 8)]
    }

    /// The message's hash.
    #[inline]
    pub(crate) fn hash(&self) -> [u8; 32] {
        #[cfg(target_arch = "x86_64")]
        if let Some([hash]) = x86::hash_each([self]) {
            return hash;
        }
        self.hash_by_ring()
    }

    fn hash_by_ring(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.message()).as_ref());
        hash
    }

    /// The hashes of both, in little more than the time of one: each round of one message has to wait for the round
    /// before, and meanwhile works on the other.
    #[inline]
    pub(crate) fn hash_both(&self, other: &Self) -> [[u8; 32]; 2] {
        #[cfg(target_arch = "x86_64")]
        if let Some(hashes) = x86::hash_each([self, other]) {
            return hashes;
        }
        [self.hash(), other.hash()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_hashes_as_any_message() {
        // FIPS 180-4, "abc".
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = Block::new(b"abc").hash();
        assert_eq!(data_encoding::HEXLOWER.encode(&hash), expected);
        let abc = hash;
        for length in 0..=MESSAGE_BYTES {
            let message: [u8; 64] = std::array::from_fn(|i| u8::try_from(i + length).unwrap());
            let message = &message[..length];
            let expected = sha256(&[message]);
            let mut block = Block::new(&vec![0xff; length]);
            block.put(0, message);
            assert_eq!(block.hash(), expected);
            assert_eq!(block.hash_by_ring(), expected);
            let abc_block = Block::new(b"abc");
            assert_eq!(block.hash_both(&abc_block), [expected, abc]);
            assert_eq!(abc_block.hash_both(&block), [abc, expected]);
        }
    }
}
