//! Two servers on one database do the same things at the same time: what is acknowledged is there once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::JoinSet;
use truyvet_crypto::SlotSet;
use truyvet_server::{
    WalkOn,
    audit::ChainCheck,
    store::{Change, CodesAdded, Redeemed, Redemption, Store, StoreError, Stored, open},
};
use truyvet_services::Postgres;
use truyvet_tests::world::place;

use crate::records::{
    close_window, code, disclosure, entry, key, keys, limits, noon, officer, publish, region,
    upload, withdrawal,
};

/// Two stores on one empty database, as two servers have them.
async fn two() -> Option<[Arc<dyn Store>; 2]> {
    let database = place(Postgres::shared()?.create_database());
    // At the same time: one makes the schema, both find it.
    let open = || open(&database, Arc::new(WalkOn), Arc::default());
    let (a, b) = tokio::join!(open(), open());
    Some([a.unwrap(), b.unwrap()])
}

async fn close(stores: &[Arc<dyn Store>]) {
    for store in stores {
        store.close().await;
    }
}

/// Asks again whoever is told to.
async fn store_upload(store: &dyn Store, upload: truyvet_server::store::NewUpload) -> Stored {
    loop {
        match store.store_upload(upload.clone()).await {
            Err(StoreError::Busy) => tokio::task::yield_now().await,
            stored => return stored.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_and_windows_at_the_same_time() {
    const UPLOADS: u64 = 2_000;
    let Some(stores) = two().await else { return };
    let done = Arc::new(AtomicBool::new(false));
    let closer = {
        let (store, done) = (Arc::clone(&stores[0]), Arc::clone(&done));
        tokio::spawn(async move {
            let mut windows = 0;
            while !done.load(Ordering::Relaxed) {
                publish(&*store).await;
                windows += 1;
            }
            windows
        })
    };
    let mut load = JoinSet::new();
    for (i, store) in stores.iter().cycle().take(16).enumerate() {
        let (store, share) = (Arc::clone(store), UPLOADS / 16);
        load.spawn(async move {
            let first = i as u64 * share;
            for number in first..first + share {
                let stored = store_upload(&*store, disclosure(number, key(number, 0, 4))).await;
                assert_eq!(stored, Stored::Stored);
            }
        });
    }
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let windows = closer.await.unwrap();
    publish(&*stores[1]).await;

    assert!(windows > 1, "no window closed under load");
    let mut times: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    // What the next window adds to: all that was published.
    for accepted in keys(&*stores[0]).await {
        assert_eq!(accepted.key.slots().len(), 4);
        *times.entry(accepted.key.secret().to_vec()).or_default() += 1;
    }
    assert_eq!(times.len() as u64, UPLOADS, "lost");
    assert!(times.values().all(|times| *times == 1), "in two windows");
    let counts = stores[1].upload_counts(region()).await.unwrap();
    assert_eq!(
        counts.iter().map(|(_, uploads)| uploads).sum::<u64>(),
        UPLOADS
    );
    close(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_pays_once_wherever_it_is_shown() {
    let Some(stores) = two().await else { return };
    for token in 0..100 {
        let outcome = async |store: usize, request: u8| {
            let change = Change::Disclose(vec![key(1_000 * u64::from(request) + token, 0, 4)]);
            store_upload(&*stores[store], upload(token, request, change)).await
        };
        let (a, b) = tokio::join!(outcome(0, 1), outcome(1, 2));
        let spent = [a, b]
            .iter()
            .filter(|stored| **stored == Stored::Stored)
            .count();
        assert_eq!(spent, 1, "{a:?} {b:?}");
        assert!([a, b].contains(&Stored::TokenSpent));
        // The same request as the one that was stored, on both at once.
        let request = if a == Stored::Stored { 1 } else { 2 };
        let (a, b) = tokio::join!(outcome(0, request), outcome(1, request));
        assert_eq!([a, b], [Stored::Again; 2]);
    }
    assert_eq!(keys(&*stores[0]).await.len(), 100);
    close(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_secret_from_two_sides_is_one_row_with_the_slots_of_both() {
    let Some(stores) = two().await else { return };
    for person in 0..50 {
        let send = async |store: usize, from: u32| {
            let token = 2 * person + store as u64;
            store_upload(
                &*stores[store],
                disclosure(token, key(person, from, from + 10)),
            )
            .await
        };
        let both = tokio::join!(send(0, 0), send(1, 5));
        assert_eq!(both, (Stored::Stored, Stored::Stored));
    }
    let keys = keys(&*stores[1]).await;
    assert_eq!(keys.len(), 50);
    for accepted in keys {
        assert_eq!(*accepted.key.slots(), *key(0, 0, 15).slots());
    }
    close(&stores).await;
}

/// Slots are disclosed and taken back from both sides, and windows close meanwhile. In the end each person's slots are what
/// the last word said, and whatever was said last about a slot that was published is what phones are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_back_on_one_side_is_gone_on_the_other() {
    const PEOPLE: u64 = 40;
    let Some(stores) = two().await else { return };
    let mut tokens = 0..;
    let mut token = || tokens.next().unwrap();
    for person in 0..PEOPLE {
        let stored = store_upload(&*stores[0], disclosure(token(), key(person, 0, 8))).await;
        assert_eq!(stored, Stored::Stored);
    }
    publish(&*stores[0]).await;
    let mut load = JoinSet::new();
    for person in 0..PEOPLE {
        let (taking, giving) = (token(), token());
        let [a, b] = stores.clone();
        load.spawn(async move {
            let back = withdrawal(taking, &key(person, 0, 8));
            assert_eq!(store_upload(&*a, back).await, Stored::Stored);
            // Half of them think better of it.
            if person % 2 == 0 {
                let again = disclosure(giving, key(person, 0, 4));
                assert_eq!(store_upload(&*b, again).await, Stored::Stored);
            }
        });
    }
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    assert_eq!(close_window(&*stores[0]).await, 2);
    let withdrawn = stores[1].withdrawn_in_window(region(), 2).await.unwrap();
    let slots_of = |person: u64| {
        let secret = key(person, 0, 8).secret().to_vec();
        let of_person = withdrawn.iter().filter(|key| key.secret() == secret);
        of_person
            .map(|key| key.slots().clone())
            .collect::<Vec<SlotSet>>()
    };
    for person in 0..PEOPLE {
        let expected = if person % 2 == 0 {
            key(0, 4, 8)
        } else {
            key(0, 0, 8)
        };
        assert_eq!(slots_of(person), [expected.slots().clone()], "{person}");
    }
    publish(&*stores[1]).await;
    let left = stores[0].withdrawn_in_window(region(), 2).await.unwrap();
    assert!(left.is_empty(), "forgotten once published");
    close(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn officers_on_both_sides_keep_one_chain_and_one_quota() {
    const QUOTA: u64 = 20;
    let Some(stores) = two().await else { return };
    stores[0].add_officer(officer()).await.unwrap();
    let mut load = JoinSet::new();
    for (number, store) in (0..2 * QUOTA).zip(stores.iter().cycle()) {
        let store = Arc::clone(store);
        load.spawn(async move {
            loop {
                let added = store
                    .add_codes(vec![code(number)], limits(QUOTA), entry())
                    .await;
                match added {
                    Err(StoreError::Busy) => {}
                    added => break added.unwrap(),
                }
            }
        });
    }
    let mut added = 0;
    while let Some(ended) = load.join_next().await {
        match ended.unwrap() {
            CodesAdded::Added { .. } => added += 1,
            CodesAdded::OverQuota { left, .. } => assert_eq!(left, 0),
            CodesAdded::Exists => panic!("each was a code of its own"),
        }
    }
    assert_eq!(added, QUOTA);
    let rows = stores[1].audit(0, 1_000).await.unwrap();
    let mut chain = ChainCheck::new(None);
    for row in &rows {
        chain.next(row).unwrap();
    }
    let issued = rows
        .iter()
        .filter(|row| row.action == "code.issued")
        .count();
    assert_eq!(issued as u64, QUOTA);
    close(&stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_redeemed_once_wherever_it_is_shown() {
    let Some(stores) = two().await else { return };
    stores[0].add_officer(officer()).await.unwrap();
    let codes = (0..50).map(code).collect();
    let added = stores[0]
        .add_codes(codes, limits(1_000), entry())
        .await
        .unwrap();
    assert!(matches!(added, CodesAdded::Added { .. }));
    for number in 0..50 {
        let redeem = async |store: usize, nonce: u8| {
            let redemption = Redemption {
                code_hash: code(number).hash,
                blinded_digest: [nonce; 32],
                now: noon(),
            };
            stores[store].redeem_code(redemption).await.unwrap()
        };
        let outcomes = tokio::join!(redeem(0, 1), redeem(1, 2));
        let outcomes = [outcomes.0, outcomes.1];
        let granted = outcomes.map(|outcome| matches!(outcome, Redeemed::Granted(_)));
        assert_eq!(
            granted.iter().filter(|granted| **granted).count(),
            1,
            "{outcomes:?}"
        );
        // Who got it may ask again, on either side; the other may not.
        let nonce = if granted[0] { 1 } else { 2 };
        for store in 0..2 {
            assert!(matches!(redeem(store, nonce).await, Redeemed::Granted(_)));
            assert_eq!(redeem(store, 3 - nonce).await, Redeemed::Refused);
        }
    }
    close(&stores).await;
}

/// Nothing tells, once a window is published, which keys came together or with which token: all rows say the same of when they
/// were written, and lie in the order of random values.
#[tokio::test]
async fn the_database_forgets_which_rows_came_together() {
    let Some(postgres) = Postgres::shared() else {
        return;
    };
    let url = postgres.create_database();
    let store = open(&place(url.clone()), Arc::new(WalkOn), Arc::default())
        .await
        .unwrap();
    for number in 0..40 {
        store_upload(&*store, disclosure(number, key(number, 0, 4))).await;
    }
    let look = |sql: &str| truyvet_tests::world::query(&url, sql);
    // One at a time, so each is a transaction of its own: before, it shows.
    let joined =
        "SELECT count(*) FROM fresh_key JOIN spent_token ON fresh_key.xmin = spent_token.xmin";
    assert_eq!(look(joined), "40");
    publish(&*store).await;
    assert_eq!(look("SELECT count(*) FROM fresh_key"), "0");
    for (table, order) in [("spent_token", "spend_id"), ("settled_key", "proof")] {
        assert_eq!(look(&format!("SELECT count(*) FROM {table}")), "40");
        assert_eq!(
            look(&format!("SELECT count(DISTINCT xmin::text) FROM {table}")),
            "1"
        );
        let by = |what: &str| look(&format!("SELECT {order} FROM {table} ORDER BY {what}"));
        assert_eq!(by("ctid"), by(order), "{table}");
    }
    store.close().await;
}
