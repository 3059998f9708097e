//! Recovery codes: ten on paper, each good once in place of the second factor.
//!
//! Ten symbols of base32 are 50 bits. The store keeps HMAC-SHA-256 under `keys/portal.key`: without that file a stolen
//! database cannot be searched at all, and with it Argon2id would only make 2^50 guesses dearer, while ten checks of
//! 20 ms would stand before every sign-in by code. Guessing at the door is left to the throttle.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::portal_key::PortalKey;

/// Codes that are given at a time.
pub const RECOVERY_CODES: usize = 10;

const SYMBOLS: usize = 10;

/// Seven bytes have twelve symbols; the first ten are taken.
const RANDOM_BYTES: usize = 7;

/// One code, as it is shown once. Never printed by `Debug`; wiped when dropped.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
        rng.fill_bytes(&mut *bytes);
        let mut symbols = Zeroizing::new(BASE32_NOPAD.encode(&*bytes));
        symbols.truncate(SYMBOLS);
        Self(symbols)
    }

    /// Reads a code as typed: case, spaces and hyphens do not matter, nor 0 for O, 1 for I and 8 for B, which base32
    /// does not have.
    #[must_use]
    pub(super) fn parse(typed: &str) -> Option<Self> {
        let mut symbols = Zeroizing::new(String::with_capacity(SYMBOLS));
        for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            if symbols.len() == SYMBOLS {
                return None;
            }
            symbols.push(match c.to_ascii_uppercase() {
                '0' => 'O',
                '1' => 'I',
                '8' => 'B',
                c @ ('A'..='Z' | '2'..='7') => c,
                _ => return None,
            });
        }
        (symbols.len() == SYMBOLS).then_some(Self(symbols))
    }

    /// In two groups of five: `ABCDE-FGHIJ`.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}-{}", &self.0[..5], &self.0[5..]))
    }

    /// What the store keeps.
    pub(super) fn hash(&self, key: &PortalKey, officer_id: &str) -> [u8; 32] {
        key.recovery_hash(officer_id, self.0.as_bytes())
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(..)")
    }
}

/// Draws a set of codes, with what the store keeps of them.
pub(super) fn draw(
    key: &PortalKey,
    officer_id: &str,
    rng: &mut impl CryptoRng,
) -> (Vec<RecoveryCode>, Vec<[u8; 32]>) {
    let codes: Vec<_> = (0..RECOVERY_CODES)
        .map(|_| RecoveryCode::generate(rng))
        .collect();
    let hashes = codes
        .iter()
        .map(|code| code.hash(key, officer_id))
        .collect();
    (codes, hashes)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let key = PortalKey::new(&[1; 32]);
        let (codes, hashes) = draw(&key, "a", &mut StdRng::seed_from_u64(1));
        assert_eq!(codes.len(), 10);
        for (code, hash) in codes.iter().zip(hashes) {
            let shown = code.reveal();
            for typed in [
                shown.to_string(),
                shown.to_lowercase(),
                shown.replace('-', " "),
                shown.replace('O', "0").replace('I', "1").replace('B', "8"),
            ] {
                let read = RecoveryCode::parse(&typed).unwrap();
                assert_eq!(read.hash(&key, "a"), hash, "{typed}");
            }
            assert_ne!(code.hash(&key, "b"), hash);
            assert_ne!(code.hash(&PortalKey::new(&[2; 32]), "a"), hash);
        }
        for broken in ["", "ABCDE", "ABCDE-FGHIJK", "ABCDE-FGHI9", "ABCDE-FGHIé"] {
            assert!(RecoveryCode::parse(broken).is_none(), "{broken}");
        }
        assert_eq!(format!("{:?}", codes[0]), "RecoveryCode(..)");
    }
}
