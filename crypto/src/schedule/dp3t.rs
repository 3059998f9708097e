//! DP-3T design 2, "unlinkable" (`DP-3T/reference_implementation` fa2aafc).
//!
//! ```text
//! EphID = first 16 bytes of SHA-256(seed)          one random 32-byte seed for each slot
//! ```
//!
//! Seeds are independent, so a case can leave out any slot and nothing ties the rest together.

use zeroize::Zeroizing;

use crate::{EphemeralId, hash::Block};

/// Length of a seed in bytes.
pub const SEED_BYTES: usize = 32;

/// The ID of the slot that this seed was drawn for.
#[must_use]
pub fn id(seed: &[u8; SEED_BYTES]) -> EphemeralId {
    let block = Zeroizing::new(Block::new(seed));
    EphemeralId::new(&block.hash()[..16])
}
