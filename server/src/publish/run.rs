//! One publication, step by step; every step can be done again.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use rand::Rng as _;
use tracing::{error, info, warn};
use truyvet_crypto::Timestamp;
use truyvet_matching::{
    BatchKind, Region,
    build::{BatchParameters, BuildError, SignedBatch, TagSet, build},
};

use super::{select, slots_until, taken_back, turn::Turn};
use crate::{
    context::{Context, Step},
    download::RenewError,
    store::{ClosedWindow, Closing, ForWithdrawal, PublishedBatch, StoreError},
};

/// Start of a region's very first window, before it closed: a day, so that it says nothing about uploads.
const FIRST_WINDOW_SECONDS: i64 = 86_400;

/// Two windows closed on demand within a second or so are no sign of a wrong clock.
pub(super) const CLOCK_SLACK_SECONDS: i64 = 300;

/// For another server that publishes: most windows take less; whoever asked is told to come again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Why a window is not published yet. What was done stays done; the next run goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Not a region of this deployment.
    #[error("no such region")]
    UnknownRegion,
    /// Another server is at it.
    #[error("another server publishes now; try again when it is done")]
    Elsewhere,
    /// The file could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The object store could not.
    #[error("batch store: {0}")]
    Objects(#[from] object_store::Error),
    /// An index could not be renewed.
    #[error(transparent)]
    Index(#[from] RenewError),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Closes the region's open window and publishes it, after one that still waits. Returns the window's delta.
///
/// # Errors
/// [`PublishError`].
pub async fn publish(context: &Context, region: Region) -> Result<PublishedBatch, PublishError> {
    if !context.settings.takes(region) {
        return Err(PublishError::UnknownRegion);
    }
    let turn = context.turns.take(context, PATIENCE).await?;
    let published = publish_in(&turn, context, region).await;
    let published = published.inspect_err(|_| context.progress.failed(region));
    turn.end().await;
    published
}

/// The same for whoever has a turn.
pub(super) async fn publish_in(
    turn: &Turn<'_>,
    context: &Context,
    region: Region,
) -> Result<PublishedBatch, PublishError> {
    take_up_in(turn, context, region).await?;
    context.progress.begin(region);
    context.reached(Step::WindowDue);
    let window = close(turn, context, region).await?;
    context.reached(Step::WindowClosed);
    let delta = finish(turn, context, window).await?;
    if let Some(withdrawal) = context.store.closed_window(region).await? {
        finish(turn, context, withdrawal).await?;
    }
    Ok(delta)
}

/// Publishes what a run before left waiting of the region's closed window, if anything. For whoever has a turn.
pub(super) async fn take_up_in(
    turn: &Turn<'_>,
    context: &Context,
    region: Region,
) -> Result<(), PublishError> {
    while let Some(waiting) = context.store.closed_window(region).await? {
        info!(%region, sequence = waiting.sequence, "taking up a publication that was cut short");
        finish(turn, context, waiting).await?;
    }
    Ok(())
}

async fn close(
    turn: &Turn<'_>,
    context: &Context,
    region: Region,
) -> Result<ClosedWindow, PublishError> {
    let now = context.now();
    let settings = &context.settings;
    let mut rng = context.rng();
    let mut closing = Closing {
        region,
        closed_at: now,
        slots_until: slots_until(now, settings.clock_tolerance_seconds),
        window_start: now.plus_seconds(-FIRST_WINDOW_SECONDS),
        salt: [0; 16],
        padding_seed: [0; 32],
        key_id: context.keys.current().key.verifying_key().id(),
        codec: settings.codec,
        fingerprint_bits: settings.fingerprint_bits,
        pad_floor_tags: settings.pad_floor_tags,
        pad_step_tags: settings.pad_step_tags,
    };
    // Drawn now and shown to nobody before the file is out: no upload in it could aim at this salt.
    rng.fill_bytes(&mut closing.salt);
    rng.fill_bytes(&mut closing.padding_seed);
    let mut for_withdrawal = ForWithdrawal {
        salt: [0; 16],
        padding_seed: [0; 32],
    };
    rng.fill_bytes(&mut for_withdrawal.salt);
    rng.fill_bytes(&mut for_withdrawal.padding_seed);
    let window = context
        .store
        .close_window(closing, for_withdrawal, turn.lease())
        .await?;
    let ahead = window.closing.closed_at.seconds_since(now);
    if ahead > CLOCK_SLACK_SECONDS {
        error!(%region, "the clock stands {ahead} s before the last window's closing time; closing by that");
    }
    Ok(window)
}

async fn finish(
    turn: &Turn<'_>,
    context: &Context,
    window: ClosedWindow,
) -> Result<PublishedBatch, PublishError> {
    let region = window.closing.region;
    context.progress.window(&window);
    let (kind, sequence, closed_at) = (window.kind, window.sequence, window.closing.closed_at);
    let tags = select_and_pad(context, &window).await?;
    context.reached(Step::TagsSelected(kind));
    let tag_count = tags.len() as u64;
    let signed = build_and_sign(context, window, tags).await?;
    let published = PublishedBatch {
        sequence,
        digest: signed.digest(),
        file_bytes: signed.bytes().len() as u64,
        tags: tag_count,
        closed_at,
    };
    let (digest, bytes) = (signed.digest(), Bytes::from(signed.into_bytes()));
    let stored = context.batch_store.put_file(digest, bytes.clone()).await;
    // A disk of its own that fails says something of this server. A bucket that is away is away for all: to take them out of
    // traffic would refuse uploads that wait for nothing but their publication.
    let unwritable = stored.is_err() && !context.batch_store.takes_indexes();
    context.condition.set_batches_unwritable(unwritable);
    stored?;
    context.reached(Step::BatchStored(kind));
    let lease = turn.lease();
    context
        .store
        .record_publication(region, published, lease)
        .await?;
    context.reached(Step::BatchRecorded(kind));
    let catalog = &context.catalog;
    catalog.announce(context, region, digest, bytes).await?;
    context.reached(Step::IndexSigned(kind));
    context.progress.published(region, kind, &published);
    info!(
        %region,
        batch.kind = %kind,
        batch.sequence = sequence,
        batch.digest = %published.digest,
        batch.tags = tag_count,
        batch.bytes = published.file_bytes,
        "published batch"
    );
    Ok(published)
}

async fn select_and_pad(context: &Context, window: &ClosedWindow) -> Result<TagSet, PublishError> {
    let (window, region) = (window.clone(), window.closing.region);
    if window.kind == BatchKind::Withdrawal {
        let delta = window.sequence - 1;
        let keys = context.store.withdrawn_in_window(region, delta).await?;
        return blocking(move || pad(&window.closing, taken_back(&keys))).await;
    }
    // A slot of the day before may have ended after the last window took slots.
    let since = window
        .previous_slots_until
        .unwrap_or(Timestamp::MIN)
        .plus_seconds(-86_400)
        .day();
    let keys = context
        .store
        .keys_for_window(region, window.sequence, since)
        .await?;
    blocking(move || pad(&window.closing, select(&window, &keys))).await
}

/// Neither how many a window adds nor how many it takes back shows in the size of its files.
fn pad(closing: &Closing, tags: TagSet) -> TagSet {
    tags.padded(
        &closing.padding_seed,
        closing.pad_floor_tags,
        closing.pad_step_tags,
    )
}

async fn build_and_sign(
    context: &Context,
    window: ClosedWindow,
    tags: TagSet,
) -> Result<SignedBatch, PublishError> {
    let closing = window.closing;
    let key = context.keys.by_id(closing.key_id).unwrap_or_else(|| {
        // Nothing of the window is published yet, so another key may sign it.
        warn!(key = %closing.key_id, "the key that was to sign a window is gone; the current one signs it");
        context.keys.current()
    });
    let parameters = BatchParameters {
        codec: closing.codec,
        kind: window.kind,
        region: closing.region,
        sequence: window.sequence,
        window_start: closing.window_start,
        window_end: closing.closed_at,
        closed_at: closing.closed_at,
        salt: closing.salt,
        fingerprint_bits: closing.fingerprint_bits,
        previous: window.previous,
        replaces: Vec::new(),
    };
    let steps = Arc::clone(&context.effects.steps);
    let signed = blocking(move || {
        let batch = build(&parameters, &tags)?;
        steps.reached(Step::BatchBuilt(parameters.kind));
        let signed = batch.sign(&key.key);
        steps.reached(Step::BatchSigned(parameters.kind));
        Ok::<_, BuildError>(signed)
    })
    .await??;
    Ok(signed)
}

/// Runs a long computation off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PublishError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreError::Database(format!("a worker ended early: {error}")).into())
}
