//! Moves the copy of a region's index in a bucket, forwards only: each write names the version that it replaces.

use bytes::Bytes;
use object_store::{
    ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion, path::Path,
};
use prost::Message as _;
use truyvet_crypto::sign::{KeyId, Purpose, TrustedKeys};
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;

use super::{Bucket, attributes};

/// How often others may be quicker before we give up. Whoever is quicker has put a later one, so few can be.
const MAX_TRIES: usize = 10;

/// Longer than any index: windows of five minutes over two weeks make some 400 000.
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// Why a region's index was not copied into the bucket. What was there is there still. Names the object.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// What is there is not ours to replace.
    #[error(
        "{object} {reason}: see what else writes to this bucket, then delete that object; the next index takes its place"
    )]
    Broken {
        /// Which.
        object: String,
        /// What is wrong with it.
        reason: BrokenIndex,
    },
    /// Others were quicker every time.
    #[error("{object} was replaced by others {MAX_TRIES} times while it was to be replaced here")]
    Contended {
        /// Which.
        object: String,
    },
    /// The bucket could not.
    #[error("{object}: {source}")]
    Objects {
        /// Which.
        object: String,
        /// Why.
        source: object_store::Error,
    },
}

/// What is wrong with an object in an index's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenIndex {
    /// It does not decode, or is far too long.
    #[error("is no signed index")]
    Malformed,
    /// Somebody else's, or ours of keys that are gone.
    #[error("is signed by none of this server's keys")]
    OtherKey,
    /// Ours, in the wrong place.
    #[error("is the index of another region")]
    OtherRegion,
}

/// Where an index stands among those of its region: the number of its last batch, that of its first, which only grows as
/// batches are forgotten, then when it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    sequence: u64,
    first: u64,
    generated_at: i64,
}

impl Rank {
    fn of(index: &pb::Index) -> Self {
        Self {
            sequence: index.batches.last().map_or(0, |batch| batch.sequence),
            first: index.batches.first().map_or(0, |batch| batch.sequence),
            generated_at: index.generated_at,
        }
    }
}

impl Bucket {
    pub(super) async fn put_index(
        &self,
        region: Region,
        index: Bytes,
        trusted: &TrustedKeys,
    ) -> Result<bool, IndexError> {
        let path = Path::from(format!("v1/{region}/index"));
        let object = format!("{}/{path}", self.name);
        let failed = |source| IndexError::Objects {
            object: object.clone(),
            source,
        };
        let (_, ours) = decode(&index).expect("an index that this server signed");
        for _ in 0..MAX_TRIES {
            let mode = match self.present(&path).await.map_err(failed)? {
                None => PutMode::Create,
                Some((bytes, version)) => {
                    let there =
                        check(&bytes, region, trusted).map_err(|reason| IndexError::Broken {
                            object: object.clone(),
                            reason,
                        })?;
                    if there >= Rank::of(&ours) {
                        return Ok(false);
                    }
                    PutMode::Update(version)
                }
            };
            let options = PutOptions {
                mode,
                attributes: attributes("application/x-protobuf", &self.caching.index),
                ..PutOptions::default()
            };
            let put = self.objects.put_opts(&path, index.clone().into(), options);
            match put.await {
                Ok(_) => return Ok(true),
                // Somebody was quicker. What is there now may be later than ours.
                Err(
                    object_store::Error::AlreadyExists { .. }
                    | object_store::Error::Precondition { .. },
                ) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(IndexError::Contended { object })
    }

    /// What is there now, and its version. Of what is too long to be an index, nothing.
    async fn present(
        &self,
        path: &Path,
    ) -> Result<Option<(Bytes, UpdateVersion)>, object_store::Error> {
        let found = match self.objects.get(path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        let bytes = if found.meta.size > MAX_INDEX_BYTES {
            Bytes::new()
        } else {
            found.bytes().await?
        };
        Ok(Some((bytes, version)))
    }
}

fn decode(bytes: &[u8]) -> Option<(pb::Signed, pb::Index)> {
    let signed = pb::Signed::decode(bytes).ok()?;
    let index = pb::Index::decode(&*signed.payload).ok()?;
    Some((signed, index))
}

/// One signature is enough: what is there may have been signed while the keys were others.
fn check(bytes: &[u8], region: Region, trusted: &TrustedKeys) -> Result<Rank, BrokenIndex> {
    let (signed, index) = decode(bytes).ok_or(BrokenIndex::Malformed)?;
    if signed.signatures.is_empty() {
        return Err(BrokenIndex::Malformed);
    }
    let fits = |by: &pb::Signature| {
        <[u8; 8]>::try_from(&*by.key_id).is_ok_and(|id| {
            let id = KeyId::from_bytes(id);
            let verified = trusted.verify(id, Purpose::Index, &signed.payload, &by.signature);
            verified.is_ok()
        })
    };
    if !signed.signatures.iter().any(fits) {
        return Err(BrokenIndex::OtherKey);
    }
    if index.region != region.as_str() {
        return Err(BrokenIndex::OtherRegion);
    }
    Ok(Rank::of(&index))
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use futures_util::future::join_all;
    use object_store::{
        Attribute, ObjectStore,
        memory::InMemory,
        throttle::{ThrottleConfig, ThrottledStore},
    };
    use truyvet_crypto::sign::SigningKey;

    use super::*;
    use crate::batch_store::{BatchStore, Caching};

    const KEY: u8 = 1;

    fn caching() -> Caching {
        Caching {
            batch: "max-age=9".into(),
            index: "max-age=1".into(),
        }
    }

    fn store(objects: Arc<dyn ObjectStore>) -> BatchStore {
        BatchStore::in_bucket(objects, "tracing", "health", caching()).unwrap()
    }

    fn region() -> Region {
        "VN".parse().unwrap()
    }

    fn place() -> Path {
        Path::from("health/v1/VN/index")
    }

    fn trusted() -> TrustedKeys {
        TrustedKeys::new(vec![SigningKey::from_seed(&[KEY; 32]).verifying_key()])
    }

    /// Signed by one key or several.
    fn index(keys: &[u8], region: &str, sequence: u64, generated_at: i64) -> Bytes {
        let last = pb::BatchEntry {
            sequence,
            ..pb::BatchEntry::default()
        };
        let index = pb::Index {
            region: region.to_owned(),
            generated_at,
            valid_until: generated_at + 3_600,
            batches: if sequence > 0 { vec![last] } else { Vec::new() },
        };
        let payload = index.encode_to_vec();
        let sign = |seed: &u8| {
            let key = SigningKey::from_seed(&[*seed; 32]);
            pb::Signature {
                key_id: key.verifying_key().id().as_bytes().to_vec(),
                signature: key.sign(Purpose::Index, &payload).to_vec(),
            }
        };
        let signatures = keys.iter().map(sign).collect();
        let signed = pb::Signed {
            payload: payload.clone(),
            signatures,
        };
        signed.encode_to_vec().into()
    }

    fn ours(sequence: u64, generated_at: i64) -> Bytes {
        index(&[KEY], "VN", sequence, generated_at)
    }

    async fn there(bucket: &InMemory) -> Bytes {
        let found = bucket.get(&place()).await.unwrap();
        found.bytes().await.unwrap()
    }

    #[tokio::test]
    async fn an_index_moves_forwards_only() {
        let bucket = Arc::new(InMemory::new());
        let store = store(Arc::<InMemory>::clone(&bucket));
        for (sequence, generated_at, moves) in [
            (0, 100, true),
            (1, 100, true),
            // As late: not written.
            (1, 100, false),
            (1, 99, false),
            (1, 101, true),
            // A clock that went back holds up no batch.
            (2, 50, true),
            (1, 200, false),
        ] {
            let before = bucket
                .get(&place())
                .await
                .ok()
                .map(|found| found.meta.e_tag);
            let offered = ours(sequence, generated_at);
            let trusted = trusted();
            let put = store.put_index(region(), offered.clone(), &trusted);
            assert_eq!(put.await.unwrap(), moves, "{sequence} {generated_at}");
            let after = bucket.get(&place()).await.unwrap().meta.e_tag;
            assert_eq!(before != Some(after), moves, "{sequence} {generated_at}");
            assert_eq!(
                there(&bucket).await == offered,
                moves || (sequence, generated_at) == (1, 100)
            );
        }
    }

    #[tokio::test]
    async fn an_index_says_what_it_is_and_how_long_it_may_be_kept() {
        let bucket = Arc::new(InMemory::new());
        let store = store(Arc::<InMemory>::clone(&bucket));
        for generated_at in [1, 2] {
            let offered = ours(1, generated_at);
            let trusted = trusted();
            let put = store.put_index(region(), offered, &trusted);
            assert!(put.await.unwrap());
            let found = bucket.get(&place()).await.unwrap();
            let attribute = |name| found.attributes.get(&name).map(|value| value.to_string());
            assert_eq!(
                attribute(Attribute::ContentType).as_deref(),
                Some("application/x-protobuf")
            );
            assert_eq!(attribute(Attribute::CacheControl), Some(caching().index));
        }
    }

    #[tokio::test]
    async fn of_writers_at_the_same_time_the_later_index_stays() {
        for first in [None, Some(ours(1, 1))] {
            let bucket = Arc::new(InMemory::new());
            if let Some(first) = first {
                bucket.put(&place(), first.into()).await.unwrap();
            }
            // All have looked before the first of them writes.
            let slow = ThrottleConfig {
                wait_put_per_call: Duration::from_millis(20),
                ..ThrottleConfig::default()
            };
            let raced: Arc<dyn ObjectStore> =
                Arc::new(ThrottledStore::new(Arc::<InMemory>::clone(&bucket), slow));
            let writers: Vec<_> = [3, 5, 2, 4].map(|_| store(Arc::clone(&raced))).into();
            let trusted = trusted();
            let puts = writers
                .iter()
                .zip([3, 5, 2, 4])
                .map(|(writer, sequence)| writer.put_index(region(), ours(sequence, 7), &trusted));
            for put in join_all(puts).await {
                put.unwrap();
            }
            assert_eq!(there(&bucket).await, ours(5, 7));
        }
    }

    #[tokio::test]
    async fn what_is_not_ours_is_named_and_stays_until_it_is_deleted() {
        let long = vec![0_u8; usize::try_from(MAX_INDEX_BYTES + 1).unwrap()];
        for (found, expected) in [
            (Bytes::from_static(b"<html>"), BrokenIndex::Malformed),
            (Bytes::new(), BrokenIndex::Malformed),
            (long.into(), BrokenIndex::Malformed),
            (index(&[], "VN", 1, 1), BrokenIndex::Malformed),
            (index(&[KEY + 1], "VN", 1, 1), BrokenIndex::OtherKey),
            (index(&[KEY], "VN-SG", 1, 1), BrokenIndex::OtherRegion),
        ] {
            let bucket = Arc::new(InMemory::new());
            let store = store(Arc::<InMemory>::clone(&bucket));
            bucket.put(&place(), found.clone().into()).await.unwrap();
            let put = store.put_index(region(), ours(9, 9), &trusted()).await;
            let error = put.unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("s3://tracing/health/v1/VN/index is "),
                "{text}"
            );
            assert!(text.contains("delete"), "{text}");
            let IndexError::Broken { reason, .. } = error else {
                panic!("{text}");
            };
            assert_eq!(reason, expected);
            assert_eq!(there(&bucket).await, found);
            bucket.delete(&place()).await.unwrap();
            let put = store.put_index(region(), ours(9, 9), &trusted()).await;
            assert!(put.unwrap());
        }
    }

    #[tokio::test]
    async fn one_signature_of_ours_is_enough() {
        let bucket = Arc::new(InMemory::new());
        let store = store(Arc::<InMemory>::clone(&bucket));
        let found = index(&[KEY + 1, KEY], "VN", 1, 1);
        bucket.put(&place(), found.into()).await.unwrap();
        let put = store.put_index(region(), ours(1, 2), &trusted()).await;
        assert!(put.unwrap());
    }

    #[tokio::test]
    async fn a_forged_signature_is_none() {
        let bucket = Arc::new(InMemory::new());
        let store = store(Arc::<InMemory>::clone(&bucket));
        let (mut signed, _) = decode(&ours(1, 1)).unwrap();
        signed.signatures[0].signature[0] ^= 1;
        let forged = signed.encode_to_vec();
        bucket.put(&place(), forged.into()).await.unwrap();
        let put = store.put_index(region(), ours(1, 2), &trusted()).await;
        let reason = match put.unwrap_err() {
            IndexError::Broken { reason, .. } => reason,
            other => panic!("{other}"),
        };
        assert_eq!(reason, BrokenIndex::OtherKey);
    }
}
