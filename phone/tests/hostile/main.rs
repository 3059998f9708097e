//! The phone against hostile servers, networks and thieves. Tests against the real server are in the workspace's
//! `tests/`.
//!
//! What the tests share: a publisher whose batches are real, an HTTP responder and a gRPC server that send whatever a
//! test tells them to.

#![expect(clippy::unwrap_used, reason = "what cannot go on fails its test")]

mod clock;
mod grpc;
mod http;
mod publisher;
mod seized;
mod sync;
mod upload;
mod withdrawal;

use rand::{SeedableRng, rngs::StdRng};
use truyvet_crypto::{Day, Scheme, Timestamp, sign::SigningKey, sign::TrustedKeys};
use truyvet_phone::{Heard, Phone};

/// 2026-01-02 05:00 UTC, noon in Vietnam.
pub(crate) fn noon() -> Timestamp {
    Day::from_number(20_455).start().plus_seconds(5 * 3_600)
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Signs everything that these tests' phones are to trust.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

pub(crate) fn trusted() -> TrustedKeys {
    TrustedKeys::new(vec![signing_key().verifying_key()])
}

/// A phone in memory, with the deployment's configuration.
pub(crate) fn phone(scheme: Scheme, seed: u64) -> Phone {
    let phone = Phone::in_memory(scheme, trusted(), noon(), &mut rng(seed)).unwrap();
    phone
        .accept_config(&publisher::signed_config(scheme, noon(), [0; 32]), noon())
        .unwrap();
    phone
}

/// `mine` hears `theirs` for a quarter of an hour from `start` on.
pub(crate) fn meet(mine: &Phone, theirs: &Phone, start: Timestamp) {
    for minutes in [0, 5, 10] {
        let time = start.plus_seconds(60 * minutes);
        let id = theirs.broadcast_id(time, &mut rng(0)).unwrap();
        let heard = Heard {
            id: id.as_bytes(),
            time,
            rssi_dbm: -60,
        };
        mine.hear(heard, time).unwrap().unwrap();
    }
}
