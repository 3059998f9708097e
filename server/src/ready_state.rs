//! What [`readiness`] says, told to all who ask: `/readyz`, gRPC's health service, metrics.
//!
//! However often load balancers ask, the store is written to once a second at most.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use crate::{
    context::Context,
    readiness::{self, NotReady},
    store::StoreError,
    telemetry::Metric,
};

/// For so long a write that succeeded stands for the next ones.
const FRESH: Duration = Duration::from_secs(1);

/// A store that does not answer for so long is of no use to phones either.
const PATIENCE: Duration = Duration::from_secs(5);

/// Remembers when the store could last be written, and tells what readiness says.
pub struct ReadyState {
    wrote: Mutex<Option<Instant>>,
    looks: watch::Sender<bool>,
}

impl Default for ReadyState {
    fn default() -> Self {
        Self {
            wrote: Mutex::default(),
            looks: watch::Sender::new(true),
        }
    }
}

impl ReadyState {
    /// Whether the server can do its work.
    ///
    /// # Errors
    /// [`NotReady`], in words for operators.
    pub async fn look(&self, context: &Context) -> Result<(), NotReady> {
        let answer = timeout(PATIENCE, readiness::check(context)).await;
        let answer = answer.unwrap_or(Err(NotReady::Store));
        let ready = answer.is_ok();
        context
            .telemetry
            .set(Metric::Ready, &[], f64::from(u8::from(ready)));
        self.looks.send_replace(ready);
        answer
    }

    /// Whether the store can be written, now or a second ago. What failed is tried again at once, so that an end of the
    /// trouble shows.
    ///
    /// # Errors
    /// [`StoreError`], as the store says.
    pub async fn writes(&self, context: &Context) -> Result<(), StoreError> {
        let lock = || self.wrote.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        context.store.ready().await?;
        *lock() = Some(Instant::now());
        Ok(())
    }

    /// Changes with every look.
    pub(crate) fn looks(&self) -> watch::Receiver<bool> {
        self.looks.subscribe()
    }
}
