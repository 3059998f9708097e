//! The 128 bytes that every batch file starts with, and the bounds of their numbers.
//!
//! ```text
//!   0 magic "TVB1"         4 version u8 = 1     5 codec u8           6 kind u8       7 fingerprint bits u8
//!   8 region, 8 bytes     16 sequence u64      24 tags u64          32 chunks u32   36 replaces u32
//!  40 window start i64    48 window end i64    56 closed at i64     64 salt, 16 bytes
//!  80 previous, 32 bytes                      112 key id, 8 bytes  120 body bytes u64
//! ```
//!
//! All numbers little-endian. Whether the bytes that follow keep what the header promises is left to `frame`.

use std::fmt;

use truyvet_crypto::{Timestamp, sign::KeyId};

use super::{BatchError, Digest, Region, frame};
use crate::Codec;

/// Length of a header.
pub const HEADER_BYTES: usize = 128;
/// Fingerprints are at least this wide.
pub const MIN_FINGERPRINT_BITS: u8 = 8;
/// Fingerprints are at most this wide.
pub const MAX_FINGERPRINT_BITS: u8 = 48;
/// A batch has one chunk for so many tags; the rest is spread over them.
pub const TAGS_PER_CHUNK: u32 = 32_768;
/// No chunk holds more tags: times 2^[`MAX_FINGERPRINT_BITS`] this still fits 64 bits.
pub const MAX_CHUNK_TAGS: u32 = 65_535;
/// No batch has more chunks. Their directory takes 6 MB.
pub const MAX_CHUNKS: u32 = 131_072;
/// No batch holds more tags.
pub const MAX_TAGS: u64 = MAX_CHUNKS as u64 * TAGS_PER_CHUNK as u64;
/// No chunk takes more bytes of the body, whatever the codec.
pub const MAX_CHUNK_BODY_BYTES: u64 = 1 << 20;
/// No roll-up replaces more deltas.
pub const MAX_REPLACES: u32 = 4_096;

const MAGIC: [u8; 4] = *b"TVB1";
const VERSION: u8 = 1;

/// What a batch is to the phones that hold earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BatchKind {
    /// Tags that are new since the batch before.
    Delta = 1,
    /// All tags of the deltas it names, under a new salt: for phones that missed some of them.
    RollUp = 2,
    /// Tags of files before it in the region that are taken back: what matched them is no match any more.
    Withdrawal = 3,
}

impl BatchKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delta, Self::RollUp, Self::Withdrawal];

    /// The number that stands for it in a header.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The kind of that number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for BatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Delta => "delta",
            Self::RollUp => "roll-up",
            Self::Withdrawal => "withdrawal",
        })
    }
}

/// What a batch file says about itself. Bounds are checked by [`Self::parse`], who wrote it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the chunks are coded.
    pub codec: Codec,
    /// Delta, roll-up or withdrawal.
    pub kind: BatchKind,
    /// R: a tag that is not in the batch matches with chance 2^-R.
    pub fingerprint_bits: u8,
    /// The area it is for.
    pub region: Region,
    /// Place in the region's chain, from 1.
    pub sequence: u64,
    /// Tags in the file, padding included.
    pub tags: u64,
    /// Chunks in the file; follows from `tags`.
    pub chunks: u32,
    /// Deltas that a roll-up replaces.
    pub replaces: u32,
    /// First second of the window it was published for.
    pub window_start: Timestamp,
    /// End of that window.
    pub window_end: Timestamp,
    /// When the last upload was taken in, before the salt was drawn. Later sightings do not match.
    pub closed_at: Timestamp,
    /// Key of the hash.
    pub salt: [u8; 16],
    /// The file before this one in the region's chain; [`Digest::ZERO`] for the first.
    pub previous: Digest,
    /// Who says to have signed it.
    pub key_id: KeyId,
    /// Bytes after the signature.
    pub body_bytes: u64,
}

impl Header {
    /// Reads the header at the start of a file. What follows it is not looked at.
    ///
    /// # Errors
    /// [`BatchError`]: `Truncated` below 128 bytes, `Magic`, `Version`, `UnknownCodec`, or `Field` for a number out of
    /// bounds.
    pub fn parse(file: &[u8]) -> Result<Self, BatchError> {
        let bytes: &[u8; HEADER_BYTES] = file.first_chunk().ok_or(BatchError::Truncated {
            expected: HEADER_BYTES as u64,
            found: file.len() as u64,
        })?;
        if bytes[..4] != MAGIC {
            return Err(BatchError::Magic);
        }
        if bytes[4] != VERSION {
            return Err(BatchError::Version(bytes[4]));
        }
        let header = Self {
            codec: Codec::from_number(bytes[5]).ok_or(BatchError::UnknownCodec(bytes[5]))?,
            kind: BatchKind::from_number(bytes[6]).ok_or(out_of_bounds("kind"))?,
            fingerprint_bits: bytes[7],
            region: Region::from_padded(field(bytes, 8)).map_err(|_| out_of_bounds("region"))?,
            sequence: u64::from_le_bytes(field(bytes, 16)),
            tags: u64::from_le_bytes(field(bytes, 24)),
            chunks: u32::from_le_bytes(field(bytes, 32)),
            replaces: u32::from_le_bytes(field(bytes, 36)),
            window_start: timestamp(bytes, 40).ok_or(out_of_bounds("window start"))?,
            window_end: timestamp(bytes, 48).ok_or(out_of_bounds("window end"))?,
            closed_at: timestamp(bytes, 56).ok_or(out_of_bounds("closing time"))?,
            salt: field(bytes, 64),
            previous: Digest::from_bytes(field(bytes, 80)),
            key_id: KeyId::from_bytes(field(bytes, 112)),
            body_bytes: u64::from_le_bytes(field(bytes, 120)),
        };
        header.check().map_err(out_of_bounds)?;
        Ok(header)
    }

    /// The 128 bytes, as they are: bounds are not checked.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        // No `..` here: a new field must find its place before this compiles again.
        let Self {
            codec,
            kind,
            fingerprint_bits,
            region,
            sequence,
            tags,
            chunks,
            replaces,
            window_start,
            window_end,
            closed_at,
            salt,
            previous,
            key_id,
            body_bytes,
        } = self;
        let mut bytes = [0; HEADER_BYTES];
        let mut at = 0;
        let mut put = |value: &[u8]| {
            bytes[at..at + value.len()].copy_from_slice(value);
            at += value.len();
        };
        put(&MAGIC);
        put(&[VERSION, codec.number(), kind.number(), *fingerprint_bits]);
        put(&region.padded());
        put(&sequence.to_le_bytes());
        put(&tags.to_le_bytes());
        put(&chunks.to_le_bytes());
        put(&replaces.to_le_bytes());
        put(&window_start.unix_seconds().to_le_bytes());
        put(&window_end.unix_seconds().to_le_bytes());
        put(&closed_at.unix_seconds().to_le_bytes());
        put(salt);
        put(previous.as_bytes());
        put(key_id.as_bytes());
        put(&body_bytes.to_le_bytes());
        debug_assert_eq!(at, HEADER_BYTES);
        bytes
    }

    /// Bytes before the body: header, directory, replaced digests and signature. At most 7 MB.
    #[must_use]
    pub fn body_start(&self) -> u64 {
        head_bytes(self.tags) + u64::from(self.replaces) * 32
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.body_start().saturating_add(self.body_bytes)
    }

    /// The bounds that are not in the types, alike for reader and builder. `Err` names the field.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let rules = [
            (
                (MIN_FINGERPRINT_BITS..=MAX_FINGERPRINT_BITS).contains(&self.fingerprint_bits),
                "fingerprint bits",
            ),
            (self.sequence >= 1, "sequence"),
            (self.tags <= MAX_TAGS, "tags"),
            (
                self.chunks <= MAX_CHUNKS && self.chunks == chunks_for(self.tags),
                "chunks",
            ),
            (
                self.replaces <= MAX_REPLACES
                    && (self.replaces == 0 || self.kind == BatchKind::RollUp),
                "replaces",
            ),
            (self.window_start <= self.window_end, "window end"),
            (self.window_end <= self.closed_at, "closing time"),
            (
                self.body_bytes <= u64::from(self.chunks) * MAX_CHUNK_BODY_BYTES,
                "body bytes",
            ),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, field)) => Err(field),
            None => Ok(()),
        }
    }
}

/// Bytes before the body of a file with so many tags that replaces no other.
pub(crate) fn head_bytes(tags: u64) -> u64 {
    let directory = u64::from(chunks_for(tags)) * frame::ENTRY_BYTES as u64;
    HEADER_BYTES as u64 + directory + frame::SIGNATURE_BYTES as u64
}

/// Chunks of a batch with so many tags: max(1, floor(tags / 32,768)), held within `u32`.
pub(crate) fn chunks_for(tags: u64) -> u32 {
    u32::try_from(tags / u64::from(TAGS_PER_CHUNK))
        .unwrap_or(u32::MAX)
        .max(1)
}

fn out_of_bounds(field: &'static str) -> BatchError {
    BatchError::Field { field }
}

fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    *header[at..].first_chunk().expect("offsets are constants")
}

fn timestamp(header: &[u8; HEADER_BYTES], at: usize) -> Option<Timestamp> {
    Timestamp::from_unix_seconds(i64::from_le_bytes(field(header, at)))
}

#[cfg(test)]
impl Header {
    /// Of a roll-up with three chunks.
    pub(crate) fn of_test(codec: Codec, fingerprint_bits: u8) -> Self {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        Self {
            codec,
            kind: BatchKind::RollUp,
            fingerprint_bits,
            region: Region::parse("VN-SG").unwrap(),
            sequence: 7,
            tags: 100_000,
            chunks: 3,
            replaces: 2,
            window_start: at(1_600_000_000),
            window_end: at(1_600_000_001),
            closed_at: at(1_600_000_002),
            salt: [3; 16],
            previous: Digest::of(b"before"),
            key_id: KeyId::from_bytes([4; 8]),
            body_bytes: 123,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::of_test(Codec::CompressedBloom, 40)
    }

    fn field_refused(change: impl FnOnce(&mut Header)) -> &'static str {
        let mut header = header();
        change(&mut header);
        match Header::parse(&header.encode()) {
            Err(BatchError::Field { field }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let mut file = header().encode().to_vec();
        assert_eq!(Header::parse(&file), Ok(header()));
        file.push(1);
        assert_eq!(Header::parse(&file), Ok(header()));
        assert_eq!(
            Header::parse(&file[..127]),
            Err(BatchError::Truncated {
                expected: 128,
                found: 127
            })
        );
        assert_eq!(header().body_start(), 128 + 3 * 48 + 2 * 32 + 64);
        assert_eq!(header().file_bytes(), header().body_start() + 123);
    }

    #[test]
    fn other_formats_are_told_apart() {
        let changed = |at: usize, byte: u8| {
            let mut bytes = header().encode();
            bytes[at] = byte;
            Header::parse(&bytes)
        };
        assert_eq!(changed(0, b'X'), Err(BatchError::Magic));
        assert_eq!(changed(3, b'2'), Err(BatchError::Magic));
        assert_eq!(changed(4, 2), Err(BatchError::Version(2)));
        assert_eq!(changed(5, 255), Err(BatchError::UnknownCodec(255)));
        let refused = |field| Err(BatchError::Field { field });
        assert_eq!(changed(6, 0), refused("kind"));
        assert_eq!(changed(6, 4), refused("kind"));
        assert_eq!(changed(8, b'v'), refused("region"));
        assert_eq!(changed(15, b'v'), refused("region"));
        assert_eq!(changed(47, 0x80), refused("window start"));
        assert_eq!(changed(55, 0x7f), refused("window end"));
        assert_eq!(changed(63, 0x80), refused("closing time"));
    }

    #[test]
    fn every_number_has_bounds() {
        assert_eq!(
            field_refused(|h| h.fingerprint_bits = 7),
            "fingerprint bits"
        );
        assert_eq!(
            field_refused(|h| h.fingerprint_bits = 49),
            "fingerprint bits"
        );
        assert_eq!(field_refused(|h| h.sequence = 0), "sequence");
        assert_eq!(field_refused(|h| h.tags = u64::MAX), "tags");
        assert_eq!(field_refused(|h| h.tags = 4 * 32_768), "chunks");
        assert_eq!(field_refused(|h| h.chunks = u32::MAX), "chunks");
        assert_eq!(field_refused(|h| h.chunks = 0), "chunks");
        assert_eq!(field_refused(|h| h.replaces = 4_097), "replaces");
        assert_eq!(field_refused(|h| h.kind = BatchKind::Delta), "replaces");
        assert_eq!(
            field_refused(|h| h.window_start = h.closed_at),
            "window end"
        );
        assert_eq!(
            field_refused(|h| h.closed_at = h.window_start),
            "closing time"
        );
        assert_eq!(field_refused(|h| h.body_bytes = u64::MAX), "body bytes");
        assert_eq!(
            field_refused(|h| h.body_bytes = 3 * (1 << 20) + 1),
            "body bytes"
        );
    }

    #[test]
    fn chunks_follow_from_tags() {
        for (tags, chunks) in [(0, 1), (1, 1), (65_535, 1), (65_536, 2), (98_304, 3)] {
            assert_eq!(chunks_for(tags), chunks);
        }
        assert_eq!(chunks_for(u64::MAX), u32::MAX);
        assert_eq!(chunks_for(MAX_TAGS), MAX_CHUNKS);
    }
}
