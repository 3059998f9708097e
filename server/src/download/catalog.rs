//! The signed indexes in memory, and which files may be fetched.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use bytes::Bytes;
use prost::Message as _;
use truyvet_crypto::{Timestamp, sign::Purpose};
use truyvet_matching::{Digest, Region};
use truyvet_proto::v1 as pb;

use super::{Files, sign};
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

/// The latest index of every region, and the files that they name.
pub struct Catalog {
    shown: RwLock<Shown>,
    /// The files that are in memory.
    pub files: Files,
    /// Held from reading what is published until the index names it: a slower one must not put back an older list.
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Shown {
    indexes: HashMap<Region, Arc<SignedIndex>>,
    /// Those of all indexes.
    batches: HashMap<Digest, PublishedBatch>,
}

impl Catalog {
    /// No index yet.
    #[must_use]
    pub fn new(files: Files) -> Self {
        Self {
            shown: RwLock::default(),
            files,
            refreshing: tokio::sync::Mutex::default(),
        }
    }

    /// A region's index; `None` for regions that this deployment does not have.
    #[must_use]
    pub fn index(&self, region: Region) -> Option<Arc<SignedIndex>> {
        self.shown().indexes.get(&region).cloned()
    }

    /// The published batch with this digest, in whatever region.
    #[must_use]
    pub fn batch(&self, digest: Digest) -> Option<PublishedBatch> {
        self.shown().batches.get(&digest).copied()
    }

    fn shown(&self) -> RwLockReadGuard<'_, Shown> {
        // Changed by single insertions and replacements: a panic cannot leave it half-changed.
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs the region's index anew, with a batch that this server just built and recorded. Its file is kept in memory if
    /// there is room.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not look.
    pub async fn announce(
        &self,
        context: &Context,
        region: Region,
        digest: Digest,
        file: Bytes,
    ) -> Result<(), StoreError> {
        let refreshing = self.refreshing.lock().await;
        self.files.keep(digest, file);
        let refreshed = self.refresh_alone(context, region).await;
        drop(refreshing);
        refreshed
    }

    /// Reads what is published and signs the region's index anew.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not look.
    pub async fn refresh(&self, context: &Context, region: Region) -> Result<(), StoreError> {
        let refreshing = self.refreshing.lock().await;
        let refreshed = self.refresh_alone(context, region).await;
        drop(refreshing);
        refreshed
    }

    /// The same for whoever holds `refreshing`.
    async fn refresh_alone(&self, context: &Context, region: Region) -> Result<(), StoreError> {
        let batches = context.store.published(region).await?;
        let index = Arc::new(sign_index(context, region, batches));
        let mut shown = self.shown.write().unwrap_or_else(PoisonError::into_inner);
        shown.indexes.insert(region, index);
        let batches = shown.indexes.values().flat_map(|index| &index.batches);
        shown.batches = batches.map(|batch| (batch.digest, *batch)).collect();
        let published: HashSet<Digest> = shown.batches.keys().copied().collect();
        drop(shown);
        self.files.keep_only(&published);
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
