//! The real clock and the real randomness: the only ones in the product.

use std::time::{SystemTime, UNIX_EPOCH};

use rand::{
    SeedableRng,
    rngs::{StdRng, SysRng},
};
use truyvet_crypto::Timestamp;

/// What the operating system's clock says.
///
/// Before 1970 it is 1970, after 9999 it is the end of that year: such a clock is wrong anyway.
pub(crate) fn now() -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one real clock; everything else takes a time or a clock"
    )]
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_secs())
        .ok()
        .and_then(Timestamp::from_unix_seconds)
        .unwrap_or(Timestamp::MAX)
}

/// A generator seeded by the operating system.
///
/// # Errors
/// If the operating system has no randomness to give.
pub(crate) fn rng() -> anyhow::Result<StdRng> {
    Ok(StdRng::try_from_rng(&mut SysRng)?)
}
