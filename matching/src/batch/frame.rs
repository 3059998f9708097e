//! Cuts a file along its header into directory, signature and chunks, and checks what it promises.
//!
//! ```text
//! header 128 ‖ directory 48 · chunks ‖ replaced digests 32 · replaces ‖ signature 64 ‖ body
//! directory entry: four u32 (meaning: the codec's) ‖ first 16 bytes of SHA-256 of section 0 ‖ the same of section 1
//! body: section 0 of every chunk in order, then section 1 of every chunk
//! ```
//!
//! A codec with one section leaves the second empty; an empty second section has a digest of zeros.

use std::ops::Range;

use truyvet_crypto::{
    sha256,
    sign::{Purpose, SignError, TrustedKeys},
};

use super::{BatchError, HEADER_BYTES, Header};
use crate::codec::Prepared;

/// Bytes of a directory entry.
pub(crate) const ENTRY_BYTES: usize = 48;
/// Bytes of the signature.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// What the directory says of a chunk, within bounds.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    /// Tags in it; at most [`MAX_CHUNK_TAGS`](super::MAX_CHUNK_TAGS).
    pub(crate) tags: u32,
    /// Meaning: the codec's.
    pub(crate) fields: [u32; 4],
    /// Where the two sections stand in the body.
    pub(crate) sections: [Range<usize>; 2],
}

/// A file cut along its header. Lengths are right, nothing else is checked yet.
pub(super) struct Frame<'a> {
    pub(super) header: Header,
    /// Header, directory and replaced digests.
    signed: &'a [u8],
    pub(super) entries: &'a [[u8; ENTRY_BYTES]],
    pub(super) replaced: &'a [[u8; 32]],
    signature: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// # Errors
    /// Those of [`Header::parse`]; `Truncated` and `TrailingBytes`.
    pub(super) fn split(file: &'a [u8]) -> Result<Self, BatchError> {
        let header = Header::parse(file)?;
        let (expected, found) = (header.file_bytes(), file.len() as u64);
        if found < expected {
            return Err(BatchError::Truncated { expected, found });
        }
        if found > expected {
            let extra = found - expected;
            return Err(BatchError::TrailingBytes { extra });
        }
        Ok(Self::cut(header, file))
    }

    /// - `file`: everything before the body at least.
    pub(super) fn cut(header: Header, file: &'a [u8]) -> Self {
        let directory_end = HEADER_BYTES + header.chunks as usize * ENTRY_BYTES;
        let signed_end = directory_end + header.replaces as usize * 32;
        let (signed, rest) = file.split_at(signed_end);
        let (signature, body) = rest.split_at(SIGNATURE_BYTES);
        Self {
            entries: signed[HEADER_BYTES..directory_end].as_chunks().0,
            replaced: signed[directory_end..].as_chunks().0,
            header,
            signed,
            signature,
            body,
        }
    }

    /// # Errors
    /// [`SignError`] if the key is not trusted or the signature does not fit.
    pub(super) fn check_signature(&self, trusted: &TrustedKeys) -> Result<(), SignError> {
        trusted.verify(
            self.header.key_id,
            Purpose::Batch,
            self.signed,
            self.signature,
        )
    }

    /// Reads the directory. Sections lie within the body and fill it; the tags of all chunks add up.
    ///
    /// # Errors
    /// `ChunkField`, or `Field` if the sums are not those of the header.
    pub(super) fn chunks(&self) -> Result<Vec<Chunk>, BatchError> {
        // Memory is bounded by the file: its length was checked against the number of chunks.
        let mut chunks = Vec::with_capacity(self.entries.len());
        let mut lengths = Vec::with_capacity(self.entries.len());
        let mut tags = 0;
        for (chunk, entry) in (0..).zip(self.entries) {
            let (fields, _) = entry[..16].as_chunks::<4>();
            let fields = [0, 1, 2, 3].map(|i| u32::from_le_bytes(fields[i]));
            let codec = self.header.codec;
            let shape = codec
                .shape(self.header.fingerprint_bits, fields)
                .map_err(|field| BatchError::ChunkField { chunk, field })?;
            tags += u64::from(shape.tags);
            lengths.push(shape.section_bytes);
            chunks.push(Chunk {
                tags: shape.tags,
                fields,
                sections: [0..0, 0..0],
            });
        }
        if tags != self.header.tags {
            return Err(BatchError::Field { field: "tags" });
        }
        let body_bytes = usize::try_from(self.header.body_bytes).unwrap_or(usize::MAX);
        let mut start = 0_usize;
        for section in [0, 1] {
            for (chunk, lengths) in chunks.iter_mut().zip(&lengths) {
                let end = start
                    .checked_add(lengths[section] as usize)
                    .filter(|&end| end <= body_bytes)
                    .ok_or(BatchError::Field {
                        field: "body bytes",
                    })?;
                chunk.sections[section] = start..end;
                start = end;
            }
        }
        if start != body_bytes {
            return Err(BatchError::Field {
                field: "body bytes",
            });
        }
        Ok(chunks)
    }

    /// What the codec keeps of the directory.
    ///
    /// # Errors
    /// `Field` for one in which the chunks do not fit together.
    pub(super) fn prepare(&self, chunks: &[Chunk]) -> Result<Prepared, BatchError> {
        Prepared::new(&self.header, chunks).map_err(|field| BatchError::Field { field })
    }

    /// Hashes the whole body.
    ///
    /// # Errors
    /// `ChunkDigest` if a section is not the one that the directory names.
    pub(super) fn check_digests(&self, chunks: &[Chunk]) -> Result<(), BatchError> {
        for (chunk, (entry, at)) in (0..).zip(self.entries.iter().zip(chunks)) {
            let [first, second] = at.sections.clone().map(|range| &self.body[range]);
            if digests(entry) != [chunk_digest(first), second_digest(second)] {
                return Err(BatchError::ChunkDigest { chunk });
            }
        }
        Ok(())
    }
}

/// What the directory says that the two sections hash to.
pub(super) fn digests(entry: &[u8; ENTRY_BYTES]) -> [[u8; 16]; 2] {
    let (digests, _) = entry[16..].as_chunks::<16>();
    [digests[0], digests[1]]
}

/// First 16 bytes of SHA-256 of a section.
pub(crate) fn chunk_digest(section: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&sha256(&[section])[..16]);
    digest
}

/// An absent second section is named by zeros, so that the directory of a one-section codec compares plainly.
pub(crate) fn second_digest(section: &[u8]) -> [u8; 16] {
    if section.is_empty() {
        [0; 16]
    } else {
        chunk_digest(section)
    }
}
