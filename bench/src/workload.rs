//! Inputs: the same on every machine and in every run.

use rand::{Rng, SeedableRng, rngs::StdRng};
use truyvet_crypto::{Day, DisclosedKey, Scheme, SlotSet, Tag};
use truyvet_matching::{BatchKind, Codec, Digest, build::BatchParameters};

/// Where all inputs come from.
pub const SEED: u64 = 20_200_808;

/// A generator of its own for each use, so that one bench does not move the inputs of another.
#[must_use]
pub fn rng(purpose: u64) -> StdRng {
    StdRng::seed_from_u64(SEED ^ purpose << 32)
}

/// What cases disclose: this many whole days, each of another person.
#[must_use]
pub fn keys(scheme: Scheme, count: u32) -> Vec<DisclosedKey> {
    let mut rng = rng(1);
    (0..count)
        .map(|i| {
            let mut day_secret = vec![0; scheme.day_secret_bytes()];
            rng.fill_bytes(&mut day_secret);
            let day = Day::from_number(18_482 + i % 14);
            DisclosedKey::disclose(scheme, day, &day_secret, SlotSet::full(scheme))
                .expect("a secret of the scheme's length")
        })
        .collect()
}

/// Tags, all different. `purpose` tells sets apart: those of one are in no other.
#[must_use]
pub fn tags(count: usize, purpose: u64) -> Vec<Tag> {
    let mut rng = rng(2 + purpose);
    (0..count)
        .map(|_| {
            let mut tag = [0; 16];
            rng.fill_bytes(&mut tag);
            Tag::from_bytes(tag)
        })
        .collect()
}

/// A day's delta as a server publishes it.
#[must_use]
pub fn batch_parameters(codec: Codec, fingerprint_bits: u8) -> BatchParameters {
    let start = Day::from_number(18_482).start();
    let end = Day::from_number(18_483).start();
    BatchParameters {
        codec,
        kind: BatchKind::Delta,
        region: "VN".parse().expect("a region's name"),
        sequence: 1,
        window_start: start,
        window_end: end,
        closed_at: end,
        salt: [5; 16],
        fingerprint_bits,
        previous: Digest::ZERO,
        replaces: vec![],
    }
}
