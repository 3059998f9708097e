//! A passkey authenticator in software: makes the messages that a browser would pass on.
//!
//! One P-256 key, "none" attestation, the user always verified. Only what it takes to answer rightly, and wrongly.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use truyvet_crypto::sha256;

/// The flags of an answer: user present, user verified, and with a new key the key's data.
const PRESENT_AND_VERIFIED: u8 = 0x05;
const KEY_DATA: u8 = 0x40;

/// An authenticator with one key.
pub struct Authenticator {
    key: EcdsaKeyPair,
    credential_id: [u8; 16],
    counter: u32,
    /// What the browser says it is showing.
    pub origin: String,
}

impl Authenticator {
    /// With a fresh key, in a browser that shows this origin.
    ///
    /// # Panics
    /// If the system has no randomness.
    #[must_use]
    pub fn new(origin: &str, credential_id: [u8; 16]) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .expect("the system has randomness");
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random)
                .expect("a key just made");
        Self {
            key,
            credential_id,
            counter: 0,
            origin: origin.to_owned(),
        }
    }

    /// Answers `navigator.credentials.create(options)`.
    ///
    /// # Panics
    /// If these are no such options.
    #[must_use]
    pub fn create(&mut self, options: &str) -> String {
        let asked = public_key(options);
        let client_data = self.client_data("webauthn.create", &asked);
        let mut data = self.data(&asked["rp"]["id"], PRESENT_AND_VERIFIED | KEY_DATA);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.credential_id);
        // COSE: {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}.
        let point = self.key.public_key().as_ref();
        data.extend(hex("a5010203262001215820"));
        data.extend(&point[1..33]);
        data.extend(hex("225820"));
        data.extend(&point[33..]);
        // {"fmt": "none", "attStmt": {}, "authData": data}.
        let mut object = hex("a363666d74646e6f6e656761747453746d74a0686175746844617461");
        object.extend([0x58, u8::try_from(data.len()).expect("148 bytes")]);
        object.extend(data);
        let response = json!({
            "attestationObject": BASE64URL_NOPAD.encode(&object),
            "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
        });
        self.message(&response)
    }

    /// Answers `navigator.credentials.get(options)`.
    ///
    /// # Panics
    /// If these are no such options.
    #[must_use]
    pub fn get(&mut self, options: &str) -> String {
        let asked = public_key(options);
        let client_data = self.client_data("webauthn.get", &asked);
        let data = self.data(&asked["rpId"], PRESENT_AND_VERIFIED);
        let signed = [&data[..], &sha256(&[&client_data])].concat();
        let signature = self
            .key
            .sign(&SystemRandom::new(), &signed)
            .expect("the system has randomness");
        let response = json!({
            "authenticatorData": BASE64URL_NOPAD.encode(&data),
            "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
            "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
            "userHandle": null,
        });
        self.message(&response)
    }

    fn client_data(&self, kind: &str, asked: &Value) -> Vec<u8> {
        let data = json!({
            "type": kind,
            "challenge": asked["challenge"],
            "origin": self.origin,
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }

    fn data(&mut self, host: &Value, flags: u8) -> Vec<u8> {
        self.counter += 1;
        let host = host.as_str().expect("a host name");
        let mut data = sha256(&[host.as_bytes()]).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn message(&self, response: &Value) -> String {
        let id = BASE64URL_NOPAD.encode(&self.credential_id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "extensions": {}})
            .to_string()
    }
}

fn public_key(options: &str) -> Value {
    let mut options: Value = serde_json::from_str(options).expect("JSON");
    options["publicKey"].take()
}

fn hex(digits: &str) -> Vec<u8> {
    HEXLOWER.decode(digits.as_bytes()).expect("constants")
}
