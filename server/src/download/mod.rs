//! What is handed out: the signed configuration, the signed index of each region, the batch files.
//!
//! Phones ask over HTTP or gRPC; both edges take the same bytes from here.

mod catalog;
mod config;

pub use catalog::{Catalog, SignedIndex};
pub use config::signed_config;

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::{GetOptions, path::Path};
use truyvet_crypto::sign::Purpose;
use truyvet_matching::Digest;
use truyvet_proto::v1 as pb;

use crate::{context::Context, keys::Keys, store::PublishedBatch};

/// Where a batch file is in the object store: its digest is its name.
#[must_use]
pub fn batch_path(digest: Digest) -> Path {
    Path::from(format!("{digest}.tvb"))
}

/// The digest in a batch file's name; `None` for other files.
#[must_use]
pub fn digest_of_path(path: &Path) -> Option<Digest> {
    path.as_ref().strip_suffix(".tvb")?.parse().ok()
}

/// Opens a published batch at `range`, which must lie within the file.
///
/// # Errors
/// [`object_store::Error`] if the batch store cannot.
pub async fn open(
    context: &Context,
    batch: &PublishedBatch,
    range: Range<u64>,
) -> object_store::Result<BoxStream<'static, object_store::Result<Bytes>>> {
    let options = GetOptions::new().with_range(Some(range));
    let path = batch_path(batch.digest);
    Ok(context
        .objects
        .get_opts(&path, options)
        .await?
        .into_stream())
}

/// Signs with every active key, so that a phone that trusts any of them can go on.
fn sign(keys: &Keys, purpose: Purpose, payload: Vec<u8>) -> pb::Signed {
    let signatures = keys
        .signing()
        .iter()
        .map(|dated| pb::Signature {
            key_id: dated.key.verifying_key().id().as_bytes().to_vec(),
            signature: dated.key.sign(purpose, &payload).to_vec(),
        })
        .collect();
    pb::Signed {
        payload,
        signatures,
    }
}
