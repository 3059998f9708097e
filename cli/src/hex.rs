//! Hex digits as people type them become bytes.

use anyhow::anyhow;
use data_encoding::{DecodeKind, HEXLOWER_PERMISSIVE};

/// Bytes from hex digits of either case. Errors name the position only: what is decoded may be secret.
pub(crate) fn from_hex(text: &str) -> anyhow::Result<Vec<u8>> {
    HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|error| {
            if error.kind == DecodeKind::Length {
                anyhow!("an odd number of hex digits ({})", text.len())
            } else {
                anyhow!("character {} is not a hex digit", error.position + 1)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_either_case_are_read_and_mistakes_named_by_position() {
        assert_eq!(from_hex("00fFA7").unwrap(), [0x00, 0xff, 0xa7]);
        assert_eq!(from_hex("").unwrap(), [0; 0]);
        for (text, expected) in [
            ("abc", "odd number of hex digits (3)"),
            ("75zz", "character 3"),
        ] {
            let error = from_hex(text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains(text), "{error}");
        }
    }
}
