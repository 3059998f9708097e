//! Why bytes are not accepted as a batch.

use truyvet_crypto::sign::SignError;

/// Why bytes are not accepted as a batch. Safe to print: numbers and names of fields only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the file does.
    #[error("cut short: {found} bytes, at least {expected} are needed")]
    Truncated {
        /// Bytes the file must have, as far as could be read.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Bytes after the end of the file.
    #[error("{extra} bytes after the end of the batch")]
    TrailingBytes {
        /// How many.
        extra: u64,
    },
    /// Not a batch file.
    #[error("not a batch file")]
    Magic,
    /// A version of the format that this reader does not know.
    #[error("batch format version {0} is not known")]
    Version(u8),
    /// A codec that this reader does not know.
    #[error("codec {0} is not known")]
    UnknownCodec(u8),
    /// A number in the header that is out of its bounds, or does not fit the others.
    #[error("header: {field} out of bounds")]
    Field {
        /// Which one.
        field: &'static str,
    },
    /// A number in the directory that is out of its bounds, or does not fit the others.
    #[error("chunk {chunk}: {field} out of bounds")]
    ChunkField {
        /// Counted from 0.
        chunk: u32,
        /// Which one.
        field: &'static str,
    },
    /// The bytes of a chunk are not those that were signed.
    #[error("chunk {chunk} is damaged")]
    ChunkDigest {
        /// Counted from 0.
        chunk: u32,
    },
    /// Not signed by a trusted key, or not what was signed.
    #[error(transparent)]
    Signature(#[from] SignError),
}
