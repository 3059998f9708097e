//! The database goes away, or the way to it, while phones upload: what was acknowledged is there once, the rest is told to
//! come again, and other servers go on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use truyvet_crypto::Day;
use truyvet_server::{
    WalkOn,
    store::{Store, StoreError, Stored, open},
};
use truyvet_services::{Patroni, Postgres, Proxy, Weather};
use truyvet_tests::world::place;

use crate::records::{close_window, disclosure, key, keys, publish, region};

async fn store(url: String) -> Arc<dyn Store> {
    open(&place(url), Arc::new(WalkOn), Arc::default())
        .await
        .unwrap()
}

/// What a crowd of phones has been told so far.
#[derive(Default)]
struct Told {
    acknowledged: AtomicU64,
    /// Told that the store is away, and came again.
    sent_away: AtomicU64,
    enough: AtomicBool,
}

/// Phones that upload one key each, one after the other, until there are enough; each comes again until it is acknowledged.
async fn crowd(store: Arc<dyn Store>, phones: u64, told: Arc<Told>) -> u64 {
    let mut crowd = JoinSet::new();
    for phone in 0..phones {
        let (store, told) = (Arc::clone(&store), Arc::clone(&told));
        crowd.spawn(async move {
            let mut uploads = 0;
            while !told.enough.load(Ordering::Relaxed) {
                let number = phone * 1_000_000 + uploads;
                loop {
                    match store
                        .store_upload(disclosure(number, key(number, 0, 4)))
                        .await
                    {
                        // Again: the answer to the first was lost, the upload was not.
                        Ok(Stored::Stored | Stored::Again) => break,
                        Ok(Stored::TokenSpent) => panic!("nobody else has this token"),
                        Err(StoreError::Away(_) | StoreError::Busy) => {
                            told.sent_away.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
                uploads += 1;
                told.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            uploads
        });
    }
    let mut uploads = 0;
    while let Some(ended) = crowd.join_next().await {
        uploads += ended.unwrap();
    }
    uploads
}

/// Returns once so many more were acknowledged than now.
async fn acknowledged(told: &Told, more: u64) {
    let enough = told.acknowledged.load(Ordering::Relaxed) + more;
    let began = Instant::now();
    while told.acknowledged.load(Ordering::Relaxed) < enough {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it does not go on"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Publishes the window that is open, the first; how many keys it published.
async fn published(store: &dyn Store) -> u64 {
    publish(store).await;
    // What the next window adds to.
    keys(store).await.len() as u64
}

/// A database's URL, through a network that can be broken.
fn through(proxy: &Proxy, postgres: &Postgres, url: &str) -> String {
    let direct = format!("127.0.0.1:{}", postgres.port());
    url.replace(&direct, &proxy.address().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_stopped_or_killed_loses_nothing_acknowledged() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let store = store(postgres.create_database()).await;
    let told = Arc::new(Told::default());
    let crowd = tokio::spawn(crowd(Arc::clone(&store), 16, Arc::clone(&told)));
    for stop in [Postgres::stop, Postgres::kill] {
        acknowledged(&told, 200).await;
        stop(&postgres);
        let away = store.ready().await;
        assert!(matches!(away, Err(StoreError::Away(_))), "{away:?}");
        postgres.start_again();
    }
    acknowledged(&told, 200).await;
    told.enough.store(true, Ordering::Relaxed);
    let uploads = crowd.await.unwrap();
    let (published, sent_away) = (
        published(&*store).await,
        told.sent_away.load(Ordering::Relaxed),
    );
    println!("acknowledged {uploads}, published {published}, told to come again {sent_away} times");
    assert_eq!(published, uploads);
    assert!(sent_away > 0, "it was never away");
    store.ready().await.unwrap();
    store.close().await;
}

/// The leader of three nodes is killed without warning: another takes over, and all that was acknowledged is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_loses_nothing_acknowledged() {
    let Some(cluster) = tokio::task::spawn_blocking(Patroni::start).await.unwrap() else {
        return;
    };
    let store = store(cluster.create_database()).await;
    let told = Arc::new(Told::default());
    let crowd = tokio::spawn(crowd(Arc::clone(&store), 16, Arc::clone(&told)));
    acknowledged(&told, 500).await;
    let killed = Instant::now();
    cluster.kill_leader();
    // What was on its way to the leader may still be counted: more than those.
    acknowledged(&told, 100).await;
    let away = killed.elapsed();
    acknowledged(&told, 500).await;
    told.enough.store(true, Ordering::Relaxed);
    let uploads = crowd.await.unwrap();
    let published = published(&*store).await;
    println!(
        "acknowledged {uploads}, published {published}, {:.1} s until the new leader took uploads",
        away.as_secs_f64()
    );
    assert_eq!(published, uploads);
    store.close().await;
}

/// One server is cut off, the other is not: it goes on, takes over publishing, and what the first still wants to publish when
/// it is back is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_cut_off_is_told_to_come_again_and_loses_its_turn() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let url = postgres.create_database();
    let proxy = Proxy::before(postgres.port()).await;
    let through = through(&proxy, postgres, &url);
    let (cut_off, other) = (store(through).await, store(url).await);
    let told = Arc::new(Told::default());
    let crowd = tokio::spawn(crowd(Arc::clone(&cut_off), 8, Arc::clone(&told)));
    acknowledged(&told, 100).await;
    let lost = cut_off
        .take_lease("cut off".into(), 1)
        .await
        .unwrap()
        .unwrap();

    proxy.set(Weather::Cut);
    let away = cut_off.ready().await;
    assert!(matches!(away, Err(StoreError::Away(_))), "{away:?}");
    other.ready().await.unwrap();
    let held = loop {
        if let Some(held) = other.take_lease("other".into(), 60).await.unwrap() {
            break held;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    proxy.set(Weather::Fair);
    acknowledged(&told, 100).await;
    assert!(!cut_off.renew_lease(lost.clone(), 60).await.unwrap());
    let (closing, for_withdrawal) = crate::records::closing();
    let refused = cut_off.close_window(closing, for_withdrawal, lost).await;
    assert!(matches!(refused, Err(StoreError::LeaseLost)), "{refused:?}");
    other.end_lease(held).await.unwrap();

    told.enough.store(true, Ordering::Relaxed);
    let uploads = crowd.await.unwrap();
    assert_eq!(published(&*other).await, uploads);
    cut_off.close().await;
    other.close().await;
}

/// A network that swallows everything is noticed too: nobody waits for ever, and nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_falls_silent_is_noticed() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let url = postgres.create_database();
    let proxy = Proxy::before(postgres.port()).await;
    let through = through(&proxy, postgres, &url);
    let store = store(through).await;
    let number = 7;
    store
        .store_upload(disclosure(number, key(number, 0, 4)))
        .await
        .unwrap();
    proxy.set(Weather::Silent);
    let began = Instant::now();
    let away = store.store_upload(disclosure(8, key(8, 0, 4))).await;
    assert!(matches!(away, Err(StoreError::Away(_))), "{away:?}");
    assert!(
        began.elapsed() < Duration::from_secs(45),
        "{:?}",
        began.elapsed()
    );
    proxy.set(Weather::Fair);
    // Whatever became of it: said again it is there, and once.
    let again = store
        .store_upload(disclosure(8, key(8, 0, 4)))
        .await
        .unwrap();
    assert!(matches!(again, Stored::Stored | Stored::Again));
    assert_eq!(published(&*store).await, 2);
    store.close().await;
}

/// A server that falls silent in the middle of its work holds rows that others wait for: not for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_in_the_middle_holds_nobody_up_for_long() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let url = postgres.create_database();
    let proxy = Proxy::before(postgres.port()).await;
    let through = through(&proxy, postgres, &url);
    let (silent, other) = (store(through).await, store(url.clone()).await);
    let told = Arc::new(Told::default());
    let crowd = tokio::spawn(crowd(Arc::clone(&silent), 8, Arc::clone(&told)));
    let holds = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND state = 'idle in transaction'";
    // Again, until it was in the middle of a transaction.
    loop {
        acknowledged(&told, 20).await;
        proxy.set(Weather::Silent);
        tokio::time::sleep(Duration::from_millis(200)).await;
        if truyvet_tests::world::query(&url, holds) != "0" {
            break;
        }
        proxy.set(Weather::Fair);
    }
    let began = Instant::now();
    let lease = other.take_lease("other".into(), 60).await.unwrap().unwrap();
    let window = loop {
        let (closing, for_withdrawal) = crate::records::closing();
        match other
            .close_window(closing, for_withdrawal, lease.clone())
            .await
        {
            Err(StoreError::Away(_) | StoreError::Busy) => {
                assert!(began.elapsed() < Duration::from_secs(40), "still held");
            }
            window => break window.unwrap(),
        }
    };
    println!("closed after {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(window.sequence, 1);
    told.enough.store(true, Ordering::Relaxed);
    proxy.set(Weather::Fair);
    let uploads = crowd.await.unwrap();
    let windows = other.upload_counts(region()).await.unwrap();
    let counted: u64 = windows.iter().map(|(_, uploads)| uploads).sum();
    assert_eq!(counted, uploads, "{windows:?}");
    silent.close().await;
    other.close().await;
}

/// A node that was cut off from the one that writes may still read, and a connection to it may still be open.
#[tokio::test]
async fn a_node_that_does_not_know_of_a_window_is_not_believed_about_it() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let writes = store(postgres.create_database()).await;
    let behind = store(postgres.create_database()).await;
    for store in [&writes, &behind] {
        let stored = store.store_upload(disclosure(1, key(1, 0, 4))).await;
        assert_eq!(stored.unwrap(), Stored::Stored);
    }
    let stored = writes.store_upload(disclosure(2, key(2, 0, 4))).await;
    assert_eq!(stored.unwrap(), Stored::Stored);
    let window = close_window(&*writes).await;
    let of = async |store: &dyn Store| {
        let since = Day::from_number(0);
        store.keys_for_window(region(), window, since).await
    };
    assert_eq!(of(&*writes).await.unwrap().len(), 2);
    // It has one of the two.
    assert!(matches!(of(&*behind).await, Err(StoreError::Away(_))));
    let withdrawn = behind.withdrawn_in_window(region(), window).await;
    assert!(matches!(withdrawn, Err(StoreError::Away(_))));
    writes.close().await;
    behind.close().await;
}
