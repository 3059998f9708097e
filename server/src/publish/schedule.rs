//! When to publish: at every full multiple of the window length.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{error, info};
use truyvet_crypto::Timestamp;
use truyvet_matching::Region;

use super::{
    PublishError,
    run::{CLOCK_SLACK_SECONDS, publish_in, take_up_in},
    turn::Turn,
};
use crate::{context::Context, retention, telemetry::Metric};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Seconds between two rounds of forgetting.
const FORGET_EVERY_SECONDS: i64 = 3_600;

/// How long to leave a region alone whose publication failed.
const RETRY_AFTER: Duration = Duration::from_secs(15);

/// The clock may differ so much from the time that passed since the last look, and not be wrong.
const JUMP_SECONDS: i64 = 3_600;

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
    // A closing time that has not come says that the clock was ahead once: then only this server's own run counts.
    let since = last_closed_at
        .filter(|last| *last <= now.plus_seconds(CLOCK_SLACK_SECONDS))
        .unwrap_or(started);
    multiple(now) > multiple(since)
}

/// When a window was due that is not published yet; `None` if none is overdue, or if the last one closed at a time that
/// has not come: then the clock is what is wrong ([`clock_is_behind`]).
///
/// - `last_closed_at`: of the last window that is published.
#[must_use]
pub fn overdue_since(
    now: Timestamp,
    last_closed_at: Option<Timestamp>,
    started: Timestamp,
    every_seconds: u32,
) -> Option<Timestamp> {
    let since = last_closed_at.unwrap_or(started);
    let ahead = since > now.plus_seconds(CLOCK_SLACK_SECONDS);
    if ahead || !is_due(now, last_closed_at, started, every_seconds) {
        return None;
    }
    let every = i64::from(every_seconds);
    Timestamp::from_unix_seconds((since.unix_seconds() / every + 1) * every)
}

/// Whether the region's last window closed at a time that has not come: the clock is wrong now, or was then.
///
/// # Errors
/// [`PublishError::Store`] if the store could not look.
pub async fn clock_is_behind(context: &Context, region: Region) -> Result<bool, PublishError> {
    let latest = context.now().plus_seconds(CLOCK_SLACK_SECONDS);
    let last_closed_at = context.store.last_closed_at(region).await?;
    Ok(last_closed_at.is_some_and(|last| last > latest))
}

/// Publishes on schedule, takes up what was cut short, signs indexes again before they run out, forgets what is due.
/// Runs until dropped.
pub async fn keep_publishing(context: Arc<Context>) {
    let mut schedule = Schedule {
        since: HashMap::new(),
        leave_alone: HashMap::new(),
        forgotten_at: None,
        looked: (Instant::now(), context.now()),
        off_by_seconds: 0,
    };
    for &region in &context.settings.regions {
        schedule.since.insert(region, context.now());
    }
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        schedule.turn(&context).await;
    }
}

struct Schedule {
    /// When this server last published a region on schedule, or began to.
    since: HashMap<Region, Timestamp>,
    /// Regions whose publication failed, and until when.
    leave_alone: HashMap<Region, Instant>,
    forgotten_at: Option<Timestamp>,
    looked: (Instant, Timestamp),
    /// Sum of the clock's jumps. While it is large, nothing is forgotten by this clock, and the server is not ready; a jump
    /// back puts it right.
    off_by_seconds: i64,
}

impl Schedule {
    async fn turn(&mut self, context: &Context) {
        self.look_at_the_clock(context);
        for &region in &context.settings.regions {
            let alone = self.leave_alone.get(&region);
            if alone.is_some_and(|until| Instant::now() < *until) {
                continue;
            }
            // Each region on its own: what one lacks must not keep the others waiting.
            if let Err(error) = self.publish_if_due(context, region).await {
                error!(%region, %error, "publication is delayed; nothing is lost");
                self.leave_alone
                    .insert(region, Instant::now() + RETRY_AFTER);
            }
            if let Err(error) = context.catalog.renew(context, region).await {
                error!(%region, %error, "the index is not renewed");
                self.leave_alone
                    .insert(region, Instant::now() + RETRY_AFTER);
            }
        }
        self.forget_if_due(context).await;
    }

    /// By a clock that jumped ahead everything would look old.
    fn look_at_the_clock(&mut self, context: &Context) {
        let now = context.now();
        let (instant, then) = self.looked;
        let passed = i64::try_from(instant.elapsed().as_secs()).unwrap_or(i64::MAX);
        self.looked = (Instant::now(), now);
        let jump = now.seconds_since(then) - passed;
        // Small steps are a clock that is being kept right: they do not add up.
        if jump.abs() <= JUMP_SECONDS {
            return;
        }
        self.off_by_seconds += jump;
        context.telemetry.count(Metric::ClockJumps, &[]);
        context.condition.set_clock_jumped(self.clock_is_off());
        if self.clock_is_off() {
            error!(
                "the clock jumped by {jump} s; nothing is forgotten until it jumps back or the server is started again"
            );
        } else {
            info!("the clock jumped by {jump} s and is where it was before; forgetting goes on");
        }
    }

    fn clock_is_off(&self) -> bool {
        self.off_by_seconds.abs() > JUMP_SECONDS
    }

    /// Asks the store whether there is anything to do before it takes a turn: of several servers, one has it at a time.
    async fn publish_if_due(
        &mut self,
        context: &Context,
        region: Region,
    ) -> Result<(), PublishError> {
        if context.store.closed_window(region).await?.is_none()
            && !self.is_due(context, region).await?
        {
            return Ok(());
        }
        let turn = match context.turns.take(context, Duration::ZERO).await {
            // Then it does it.
            Err(PublishError::Elsewhere) => return Ok(()),
            turn => turn?,
        };
        let published = self.publish_in_if_due(&turn, context, region).await;
        let published = published.inspect_err(|_| context.progress.failed(region));
        turn.end().await;
        published
    }

    async fn publish_in_if_due(
        &mut self,
        turn: &Turn<'_>,
        context: &Context,
        region: Region,
    ) -> Result<(), PublishError> {
        take_up_in(turn, context, region).await?;
        let now = context.now();
        if self.is_due(context, region).await? {
            publish_in(turn, context, region).await?;
            self.since.insert(region, now);
        }
        Ok(())
    }

    async fn is_due(&mut self, context: &Context, region: Region) -> Result<bool, PublishError> {
        let Some(every_seconds) = context.settings.publish_every_seconds else {
            return Ok(false);
        };
        let now = context.now();
        let since = *self.since.entry(region).or_insert(now);
        let last_closed_at = context.store.last_closed_at(region).await?;
        Ok(is_due(now, last_closed_at, since, every_seconds))
    }

    async fn forget_if_due(&mut self, context: &Context) {
        let now = context.now();
        let is_time = |at: Timestamp| now.seconds_since(at) >= FORGET_EVERY_SECONDS;
        if self.clock_is_off() || !self.forgotten_at.is_none_or(is_time) {
            return;
        }
        self.forgotten_at = Some(now);
        match retention::run(context).await {
            // Another server is at it, or will be within the hour.
            Ok(_) | Err(PublishError::Elsewhere) => {}
            Err(error) => error!(%error, "retention is delayed"),
        }
    }
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
        // A clock that was ahead by a day when it closed: by this server's own run.
        assert!(!due(28_799, Some(115_200)));
        assert!(due(28_800, Some(115_200)));
    }

    #[test]
    fn a_window_is_overdue_from_the_multiple_that_it_missed() {
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let overdue = |now, last: Option<i64>| {
            let since = overdue_since(at(now), last.map(at), at(14_401), 14_400);
            since.map(Timestamp::unix_seconds)
        };
        assert_eq!(overdue(28_799, None), None);
        assert_eq!(overdue(28_800, None), Some(28_800));
        assert_eq!(overdue(90_000, None), Some(28_800));
        assert_eq!(overdue(43_199, Some(28_803)), None);
        assert_eq!(overdue(50_000, Some(28_803)), Some(43_200));
        // By a clock that is wrong, nothing can be told.
        assert_eq!(overdue(28_800, Some(115_200)), None);
    }
}
