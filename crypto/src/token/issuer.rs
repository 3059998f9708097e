//! The server's side: evaluates blinded nonces, verifies tokens.

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq;
use voprf::{BlindedElement, Group, PoprfServer, Ristretto255};

use super::{Element, Token, TokenError, TokenMetadata, bridge::Bridge, exactly};
use crate::sha256;

/// A nonce that a phone blinded, as it arrives: checked before any code is spent on it.
#[derive(Clone)]
pub struct BlindedNonce(BlindedElement<Ristretto255>);

impl BlindedNonce {
    /// Reads a ristretto255 element of 32 bytes.
    ///
    /// # Errors
    /// [`TokenError::BlindedElement`] if it is none, or the identity.
    pub fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        exactly(bytes, 32)
            .and_then(|bytes| BlindedElement::deserialize(bytes).ok())
            .map(Self)
            .ok_or(TokenError::BlindedElement)
    }

    /// Tells two blinded nonces apart without keeping either: SHA-256("truyvet blinded v1" ‖ element).
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[b"truyvet blinded v1", &self.0.serialize()])
    }
}

impl fmt::Debug for BlindedNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindedNonce(..)")
    }
}

/// Issues and checks tokens.
pub struct TokenIssuer(PoprfServer<Ristretto255>);

/// The issuer's answer to a blinded element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Ristretto255 element.
    pub element: [u8; 32],
    /// DLEQ proof.
    pub proof: [u8; 64],
}

impl TokenIssuer {
    /// The key pair that RFC 9497 (section 3.2.1) derives from 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(
            PoprfServer::new_from_seed(seed, b"truyvet token key v1")
                .expect("a derived key is zero with probability 2^-252"),
        )
    }

    /// What phones check proofs against.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        Element::serialize_elem(self.0.get_public_key()).into()
    }

    /// Evaluates a blinded nonce under `metadata`. Blind and metadata alike give the same element again.
    pub fn evaluate(
        &self,
        blinded: &BlindedNonce,
        metadata: &TokenMetadata,
        rng: &mut impl CryptoRng,
    ) -> Evaluation {
        let result = self
            .0
            .blind_evaluate(&mut Bridge(rng), &blinded.0, Some(&metadata.info()))
            .expect("the tweaked key is zero with probability 2^-252");
        let mut proof = [0; 64];
        proof.copy_from_slice(&result.proof.serialize());
        Evaluation {
            element: result.message.serialize().into(),
            proof,
        }
    }

    /// Whether this issuer made the token. Constant time in the token's output.
    #[must_use]
    pub fn verify(&self, token: &Token) -> bool {
        let info = token.metadata.info();
        self.0
            .evaluate(&token.nonce, Some(&info))
            .is_ok_and(|expected| expected[..].ct_eq(&token.output).into())
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenIssuer(..)")
    }
}
