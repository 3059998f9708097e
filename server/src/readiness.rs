//! Whether this server can do its work now: asked by operators' tools, and told to gRPC's health service.

use tracing::warn;

use crate::{context::Context, publish::clock_is_behind};

/// Why a server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// Nothing can be written.
    #[error("store unavailable")]
    Store,
    /// The last window closed at a time that has not come.
    #[error("the clock stands before the last window's closing time")]
    ClockBehind,
}

/// Writes to the store and looks at the clock.
///
/// # Errors
/// [`NotReady`], in words for operators.
pub async fn check(context: &Context) -> Result<(), NotReady> {
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
