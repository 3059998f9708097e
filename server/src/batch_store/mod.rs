//! Where published files are kept: a folder of this machine's, or a bucket that speaks S3.
//!
//! A bucket has every object where the URLs that phones ask for have it, so that a CDN can hand it out as it is:
//!
//! | object | what |
//! |---|---|
//! | `<prefix>/v1/batches/<digest>.tvb` | a batch file, written once |
//! | `<prefix>/v1/<region>/index` | the region's signed index, replaced by later ones only |
//!
//! In a folder are the batch files alone, under their names: there the server hands out everything itself.

mod index;
pub(crate) mod lifetimes;
mod s3;

pub use index::{BrokenIndex, IndexError};

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use object_store::{
    Attribute, AttributeValue, Attributes, ObjectStore, PutMode, PutOptions,
    local::LocalFileSystem, path::Path as ObjectPath, prefix::PrefixStore,
};
use truyvet_crypto::sign::TrustedKeys;
use truyvet_matching::{Digest, Region};

use crate::{
    download::batch_path,
    settings::{Batches, Settings},
};

/// Where batch files are in a bucket, below its prefix.
const FILES: &str = "v1/batches";

/// The batch store of a server.
pub struct BatchStore {
    /// Batch files by [`batch_path`], and nothing else.
    files: Arc<dyn ObjectStore>,
    bucket: Option<Bucket>,
}

/// What a bucket has more than a folder.
struct Bucket {
    /// `s3://<bucket>/<prefix>`, for messages.
    name: String,
    /// All below the prefix.
    objects: PrefixStore<Arc<dyn ObjectStore>>,
    caching: Caching,
}

/// How long caches may keep what a bucket hands out: values of `Cache-Control`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// Of batch files.
    pub batch: String,
    /// Of indexes.
    pub index: String,
}

impl Caching {
    /// As the server's own answers have it, for a batch that just closed.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self {
            batch: lifetimes::batch(settings, 0),
            index: lifetimes::index(settings),
        }
    }
}

impl BatchStore {
    /// Opens what the settings name. A folder must be there; a bucket is not asked yet.
    ///
    /// # Errors
    /// [`object_store::Error`] if the folder cannot be opened, or if the environment (`AWS_*`) or the prefix cannot be
    /// made sense of.
    pub fn open(settings: &Settings) -> Result<Self, object_store::Error> {
        match &settings.batches {
            Batches::Folder(path) => Self::in_folder(path),
            Batches::S3 { bucket, prefix } => {
                let objects = Arc::new(s3::open(bucket)?);
                Self::in_bucket(objects, bucket, prefix, Caching::of(settings))
            }
        }
    }

    /// In a folder, which must be there. What is acknowledged is on its disk.
    ///
    /// # Errors
    /// [`object_store::Error`] if it cannot be opened.
    pub fn in_folder(path: &Path) -> Result<Self, object_store::Error> {
        let files = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Self {
            files: Arc::new(files),
            bucket: None,
        })
    }

    /// In a bucket, whatever speaks for it.
    ///
    /// - `bucket`: its name.
    /// - `prefix`: what every name in it begins with, as a URL spells it; empty: nothing.
    ///
    /// # Errors
    /// [`object_store::Error`] if the prefix is none.
    pub fn in_bucket(
        objects: Arc<dyn ObjectStore>,
        bucket: &str,
        prefix: &str,
        caching: Caching,
    ) -> Result<Self, object_store::Error> {
        let root = ObjectPath::from_url_path(prefix)?;
        let name = if root.as_ref().is_empty() {
            format!("s3://{bucket}")
        } else {
            format!("s3://{bucket}/{root}")
        };
        let objects = PrefixStore::new(objects, root);
        Ok(Self {
            files: Arc::new(PrefixStore::new(objects.clone(), FILES)),
            bucket: Some(Bucket {
                name,
                objects,
                caching,
            }),
        })
    }

    /// The batch files, to read, list and delete: each at its [`batch_path`].
    #[must_use]
    pub fn files(&self) -> &dyn ObjectStore {
        &*self.files
    }

    /// Whether indexes are copied here: true of a bucket.
    #[must_use]
    pub fn takes_indexes(&self) -> bool {
        self.bucket.is_some()
    }

    /// Puts a file in under its digest, once: what is there under that name is the same bytes.
    ///
    /// # Errors
    /// [`object_store::Error`] if the store could not.
    pub async fn put_file(&self, digest: Digest, bytes: Bytes) -> Result<(), object_store::Error> {
        let attributes = match &self.bucket {
            Some(bucket) => attributes("application/octet-stream", &bucket.caching.batch),
            // A folder refuses them.
            None => Attributes::new(),
        };
        let create = PutOptions {
            mode: PutMode::Create,
            attributes,
            ..PutOptions::default()
        };
        let path = batch_path(digest);
        match self.files.put_opts(&path, bytes.into(), create).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Puts a region's index where a CDN finds it, unless one as late is there already. Never replaces a later one,
    /// however many servers put theirs at the same time.
    ///
    /// - `index`: an encoded `Signed` that this server made.
    /// - `trusted`: the keys of this deployment; what is there must bear a signature by one of them.
    ///
    /// Returns whether it was written; never into a folder.
    ///
    /// # Errors
    /// [`IndexError`].
    pub async fn put_index(
        &self,
        region: Region,
        index: Bytes,
        trusted: &TrustedKeys,
    ) -> Result<bool, IndexError> {
        match &self.bucket {
            Some(bucket) => bucket.put_index(region, index, trusted).await,
            None => Ok(false),
        }
    }
}

fn attributes(content_type: &'static str, cache_control: &str) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, AttributeValue::from(content_type)),
        (
            Attribute::CacheControl,
            AttributeValue::from(cache_control.to_owned()),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use object_store::{ObjectStoreExt as _, memory::InMemory};

    use super::*;
    use crate::download::digest_of_path;

    const FILE: &[u8] = b"a batch";

    async fn names(objects: &dyn ObjectStore) -> Vec<String> {
        let listed: Vec<_> = objects.list(None).try_collect().await.unwrap();
        let names = listed.into_iter();
        names.map(|object| object.location.to_string()).collect()
    }

    #[tokio::test]
    async fn a_bucket_has_files_where_their_urls_have_them() {
        let digest = Digest::of(FILE);
        let caching = Caching::of(&Settings::for_data_dir("unused".as_ref()));
        for (prefix, expected) in [
            ("", format!("v1/batches/{digest}.tvb")),
            (
                "health/b%C3%A1o",
                format!("health/báo/v1/batches/{digest}.tvb"),
            ),
        ] {
            let bucket = Arc::new(InMemory::new());
            let objects: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&bucket);
            let store = BatchStore::in_bucket(objects, "tracing", prefix, caching.clone()).unwrap();
            store.put_file(digest, FILE.into()).await.unwrap();
            // Once more is once.
            store.put_file(digest, FILE.into()).await.unwrap();
            let there = ObjectPath::parse(&expected).unwrap();
            let found = bucket.get(&there).await.unwrap();
            let attribute = |name| found.attributes.get(&name).map(|value| value.to_string());
            assert_eq!(
                attribute(Attribute::ContentType).as_deref(),
                Some("application/octet-stream")
            );
            assert_eq!(
                attribute(Attribute::CacheControl).as_ref(),
                Some(&caching.batch)
            );
            assert_eq!(names(&*bucket).await, [expected]);
            // Whoever works with the files alone sees none of that.
            let seen = names(store.files()).await;
            assert_eq!(seen, [format!("{digest}.tvb")]);
            assert_eq!(digest_of_path(&seen[0].as_str().into()), Some(digest));
        }
    }

    #[tokio::test]
    async fn a_folder_has_the_files_and_no_index() {
        let folder = tempfile::tempdir().unwrap();
        let store = BatchStore::in_folder(folder.path()).unwrap();
        let digest = Digest::of(FILE);
        for _ in 0..2 {
            store.put_file(digest, FILE.into()).await.unwrap();
        }
        assert!(!store.takes_indexes());
        let region = "VN".parse().unwrap();
        let trusted = TrustedKeys::default();
        let put = store.put_index(region, FILE.into(), &trusted);
        assert!(!put.await.unwrap());
        assert_eq!(names(store.files()).await, [format!("{digest}.tvb")]);
    }
}
