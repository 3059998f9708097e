//! Makes disclosed keys visible: closes a window, selects its tags, pads, builds, signs, stores, records, announces.
//!
//! Where slots were taken back that an earlier window had taken, the window has a second file: its withdrawal, right behind its delta in the region's chain,
//! made in the same steps. Closing decides in one transaction whether there is one. The two share no tag: what is uploaded again while its withdrawal is not
//! closed yet is no longer withdrawn (`store`), so it does not matter which of the two a phone takes first.
//!
//! A window is published exactly once. Closing it fixes all that its file is made from ([`crate::store::Closing`]); every later
//! step can be done again with the same outcome, so a run that was cut short is taken up by the next one: of this server, or
//! of another on the same store. One of them publishes at a time ([`Turns`]), and the store refuses what comes from one that
//! has lost its turn meanwhile.

mod run;
mod schedule;
mod select;
mod turn;

pub(crate) use run::PATIENCE;
pub use run::{PublishError, publish};
pub use schedule::{clock_is_behind, is_due, keep_publishing, overdue_since};
pub(crate) use select::taken_before;
pub use select::{select, select_with_threads, slots_until, taken_back};
pub use turn::Turns;
