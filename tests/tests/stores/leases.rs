//! One server publishes at a time; what another still wants to publish is refused. The same of every store.

use std::time::Duration;

use truyvet_server::store::StoreError;
use truyvet_tests::world::store;

use crate::records::{batch, closing, region};

#[tokio::test]
async fn one_has_the_lease_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let take = async |holder: &str| store.take_lease(holder.into(), 3_600).await.unwrap();
    let first = take("a").await.unwrap();
    assert_eq!(take("b").await, None);
    // The same server after a start: what its earlier run may still write is refused.
    let second = take("a").await.unwrap();
    assert!(second.fencing > first.fencing);
    assert!(!store.renew_lease(first.clone(), 3_600).await.unwrap());
    assert!(store.renew_lease(second.clone(), 3_600).await.unwrap());
    // Who has lost it lets nobody have it.
    store.end_lease(first).await.unwrap();
    assert_eq!(take("b").await, None);
    store.end_lease(second.clone()).await.unwrap();
    let third = take("b").await.unwrap();
    assert!(third.fencing > second.fencing);
    assert!(!store.renew_lease(second, 3_600).await.unwrap());
    store.close().await;
}

#[tokio::test]
async fn a_lease_runs_out_with_a_server_that_falls_silent() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let first = store.take_lease("a".into(), 1).await.unwrap().unwrap();
    let second = loop {
        if let Some(lease) = store.take_lease("b".into(), 3_600).await.unwrap() {
            break lease;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(second.fencing > first.fencing);
    store.close().await;
}

/// Whatever a builder does last before it loses its lease, it does not get further.
#[tokio::test]
async fn who_lost_the_lease_closes_and_publishes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let lost = store.take_lease("a".into(), 3_600).await.unwrap().unwrap();
    let (closing, for_withdrawal) = closing();
    let close = async |lease: &_| {
        let (closing, for_withdrawal) = (closing.clone(), for_withdrawal.clone());
        let lease = Clone::clone(lease);
        store.close_window(closing, for_withdrawal, lease).await
    };
    store.end_lease(lost.clone()).await.unwrap();
    let held = store.take_lease("b".into(), 3_600).await.unwrap().unwrap();

    let refused = close(&lost).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    assert!(store.closed_window(region()).await.unwrap().is_none());
    let window = close(&held).await.unwrap();
    let record = |lease: &_| {
        let lease = Clone::clone(lease);
        store.record_publication(region(), batch(&window), lease)
    };
    let refused = record(&lost).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    assert_eq!(store.published_span(region()).await.unwrap(), None);
    record(&held).await.unwrap();
    // Once more, as after an answer that was lost.
    record(&held).await.unwrap();
    assert_eq!(store.published_span(region()).await.unwrap(), Some((1, 1)));
    store.close().await;
}
