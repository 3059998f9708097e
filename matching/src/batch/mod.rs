//! The batch file around its filter: header, directory, signature, digests.
//!
//! What stands inside the chunks is left to [`codec`](crate::codec).

mod digest;
mod error;
mod frame;
mod hash;
mod header;
mod inspect;
mod region;
mod stream;
mod verified;

pub use digest::{Digest, NotADigest};
pub use error::BatchError;
pub(crate) use frame::Chunk;
#[cfg(feature = "build")]
pub(crate) use frame::{ENTRY_BYTES, SIGNATURE_BYTES, chunk_digest, second_digest};
pub(crate) use hash::{Fraction, TagHasher, scale};
#[cfg(feature = "build")]
pub(crate) use header::chunks_for;
pub(crate) use header::head_bytes;
pub use header::{
    BatchKind, HEADER_BYTES, Header, MAX_CHUNK_BODY_BYTES, MAX_CHUNK_TAGS, MAX_CHUNKS,
    MAX_FINGERPRINT_BITS, MAX_REPLACES, MAX_TAGS, MIN_FINGERPRINT_BITS, TAGS_PER_CHUNK,
};
pub use inspect::{Summary, inspect, query_unsigned};
pub use region::{Region, UnknownRegion};
pub use stream::BatchStream;
pub use verified::{Matches, VerifiedBatch};
