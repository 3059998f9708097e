//! Forgets what has outlived its purpose: rows by the schema's lifetimes, then the files that no index names any more.

use std::collections::HashSet;

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use tracing::info;
use truyvet_crypto::Timestamp;
use truyvet_matching::Digest;

use crate::{
    context::Context,
    download::digest_of_path,
    publish::{PATIENCE, PublishError},
    sign_in,
    store::{Forget, Forgotten},
    telemetry::Metric,
    upload::TOKEN_GRACE_DAYS,
};

/// One round. Can be run at any time, and again.
///
/// # Errors
/// [`PublishError`] if a store could not; the next round goes on.
pub async fn run(context: &Context) -> Result<Forgotten, PublishError> {
    let now = context.now();
    let days = context.settings.retention_days;
    let retention_start = now.plus_seconds(-i64::from(days) * 86_400);
    // A publication in progress has a file that no index names yet.
    let turn = context.turns.take(context, PATIENCE).await?;
    let outcome = forget(context, now, retention_start).await;
    turn.end().await;
    let (forgotten, files) = outcome?;
    count(context, &forgotten, files);
    if forgotten != Forgotten::default() || files > 0 {
        info!(
            forgotten.keys = forgotten.keys,
            forgotten.withdrawn_keys = forgotten.withdrawn_keys,
            forgotten.tokens = forgotten.tokens,
            forgotten.codes = forgotten.codes,
            forgotten.sign_ins = forgotten.sign_ins,
            forgotten.imports = forgotten.imports,
            forgotten.batches = forgotten.batches.len(),
            forgotten.files = files,
            "forgot what has outlived its purpose"
        );
    }
    Ok(forgotten)
}

/// For whoever has a turn. Returns also how many files went.
async fn forget(
    context: &Context,
    now: Timestamp,
    retention_start: Timestamp,
) -> Result<(Forgotten, usize), PublishError> {
    let days = context.settings.retention_days;
    let forgotten = context
        .store
        .forget(Forget {
            keys_before: now.day().minus_days(days),
            unpublished_keys_before: now.day().minus_days(2 * days),
            // One day more than they are good for: a request may be on its way at midnight.
            tokens_before: now.day().minus_days(TOKEN_GRACE_DAYS + 1),
            codes_before: retention_start,
            batches_before: retention_start,
            sign_ins: sign_in::outlived(&context.settings, now),
        })
        .await?;
    if !forgotten.batches.is_empty() {
        for &region in &context.settings.regions {
            context.catalog.refresh(context, region).await?;
            // No index, also not the bucket's, may name a file that is gone. If it cannot be moved now, the files go with
            // the next round, as those that a crash has left.
            context.catalog.copy_to_bucket(context, region).await?;
        }
    }
    let files = delete_files(context, &forgotten.batches, retention_start).await?;
    Ok((forgotten, files))
}

fn count(context: &Context, forgotten: &Forgotten, files: usize) {
    // No `..` here: what is forgotten from now on must be counted before this compiles again.
    let Forgotten {
        keys,
        withdrawn_keys,
        tokens,
        codes,
        sign_ins,
        imports,
        batches,
    } = forgotten;
    for (what, number) in [
        ("keys", *keys),
        ("withdrawn_keys", *withdrawn_keys),
        ("tokens", *tokens),
        ("codes", *codes),
        ("sign_ins", *sign_ins),
        ("imports", *imports),
        ("batches", batches.len()),
        ("files", files),
    ] {
        context
            .telemetry
            .add(Metric::Forgotten, &[what], number as u64);
    }
    #[expect(clippy::cast_precision_loss, reason = "a time in this millennium")]
    let now = context.now().unix_seconds() as f64;
    context.telemetry.set(Metric::LastForgotten, &[], now);
}

/// Deletes the files of forgotten batches, and those that a crash has left without a name for as long as the retention.
/// Never a file that any region's index may name, also of a region that is not served now.
async fn delete_files(
    context: &Context,
    forgotten: &[Digest],
    retention_start: Timestamp,
) -> Result<usize, PublishError> {
    let named: HashSet<Digest> = context
        .store
        .published_digests()
        .await?
        .into_iter()
        .collect();
    let listed: Vec<_> = context.batch_store.files().list(None).try_collect().await?;
    let mut deleted = 0;
    for object in listed {
        let Some(digest) = digest_of_path(&object.location) else {
            continue;
        };
        let old = object.last_modified.timestamp() < retention_start.unix_seconds();
        if !named.contains(&digest) && (old || forgotten.contains(&digest)) {
            context.batch_store.files().delete(&object.location).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
