//! The signed indexes in memory, and which files may be fetched.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use bytes::Bytes;
use prost::Message as _;
use truyvet_crypto::{Timestamp, sign::Purpose};
use truyvet_matching::{Digest, Region};
use truyvet_proto::v1 as pb;

use super::sign;
use crate::{
    context::Context,
    store::{PublishedBatch, StoreError},
};

/// A region's index as it is handed out.
#[derive(Debug)]
pub struct SignedIndex {
    /// The message.
    pub signed: pb::Signed,
    /// The same, encoded.
    pub bytes: Bytes,
    /// Strong entity tag: SHA-256 of the bytes, quoted.
    pub etag: String,
    signed_at: Timestamp,
    batches: Vec<PublishedBatch>,
}

/// The latest index of every region.
#[derive(Default)]
pub struct Catalog {
    indexes: RwLock<HashMap<Region, Arc<SignedIndex>>>,
    /// Held from reading what is published until the index names it: a slower one must not put back an older list.
    refreshing: tokio::sync::Mutex<()>,
}

impl Catalog {
    /// A region's index; `None` for regions that this deployment does not have.
    #[must_use]
    pub fn index(&self, region: Region) -> Option<Arc<SignedIndex>> {
        // Entries are replaced whole: a panic cannot leave one half-changed.
        let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
        indexes.get(&region).cloned()
    }

    /// The published batch with this digest, in whatever region.
    #[must_use]
    pub fn batch(&self, digest: Digest) -> Option<PublishedBatch> {
        let indexes = self.indexes.read().unwrap_or_else(PoisonError::into_inner);
        indexes
            .values()
            .flat_map(|index| &index.batches)
            .find(|batch| batch.digest == digest)
            .copied()
    }

    /// Reads what is published and signs the region's index anew.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not look.
    pub async fn refresh(&self, context: &Context, region: Region) -> Result<(), StoreError> {
        let refreshing = self.refreshing.lock().await;
        let batches = context.store.published(region).await?;
        let index = Arc::new(sign_index(context, region, batches));
        self.indexes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(region, index);
        drop(refreshing);
        Ok(())
    }

    /// Signs the region's index again once a quarter of its validity has passed: seldom enough for caches, often
    /// enough for phones.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not look.
    pub async fn renew(&self, context: &Context, region: Region) -> Result<(), StoreError> {
        let renew_after = validity_seconds(context) / 4;
        let fresh = self.index(region).is_some_and(|index| {
            (0..renew_after).contains(&context.now().seconds_since(index.signed_at))
        });
        if fresh {
            return Ok(());
        }
        self.refresh(context, region).await
    }
}

fn validity_seconds(context: &Context) -> i64 {
    i64::from(context.settings.index_valid_hours) * 3_600
}

fn sign_index(context: &Context, region: Region, batches: Vec<PublishedBatch>) -> SignedIndex {
    let signed_at = context.now();
    let index = pb::Index {
        region: region.to_string(),
        generated_at: signed_at.unix_seconds(),
        valid_until: signed_at
            .plus_seconds(validity_seconds(context))
            .unix_seconds(),
        batches: batches
            .iter()
            .map(|batch| pb::BatchEntry {
                sequence: batch.sequence,
                digest: batch.digest.as_bytes().to_vec(),
                file_bytes: batch.file_bytes,
                closed_at: batch.closed_at.unix_seconds(),
            })
            .collect(),
    };
    let signed = sign(&context.keys, Purpose::Index, index.encode_to_vec());
    let bytes = Bytes::from(signed.encode_to_vec());
    SignedIndex {
        etag: format!("\"{}\"", Digest::of(&bytes)),
        bytes,
        signed,
        signed_at,
        batches,
    }
}
