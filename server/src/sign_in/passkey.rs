//! Passkeys (WebAuthn): what the browser is asked, and whether its answer is right.
//!
//! The library keeps to the specification; this keeps its types inside. Messages go to and from the page as JSON, as
//! `navigator.credentials` takes them once its base64url members are decoded. The user is verified by the
//! authenticator (finger, face, PIN) every time. Challenges are kept by the store and used once.

use rand::CryptoRng;
use truyvet_crypto::{Timestamp, sha256};
use url::Url;
use webauthn_rs::prelude::{
    Passkey, PasskeyAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Uuid, Webauthn, WebauthnBuilder,
};

use super::{SignInError, random_name, sign_in_name};
use crate::{officers::Officer, store::PasskeyRecord};

/// What the browser shows as whom it registers with.
const SERVICE: &str = "Truyvet";

/// Speaks for one origin.
pub struct Passkeys(Webauthn);

/// A question to the browser and what its answer will be held against.
pub(super) struct Challenge {
    /// JSON for `navigator.credentials.create` or `.get`.
    pub(super) options: String,
    /// For the store.
    pub(super) state: String,
}

impl Passkeys {
    /// For the origin that officers' browsers see.
    ///
    /// # Panics
    /// If the origin has no host name: the settings were checked for that.
    #[must_use]
    pub fn new(origin: &Url) -> Self {
        let host = origin.domain().expect("checked with the settings");
        let webauthn = WebauthnBuilder::new(host, origin)
            .expect("the host is the origin's own")
            .rp_name(SERVICE)
            // A server of one's own machine may stand on any port, a free one in tests.
            .allow_any_port(host == "localhost")
            .build()
            .expect("nothing else is left to go wrong");
        Self(webauthn)
    }

    /// Asks for a new passkey; those that the account has are not offered again.
    pub(super) fn start_registration(
        &self,
        officer: &Officer,
        existing: &[PasskeyRecord],
    ) -> Result<Challenge, SignInError> {
        let name = sign_in_name(officer);
        let exclude = existing
            .iter()
            .map(|passkey| passkey.credential_id.clone())
            .collect();
        let (options, state) = self
            .0
            .start_passkey_registration(user_handle(officer), &name, &name, Some(exclude))
            .map_err(|error| not_accepted(&error))?;
        Ok(Challenge {
            options: json(&options)?,
            state: json(&state)?,
        })
    }

    /// The new passkey, if the answer fits the question.
    pub(super) fn finish_registration(
        &self,
        state: &str,
        answer: &str,
        label: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<PasskeyRecord, SignInError> {
        check_label(label)?;
        let state: PasskeyRegistration = read(state)?;
        let answer: RegisterPublicKeyCredential = read(answer)?;
        let passkey = self
            .0
            .finish_passkey_registration(&answer, &state)
            .map_err(|error| not_accepted(&error))?;
        Ok(PasskeyRecord {
            passkey_id: random_name(rng),
            credential_id: passkey.cred_id().to_vec(),
            label: label.to_owned(),
            state: json(&passkey)?,
            created_at: now.hour_start(),
        })
    }

    /// Asks for one of the account's passkeys.
    pub(super) fn start_authentication(
        &self,
        existing: &[PasskeyRecord],
    ) -> Result<Challenge, SignInError> {
        let passkeys = existing
            .iter()
            .map(|passkey| read(&passkey.state))
            .collect::<Result<Vec<Passkey>, _>>()?;
        let (options, state) = self
            .0
            .start_passkey_authentication(&passkeys)
            .map_err(|error| not_accepted(&error))?;
        Ok(Challenge {
            options: json(&options)?,
            state: json(&state)?,
        })
    }

    /// Which passkey answered rightly, and what is to be kept of its counter and flags if they changed.
    pub(super) fn finish_authentication(
        &self,
        state: &str,
        answer: &str,
        existing: &[PasskeyRecord],
    ) -> Result<(String, Option<String>), SignInError> {
        let state: PasskeyAuthentication = read(state)?;
        let answer: PublicKeyCredential = read(answer)?;
        let result = self
            .0
            .finish_passkey_authentication(&answer, &state)
            .map_err(|error| {
                not_accepted(&error);
                SignInError::FactorRefused
            })?;
        let used = existing
            .iter()
            .find(|passkey| *passkey.credential_id == **result.cred_id())
            .ok_or(SignInError::FactorRefused)?;
        let mut passkey: Passkey = read(&used.state)?;
        let changed = passkey.update_credential(&result) == Some(true);
        let state = changed.then(|| json(&passkey)).transpose()?;
        Ok((used.passkey_id.clone(), state))
    }
}

/// Authenticators keep it with the key: it must say nothing of the account.
fn user_handle(officer: &Officer) -> Uuid {
    let digest = sha256(&[b"truyvet passkey user v1", officer.officer_id.as_bytes()]);
    let mut handle = [0; 16];
    handle.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(handle)
}

fn check_label(label: &str) -> Result<(), SignInError> {
    let length = label.chars().count();
    if length == 0 || length > 64 || label.chars().any(char::is_control) {
        return Err(SignInError::Label);
    }
    Ok(())
}

/// What the library says is for the log: it names the check that failed and carries no message.
fn not_accepted(error: &webauthn_rs::prelude::WebauthnError) -> SignInError {
    tracing::debug!(%error, "a passkey message was not accepted");
    SignInError::Passkey
}

fn json(value: &impl serde::Serialize) -> Result<String, SignInError> {
    serde_json::to_string(value).map_err(|_| SignInError::Passkey)
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, SignInError> {
    serde_json::from_str(text).map_err(|_| SignInError::Passkey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::officers::Role;

    fn officer() -> Officer {
        Officer {
            officer_id: "a".into(),
            label: "hotline-1".into(),
            unit_code: "48".into(),
            role: Role::Officer,
            active: true,
        }
    }

    #[test]
    fn the_browser_is_asked_for_a_verified_user_of_this_host() {
        let origin = Url::parse("https://portal.example.vn").unwrap();
        let passkeys = Passkeys::new(&origin);
        let challenge = passkeys.start_registration(&officer(), &[]).unwrap();
        let asked: serde_json::Value = serde_json::from_str(&challenge.options).unwrap();
        let asked = &asked["publicKey"];
        assert_eq!(asked["rp"]["id"], "portal.example.vn");
        assert_eq!(asked["user"]["name"], "hotline-1@48");
        assert_eq!(
            asked["authenticatorSelection"]["userVerification"],
            "required"
        );
        // Another challenge every time.
        let again = passkeys.start_registration(&officer(), &[]).unwrap();
        assert_ne!(again.options, challenge.options);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let passkeys = Passkeys::new(&Url::parse("http://localhost:8441").unwrap());
        let challenge = passkeys.start_registration(&officer(), &[]).unwrap();
        let rng = &mut <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1);
        let now = Timestamp::MIN;
        for answer in ["", "{}", "[]", &challenge.options] {
            let refused = passkeys.finish_registration(&challenge.state, answer, "phone", now, rng);
            assert!(matches!(refused, Err(SignInError::Passkey)), "{answer}");
        }
        let unnamed = passkeys.finish_registration(&challenge.state, "{}", "", now, rng);
        assert!(matches!(unnamed, Err(SignInError::Label)));
    }
}
