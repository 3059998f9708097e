//! What ships into phones: batch files, the matcher, and the way from a match to an exposure.
//!
//! Bytes in, answers out: no clock, no I/O, no async, no memory beyond what the given bytes justify. Getting the bytes,
//! keeping sightings and telling the person are left to the app. The builder, for servers, needs feature `build`.
//!
//! A batch that was downloaded whole is asked in place, by [`VerifiedBatch`]; one that should never be stored is asked
//! while it arrives, by [`BatchStream`], in less than a megabyte. Both read every [`Codec`] and give the same answers.
//!
//! The way of the data: bytes → [`VerifiedBatch`] → [`Matches`] → [`join`] → [`encounters`] → [`exposures`]. The file is
//! described in `FORMAT.md`. Where a rule of attenuations and weights is wanted, [`risk`] stands in for [`exposures`].
//!
//! ```
//! # #[cfg(feature = "build")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use truyvet_crypto::{Tag, Timestamp, sign::SigningKey, sign::TrustedKeys};
//! # use truyvet_matching::{BatchKind, Codec, Digest, build::{self, BatchParameters, TagSet}};
//! # let noon = Timestamp::from_unix_seconds(1_754_049_600).unwrap();
//! # let heard = Tag::from_bytes([7; 16]);
//! # let parameters = BatchParameters {
//! #     codec: Codec::CompressedBloom,
//! #     kind: BatchKind::Delta,
//! #     region: "VN".parse()?,
//! #     sequence: 1,
//! #     window_start: noon,
//! #     window_end: noon.plus_seconds(14_400),
//! #     closed_at: noon.plus_seconds(14_400),
//! #     salt: [1; 16],
//! #     fingerprint_bits: 40,
//! #     previous: Digest::ZERO,
//! #     replaces: vec![],
//! # };
//! # let key = SigningKey::from_seed(&[1; 32]);
//! # let trusted = TrustedKeys::new(vec![key.verifying_key()]);
//! # let bytes = build::build(&parameters, &TagSet::new(vec![heard]))?.sign(&key).into_bytes();
//! use truyvet_matching::{ExposureRule, Sighting, VerifiedBatch, encounters, exposures, join};
//!
//! // What this phone kept: one ID, heard for a quarter of an hour from noon on.
//! let sightings = [0, 300, 600].map(|later| Sighting {
//!     tag: heard,
//!     time: noon.plus_seconds(later),
//!     seconds: 300,
//!     rssi_dbm: -71,
//! });
//! let tags = sightings.map(|sighting| sighting.tag);
//!
//! // What it downloaded: `bytes`. A batch that was altered on the way ends here.
//! let batch = VerifiedBatch::verify(bytes, &trusted)?;
//! let matches = batch.matches(&tags);
//!
//! let matched = join(&matches, &sightings);
//! let rule = ExposureRule { minutes: 15, rssi_dbm: -80, utc_offset_seconds: 7 * 3_600 };
//! let exposures = exposures(&encounters(&matched), &rule);
//! assert_eq!(exposures.len(), 1);
//! assert_eq!((exposures[0].minutes, exposures[0].strongest_rssi_dbm), (15, -71));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "build"))]
//! # fn main() {}
//! ```

mod batch;
pub mod budget;
#[cfg(feature = "build")]
pub mod build;
mod codec;
mod exposure;
pub mod risk;

pub use batch::{
    BatchError, BatchKind, BatchStream, Digest, HEADER_BYTES, Header, MAX_CHUNK_BODY_BYTES,
    MAX_CHUNK_TAGS, MAX_CHUNKS, MAX_FINGERPRINT_BITS, MAX_REPLACES, MAX_TAGS, MIN_FINGERPRINT_BITS,
    Matches, NotADigest, Region, Summary, TAGS_PER_CHUNK, UnknownRegion, VerifiedBatch, inspect,
    query_unsigned,
};
pub use codec::Codec;
pub use exposure::{
    ENCOUNTER_GAP_SECONDS, Encounter, Exposure, ExposureRule, LocalDay, MAX_SIGHTING_SECONDS,
    Sighting, encounters, exposures, join,
};
