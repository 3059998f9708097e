//! Secrets that a browser brings back: in the link of an invitation or in a cookie.
//!
//! A ticket is 32 random bytes of which the store holds the hash alone. The same bytes give the token that a form must
//! carry against forged cross-site requests, so that nothing has to be stored for it.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use ring::hmac;
use truyvet_crypto::sha256;
use zeroize::Zeroizing;

/// 32 random bytes. Never printed by `Debug`; wiped when dropped.
#[derive(Clone)]
pub struct Ticket(Zeroizing<[u8; 32]>);

impl Ticket {
    /// Draws a new one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// Reads what a browser brought back; `None` if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return None;
        }
        bytes.copy_from_slice(&decoded);
        Some(Self(bytes))
    }

    /// The text for a link or a cookie: 43 characters of A-Z, a-z, 0-9, `-` and `_`.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&*self.0))
    }

    /// What the store keeps: SHA-256. Of 32 random bytes nobody finds the others by trying.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&*self.0])
    }

    /// What a form carries besides the cookie, in base64url. Another site's page can make a browser send the cookie
    /// and cannot read it, so it cannot know this.
    #[must_use]
    pub fn form_token(&self) -> String {
        BASE64URL_NOPAD.encode(hmac::sign(&self.form_key(), FORM_LABEL).as_ref())
    }

    /// Whether a form carries the token of this ticket; in constant time.
    #[must_use]
    pub fn is_form_token(&self, presented: &str) -> bool {
        BASE64URL_NOPAD
            .decode(presented.as_bytes())
            .is_ok_and(|tag| hmac::verify(&self.form_key(), FORM_LABEL, &tag).is_ok())
    }

    fn form_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }
}

const FORM_LABEL: &[u8] = b"truyvet form token v1";

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn a_ticket_comes_back_whole_or_not_at_all() {
        let ticket = Ticket::generate(&mut StdRng::seed_from_u64(1));
        let text = ticket.reveal();
        assert_eq!(text.len(), 43);
        assert_eq!(Ticket::parse(&text).unwrap().hash(), ticket.hash());
        for broken in ["", "x", &text[1..], &format!("{}A", *text), "é"] {
            assert!(Ticket::parse(broken).is_none(), "{broken}");
        }
        assert_eq!(format!("{ticket:?}"), "Ticket(..)");
    }

    #[test]
    fn a_form_token_belongs_to_one_ticket() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mine, other) = (Ticket::generate(&mut rng), Ticket::generate(&mut rng));
        assert!(mine.is_form_token(&mine.form_token()));
        assert!(!mine.is_form_token(&other.form_token()));
        for broken in ["", "x", &*mine.reveal()] {
            assert!(!mine.is_form_token(broken), "{broken}");
        }
    }
}
