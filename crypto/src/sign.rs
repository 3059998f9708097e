//! Ed25519 signatures (RFC 8032, by ring) over what phones download, with key ids and key files.

use std::fmt;

use data_encoding::BASE64;
use rand::CryptoRng;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::sha256;

/// DER before the 32 secret bytes: PKCS#8 v1 of an Ed25519 key (RFC 8410, section 7).
const PRIVATE_DER: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// DER before the 32 public bytes: SubjectPublicKeyInfo of an Ed25519 key (RFC 8410, section 4).
const PUBLIC_DER: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// What a signature is for: signed along, so that none can stand for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Header and directory of a batch file.
    Batch,
    /// A region's index.
    Index,
    /// A deployment's configuration.
    Config,
}

impl Purpose {
    /// Stands in front of the signed bytes, a zero byte between.
    fn context(self) -> &'static [u8] {
        match self {
            Self::Batch => b"truyvet batch v1",
            Self::Index => b"truyvet index v1",
            Self::Config => b"truyvet config v1",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.context(), &[0], bytes].concat()
    }
}

/// Why a key or signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The file is not the PEM of an Ed25519 key of this kind.
    #[error("not an Ed25519 key in PEM")]
    KeyFile,
    /// No key that is trusted has this id.
    #[error("signed by a key that is not trusted (key id {0})")]
    UnknownKey(KeyId),
    /// The bytes are not what was signed.
    #[error("the signature does not fit")]
    Signature,
}

/// First 8 bytes of SHA-256 of the public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// An id from the wire.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its 8 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// Signs what phones download. Signatures are deterministic: the same bytes get the same signature again.
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key of 32 secret bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            seed: Zeroizing::new(*seed),
            pair: Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes"),
        }
    }

    /// Reads a PKCS#8 key file (`-----BEGIN PRIVATE KEY-----`, as `openssl genpkey -algorithm ed25519` writes it).
    ///
    /// # Errors
    /// [`SignError::KeyFile`] if it is not one.
    pub fn from_pem(pem: &str) -> Result<Self, SignError> {
        let der = Zeroizing::new(decode_pem("PRIVATE KEY", pem)?);
        let seed = der
            .strip_prefix(&PRIVATE_DER)
            .and_then(|seed| seed.try_into().ok())
            .ok_or(SignError::KeyFile)?;
        Ok(Self::from_seed(seed))
    }

    /// The key file. Secret.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        let der = Zeroizing::new([PRIVATE_DER.as_slice(), &*self.seed].concat());
        Zeroizing::new(encode_pem("PRIVATE KEY", &der))
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        VerifyingKey(public)
    }

    /// Signs `bytes` for one purpose.
    #[must_use]
    pub fn sign(&self, purpose: Purpose, bytes: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair.sign(&purpose.message(bytes)).as_ref());
        signature
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().id())
    }
}

/// The public key that phones trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// A key from the wire.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Names the key in signatures.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        id.copy_from_slice(&sha256(&[&self.0])[..8]);
        KeyId(id)
    }

    /// Reads a public key file (`-----BEGIN PUBLIC KEY-----`, as `openssl pkey -pubout` writes it).
    ///
    /// # Errors
    /// [`SignError::KeyFile`] if it is not one of Ed25519.
    pub fn from_pem(pem: &str) -> Result<Self, SignError> {
        decode_pem("PUBLIC KEY", pem)?
            .strip_prefix(&PUBLIC_DER)
            .and_then(|key| key.try_into().ok())
            .map(Self)
            .ok_or(SignError::KeyFile)
    }

    /// The public key file.
    #[must_use]
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", &[PUBLIC_DER.as_slice(), &self.0].concat())
    }

    /// Checks a signature made for `purpose`.
    ///
    /// # Errors
    /// [`SignError::Signature`] if it does not fit.
    pub fn verify(
        &self,
        purpose: Purpose,
        bytes: &[u8],
        signature: &[u8],
    ) -> Result<(), SignError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&purpose.message(bytes), signature)
            .map_err(|_| SignError::Signature)
    }
}

/// The public keys that a phone trusts: more than one while keys change over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys(Vec<VerifyingKey>);

impl TrustedKeys {
    /// Trusts exactly these.
    #[must_use]
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self(keys)
    }

    /// All of them.
    #[must_use]
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.0
    }

    /// Checks a signature by the key with this id.
    ///
    /// # Errors
    /// [`SignError::UnknownKey`] if no trusted key has it, [`SignError::Signature`] if the signature does not fit.
    pub fn verify(
        &self,
        key_id: KeyId,
        purpose: Purpose,
        bytes: &[u8],
        signature: &[u8],
    ) -> Result<(), SignError> {
        self.0
            .iter()
            .find(|key| key.id() == key_id)
            .ok_or(SignError::UnknownKey(key_id))?
            .verify(purpose, bytes, signature)
    }
}

fn encode_pem(label: &str, der: &[u8]) -> String {
    // Both kinds of key fit on one line of at most 64 characters.
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        BASE64.encode(der)
    )
}

fn decode_pem(label: &str, pem: &str) -> Result<Vec<u8>, SignError> {
    let body = pem
        .trim()
        .strip_prefix(&format!("-----BEGIN {label}-----"))
        .and_then(|rest| rest.strip_suffix(&format!("-----END {label}-----")))
        .ok_or(SignError::KeyFile)?;
    let base64: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64
        .decode(base64.as_bytes())
        .map_err(|_| SignError::KeyFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410, section 10.3: `openssl` writes and reads the same file.
    const RFC_8410: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
";

    #[test]
    fn key_files_are_the_standard_ones() {
        let key = SigningKey::from_pem(RFC_8410).unwrap();
        assert_eq!(key.to_pem().as_str(), RFC_8410);
        // RFC 8410, section 10.1.
        let public = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
        assert_eq!(key.verifying_key().to_pem(), public);
        assert_eq!(VerifyingKey::from_pem(public), Ok(key.verifying_key()));
        assert!(VerifyingKey::from_pem(RFC_8410).is_err());
        assert!(SigningKey::from_pem("").is_err());
    }

    #[test]
    fn a_signature_is_for_one_key_purpose_and_text() {
        let key = SigningKey::from_seed(&[1; 32]);
        let public = key.verifying_key();
        let signature = key.sign(Purpose::Batch, b"bytes");
        assert_eq!(public.verify(Purpose::Batch, b"bytes", &signature), Ok(()));
        let refused = Err(SignError::Signature);
        assert_eq!(public.verify(Purpose::Index, b"bytes", &signature), refused);
        assert_eq!(public.verify(Purpose::Batch, b"byte", &signature), refused);
        assert_eq!(public.verify(Purpose::Batch, b"bytes", &[]), refused);
        let other = SigningKey::from_seed(&[2; 32]).verifying_key();
        assert_eq!(other.verify(Purpose::Batch, b"bytes", &signature), refused);
        let trusted = TrustedKeys::new(vec![other]);
        assert_eq!(
            trusted.verify(public.id(), Purpose::Batch, b"bytes", &signature),
            Err(SignError::UnknownKey(public.id()))
        );
    }
}
