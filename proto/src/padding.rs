//! Brings messages to one size, so that their size on the wire tells nothing. Pure.
//!
//! The subtlety: the padding field takes one byte for its tag and one to four for its length, so that not every number
//! of spare bytes can be filled: 1, 2, 130, 16,387 and 2,097,156 cannot.

use prost::Message;

use crate::v1::{RedeemRequest, RedeemResponse, UploadRequest, UploadResponse};

/// With so many spare bytes, up to 16,386, there is no gap that padding cannot fill.
pub const SAFE_SPARE_BYTES: usize = 131;

/// A message with a `padding` field whose number is below 16.
pub trait Padded: Message {
    /// The field.
    fn padding_mut(&mut self) -> &mut Vec<u8>;
}

macro_rules! padded {
    ($($message:ty),*) => {
        $(impl Padded for $message {
            fn padding_mut(&mut self) -> &mut Vec<u8> {
                &mut self.padding
            }
        })*
    };
}
padded!(RedeemRequest, RedeemResponse, UploadRequest, UploadResponse);

/// Why a message cannot be brought to a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingError {
    /// Longer than that without any padding.
    TooLarge {
        /// Encoded length without padding.
        found: usize,
    },
    /// One of the five numbers of spare bytes that no padding fills.
    Gap,
}

/// Fills the padding so that the message's encoding has exactly `bytes`.
///
/// # Errors
/// [`PaddingError`]; the message has no padding then.
pub fn pad(message: &mut impl Padded, bytes: usize) -> Result<(), PaddingError> {
    message.padding_mut().clear();
    let found = message.encoded_len();
    let spare = bytes
        .checked_sub(found)
        .ok_or(PaddingError::TooLarge { found })?;
    let padding = padding_bytes(spare)?;
    message.padding_mut().resize(padding, 0);
    debug_assert_eq!(message.encoded_len(), bytes);
    Ok(())
}

/// Length of the padding whose field takes `spare` bytes.
fn padding_bytes(spare: usize) -> Result<usize, PaddingError> {
    if spare == 0 {
        // An empty field is not sent at all.
        return Ok(0);
    }
    (1..=10)
        .filter_map(|length_bytes| {
            spare
                .checked_sub(1 + length_bytes)
                .map(|n| (n, length_bytes))
        })
        .find(|&(n, length_bytes)| n > 0 && prost::length_delimiter_len(n) == length_bytes)
        .map(|(n, _)| n)
        .ok_or(PaddingError::Gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAPS: [usize; 4] = [1, 2, 130, 16_387];

    #[test]
    fn every_size_is_met_exactly_or_known_as_a_gap() {
        let bare = UploadRequest {
            region: "VN".to_owned(),
            ..Default::default()
        };
        for spare in (0..400).chain(16_300..16_500) {
            let mut request = bare.clone();
            let result = pad(&mut request, bare.encoded_len() + spare);
            if GAPS.contains(&spare) {
                assert_eq!(result, Err(PaddingError::Gap), "{spare} spare bytes");
                assert!(!(SAFE_SPARE_BYTES..16_387).contains(&spare));
            } else {
                assert_eq!(result, Ok(()), "{spare} spare bytes");
                assert_eq!(request.encode_to_vec().len(), bare.encoded_len() + spare);
            }
        }
    }

    #[test]
    fn the_length_of_the_padding_takes_one_byte_up_to_127_and_two_up_to_16383() {
        for (spare, padding) in [(129, 127), (131, 128), (16_386, 16_383), (16_388, 16_384)] {
            assert_eq!(padding_bytes(spare), Ok(padding));
        }
        assert_eq!(padding_bytes(2_097_156), Err(PaddingError::Gap));
    }

    #[test]
    fn a_message_that_is_too_large_says_how_large() {
        let mut request = UploadRequest {
            region: "VN".to_owned(),
            padding: vec![0; 50],
            ..Default::default()
        };
        assert_eq!(
            pad(&mut request, 3),
            Err(PaddingError::TooLarge { found: 4 })
        );
        assert_eq!(pad(&mut request, 4), Ok(()));
    }
}
