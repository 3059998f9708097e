//! Upload codes: what an officer reads out and a patient types.
//!
//! Ten random symbols and a check symbol out of an alphabet of 23 without look-alikes (neither 0 O D Q nor 1 I L, of
//! B 8, S 5, Z 2 and G 6 only the digit, neither U nor V). 23 is prime, so the check symbol catches every single wrong
//! symbol and every two that changed places. 23^10 = 4.1e13: with 40,000 live codes (more than Vietnam's record day
//! needs) a guess hits with less than 1e-9.

use std::fmt;

use rand::CryptoRng;
use ring::hmac;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const ALPHABET: &[u8; 23] = b"23456789ACEFHJKMNPRTWXY";

/// Random symbols; the check symbol follows.
const RANDOM_SYMBOLS: usize = 10;
const SYMBOLS: usize = RANDOM_SYMBOLS + 1;

/// Why a text is no code. Says nothing about which codes exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Not eleven symbols.
    #[error("an upload code has {SYMBOLS} symbols")]
    Length,
    /// A symbol that no code has.
    #[error("symbol number {position} is not used in upload codes")]
    Symbol {
        /// Counted from 1, spaces and hyphens left out.
        position: usize,
    },
    /// Mistyped: the check symbol does not fit the others.
    #[error("the check symbol does not fit: a symbol is wrong or two changed places")]
    Check,
}

/// An upload code. Never printed by `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct UploadCode([u8; SYMBOLS]);

impl UploadCode {
    /// Draws a new code.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut symbols = [0; SYMBOLS];
        let mut drawn = 0;
        let mut bytes = Zeroizing::new([0; 32]);
        while drawn < RANDOM_SYMBOLS {
            rng.fill_bytes(&mut *bytes);
            // 253 = 11 × 23: bytes above would make some symbols likelier.
            for byte in bytes.iter().filter(|&&byte| byte < 253) {
                if drawn < RANDOM_SYMBOLS {
                    symbols[drawn] = byte % 23;
                    drawn += 1;
                }
            }
        }
        symbols[RANDOM_SYMBOLS] = check_symbol(&symbols);
        Self(symbols)
    }

    /// Reads a code as typed: case, spaces and hyphens do not matter.
    ///
    /// # Errors
    /// [`CodeError`] if it cannot be a code.
    pub fn parse(typed: &str) -> Result<Self, CodeError> {
        let mut symbols = [0; SYMBOLS];
        let mut position = 0;
        for c in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let symbol = ALPHABET
                .iter()
                .position(|&a| char::from(a) == c.to_ascii_uppercase())
                .ok_or(CodeError::Symbol {
                    position: position + 1,
                })?;
            *symbols.get_mut(position).ok_or(CodeError::Length)? =
                u8::try_from(symbol).expect("an alphabet of 23");
            position += 1;
        }
        if position != SYMBOLS {
            return Err(CodeError::Length);
        }
        if symbols[RANDOM_SYMBOLS] != check_symbol(&symbols) {
            return Err(CodeError::Check);
        }
        Ok(Self(symbols))
    }

    /// The code in groups of 4, 3 and 4 for reading aloud: `7XK4-9AC-2HTE`.
    #[must_use]
    pub fn grouped(&self) -> Zeroizing<String> {
        let text: Vec<char> = self
            .0
            .iter()
            .map(|&s| ALPHABET[usize::from(s)].into())
            .collect();
        let group = |range: std::ops::Range<usize>| text[range].iter().collect::<String>();
        Zeroizing::new(format!("{}-{}-{}", group(0..4), group(4..7), group(7..11)))
    }

    /// What is stored in place of the code.
    #[must_use]
    pub fn hash(&self, key: &CodeKey) -> CodeHash {
        let mut context = hmac::Context::with_key(&key.0);
        context.update(b"truyvet upload code v1");
        context.update(&self.0);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        CodeHash(hash)
    }
}

impl fmt::Debug for UploadCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadCode(..)")
    }
}

/// Makes Σ (i + 1) · symbol(i) over all symbols a multiple of 23. The weights 1 to 11 are distinct and have inverses
/// modulo 23, which is what catches single errors and transpositions.
fn check_symbol(symbols: &[u8; SYMBOLS]) -> u8 {
    /// 11 · 21 = 231 = 10 · 23 + 1.
    const INVERSE_OF_11: u32 = 21;
    let sum: u32 = (1..)
        .zip(&symbols[..RANDOM_SYMBOLS])
        .map(|(weight, &symbol)| weight * u32::from(symbol))
        .sum();
    u8::try_from((23 - sum % 23) * INVERSE_OF_11 % 23).expect("below 23")
}

/// Keys the hash of codes, so that a stolen table of hashes cannot be searched. HMAC-SHA-256.
pub struct CodeKey(hmac::Key);

impl CodeKey {
    /// From 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Tells one key from another, and nothing of it: its HMAC of a text that is no code.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let tag = hmac::sign(&self.0, b"fingerprint of the key itself");
        tag.as_ref().try_into().expect("HMAC-SHA-256 has 32 bytes")
    }
}

impl fmt::Debug for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKey(..)")
    }
}

/// HMAC-SHA-256 of a code. Compared in constant time.
#[derive(Clone, Copy)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// A hash that was stored.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes, for the store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(..)")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn code(seed: u64) -> UploadCode {
        UploadCode::generate(&mut StdRng::seed_from_u64(seed))
    }

    #[test]
    fn a_code_survives_being_read_aloud_and_typed() {
        for seed in 0..200 {
            let code = code(seed);
            let read = code.grouped();
            assert_eq!(read.len(), 13);
            let typed = format!(" {} ", read.to_lowercase().replace('-', " "));
            assert_eq!(UploadCode::parse(&typed), Ok(code));
        }
    }

    #[test]
    fn every_wrong_symbol_and_every_swap_is_caught() {
        let code = code(1);
        for i in 0..SYMBOLS {
            for symbol in (0..23).filter(|&s| s != code.0[i]) {
                let mut wrong = code.0;
                wrong[i] = symbol;
                assert_eq!(
                    UploadCode::parse(&UploadCode(wrong).grouped()),
                    Err(CodeError::Check)
                );
            }
            for j in (0..i).filter(|&j| code.0[i] != code.0[j]) {
                let mut wrong = code.0;
                wrong.swap(i, j);
                assert_eq!(
                    UploadCode::parse(&UploadCode(wrong).grouped()),
                    Err(CodeError::Check)
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_a_code_says_why() {
        let good = code(2).grouped().to_string();
        assert_eq!(UploadCode::parse(""), Err(CodeError::Length));
        assert_eq!(UploadCode::parse(&good[..12]), Err(CodeError::Length));
        assert_eq!(
            UploadCode::parse(&format!("{good}2")),
            Err(CodeError::Length)
        );
        assert_eq!(
            UploadCode::parse(&format!("2O{}", &good[2..])),
            Err(CodeError::Symbol { position: 2 })
        );
        assert_eq!(
            UploadCode::parse("ờ"),
            Err(CodeError::Symbol { position: 1 })
        );
    }

    #[test]
    fn all_symbols_are_drawn_about_equally() {
        let mut counts = [0_u32; 23];
        for seed in 0..2_300 {
            for symbol in &code(seed).0[..RANDOM_SYMBOLS] {
                counts[usize::from(*symbol)] += 1;
            }
        }
        // 1,000 expected of each, standard deviation 31.
        assert!(
            counts.iter().all(|n| (850..1_150).contains(n)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_hash_depends_on_key_and_code() {
        let (a, b) = (CodeKey::new(&[1; 32]), CodeKey::new(&[2; 32]));
        assert_eq!(code(1).hash(&a), code(1).hash(&a));
        assert_ne!(code(1).hash(&a), code(1).hash(&b));
        assert_ne!(code(1).hash(&a), code(2).hash(&a));
    }
}
