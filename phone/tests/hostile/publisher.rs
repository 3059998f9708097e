//! Makes real batches, indexes and configurations, signed by whatever key a test wants.

use prost::Message;
use truyvet_crypto::{
    Scheme, Tag, Timestamp,
    sign::{Purpose, SigningKey},
};
use truyvet_matching::{
    BatchKind, Codec, Digest, Region,
    build::{BatchParameters, TagSet, build},
};
use truyvet_phone::Phone;
use truyvet_proto::v1 as pb;

use crate::{noon, rng, signing_key};

/// Publishes for one region.
pub(crate) struct Publisher {
    pub(crate) region: Region,
    pub(crate) key: SigningKey,
    /// Entry and file of each batch.
    pub(crate) batches: Vec<(pb::BatchEntry, Vec<u8>)>,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        Self {
            region: "VN".parse().unwrap(),
            key: signing_key(),
            batches: vec![],
        }
    }

    /// What the next batch will say of itself, closed at `closed_at`.
    pub(crate) fn next_parameters(&self, closed_at: Timestamp) -> BatchParameters {
        let previous = self.batches.last().map(|(_, file)| Digest::of(file));
        BatchParameters {
            codec: Codec::CompressedBloom,
            kind: BatchKind::Delta,
            region: self.region,
            sequence: self.batches.len() as u64 + 1,
            window_start: closed_at.plus_seconds(-14_400),
            window_end: closed_at,
            closed_at,
            salt: [9; 16],
            fingerprint_bits: 40,
            previous: previous.unwrap_or(Digest::ZERO),
            replaces: vec![],
        }
    }

    pub(crate) fn publish(&mut self, tags: Vec<Tag>, closed_at: Timestamp) {
        self.publish_as(&self.next_parameters(closed_at), tags);
    }

    /// Publishes what `parameters` say, though the index announces what would be due.
    pub(crate) fn publish_as(&mut self, parameters: &BatchParameters, tags: Vec<Tag>) {
        let tags = TagSet::new(tags).padded(&[5; 32], 64, 64);
        let file = build(parameters, &tags)
            .unwrap()
            .sign(&self.key)
            .into_bytes();
        let entry = pb::BatchEntry {
            sequence: self.batches.len() as u64 + 1,
            digest: Digest::of(&file).as_bytes().to_vec(),
            file_bytes: file.len() as u64,
            closed_at: self
                .next_parameters(parameters.closed_at)
                .closed_at
                .unix_seconds(),
        };
        self.batches.push((entry, file));
    }

    /// The index of all batches, signed at `generated_at` and valid for a day.
    pub(crate) fn index(&self, generated_at: Timestamp) -> pb::Index {
        pb::Index {
            region: self.region.to_string(),
            generated_at: generated_at.unix_seconds(),
            valid_until: generated_at.plus_seconds(86_400).unix_seconds(),
            batches: self
                .batches
                .iter()
                .map(|(entry, _)| entry.clone())
                .collect(),
        }
    }

    /// Path and bytes of the file of a batch.
    pub(crate) fn file(&self, position: usize) -> (String, Vec<u8>) {
        let (entry, file) = &self.batches[position];
        let digest = Digest::from_bytes(entry.digest.clone().try_into().unwrap());
        (format!("/v1/batches/{digest}.tvb"), file.clone())
    }
}

pub(crate) fn signed(key: &SigningKey, purpose: Purpose, message: &impl Message) -> pb::Signed {
    let payload = message.encode_to_vec();
    let signatures = vec![pb::Signature {
        key_id: key.verifying_key().id().as_bytes().to_vec(),
        signature: key.sign(purpose, &payload).to_vec(),
    }];
    pb::Signed {
        payload,
        signatures,
    }
}

/// The configuration of these tests' deployment, signed at `generated_at`.
pub(crate) fn signed_config(
    scheme: Scheme,
    generated_at: Timestamp,
    token_public_key: [u8; 32],
) -> pb::Signed {
    let config = pb::Config {
        scheme: scheme.byte().into(),
        regions: vec!["VN".to_owned()],
        retention_days: 14,
        upload_bytes: 4_096,
        clock_tolerance_seconds: 300,
        publish_every_seconds: 14_400,
        signing_keys: vec![],
        token_public_key: token_public_key.to_vec(),
        exposure_rule: Some(pb::ExposureRule {
            minutes: 15,
            rssi_dbm: -80,
            utc_offset_seconds: 25_200,
        }),
        generated_at: generated_at.unix_seconds(),
        decoys_per_week: 2,
    };
    signed(&signing_key(), Purpose::Config, &config)
}

/// All tags that `case` broadcasts on noon's day.
pub(crate) fn tags_of(case: &Phone) -> Vec<Tag> {
    let (scheme, day) = (case.scheme(), noon().day());
    let ids = case.ids_of_day(day, &mut rng(0)).unwrap();
    (0..)
        .zip(ids)
        .map(|(index, id)| Tag::new(scheme, scheme.slot(day, index), &id))
        .collect()
}
