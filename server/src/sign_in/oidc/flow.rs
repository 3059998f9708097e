//! What a browser keeps while it is at the provider: sealed in a cookie, bound to the browser's forms, good once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use truyvet_crypto::{Timestamp, sha256};
use zeroize::Zeroizing;

use super::FLOW_SECONDS;
use crate::sign_in::{PortalKey, Ticket};

/// For what [`PortalKey::seal`] seals it. It belongs to no account yet.
const PURPOSE: &str = "oidc-flow";

/// Flows that were finished and could be brought again. More in five minutes are not officers.
const MOST_USED: usize = 50_000;

/// A flow between leaving for the provider and coming back.
#[derive(Deserialize, Serialize)]
pub(super) struct Flow {
    /// Shows that the answer belongs to this flow.
    pub(super) state: Zeroizing<String>,
    /// Shows that the ID token belongs to this flow.
    pub(super) nonce: Zeroizing<String>,
    /// PKCE: shows that whoever brings the code began the flow.
    pub(super) verifier: Zeroizing<String>,
    /// What the browser's forms carry.
    pub(super) form_token: String,
    /// Last part of the invitation's link, if one is to be accepted.
    pub(super) invitation: Option<Zeroizing<String>>,
    /// Unix seconds.
    expires_at: i64,
}

impl Flow {
    pub(super) fn draw(
        form_token: &str,
        invitation: Option<&str>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut secret = || Ticket::generate(rng).reveal();
        Self {
            state: secret(),
            nonce: secret(),
            verifier: secret(),
            form_token: form_token.to_owned(),
            invitation: invitation.map(|ticket| ticket.to_owned().into()),
            expires_at: now.plus_seconds(FLOW_SECONDS.into()).unix_seconds(),
        }
    }

    /// The text for the cookie.
    pub(super) fn seal(&self, key: &PortalKey, rng: &mut impl CryptoRng) -> String {
        let json = serde_json::to_vec(self).expect("texts and a number");
        BASE64URL_NOPAD.encode(&key.seal(PURPOSE, "", &Zeroizing::new(json), rng))
    }

    /// What [`Self::seal`] sealed, if it is not too old.
    pub(super) fn open(key: &PortalKey, cookie: &str, now: Timestamp) -> Option<Self> {
        let sealed = BASE64URL_NOPAD.decode(cookie.as_bytes()).ok()?;
        let json = key.open(PURPOSE, "", &sealed)?;
        let flow: Self = serde_json::from_slice(&json).ok()?;
        (now.unix_seconds() < flow.expires_at).then_some(flow)
    }

    /// Whether the provider was sent this state with it.
    pub(super) fn is_state(&self, state: &str) -> bool {
        self.state.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

/// The flows that were finished and are not too old yet.
#[derive(Default)]
pub(super) struct Used(Mutex<HashMap<[u8; 32], i64>>);

/// Why a flow cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotUsed {
    /// It was used already.
    Again,
    /// There is no room to write down that it is.
    Full,
}

impl Used {
    /// Uses a flow up.
    pub(super) fn add(&self, flow: &Flow, now: Timestamp) -> Result<(), NotUsed> {
        // A panic elsewhere cannot leave a map half-changed.
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = sha256(&[flow.state.as_bytes()]);
        if used.contains_key(&name) {
            return Err(NotUsed::Again);
        }
        if used.len() >= MOST_USED {
            used.retain(|_, expires_at| now.unix_seconds() < *expires_at);
        }
        if used.len() >= MOST_USED {
            return Err(NotUsed::Full);
        }
        used.insert(name, flow.expires_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_600_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_flow_opens_for_five_minutes_by_its_key_alone() {
        let mut rng = StdRng::seed_from_u64(1);
        let key = PortalKey::new(&[1; 32]);
        let flow = Flow::draw("form", Some("link"), at(0), &mut rng);
        let cookie = flow.seal(&key, &mut rng);
        // A browser keeps 4,096 bytes of a cookie.
        assert!(cookie.len() < 1_000);
        let opened = Flow::open(&key, &cookie, at(299)).unwrap();
        assert!(opened.is_state(&flow.state));
        assert!(!opened.is_state(&flow.nonce));
        assert_eq!(opened.form_token, "form");
        assert_eq!(opened.invitation.unwrap().as_str(), "link");
        assert!(Flow::open(&key, &cookie, at(300)).is_none());
        assert!(Flow::open(&PortalKey::new(&[2; 32]), &cookie, at(0)).is_none());
        for broken in ["", "x", &cookie[4..]] {
            assert!(Flow::open(&key, broken, at(0)).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_flow_is_used_once_and_old_ones_are_forgotten() {
        let mut rng = StdRng::seed_from_u64(1);
        let used = Used::default();
        let mut draw = |now| Flow::draw("form", None, at(now), &mut rng);
        let first = draw(0);
        assert_eq!(used.add(&first, at(1)), Ok(()));
        assert_eq!(used.add(&first, at(2)), Err(NotUsed::Again));
        for _ in 1..MOST_USED {
            used.add(&draw(0), at(3)).unwrap();
        }
        assert_eq!(used.add(&draw(4), at(4)), Err(NotUsed::Full));
        assert_eq!(used.add(&draw(4), at(301)), Ok(()));
    }
}
