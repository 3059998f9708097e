//! Tokens from both sides.

use rand::{SeedableRng, rngs::StdRng};
use rand_core_06::{CryptoRng, RngCore};
use voprf::{Group, PoprfClient, PoprfServer};

use super::{issuer::*, *};

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

fn token_of(issuer: &TokenIssuer, blinding: &Blinding, answer: &Evaluation) -> Token {
    let public_key = issuer.public_key();
    blinding
        .finish(&answer.element, &answer.proof, metadata(), &public_key)
        .unwrap()
}

#[test]
fn a_token_verifies_with_its_issuer_alone() {
    let (issuer, blinding, answer) = issued();
    let token = token_of(&issuer, &blinding, &answer);
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
    let mut token = token_of(&issuer, &blinding, &answer);
    for report_type in [ReportType::SelfTest, ReportType::Withdrawal] {
        token.metadata.report_type = report_type;
        assert!(!issuer.verify(&token), "{report_type:?}");
    }
}

#[test]
fn a_changed_token_or_answer_is_refused() {
    let (issuer, blinding, answer) = issued();
    let token = token_of(&issuer, &blinding, &answer);
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
    let again = token_of(&issuer, &restored, &again);
    assert_eq!(again, token_of(&issuer, &blinding, &answer));
    assert!(Blinding::restore(&[0; 95]).is_err());
}

/// The issuer's view of a redemption (blinded element, answer) shares no bytes with the token.
#[test]
fn what_the_issuer_saw_is_not_in_the_token() {
    let (issuer, blinding, answer) = issued();
    let token = token_of(&issuer, &blinding, &answer);
    let spent = [token.nonce.as_slice(), &token.output].concat();
    for seen in [blinding.element(), &answer.element] {
        assert!(!spent.windows(8).any(|w| seen.windows(8).any(|s| s == w)));
    }
}

/// Gives one scalar, in the 64 bytes that one is drawn from.
struct Draws<'a>(&'a [u8]);

impl RngCore for Draws<'_> {
    fn next_u32(&mut self) -> u32 {
        unreachable!("scalars are drawn by bytes")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("scalars are drawn by bytes")
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        let (scalar, above) = dest.split_at_mut(self.0.len());
        scalar.copy_from_slice(self.0);
        above.fill(0);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core_06::Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Draws<'_> {}

/// RFC 9497, appendix A.1.3.1 (ristretto255-SHA512, POPRF mode, first vector), through this module's dependency:
/// the suite and mode are those of the RFC.
#[test]
fn the_suite_is_the_one_of_rfc_9497() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let (input, info) = ([0], hex("7465737420696e666f"));
    let server =
        PoprfServer::<Ristretto255>::new_from_seed(&[0xa3; 32], &hex("74657374206b6579")).unwrap();
    assert_eq!(
        Element::serialize_elem(server.get_public_key())[..],
        hex("c647bef38497bc6ec077c22af65b696efa43bff3b4a1975a3e8e0a1c5a79d631")
    );
    let blind = hex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706");
    let blinded = PoprfClient::<Ristretto255>::blind(&input, &mut Draws(&blind)).unwrap();
    assert_eq!(
        blinded.message.serialize()[..],
        hex("c8713aa89241d6989ac142f22dba30596db635c772cbf25021fdd8f3d461f715")
    );
    let random = hex("222a5e897cf59db8145db8d16e597e8facb80ae7d4e26d9881aa6f61d645fc0e");
    let evaluated = server
        .blind_evaluate(&mut Draws(&random), &blinded.message, Some(&info))
        .unwrap();
    assert_eq!(
        evaluated.message.serialize()[..],
        hex("1a4b860d808ff19624731e67b5eff20ceb2df3c3c03b906f5693e2078450d874")
    );
    assert_eq!(
        evaluated.proof.serialize()[..],
        hex(
            "41ad1a291aa02c80b0915fbfbb0c0afa15a57e2970067a602ddb9e8fd6b7100d\
             e32e1ecff943a36f0b10e3dae6bd266cdeb8adf825d86ef27dbc6c0e30c52206"
        )
    );
    let finished = blinded
        .state
        .finalize(
            &input,
            &evaluated.message,
            &evaluated.proof,
            server.get_public_key(),
            Some(&info),
        )
        .unwrap();
    let output = hex(
        "ca688351e88afb1d841fde4401c79efebb2eb75e7998fa9737bd5a82a152406d\
         38bd29f680504e54fd4587eddcf2f37a2617ac2fbd2993f7bdf45442ace7d221",
    );
    assert_eq!(finished[..], output);
    assert_eq!(server.evaluate(&input, Some(&info)).unwrap()[..], output);
}
