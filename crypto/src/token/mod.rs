//! Blind tokens: proof of an authorization that even the server cannot tie to the code it was given for.
//!
//! POPRF mode of RFC 9497 (ristretto255-SHA512) by the `voprf` crate. The phone blinds a random nonce; the issuer
//! evaluates it together with the public metadata; the phone checks the proof and unblinds. When the token is spent
//! the issuer evaluates the nonce again and compares. Issuer and verifier are the same server, so private
//! verification fits.

mod blinding;
mod bridge;
mod issuer;
#[cfg(test)]
mod tests;

use std::fmt;

use ring::hmac;
use voprf::Ristretto255;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Day, sha256};

pub use blinding::Blinding;
pub use issuer::{BlindedNonce, Evaluation, TokenIssuer};

/// The ristretto255 group.
type Element = <Ristretto255 as voprf::CipherSuite>::Group;

/// Why a health officer authorized an upload. A token says it in the open, under the signature: one that discloses
/// cannot take back, one that takes back cannot disclose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportType {
    /// A laboratory confirmed the infection.
    ConfirmedTest = 1,
    /// A physician diagnosed it without a test.
    Clinical = 2,
    /// The person's own rapid test, accepted by an officer.
    SelfTest = 3,
    /// None of these after all: takes back what was uploaded, and discloses nothing.
    Withdrawal = 4,
}

impl ReportType {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ConfirmedTest,
        Self::Clinical,
        Self::SelfTest,
        Self::Withdrawal,
    ];

    /// The byte that stands for it inside tokens and on the wire.
    #[must_use]
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// The report type of that byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.byte() == byte)
    }
}

/// What a token says in the open; the signature covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenMetadata {
    /// Why the upload was authorized.
    pub report_type: ReportType,
    /// First UTC day whose keys may be uploaded.
    pub first_day: Day,
    /// Last one: the day of redemption.
    pub last_day: Day,
}

impl TokenMetadata {
    /// The `info` input of the POPRF.
    fn info(&self) -> Vec<u8> {
        [
            b"truyvet token v1".as_slice(),
            &[self.report_type.byte()],
            &self.first_day.number().to_be_bytes(),
            &self.last_day.number().to_be_bytes(),
        ]
        .concat()
    }
}

/// Why a token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The blinded element is not a valid, non-identity group element of 32 bytes.
    #[error("not a blinded element")]
    BlindedElement,
    /// The issuer's answer does not decode.
    #[error("not an evaluation")]
    Evaluation,
    /// The proof does not fit the public key and metadata: the answer is forged or was tagged for tracking.
    #[error("the issuer's proof does not hold")]
    Proof,
    /// A saved blinding does not decode.
    #[error("not a saved blinding")]
    Saved,
}

/// A token, good for one upload. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Random; the issuer has not seen it before it is spent.
    pub nonce: [u8; 32],
    /// As it was issued.
    pub metadata: TokenMetadata,
    /// POPRF output.
    pub output: [u8; 64],
}

impl Token {
    /// What is remembered of a spent token: SHA-256("truyvet spent v1" ‖ nonce ‖ metadata).
    #[must_use]
    pub fn spend_id(&self) -> [u8; 32] {
        sha256(&[b"truyvet spent v1", &self.nonce, &self.metadata.info()])
    }

    /// HMAC-SHA-256 of `context` ‖ `content` under the token's output: only who holds the token can compute it.
    #[must_use]
    pub fn authenticate(&self, context: &[u8], content: &[u8]) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.output);
        let mut mac = hmac::Context::with_key(&key);
        mac.update(context);
        mac.update(content);
        let mut tag = [0; 32];
        tag.copy_from_slice(mac.sign().as_ref());
        tag
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Zeroize for Token {
    fn zeroize(&mut self) {
        self.nonce.zeroize();
        self.output.zeroize();
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Token {}

/// `voprf`'s decoders read a prefix and ignore what follows; an input must have exactly its length.
fn exactly(bytes: &[u8], length: usize) -> Option<&[u8]> {
    (bytes.len() == length).then_some(bytes)
}
