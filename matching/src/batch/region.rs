//! The name of the area that a batch is for.

use std::{fmt, str::FromStr};

/// One to eight of `A`-`Z`, `0`-`9` and `-`: `VN`, `VN-SG`. Safe in URLs and file names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// Zero-padded; holds only the characters above before the padding.
    bytes: [u8; 8],
}

/// Not a region's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region is one to eight of A-Z, 0-9 and '-'")]
pub struct UnknownRegion;

impl Region {
    /// Reads a region's name.
    ///
    /// # Errors
    /// [`UnknownRegion`] if it is not one to eight of `A`-`Z`, `0`-`9` and `-`.
    pub fn parse(name: &str) -> Result<Self, UnknownRegion> {
        let allowed = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-');
        if !(1..=8).contains(&name.len()) || !name.as_bytes().iter().all(allowed) {
            return Err(UnknownRegion);
        }
        let mut bytes = [0; 8];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(Self { bytes })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.bytes.iter().position(|&byte| byte == 0).unwrap_or(8);
        std::str::from_utf8(&self.bytes[..length]).expect("parsed as ASCII")
    }

    /// From a header: zero-padded, nothing after the first zero byte.
    pub(super) fn from_padded(bytes: [u8; 8]) -> Result<Self, UnknownRegion> {
        let name = std::str::from_utf8(&bytes).map_err(|_| UnknownRegion)?;
        Self::parse(name.trim_end_matches('\0'))
    }

    /// For a header.
    pub(super) fn padded(self) -> [u8; 8] {
        self.bytes
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(name: &str) -> Result<Self, UnknownRegion> {
        Self::parse(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_one_to_eight_plain_characters() {
        for name in ["V", "VN", "VN-SG", "ABCDEFG8", "-"] {
            let region = Region::parse(name).unwrap();
            assert_eq!(region.as_str(), name);
            assert_eq!(region.to_string().parse(), Ok(region));
            assert_eq!(Region::from_padded(region.padded()), Ok(region));
        }
        for wrong in [
            "",
            "vn",
            "ABCDEFGH9",
            "V N",
            "V/N",
            "..",
            "Đ",
            "V\0",
            "V\0N",
        ] {
            assert_eq!(Region::parse(wrong), Err(UnknownRegion), "{wrong:?}");
        }
    }

    #[test]
    fn padding_is_zeros_at_the_end_only() {
        for wrong in [*b"V\0N\0\0\0\0\0", [0; 8], *b"\0VN\0\0\0\0\0", [0xff; 8]] {
            assert_eq!(Region::from_padded(wrong), Err(UnknownRegion));
        }
    }
}
