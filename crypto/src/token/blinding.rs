//! The phone's side: blinds a nonce, checks the issuer's proof, unblinds.

use std::fmt;

use rand::CryptoRng;
use voprf::{EvaluationElement, Group, PoprfClient, Proof, Ristretto255};
use zeroize::Zeroizing;

use super::{Element, Token, TokenError, TokenMetadata, bridge::Bridge, exactly};

/// A nonce on its way to becoming a token. Saved before it is sent, so that a lost answer can be asked for again.
pub struct Blinding {
    nonce: Zeroizing<[u8; 32]>,
    /// Wipes itself when dropped.
    client: PoprfClient<Ristretto255>,
    element: [u8; 32],
}

impl Blinding {
    /// Draws a nonce and blinds it.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut nonce = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *nonce);
        let result = PoprfClient::blind(&*nonce, &mut Bridge(rng))
            .expect("a nonce hashes to the identity with probability 2^-252");
        Self {
            nonce,
            client: result.state,
            element: result.message.serialize().into(),
        }
    }

    /// What the issuer gets to see.
    #[must_use]
    pub fn element(&self) -> &[u8; 32] {
        &self.element
    }

    /// For keeping until the answer is there: nonce, blind and element, 96 bytes. Secret.
    #[must_use]
    pub fn save(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.nonce.as_slice(), &self.client.serialize()].concat())
    }

    /// From what [`Self::save`] gave.
    ///
    /// # Errors
    /// [`TokenError::Saved`] if it does not decode.
    pub fn restore(saved: &[u8]) -> Result<Self, TokenError> {
        let ([nonce, _, element], []) = saved.as_chunks::<32>() else {
            return Err(TokenError::Saved);
        };
        Ok(Self {
            nonce: Zeroizing::new(*nonce),
            client: PoprfClient::deserialize(&saved[32..]).map_err(|_| TokenError::Saved)?,
            element: *element,
        })
    }

    /// Checks the issuer's proof and unblinds.
    ///
    /// # Errors
    /// [`TokenError::Evaluation`] if an input does not decode, [`TokenError::Proof`] if the proof does not hold for
    /// this public key and metadata.
    pub fn finish(
        &self,
        element: &[u8],
        proof: &[u8],
        metadata: TokenMetadata,
        public_key: &[u8; 32],
    ) -> Result<Token, TokenError> {
        let decoded = (
            exactly(element, 32).and_then(|bytes| EvaluationElement::deserialize(bytes).ok()),
            exactly(proof, 64).and_then(|bytes| Proof::deserialize(bytes).ok()),
            Element::deserialize_elem(public_key).ok(),
        );
        let (Some(evaluated), Some(proof), Some(public_key)) = decoded else {
            return Err(TokenError::Evaluation);
        };
        let info = metadata.info();
        let output = self
            .client
            .finalize(&*self.nonce, &evaluated, &proof, public_key, Some(&info))
            .map_err(|_| TokenError::Proof)?;
        let mut token = Token {
            nonce: *self.nonce,
            metadata,
            output: [0; 64],
        };
        token.output.copy_from_slice(&output);
        Ok(token)
    }
}

impl fmt::Debug for Blinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinding(..)")
    }
}
