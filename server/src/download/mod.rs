//! What is handed out: the signed configuration, the signed index of each region, the batch files.
//!
//! Phones ask over HTTP or gRPC; both edges take the same bytes from here.

mod catalog;
mod config;
mod files;
mod handout;

pub use catalog::{Catalog, RenewError, SignedIndex};
pub use config::signed_config;
pub use files::{BatchFile, Content, Files, Unreadable};
pub use handout::Handout;

use object_store::path::Path;
use truyvet_crypto::sign::Purpose;
use truyvet_matching::Digest;
use truyvet_proto::v1 as pb;

use crate::keys::Keys;

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
