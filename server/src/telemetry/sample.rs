//! Brings up to date what must be looked up: every few seconds, and before `/metrics` answers if that is longer ago.
//!
//! Bounded: sizes of files and of a database, one short query a region, one minimum over an index. However often `/metrics`
//! is asked, it is done once in [`SAMPLE_EVERY`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Mutex, time::timeout};
use tracing::warn;
use truyvet_crypto::Timestamp;

use super::{Metric, disk, regions};
use crate::{context::Context, store::StoreError};

/// No gauge is older, unless the store does not answer.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// A store that hangs must not hang who asks for metrics.
const PATIENCE: Duration = Duration::from_secs(3);

/// Remembers when it last looked.
pub struct Sampler {
    started: Timestamp,
    looked: Mutex<Option<Instant>>,
}

impl Sampler {
    /// - `started`: when this server did.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self {
            started,
            looked: Mutex::default(),
        }
    }

    /// Looks now.
    pub async fn look(&self, context: &Context) {
        let mut looked = self.looked.lock().await;
        self.look_alone(context).await;
        *looked = Some(Instant::now());
    }

    /// Looks if the last time is longer ago than it may be. Who comes while another looks waits for that.
    pub async fn look_if_due(&self, context: &Context) {
        let mut looked = self.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= SAMPLE_EVERY) {
            self.look_alone(context).await;
            *looked = Some(Instant::now());
        }
    }

    async fn look_alone(&self, context: &Context) {
        let (telemetry, settings) = (Arc::clone(&context.telemetry), context.settings.clone());
        let files = tokio::task::spawn_blocking(move || disk::look(&telemetry, &settings));
        // Nothing in there panics; if it did, the rest is still to be said.
        drop(files.await);
        for dated in context.keys.signing() {
            let id = dated.key.verifying_key().id().to_string();
            let created = regions::seconds(Some(dated.created_at));
            context
                .telemetry
                .set(Metric::SigningKeyCreated, &[&id], created);
        }
        match timeout(PATIENCE, self.ask_store(context)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "metrics of what is stored are as before"),
            Err(_) => warn!("metrics of what is stored are as before: the store does not answer"),
        }
    }

    async fn ask_store(&self, context: &Context) -> Result<(), StoreError> {
        let oldest = context.store.oldest_key_day().await?;
        let start = regions::seconds(oldest.map(|day| day.start()));
        context.telemetry.set(Metric::OldestKeyDay, &[], start);
        if let Some(bytes) = context.store.bytes().await? {
            let bytes = regions::float(bytes);
            context
                .telemetry
                .set(Metric::DatabaseBytes, &["main"], bytes);
        }
        for &region in &context.settings.regions {
            regions::look(context, region, self.started).await?;
        }
        Ok(())
    }
}

/// Runs until dropped.
pub(crate) async fn keep_sampling(context: Arc<Context>) {
    let mut tick = tokio::time::interval(SAMPLE_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        context.sampler.look(&context).await;
    }
}
