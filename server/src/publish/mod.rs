//! Makes disclosed keys visible: closes a window, selects its tags, pads, builds, signs, stores, records, announces.
//!
//! A window is published exactly once. Closing it fixes all that its file is made from ([`crate::store::Closing`]); every later
//! step can be done again with the same outcome, so a run that was cut short is taken up by the next one.

mod run;
mod schedule;
mod select;

pub use run::{PublishError, publish};
pub use schedule::{clock_is_behind, is_due, keep_publishing};
pub use select::{select, slots_until};
