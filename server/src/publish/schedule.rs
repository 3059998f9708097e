//! When to publish: at every full multiple of the window length.

use std::{sync::Arc, time::Duration};

use tracing::error;
use truyvet_crypto::Timestamp;

use super::{PublishError, publish, take_up};
use crate::{context::Context, retention};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Seconds between two rounds of forgetting.
const FORGET_EVERY_SECONDS: i64 = 3_600;

/// How long to leave a failing publication alone.
const RETRY_AFTER: Duration = Duration::from_secs(15);

/// Whether a full multiple of the window length has passed since the last window closed. A region's first window is
/// due at the first such moment after the server has `started`.
#[must_use]
pub fn is_due(
    now: Timestamp,
    last_closed_at: Option<Timestamp>,
    started: Timestamp,
    every_seconds: u32,
) -> bool {
    let multiple = |time: Timestamp| time.unix_seconds() / i64::from(every_seconds);
    multiple(now) > multiple(last_closed_at.unwrap_or(started))
}

/// Publishes on schedule, takes up what was cut short, signs indexes again before they run out, forgets what is due.
/// Runs until dropped.
pub async fn keep_publishing(context: Arc<Context>) {
    let started = context.now();
    let mut forgotten_at = None::<Timestamp>;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = publish_what_is_due(&context, started).await {
            error!(%error, "publication is delayed; nothing is lost");
            tokio::time::sleep(RETRY_AFTER).await;
        }
        let now = context.now();
        let is_time = |at: Timestamp| !(0..FORGET_EVERY_SECONDS).contains(&now.seconds_since(at));
        if forgotten_at.is_none_or(is_time) {
            forgotten_at = Some(now);
            if let Err(error) = retention::run(&context).await {
                error!(%error, "retention is delayed");
            }
        }
    }
}

async fn publish_what_is_due(context: &Context, started: Timestamp) -> Result<(), PublishError> {
    for &region in &context.settings.regions {
        take_up(context, region).await?;
        if let Some(every_seconds) = context.settings.publish_every_seconds {
            let last_closed_at = context.store.last_closed_at(region).await?;
            if is_due(context.now(), last_closed_at, started, every_seconds) {
                publish(context, region).await?;
            }
        }
        context.catalog.renew(context, region).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_due_at_full_multiples() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let due = |now, last: Option<i64>| is_due(at(now), last.map(at), at(14_401), 14_400);
        // The first one, of a server started just after a multiple.
        assert!(!due(28_799, None));
        assert!(due(28_800, None));
        // Published on demand in between: the schedule stays.
        assert!(!due(28_799, Some(20_000)));
        assert!(due(28_800, Some(20_000)));
        assert!(!due(43_199, Some(28_800)));
        assert!(due(43_200, Some(28_800)));
        // A clock that went back.
        assert!(!due(20_000, Some(28_800)));
    }
}
