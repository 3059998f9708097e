//! Whether this server can do its work now: asked by operators' tools, and told to gRPC's health service.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tracing::warn;

use crate::{context::Context, publish::clock_is_behind, store::StoreError};

/// Between two tries to get a word from a store whose queue is full.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What a server knows of itself without a look at its store.
#[derive(Debug, Default)]
pub struct Condition {
    draining: AtomicBool,
    clock_jumped: AtomicBool,
    batches_unwritable: AtomicBool,
}

impl Condition {
    /// It is about to stop. There is no way back.
    pub fn begin_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// The clock does not go with the time that passed, or does so again.
    pub fn set_clock_jumped(&self, jumped: bool) {
        self.clock_jumped.store(jumped, Ordering::SeqCst);
    }

    /// A batch file could not be written, or could be again.
    pub fn set_batches_unwritable(&self, unwritable: bool) {
        self.batches_unwritable.store(unwritable, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), NotReady> {
        let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        if is(&self.draining) {
            Err(NotReady::Draining)
        } else if is(&self.clock_jumped) {
            Err(NotReady::ClockJumped)
        } else if is(&self.batches_unwritable) {
            Err(NotReady::Batches)
        } else {
            Ok(())
        }
    }
}

/// Why a server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It is about to stop.
    #[error("stopping")]
    Draining,
    /// Nothing can be written.
    #[error("store unavailable: the disk is full, read-only or failing")]
    Store,
    /// The last batch could not be written; publication is delayed.
    #[error("batch store unavailable: publication is delayed")]
    Batches,
    /// The last window closed at a time that has not come.
    #[error("the clock stands before the last window's closing time")]
    ClockBehind,
    /// The clock and the time that passed differ since the start.
    #[error(
        "the clock jumped while the server ran: put it right, or start the server again if it is right now"
    )]
    ClockJumped,
}

/// Writes to the store and looks at the clock. While the server stops, only says so.
///
/// # Errors
/// [`NotReady`], in words for operators.
pub async fn check(context: &Context) -> Result<(), NotReady> {
    context.condition.check()?;
    if let Err(error) = context.ready_state.writes(context).await {
        warn!(%error, "not ready");
        return Err(NotReady::Store);
    }
    for &region in &context.settings.regions {
        match clock_is_behind(context, region).await {
            Ok(false) => {}
            Ok(true) => return Err(NotReady::ClockBehind),
            Err(error) => {
                warn!(%error, "not ready");
                return Err(NotReady::Store);
            }
        }
    }
    Ok(())
}

/// Returns once the store's writer has taken up a piece of work that was handed over now, whatever came of it. For a
/// watchdog: a full disk is no reason to start again, a writer that hangs is.
pub async fn writer_answers(context: &Context) {
    while let Err(StoreError::Busy) = context.store.ready().await {
        // A full queue says nothing of who works it off.
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}
