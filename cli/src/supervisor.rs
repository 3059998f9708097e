//! Tells the service manager how the server is (systemd's `sd_notify`). Without one that asks, nothing happens.

use std::{sync::Arc, time::Duration};

use sd_notify::NotifyState;
use tokio::time::timeout;
use tracing::{debug, warn};
use truyvet_server::{
    Context,
    readiness::{check, writer_answers},
};

/// How often the state is told where no watchdog asks for it more often.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// It answers on all its addresses.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// It reads anew what can be read while it runs; followed by [`ready`].
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        // systemd ends a service that reloads without telling the time.
        Err(error) => debug!(%error, "no monotonic clock; the reload is not announced"),
    }
}

/// It finishes what is in flight, for `limit` at most.
pub(crate) fn stopping(limit: Duration) {
    let microseconds = u32::try_from(limit.as_micros()).unwrap_or(u32::MAX);
    tell(&[
        NotifyState::Stopping,
        NotifyState::ExtendTimeoutUsec(microseconds),
        NotifyState::Status("stopping: finishing what is in flight"),
    ]);
}

/// Tells the state every now and then, and the watchdog, if there is one, that the server makes progress: this task runs,
/// and the store's writer took up a piece of work that was handed to it just now. Runs until aborted.
pub(crate) async fn keep_telling(context: Arc<Context>) {
    let watchdog = sd_notify::watchdog_enabled();
    // Three proofs in the time after which it counts as hanging.
    let every = watchdog.map_or(TELL_EVERY, |limit| TELL_EVERY.min(limit / 3));
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if watchdog.is_some() {
            match timeout(every, writer_answers(&context)).await {
                Ok(()) => tell(&[NotifyState::Watchdog]),
                Err(_) => warn!("the database's writer does not answer; the watchdog is not told"),
            }
        }
        if let Ok(state) = timeout(every, check(&context)).await {
            let status = match state {
                Ok(()) => "serving".to_owned(),
                Err(reason) => format!("not ready: {reason}"),
            };
            tell(&[NotifyState::Status(&status)]);
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "the service manager was not told");
    }
}
