//! The demo's clock: stands still until it is set. Server and phones look at the same one.

use std::sync::atomic::{AtomicI64, Ordering};

use truyvet_crypto::Timestamp;
use truyvet_server::Clock;

/// A clock that somebody sets.
pub(crate) struct DemoClock(AtomicI64);

impl DemoClock {
    /// Stands at `start`.
    pub(crate) fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.unix_seconds()))
    }

    /// Moves on to `time`.
    pub(crate) fn set(&self, time: Timestamp) {
        self.0.store(time.unix_seconds(), Ordering::SeqCst);
    }
}

impl Clock for DemoClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst)).expect("set from a Timestamp")
    }
}
