//! From matched tags to what a person is told: sighting → encounter → exposure.
//!
//! On the phone alone; nothing here is ever sent.

mod encounter;
mod interval;
mod rule;
mod sighting;

pub use encounter::{ENCOUNTER_GAP_SECONDS, Encounter, encounters};
pub use rule::{Exposure, ExposureRule, LocalDay, exposures};
pub use sighting::{MAX_SIGHTING_SECONDS, Sighting, join};

pub(crate) use interval::Interval;
pub(crate) use rule::by_local_day;
