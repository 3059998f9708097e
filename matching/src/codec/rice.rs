//! Rice codes: a stream of numbers, each as quotient in unary and remainder in binary.
//!
//! Bit 0 of the stream is the lowest bit of byte 0. A number n with parameter p: floor(n / 2^p) zero bits, a one bit,
//! then the p low bits of n, lowest first. Which numbers, and how many, is left to the codec.

/// Bits that a window holds at the least: 64, less the bits of its first byte that were read before.
const WINDOW_BITS: u32 = 57;

/// Reads numbers until told to stop; total on any bytes.
pub(super) struct RiceReader<'a> {
    bytes: &'a [u8],
    /// Next bit.
    at: usize,
    /// At most 47.
    parameter: u32,
}

impl<'a> RiceReader<'a> {
    /// - `parameter`: at most 47, so that a remainder fits a window.
    /// - `bytes`: of an eighth of the address space at most.
    pub(super) fn new(bytes: &'a [u8], parameter: u32) -> Self {
        debug_assert!(parameter < 48 && bytes.len() <= usize::MAX / 8);
        Self {
            bytes,
            at: 0,
            parameter,
        }
    }

    /// The next number; `None` if the bytes end before it does or it does not fit 64 bits.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u64> {
        let window = self.window();
        let zeros = window.trailing_zeros();
        let length = zeros + 1 + self.parameter;
        // Nearly always: the whole code lies in the window.
        if length <= WINDOW_BITS {
            let remainder = (window >> (zeros + 1)) & self.mask();
            self.advance(length)?;
            Some(u64::from(zeros) << self.parameter | remainder)
        } else {
            self.next_long()
        }
    }

    /// A code that does not fit a window: the quotient piece by piece.
    #[cold]
    fn next_long(&mut self) -> Option<u64> {
        let mut quotient = 0_u64;
        loop {
            let zeros = self.window().trailing_zeros();
            if zeros < WINDOW_BITS {
                quotient += u64::from(zeros);
                self.advance(zeros + 1)?;
                break;
            }
            quotient += u64::from(WINDOW_BITS);
            self.advance(WINDOW_BITS)?;
        }
        let remainder = self.window() & self.mask();
        self.advance(self.parameter)?;
        Some(quotient.checked_mul(1 << self.parameter)? | remainder)
    }

    fn mask(&self) -> u64 {
        (1 << self.parameter) - 1
    }

    #[inline]
    fn advance(&mut self, bits: u32) -> Option<()> {
        self.at += bits as usize;
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// At least [`WINDOW_BITS`] bits from the next one on, lowest first; zeros after the end.
    #[inline]
    fn window(&self) -> u64 {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(rest),
        };
        word >> (self.at % 8)
    }
}

#[cold]
fn last_word(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(word)
}

/// Writes numbers.
#[cfg(feature = "build")]
pub(super) struct RiceWriter {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes`, lowest first; fewer than 8 between calls.
    pending: u64,
    pending_bits: u32,
    parameter: u32,
}

#[cfg(feature = "build")]
impl RiceWriter {
    /// - `parameter`: at most 47.
    /// - `capacity`: bytes expected.
    pub(super) fn new(parameter: u32, capacity: usize) -> Self {
        debug_assert!(parameter < 48);
        Self {
            bytes: Vec::with_capacity(capacity),
            pending: 0,
            pending_bits: 0,
            parameter,
        }
    }

    /// Appends a number.
    pub(super) fn put(&mut self, number: u64) {
        let mut zeros = number >> self.parameter;
        while zeros >= 48 {
            self.put_bits(0, 48);
            zeros -= 48;
        }
        self.put_bits(1 << zeros, u32::try_from(zeros).expect("below 48") + 1);
        self.put_bits(number & ((1 << self.parameter) - 1), self.parameter);
    }

    /// The bytes; the last one is filled up with zero bits.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let zeros = self.pending_bits.wrapping_neg() % 8;
        self.put_bits(0, zeros);
        self.bytes
    }

    /// Appends the `length` low bits of `bits`, the others being zero; at most 49.
    fn put_bits(&mut self, bits: u64, length: u32) {
        self.pending |= bits << self.pending_bits;
        self.pending_bits += length;
        let whole = self.pending_bits / 8;
        self.bytes
            .extend_from_slice(&self.pending.to_le_bytes()[..whole as usize]);
        self.pending >>= 8 * whole;
        self.pending_bits %= 8;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 13 = 1 · 8 + 5: zero, one, 101. Then 2 = 0 · 8 + 2: one, 010.
    #[test]
    fn the_bit_order_is_lowest_first() {
        let bytes = [0b1011_0110, 0b0];
        let mut reader = RiceReader::new(&bytes, 3);
        assert_eq!(reader.next(), Some(13));
        assert_eq!(reader.next(), Some(2));
        assert_eq!(reader.next(), None, "zero bits up to the end");
        assert_eq!(RiceReader::new(&bytes[..1], 8).next(), None, "cut short");
    }

    /// Bit by bit, from the module's first paragraph.
    fn naive(numbers: &[u64], parameter: u32) -> Vec<u8> {
        let mut bits = vec![];
        for number in numbers {
            bits.extend((0..number >> parameter).map(|_| 0));
            bits.push(1);
            bits.extend((0..parameter).map(|i| u8::from(number >> i & 1 == 1)));
        }
        bits.chunks(8)
            .map(|bits| (0..).zip(bits).map(|(i, bit)| bit << i).sum())
            .collect()
    }

    fn numbers() -> impl Strategy<Value = (u32, Vec<u64>)> {
        (0_u32..48).prop_flat_map(|parameter| {
            // Mostly short quotients, some of several windows.
            let quotient = prop_oneof![9 => 0_u64..4, 1 => 0_u64..300];
            let number =
                (quotient, 0..1_u64 << parameter).prop_map(move |(q, r)| q << parameter | r);
            (Just(parameter), prop::collection::vec(number, 0..60))
        })
    }

    proptest! {
        #[test]
        fn reader_and_writer_do_what_the_naive_twin_does((parameter, numbers) in numbers()) {
            let bytes = naive(&numbers, parameter);
            let mut reader = RiceReader::new(&bytes, parameter);
            for number in &numbers {
                prop_assert_eq!(reader.next(), Some(*number));
            }
            #[cfg(feature = "build")]
            {
                let mut writer = RiceWriter::new(parameter, 0);
                numbers.iter().for_each(|&number| writer.put(number));
                prop_assert_eq!(writer.finish(), bytes);
            }
        }

        #[test]
        fn any_bytes_end(bytes: Vec<u8>, parameter in 0_u32..48) {
            let mut reader = RiceReader::new(&bytes, parameter);
            for _ in 0..=bytes.len() * 8 {
                if reader.next().is_none() {
                    return Ok(());
                }
            }
            prop_assert!(false, "more numbers than bits");
        }
    }
}
