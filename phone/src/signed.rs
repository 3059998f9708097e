//! Opens what a server signed: verifies first, decodes afterwards.

use prost::Message;
use truyvet_crypto::sign::{KeyId, Purpose, TrustedKeys};
use truyvet_proto::v1 as pb;

/// More signatures than any change of keys needs; the rest is not looked at.
const MAX_SIGNATURES: usize = 16;

/// Why a signed message is refused. Safe to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// No trusted key made any of the signatures.
    #[error("not signed by a key this phone trusts")]
    UnknownKey,
    /// A trusted key's signature does not fit: the message was altered.
    #[error("the signature does not fit: altered on the way")]
    Signature,
    /// Signed, and yet not the message it should be.
    #[error("signed, but does not decode")]
    Decode,
}

/// The message inside, if any signature by a trusted key fits.
pub(crate) fn open<M: Message + Default>(
    signed: &pb::Signed,
    purpose: Purpose,
    trusted: &TrustedKeys,
) -> Result<M, SignedError> {
    let mut reason = SignedError::UnknownKey;
    for signature in signed.signatures.iter().take(MAX_SIGNATURES) {
        let Ok(key_id) = <[u8; 8]>::try_from(&*signature.key_id).map(KeyId::from_bytes) else {
            continue;
        };
        if !trusted.keys().iter().any(|key| key.id() == key_id) {
            continue;
        }
        match trusted.verify(key_id, purpose, &signed.payload, &signature.signature) {
            Ok(()) => return M::decode(&*signed.payload).map_err(|_| SignedError::Decode),
            Err(_) => reason = SignedError::Signature,
        }
    }
    Err(reason)
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::sign::SigningKey;

    use super::*;

    fn signed_by(keys: &[&SigningKey], purpose: Purpose) -> pb::Signed {
        let index = pb::Index {
            region: "VN".to_owned(),
            ..Default::default()
        };
        let payload = index.encode_to_vec();
        let signatures = keys
            .iter()
            .map(|key| pb::Signature {
                key_id: key.verifying_key().id().as_bytes().to_vec(),
                signature: key.sign(purpose, &payload).to_vec(),
            })
            .collect();
        pb::Signed {
            payload,
            signatures,
        }
    }

    #[test]
    fn one_signature_by_a_trusted_key_is_enough() {
        let [old, new, other] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let trusted = TrustedKeys::new(vec![new.verifying_key()]);
        let open = |signed: &pb::Signed| open::<pb::Index>(signed, Purpose::Index, &trusted);
        let mut signed = signed_by(&[&old, &new], Purpose::Index);
        assert_eq!(open(&signed).unwrap().region, "VN");
        signed.payload[3] ^= 1;
        assert_eq!(open(&signed), Err(SignedError::Signature));
        let stranger = signed_by(&[&other], Purpose::Index);
        assert_eq!(open(&stranger), Err(SignedError::UnknownKey));
        assert_eq!(
            open(&signed_by(&[], Purpose::Index)),
            Err(SignedError::UnknownKey)
        );
    }

    #[test]
    fn a_signature_for_one_purpose_does_not_serve_another() {
        let key = SigningKey::from_seed(&[1; 32]);
        let trusted = TrustedKeys::new(vec![key.verifying_key()]);
        let signed = signed_by(&[&key], Purpose::Config);
        let opened = open::<pb::Index>(&signed, Purpose::Index, &trusted);
        assert_eq!(opened, Err(SignedError::Signature));
    }
}
