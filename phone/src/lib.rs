//! The reference phone: hears, keeps, syncs, matches, tells, and uploads when its owner is a case.
//!
//! For developers of phone apps to read, and for demos and tests to run by the hundred. Bluetooth, screens and
//! background jobs are left to the app; time and randomness are arguments.
//!
//! ```text
//! broadcast   identity                                    own secrets → ID of the slot
//! hear        sightings                                   ID → tags, thinned; IDs are never kept
//! sync        connection → config → sync → exposure       index → batches → matches
//! exposures   exposure                                    matches → days
//! news        news                                        days ↔ what the owner was told
//! upload      upload                                      code → token → request; receipt, fresh identity
//! withdraw    upload                                      code → token → receipt instead of secrets
//! decoy       upload                                      the same calls without code, token and secrets
//! ```
//!
//! A batch may take tags back that earlier ones published (a false positive): a sync forgets what matched them, and
//! [`Phone::news`] names the days that the owner was told of and that are no exposure any more.
//!
//! ```
//! use rand::{SeedableRng, rngs::StdRng};
//! use truyvet_crypto::{Scheme, Timestamp, sign::TrustedKeys};
//! use truyvet_phone::{Heard, Phone};
//!
//! let mut rng = StdRng::seed_from_u64(1);
//! let noon = Timestamp::from_unix_seconds(1_767_268_800).unwrap();
//! let mut phone = || Phone::in_memory(Scheme::Bluezone, TrustedKeys::default(), noon, &mut rng);
//! let (mine, theirs) = (phone()?, phone()?);
//!
//! let id = theirs.broadcast_id(noon, &mut rng)?;
//! let heard = Heard { id: id.as_bytes(), time: noon, rssi_dbm: -70 };
//! mine.hear(heard, noon)?.expect("a broadcast of the same scheme, just now");
//! // Noon is where a slot begins: clocks differ, so it is kept under this slot's tag and the one's before.
//! assert_eq!(mine.sightings()?, 2);
//! # Ok::<(), truyvet_phone::StoreError>(())
//! ```

mod app_time;
mod clock;
mod config;
mod connection;
mod database;
mod exposure;
mod identity;
mod news;
mod phone;
mod refusal;
mod sightings;
mod signed;
mod sync;
mod upload;

pub use app_time::timestamp_from_app;
pub use clock::{ClockOff, MAX_AHEAD_SECONDS, MAX_BEHIND_SECONDS};
pub use config::{ConfigError, DeploymentConfig};
pub use connection::{ConnectError, ConnectOptions, Connection, HttpError};
pub use database::StoreError;
pub use news::News;
pub use phone::Phone;
pub use refusal::{FieldRefusal, ServerRefusal};
pub use sightings::{BIN_SECONDS, HearError, HearReport, Heard, MAX_SIGHTINGS};
pub use signed::SignedError;
pub use sync::{BatchFault, IndexError, MAX_FILE_BYTES, SyncError, SyncReport};
pub use upload::{UploadError, UploadOptions, UploadReport, UploadStage};
