//! A backup is taken while the server is at work, and a server is made from it: phones, uploads and codes go on.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tonic::Code;
use truyvet_crypto::Scheme;
use truyvet_server::{
    StartError,
    backup::{self, BackupError, RESTORING_FILE},
    settings::{Batches, Database, Settings},
};
use truyvet_tests::{
    town::{NEAR, Town},
    world::{World, rng},
};

/// Backs a world up with its keys.
fn back_up(world: &World, name: &str) -> PathBuf {
    let to = world.folder().join(name);
    backup::make(&world.settings, &to, true, world.now()).unwrap();
    to
}

/// The same settings in another folder.
fn moved(settings: &Settings, data_dir: &Path) -> Settings {
    let mut moved = settings.clone();
    moved.data_dir = data_dir.to_owned();
    moved.database = Database::Sqlite(data_dir.join("truyvet.db"));
    moved.batches = Batches::Folder(data_dir.join("batches"));
    moved
}

/// Loses the town's server and goes on with one made from a backup.
async fn restored(mut town: Town, from: &Path, published: Option<&Path>) -> Town {
    let settings = moved(&town.world.settings, &town.world.folder().join("restored"));
    backup::restore(&settings, from, published).unwrap();
    town.world.settings = settings;
    town.restarted().await
}

#[tokio::test]
async fn what_was_acknowledged_before_the_backup_is_there_after_it() {
    let town = Town::new(Scheme::Bluezone).await;
    let [case, near] = ["case", "near"].map(|name| town.phone(name));
    let yesterday = town.world.now().plus_seconds(-86_400);
    town.meet(&case, &near, yesterday, 25, NEAR);
    town.world.publish().await;
    assert_eq!(town.sync(&near).await, 0);
    let code = town.world.code().await;
    town.upload(&case, &code).await.unwrap();
    let open = town.world.code().await;

    let from = back_up(&town.world, "backup");
    let town = restored(town, &from, None).await;
    // A code that was redeemed stays redeemed, one that was not can be.
    let mut raw = town.world.raw_phone(7).await;
    let refused = raw.redeem(&code).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    raw.redeem(&open).await.unwrap();
    // What waited for its window is published, and the phone from before goes on.
    town.world.publish().await;
    assert_eq!(town.sync(&near).await, 1);
    town.world.audit_rows().await;
}

/// A phone that has seen batches which the backup has not goes on once they are shown to the restored server.
#[tokio::test]
async fn phones_that_saw_later_batches_go_on_with_copies_of_them() {
    let town = Town::new(Scheme::Bluezone).await;
    let [early, late, near] = ["early", "late", "near"].map(|name| town.phone(name));
    let yesterday = town.world.now().plus_seconds(-86_400);
    town.meet(&early, &near, yesterday, 25, NEAR);
    town.world.publish().await;
    // Waits in the open window while the backup is made.
    town.upload(&early, &town.world.code().await).await.unwrap();
    let from = back_up(&town.world, "backup");
    for _ in 0..3 {
        town.world.clock.advance(3_600);
        town.world.publish().await;
    }
    // A withdrawal after the backup is a file of its own in the chain.
    town.withdraw(&early, &town.world.withdrawal_code().await)
        .await
        .unwrap();
    town.world.clock.advance(3_600);
    town.world.publish().await;
    assert_eq!(town.sync(&near).await, 0);
    let seen = town.world.files().await.len();
    assert_eq!(seen, 6);

    // Without the copies the phone takes it for another history.
    let copies = town.world.folder().join("copies");
    fs::create_dir(&copies).unwrap();
    for entry in fs::read_dir(town.world.batches()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copies.join(path.file_name().unwrap())).unwrap();
    }
    let behind = moved(&town.world.settings, &town.world.folder().join("behind"));
    backup::restore(&behind, &from, None).unwrap();
    let whole = town.world.settings.clone();
    let mut town = town;
    town.world.settings = behind;
    let town = town.restarted().await;
    let region = "VN".parse().unwrap();
    let refused = near.sync(&town.connection, region, town.world.now()).await;
    assert!(refused.unwrap_err().to_string().contains("forked"));

    let mut town = town;
    town.world.settings = whole;
    let town = restored(town, &from, Some(&copies)).await;
    assert_eq!(town.world.files().await.len(), seen);
    assert_eq!(town.sync(&near).await, 0);
    // And what is new comes to it.
    let today = town.world.now().plus_seconds(-7_200);
    town.meet(&late, &near, today, 25, NEAR);
    town.upload(&late, &town.world.code().await).await.unwrap();
    town.world.clock.advance(3_600);
    assert_eq!(town.world.publish().await.sequence, 7);
    assert_eq!(town.sync(&near).await, 1);
}

#[tokio::test]
async fn later_batches_must_follow_and_be_the_server_s_own() {
    let world = World::new().await;
    world.publish().await;
    let from = back_up(&world, "backup");
    for _ in 0..2 {
        world.clock.advance(3_600);
        world.publish().await;
    }
    let files = world.files().await;
    let copies = world.folder().join("copies");
    fs::create_dir(&copies).unwrap();
    let refused = |name: &str| {
        let settings = moved(&world.settings, &world.folder().join(name));
        let error = backup::restore(&settings, &from, Some(&copies)).unwrap_err();
        // Half a restore is no server.
        assert!(settings.data_dir.join(RESTORING_FILE).exists());
        (error, settings)
    };
    // The second after the backup without the first.
    fs::write(copies.join("2.tvb"), &files[2]).unwrap();
    let (error, settings) = refused("gap");
    assert!(error.to_string().contains("missing"), "{error}");
    let started = truyvet_server::start(settings, world.server.context().effects.clone()).await;
    assert!(matches!(started.err(), Some(StartError::HalfRestored(_))));

    let stranger = World::new().await;
    // Worlds draw alike: only another key makes it another server.
    let context = stranger.server.context();
    context.keys.rotate(stranger.now(), &mut rng(9)).unwrap();
    for _ in 0..2 {
        stranger.publish().await;
    }
    fs::write(copies.join("1.tvb"), &stranger.files().await[1]).unwrap();
    let (error, _) = refused("stranger");
    assert!(error.to_string().contains("1.tvb"), "{error}");
    fs::write(copies.join("1.tvb"), &files[1]).unwrap();
    let settings = moved(&world.settings, &world.folder().join("whole"));
    let restored = backup::restore(&settings, &from, Some(&copies)).unwrap();
    assert_eq!(
        (restored.taken[0].last_in_backup, restored.taken[0].last),
        (1, 3)
    );
}

/// One moment: whatever is redeemed or spent in the copy is so altogether, and every upload acknowledged before it began
/// is in it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_of_one_moment() {
    let world = Arc::new(World::new().await);
    let enough = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let mut phones = Vec::new();
    for seed in 0..4 {
        let (world, enough, acknowledged) = (
            Arc::clone(&world),
            Arc::clone(&enough),
            Arc::clone(&acknowledged),
        );
        phones.push(tokio::spawn(async move {
            let mut phone = world.raw_phone(seed).await;
            while !enough.load(Ordering::SeqCst) {
                let token = phone.redeem(&world.code().await).await.unwrap();
                let keys = [1, 2].map(|days| phone.key(world.today().minus_days(days)));
                let request = phone.request(&token, &keys);
                phone.upload(request).await.unwrap();
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    for round in 0..3 {
        let before = acknowledged.load(Ordering::SeqCst);
        while acknowledged.load(Ordering::SeqCst) < before + 5 {
            tokio::task::yield_now().await;
        }
        world.publish().await;
        let least = acknowledged.load(Ordering::SeqCst);
        let copied = Arc::clone(&world);
        let to = tokio::task::spawn_blocking(move || back_up(&copied, &format!("backup-{round}")));
        let to = to.await.unwrap();
        backup::verify(&to).unwrap();
        let copy = rusqlite::Connection::open(to.join("truyvet.db")).unwrap();
        let count = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let uploads = count("SELECT count(*) FROM spent_token");
        assert!(uploads >= least, "{uploads} of {least}");
        assert_eq!(count("SELECT count(*) FROM disclosed_key"), 2 * uploads);
        assert_eq!(count("SELECT sum(uploads) FROM upload_count"), uploads);
        assert!(count("SELECT count(*) FROM upload_code WHERE redeemed_at IS NOT NULL") >= uploads);
    }
    enough.store(true, Ordering::SeqCst);
    for phone in phones {
        phone.await.unwrap();
    }
}

/// Restored rows have no second life: what has outlived the retention is gone once the server runs.
#[tokio::test]
async fn restored_rows_obey_the_retention_at_once() {
    let town = Town::new(Scheme::Bluezone).await;
    let mut phone = town.world.raw_phone(1).await;
    let token = phone.redeem(&town.world.code().await).await.unwrap();
    let keys = [phone.key(town.world.today().minus_days(1))];
    phone.upload(phone.request(&token, &keys)).await.unwrap();
    town.world.publish().await;
    let from = back_up(&town.world, "backup");
    let made = backup::verify(&from).unwrap();
    let first = made.forgets_from.unwrap() - town.world.now().unix_seconds();
    assert!((12 * 86_400..14 * 86_400).contains(&first), "{first}");
    town.world.clock.advance(first + 86_400);
    let town = restored(town, &from, None).await;
    truyvet_tests::process::eventually(async || {
        (town.world.rows("disclosed_key") == 0).then_some(())
    })
    .await;
    assert_eq!(town.world.rows("spent_token"), 0);
    truyvet_tests::process::eventually(async || {
        (!town.world.on_disk(keys[0].secret())).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_not_as_it_was_is_named() {
    let world = World::new().await;
    world.publish().await;
    let from = back_up(&world, "backup");
    let manifest = from.join("manifest.json");
    let original = fs::read_to_string(&manifest).unwrap();
    let refused = || backup::verify(&from).unwrap_err();

    for (was, is, expected) in [
        (
            "\"schema_version\": 3",
            "\"schema_version\": 99",
            "schema is of version 99",
        ),
        ("\"format\": 1", "\"format\": 2", "manifest is of version 2"),
        (
            "\"truyvet.db\"",
            "\"../../truyvet.db\"",
            "no path inside it",
        ),
        ("\"truyvet.db\"", "\"/etc/passwd\"", "no path inside it"),
        ("{", "[", "manifest.json"),
    ] {
        assert!(original.contains(was), "{was}");
        fs::write(&manifest, original.replacen(was, is, 1)).unwrap();
        let error = refused().to_string();
        assert!(error.contains(expected), "{is}: {error}");
    }
    fs::write(&manifest, &original).unwrap();
    fs::write(from.join("more"), "x").unwrap();
    assert!(matches!(refused(), BackupError::Damaged { path, .. } if path.ends_with("more")));
    fs::remove_file(from.join("more")).unwrap();
    let batch = fs::read_dir(from.join("batches"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::remove_file(&batch).unwrap();
    assert!(matches!(refused(), BackupError::File { path, .. } if path == batch));
}
