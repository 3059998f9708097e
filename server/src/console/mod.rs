//! How the server is, for operators: a page on the ops listener, the same as JSON, and for `truyvet admin top`.
//!
//! All is read from [`crate::telemetry`]; nothing is counted here. No secret and nothing about a person is in it.
//!
//! | module | job |
//! |---|---|
//! | [`view`] | all that is shown, as one object |
//! | `conditions` | what counts as wrong, and from when on |
//! | `watch` | since when something is wrong |
//! | `gather` | puts the view together |
//! | [`words`] | numbers, sizes and times |
//! | `page` | the view as HTML |
//! | `web` | requests |

mod conditions;
mod gather;
mod page;
#[cfg(test)]
mod tests;
pub mod view;
mod watch;
mod web;
pub mod words;

use std::{sync::Arc, time::Instant};

use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::{
    context::Context,
    false_alarms,
    telemetry::history::{self, History},
};

pub(crate) use web::{console_routes, only_to_this_machine_by_name};

/// What the console remembers. A restart begins anew.
pub struct Console {
    started: Instant,
    history: History,
    watch: watch::Watch,
}

impl Default for Console {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            history: History::default(),
            watch: watch::Watch::default(),
        }
    }
}

impl Console {
    fn up_seconds(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}

/// Takes samples, and notices when something goes wrong. Runs until dropped.
pub(crate) async fn keep_watching(context: Arc<Context>) {
    let mut tick = tokio::time::interval(history::EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Context {
            console, telemetry, ..
        } = &*context;
        if let Err(error) = false_alarms::look(&context).await {
            warn!(%error, "expected false alarms are as before");
        }
        console.history.take(telemetry, console.up_seconds());
        let not_ready = not_ready(&context).await;
        gather::findings(&context, not_ready);
    }
}

/// Why the server is not ready, in words.
async fn not_ready(context: &Context) -> Option<String> {
    let reason = context.ready_state.look(context).await.err()?;
    Some(reason.to_string())
}
