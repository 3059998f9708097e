//! The signed indexes in memory, and which files may be fetched.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use bytes::Bytes;
use prost::Message as _;
use tracing::error;
use truyvet_crypto::{
    Timestamp,
    sign::{Purpose, TrustedKeys},
};
use truyvet_matching::{Digest, Region};
use truyvet_proto::v1 as pb;

use super::{Files, sign};
use crate::{
    batch_store::IndexError,
    context::Context,
    keys::KeysError,
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
    /// Whose index in the bucket is older than the one here.
    behind: Mutex<HashSet<Region>>,
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
            behind: Mutex::default(),
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
    /// there is room; if the files are in a bucket, the index is copied there.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not look. A bucket that is away is no error: [`Self::renew`] copies later.
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
        refreshed?;
        if let Err(error) = self.copy_to_bucket(context, region).await {
            error!(%region, %error, "the bucket's index is behind; it is copied as soon as that succeeds");
        }
        Ok(())
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
        if context.batch_store.takes_indexes() {
            self.behind().insert(region);
        }
        Ok(())
    }

    fn behind(&self) -> MutexGuard<'_, HashSet<Region>> {
        // Changed by single insertions and removals.
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the region's index to the bucket, if there is one and it is behind.
    ///
    /// # Errors
    /// [`RenewError`]: it is copied later.
    pub(crate) async fn copy_to_bucket(
        &self,
        context: &Context,
        region: Region,
    ) -> Result<(), RenewError> {
        if !self.behind().contains(&region) {
            return Ok(());
        }
        let Some(index) = self.index(region) else {
            return Ok(());
        };
        let trusted = TrustedKeys::new(context.keys.published_halves()?);
        context
            .batch_store
            .put_index(region, index.bytes.clone(), &trusted)
            .await?;
        // Unless it was signed anew meanwhile.
        if self
            .index(region)
            .is_some_and(|now| Arc::ptr_eq(&now, &index))
        {
            self.behind().remove(&region);
        }
        Ok(())
    }

    /// Signs the region's index again once a quarter of its validity has passed (seldom enough for caches, often enough for
    /// phones), and when another server has published or forgotten a batch. Copies it to the bucket if that is behind.
    ///
    /// # Errors
    /// [`RenewError`] if the store could not look or the bucket not be written.
    pub async fn renew(&self, context: &Context, region: Region) -> Result<(), RenewError> {
        let renew_after = validity_seconds(context) / 4;
        let span = context.store.published_span(region).await?;
        let fresh = self.index(region).is_some_and(|index| {
            (0..renew_after).contains(&context.now().seconds_since(index.signed_at))
                && index.span() == span
        });
        if !fresh {
            self.refresh(context, region).await?;
        }
        self.copy_to_bucket(context, region).await
    }
}

impl SignedIndex {
    /// Numbers of the first and the last batch that it names.
    fn span(&self) -> Option<(u64, u64)> {
        let (first, last) = (self.batches.first()?, self.batches.last()?);
        Some((first.sequence, last.sequence))
    }
}

/// Why an index is older than it should be.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The store could not look.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys could not be read.
    #[error("keys: {0}")]
    Keys(#[from] KeysError),
    /// The bucket could not be written.
    #[error(transparent)]
    Bucket(#[from] IndexError),
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
