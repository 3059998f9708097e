//! Forgets what has outlived its purpose: rows by the schema's lifetimes, then the files that no index names any more.

use std::collections::HashSet;

use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use tracing::info;

use crate::{
    context::Context,
    download::{batch_path, digest_of_path},
    publish::PublishError,
    store::{Forget, Forgotten},
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
    let turn = context.publishing.lock().await;
    let forgotten = context
        .store
        .forget(Forget {
            keys_before: now.day().minus_days(days),
            tokens_before: now.day().minus_days(TOKEN_GRACE_DAYS),
            codes_before: retention_start,
            batches_before: retention_start,
        })
        .await?;
    if !forgotten.batches.is_empty() {
        for &region in &context.settings.regions {
            context.catalog.refresh(context, region).await?;
        }
    }
    let files = delete_unnamed_files(context).await?;
    drop(turn);
    if forgotten != Forgotten::default() || files > 0 {
        info!(
            forgotten.keys = forgotten.keys,
            forgotten.tokens = forgotten.tokens,
            forgotten.codes = forgotten.codes,
            forgotten.batches = forgotten.batches.len(),
            forgotten.files = files,
            "forgot what has outlived its purpose"
        );
    }
    Ok(forgotten)
}

/// Deletes batch files that are not published in any region. Those of a closed window that waits are made again.
async fn delete_unnamed_files(context: &Context) -> Result<usize, PublishError> {
    let mut named = HashSet::new();
    for &region in &context.settings.regions {
        for batch in context.store.published(region).await? {
            named.insert(batch.digest);
        }
    }
    let listed: Vec<_> = context.objects.list(None).try_collect().await?;
    let mut files = futures_util::stream::iter(listed)
        .filter_map(|object| std::future::ready(digest_of_path(&object.location)))
        .filter(|digest| std::future::ready(!named.contains(digest)));
    let mut deleted = 0;
    while let Some(digest) = files.next().await {
        context.objects.delete(&batch_path(digest)).await?;
        deleted += 1;
    }
    Ok(deleted)
}
