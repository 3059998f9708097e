//! What [`readiness`] said last, at most a second ago: one word for `/readyz`, gRPC's health service and metrics.
//!
//! However often load balancers ask, the store is written to once a second at most.

use std::time::{Duration, Instant};

use tokio::{
    sync::{Mutex, watch},
    time::timeout,
};

use crate::{
    context::Context,
    readiness::{self, NotReady},
    telemetry::Metric,
};

/// For so long an answer is given again.
const FRESH: Duration = Duration::from_secs(1);

/// A store that does not answer for so long is of no use to phones either.
const PATIENCE: Duration = Duration::from_secs(5);

/// Remembers the last look at readiness.
pub struct ReadyState {
    last: Mutex<Option<(Instant, Result<(), NotReady>)>>,
    looks: watch::Sender<bool>,
}

impl Default for ReadyState {
    fn default() -> Self {
        Self {
            last: Mutex::default(),
            looks: watch::Sender::new(true),
        }
    }
}

impl ReadyState {
    /// Whether the server can do its work. Who asks while another looks waits for that.
    ///
    /// # Errors
    /// [`NotReady`], in words for operators.
    pub async fn look(&self, context: &Context) -> Result<(), NotReady> {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < FRESH
        {
            return *answer;
        }
        let answer = timeout(PATIENCE, readiness::check(context)).await;
        let answer = answer.unwrap_or(Err(NotReady::Store));
        *last = Some((Instant::now(), answer));
        let ready = answer.is_ok();
        context
            .telemetry
            .set(Metric::Ready, &[], f64::from(u8::from(ready)));
        self.looks.send_replace(ready);
        answer
    }

    /// Changes with every look.
    pub(crate) fn looks(&self) -> watch::Receiver<bool> {
        self.looks.subscribe()
    }
}
