//! What server and phone must compute alike: key schedules, tags, upload codes, blind tokens, signatures.
//!
//! Pure: no clock, no I/O, no async. Randomness is an argument.
//!
//! The way of an ID: a phone's day secret gives one [`EphemeralId`] for each [`Slot`] ([`schedule`]); whoever hears it
//! keeps its [`Tag`]; a confirmed case discloses the secret as a [`DisclosedKey`], from which the server computes the
//! same tags. The case's phone keeps a [`Receipt`] of it, by which a false positive can be taken back.
//!
//! ```
//! use truyvet_crypto::{Day, DisclosedKey, Scheme, SlotSet, Tag, schedule};
//!
//! let (scheme, day, day_secret) = (Scheme::Bluezone, Day::from_number(18_500), [7; 32]);
//! // What the case broadcast in slot 30, and what a neighbour's phone kept of it:
//! let id = schedule::ids_of_day(scheme, day, &day_secret)?[30];
//! let heard = Tag::new(scheme, scheme.slot(day, 30), &id);
//! // What the server makes of the disclosed key:
//! let mut slots = SlotSet::empty(scheme);
//! slots.insert(30);
//! let disclosed = DisclosedKey::disclose(scheme, day, &day_secret, slots)?;
//! assert_eq!(disclosed.tags().collect::<Vec<_>>(), [(scheme.slot(day, 30), heard)]);
//! # Ok::<(), truyvet_crypto::KeyError>(())
//! ```

mod code;
mod disclosed;
mod hash;
mod id;
mod receipt;
pub mod schedule;
mod scheme;
pub mod sign;
mod slots;
mod time;
pub mod token;

pub use code::{CodeError, CodeHash, CodeKey, UploadCode};
pub use disclosed::{DisclosedKey, KeyError};
pub use hash::sha256;
pub use id::{EphemeralId, Tag};
pub use receipt::Receipt;
pub use scheme::{Scheme, UnknownScheme};
pub use slots::{SlotSet, SlotSetError};
pub use time::{Day, Slot, Timestamp};
