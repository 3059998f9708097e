//! What there is to say of a region's publications: ages, sizes, what is overdue.

use prost::Message as _;
use truyvet_crypto::Timestamp;
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;

use super::Metric;
use crate::{
    context::Context,
    publish::overdue_since,
    store::{PublishedBatch, StoreError},
};

const DAY_SECONDS: i64 = 86_400;

/// Looks at a region. What is read is what its index lists: 84 short rows by default, 43,200 at the most that settings allow.
///
/// - `started`: when this server did; no window before was its to publish.
pub(super) async fn look(
    context: &Context,
    region: Region,
    started: Timestamp,
) -> Result<(), StoreError> {
    let (telemetry, name) = (&context.telemetry, region.as_str());
    let batches = context.store.published(region).await?;
    let now = context.now();
    let last_closed_at = batches.last().map(|batch| batch.closed_at);
    let overdue = context
        .settings
        .publish_every_seconds
        .and_then(|every| overdue_since(now, last_closed_at, started, every));
    telemetry.set(Metric::LastWindowClosed, &[name], seconds(last_closed_at));
    telemetry.set(Metric::WindowOverdueSince, &[name], seconds(overdue));
    if let Some(delta) = last_delta(&batches) {
        telemetry.set(Metric::BatchBytes, &[name], float(delta.file_bytes));
        telemetry.set(Metric::BatchTags, &[name], float(delta.tags));
    }
    let of_a_day = batches
        .iter()
        .filter(|batch| now.seconds_since(batch.closed_at) < DAY_SECONDS)
        .map(|batch| batch.file_bytes)
        .sum();
    telemetry.set(Metric::PhoneBytesPerDay, &[name], float(of_a_day));
    telemetry.set(
        Metric::IndexValidUntil,
        &[name],
        valid_until(context, region),
    );
    Ok(())
}

/// A withdrawal closes at the very second of its window's delta, and no other window does.
fn last_delta(batches: &[PublishedBatch]) -> Option<&PublishedBatch> {
    let last = batches.last()?;
    batches
        .iter()
        .find(|batch| batch.closed_at == last.closed_at)
}

/// As the index says that is handed out.
fn valid_until(context: &Context, region: Region) -> f64 {
    let index = context.catalog.index(region);
    let index = index.and_then(|index| pb::Index::decode(&*index.signed.payload).ok());
    #[expect(clippy::cast_precision_loss, reason = "a time in this millennium")]
    index.map_or(0.0, |index| index.valid_until as f64)
}

/// 0 for none.
#[expect(clippy::cast_precision_loss, reason = "a time in this millennium")]
pub(super) fn seconds(time: Option<Timestamp>) -> f64 {
    time.map_or(0.0, |time| time.unix_seconds() as f64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in 64-bit floats"
)]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}
