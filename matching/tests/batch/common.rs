//! What the tests of this crate build their files from.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use truyvet_crypto::{
    Tag, Timestamp,
    sign::{SigningKey, TrustedKeys},
};
use truyvet_matching::{
    BatchKind, Codec, Digest, VerifiedBatch,
    build::{BatchParameters, TagSet, build},
};

/// Signs all files of the tests.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

/// Trusts [`key`].
pub(crate) fn trusted() -> TrustedKeys {
    TrustedKeys::new(vec![key().verifying_key()])
}

/// A delta without predecessor.
pub(crate) fn parameters(codec: Codec, fingerprint_bits: u8) -> BatchParameters {
    let start = Timestamp::from_unix_seconds(1_754_006_400).unwrap();
    BatchParameters {
        codec,
        kind: BatchKind::Delta,
        region: "VN".parse().unwrap(),
        sequence: 1,
        window_start: start,
        window_end: start.plus_seconds(86_400),
        closed_at: start.plus_seconds(86_700),
        salt: [5; 16],
        fingerprint_bits,
        previous: Digest::ZERO,
        replaces: vec![],
    }
}

/// Random tags.
pub(crate) fn tags(seed: u64, count: usize) -> Vec<Tag> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count).map(|_| Tag::from_bytes(rng.random())).collect()
}

/// A signed file.
pub(crate) fn file(parameters: &BatchParameters, tags: Vec<Tag>) -> Vec<u8> {
    build(parameters, &TagSet::new(tags))
        .unwrap()
        .sign(&key())
        .into_bytes()
}

/// The same, read.
pub(crate) fn batch(parameters: &BatchParameters, tags: Vec<Tag>) -> VerifiedBatch<Vec<u8>> {
    VerifiedBatch::verify(file(parameters, tags), &trusted()).unwrap()
}

/// Any of them.
pub(crate) fn codecs() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.as_slice())
}

/// Those that keep their false-positive rate however few tags there are.
pub(crate) fn exact_codecs() -> impl Strategy<Value = Codec> {
    codecs().prop_filter("double hashing repeats itself in few bits", |codec| {
        *codec != Codec::PlainBloom
    })
}
