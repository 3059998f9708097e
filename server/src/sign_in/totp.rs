//! One-time codes by time (RFC 6238): SHA-1, six digits, 30 seconds, which is what every authenticator app does.
//!
//! A code of the step before or after is taken too, since clocks differ. A step is used once: whoever looked over a
//! shoulder cannot use the code again.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use rand::CryptoRng;
use totp_rs::{Builder, Totp};
use truyvet_crypto::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use super::SignInError;
use crate::context::Context;

/// What an authenticator app shows beside the account.
const ISSUER: &str = "Truyvet";

/// What a stored secret is sealed for.
const PURPOSE: &str = "totp";

/// The secret that an authenticator app shares. Never printed by `Debug`; wiped when dropped.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; 20]>);

impl TotpSecret {
    pub(super) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 20]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut secret = Zeroizing::new([0; 20]);
        if bytes.len() != secret.len() {
            return None;
        }
        secret.copy_from_slice(bytes);
        Some(Self(secret))
    }

    pub(super) fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// What the store keeps.
    pub(super) fn seal(&self, context: &Context, officer_id: &str) -> Vec<u8> {
        let mut rng = context.rng();
        let portal = &context.keys.portal;
        portal.seal(PURPOSE, officer_id, &*self.0, &mut rng)
    }

    /// What [`Self::seal`] gave.
    pub(super) fn open(
        context: &Context,
        officer_id: &str,
        sealed: &[u8],
    ) -> Result<Self, SignInError> {
        let opened = context.keys.portal.open(PURPOSE, officer_id, sealed);
        opened
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or(SignInError::PortalKey)
    }

    /// To type into an authenticator app: 32 characters of base32.
    #[must_use]
    pub fn base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&*self.0))
    }

    /// Reads what [`Self::base32`] gave, spaces or not: for tests and demonstrations.
    #[must_use]
    pub fn from_base32(typed: &str) -> Option<Self> {
        let symbols: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        Self::from_bytes(&BASE32_NOPAD.decode(symbols.as_bytes()).ok()?)
    }

    /// To show as a QR code: `otpauth://totp/...`.
    ///
    /// - `sign_in_name`: what the app shows beside the code.
    ///
    /// # Panics
    /// Never: the parts make a URL.
    #[must_use]
    pub fn uri(&self, sign_in_name: &str) -> Zeroizing<String> {
        let secret = self.base32();
        let mut uri = Url::parse_with_params(
            "otpauth://totp/",
            [
                ("secret", secret.as_str()),
                ("issuer", ISSUER),
                ("algorithm", "SHA1"),
                ("digits", "6"),
                ("period", "30"),
            ],
        )
        .expect("a constant");
        uri.path_segments_mut()
            .expect("has a host")
            .clear()
            .push(&format!("{ISSUER}:{sign_in_name}"));
        Zeroizing::new(uri.into())
    }

    /// The step that a typed code belongs to, if it is one of now, the step before or the one after. Spaces do not
    /// matter.
    pub(super) fn step_of(&self, typed: &str, now: Timestamp) -> Option<u64> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let now = u64::try_from(now.unix_seconds()).ok()?;
        self.totp().check(&digits, now)
    }

    /// The code that an authenticator app shows at a time: for tests and demonstrations.
    #[must_use]
    pub fn code_at(&self, time: Timestamp) -> String {
        let seconds = u64::try_from(time.unix_seconds()).unwrap_or_default();
        self.totp().generate(seconds).to_string()
    }

    fn totp(&self) -> Totp {
        Builder::new()
            .with_secret(*self.0)
            .build()
            .expect("20 bytes, and defaults that RFC 6238 names")
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    /// RFC 6238, appendix B: the SHA-1 rows, their last six digits.
    #[test]
    fn the_rfc_s_codes() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
        ] {
            assert_eq!(secret.code_at(at(time)), code);
            let step = u64::try_from(time).unwrap() / 30;
            assert_eq!(secret.step_of(code, at(time)), Some(step));
            let spaced = format!(" {} {}", &code[..3], &code[3..]);
            assert_eq!(secret.step_of(&spaced, at(time + 30)), Some(step));
            assert_eq!(secret.step_of(code, at(time - 30)), Some(step));
            assert_eq!(secret.step_of(code, at(time + 60)), None);
        }
        for wrong in ["", "28708", "2870822", "28708x", "２８７０８２", "287083"] {
            assert_eq!(secret.step_of(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn an_app_can_read_the_uri() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        assert_eq!(
            secret.uri("hải châu@490").as_str(),
            "otpauth://totp/Truyvet:h%E1%BA%A3i%20ch%C3%A2u@490?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Truyvet&algorithm=SHA1&digits=6&period=30"
        );
        let typed = TotpSecret::from_base32("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ").unwrap();
        assert_eq!(typed.as_bytes(), secret.as_bytes());
        assert!(TotpSecret::from_base32("GEZD").is_none());
        assert_eq!(format!("{secret:?}"), "TotpSecret(..)");
    }
}
