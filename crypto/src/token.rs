//! Blind tokens: proof of an authorization that even the server cannot tie to the code it was given for.
//!
//! POPRF mode of RFC 9497 (ristretto255-SHA512) by the `voprf` crate. The phone blinds a random nonce; the issuer
//! evaluates it together with the public metadata; the phone checks the proof and unblinds. When the token is spent
//! the issuer evaluates the nonce again and compares. Issuer and verifier are the same server, so private
//! verification fits.

use std::fmt;

use rand::CryptoRng;
use rand_core_06::{self as rand_core};
use subtle::ConstantTimeEq;
use voprf::{
    BlindedElement, EvaluationElement, Group, PoprfClient, PoprfServer, Proof, Ristretto255,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Day, sha256};

type Element = <Ristretto255 as voprf::CipherSuite>::Group;

/// Why a health officer authorized an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportType {
    /// A laboratory confirmed the infection.
    ConfirmedTest = 1,
    /// A physician diagnosed it without a test.
    Clinical = 2,
    /// The person's own rapid test, accepted by an officer.
    SelfTest = 3,
}

impl ReportType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ConfirmedTest, Self::Clinical, Self::SelfTest];

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

/// Lets `voprf` (rand_core 0.6) draw from a generator of today's `rand`.
struct Bridge<'a, R>(&'a mut R);

impl<R: CryptoRng> rand_core::RngCore for Bridge<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

impl<R: CryptoRng> rand_core::CryptoRng for Bridge<'_, R> {}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn metadata() -> TokenMetadata {
        TokenMetadata {
            report_type: ReportType::ConfirmedTest,
            first_day: Day::from_number(18_490),
            last_day: Day::from_number(18_500),
        }
    }

    fn issued() -> (TokenIssuer, Blinding, Evaluation) {
        let mut rng = StdRng::seed_from_u64(1);
        let issuer = TokenIssuer::from_seed(&[9; 32]);
        let blinding = Blinding::generate(&mut rng);
        let blinded = BlindedNonce::parse(blinding.element()).unwrap();
        let evaluation = issuer.evaluate(&blinded, &metadata(), &mut rng);
        (issuer, blinding, evaluation)
    }

    #[test]
    fn a_token_verifies_with_its_issuer_alone() {
        let (issuer, blinding, answer) = issued();
        let token = blinding
            .finish(
                &answer.element,
                &answer.proof,
                metadata(),
                &issuer.public_key(),
            )
            .unwrap();
        assert!(issuer.verify(&token));
        assert!(!TokenIssuer::from_seed(&[8; 32]).verify(&token));
    }

    #[test]
    fn the_metadata_cannot_be_changed() {
        let (issuer, blinding, answer) = issued();
        let wider = TokenMetadata {
            first_day: Day::from_number(18_400),
            ..metadata()
        };
        let refused = blinding.finish(&answer.element, &answer.proof, wider, &issuer.public_key());
        assert_eq!(refused, Err(TokenError::Proof));
        let mut token = blinding
            .finish(
                &answer.element,
                &answer.proof,
                metadata(),
                &issuer.public_key(),
            )
            .unwrap();
        token.metadata.report_type = ReportType::SelfTest;
        assert!(!issuer.verify(&token));
    }

    #[test]
    fn a_changed_token_or_answer_is_refused() {
        let (issuer, blinding, answer) = issued();
        let token = blinding
            .finish(
                &answer.element,
                &answer.proof,
                metadata(),
                &issuer.public_key(),
            )
            .unwrap();
        for i in [0, 31] {
            let mut changed = token.clone();
            changed.nonce[i] ^= 1;
            assert!(!issuer.verify(&changed));
        }
        let mut changed = token.clone();
        changed.output[63] ^= 1;
        assert!(!issuer.verify(&changed));
        let mut proof = answer.proof;
        proof[5] ^= 1;
        assert!(
            blinding
                .finish(&answer.element, &proof, metadata(), &issuer.public_key())
                .is_err()
        );
        let other_key = TokenIssuer::from_seed(&[8; 32]).public_key();
        assert_eq!(
            blinding.finish(&answer.element, &answer.proof, metadata(), &other_key),
            Err(TokenError::Proof)
        );
    }

    #[test]
    fn the_issuer_refuses_what_is_no_element() {
        let (_, blinding, _) = issued();
        let mut long = blinding.element().to_vec();
        long.push(0);
        for bad in [&[][..], &[0; 32], &[0xff; 32], &[1; 31], &long] {
            let refused = BlindedNonce::parse(bad).unwrap_err();
            assert_eq!(refused, TokenError::BlindedElement);
        }
    }

    #[test]
    fn a_saved_blinding_gets_the_same_token() {
        let (issuer, blinding, answer) = issued();
        let restored = Blinding::restore(&blinding.save()).unwrap();
        assert_eq!(restored.element(), blinding.element());
        // Asking again gives the same element, though another proof.
        let blinded = BlindedNonce::parse(restored.element()).unwrap();
        let again = issuer.evaluate(&blinded, &metadata(), &mut StdRng::seed_from_u64(3));
        assert_eq!(again.element, answer.element);
        assert_ne!(again.proof, answer.proof);
        let token = |blinding: &Blinding, answer: &Evaluation| {
            blinding
                .finish(
                    &answer.element,
                    &answer.proof,
                    metadata(),
                    &issuer.public_key(),
                )
                .unwrap()
        };
        assert_eq!(token(&restored, &again), token(&blinding, &answer));
        assert!(Blinding::restore(&[0; 95]).is_err());
    }

    /// The issuer's view of a redemption (blinded element, answer) shares no bytes with the token.
    #[test]
    fn what_the_issuer_saw_is_not_in_the_token() {
        let (issuer, blinding, answer) = issued();
        let token = blinding
            .finish(
                &answer.element,
                &answer.proof,
                metadata(),
                &issuer.public_key(),
            )
            .unwrap();
        let spent = [token.nonce.as_slice(), &token.output].concat();
        for seen in [blinding.element(), &answer.element] {
            assert!(!spent.windows(8).any(|w| seen.windows(8).any(|s| s == w)));
        }
    }

    /// RFC 9497, appendix A.1.3.1 (ristretto255-SHA512, POPRF mode, first vector), through this module's dependency:
    /// the suite and mode are those of the RFC.
    #[test]
    fn the_suite_is_the_one_of_rfc_9497() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let server =
            PoprfServer::<Ristretto255>::new_from_seed(&[0xa3; 32], &hex("74657374206b6579"))
                .unwrap();
        let output = server
            .evaluate(&[0], Some(&hex("7465737420696e666f")))
            .unwrap();
        assert_eq!(
            output[..],
            hex(
                "ca688351e88afb1d841fde4401c79efebb2eb75e7998fa9737bd5a82a152406d\
                 38bd29f680504e54fd4587eddcf2f37a2617ac2fbd2993f7bdf45442ace7d221"
            )
        );
    }
}
