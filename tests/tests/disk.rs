//! A disk that is full, or read-only: uploads are refused in plain words and nothing acknowledged is lost, downloads go on,
//! and once there is room again so does all the rest, without a restart.
//!
//! On real file systems, mounted for the test: as root, which CI is. Elsewhere they say that they were not run.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use truyvet_crypto::Tag;
use truyvet_matching::VerifiedBatch;
use truyvet_proto::v1::{PublishNowRequest, PublishNowResponse, UploadRequest};
use truyvet_server::settings::{Batches, Database};
use truyvet_tests::{
    process::eventually,
    raw::{RawPhone, tags},
    world::{World, bearer, refusal},
};

/// A file system of its own, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None`: whoever runs the test may not mount.
    fn mount(at: &Path, arguments: &[&str]) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        if fs::metadata("/proc/self").unwrap().uid() != 0 {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI runs these tests as root"
            );
            println!("not run: only root mounts file systems");
            return None;
        }
        run("mount", &[arguments, &[at.to_str().unwrap()]].concat());
        Some(Self(at.to_owned()))
    }

    /// 96 MB, for a server's data.
    fn small(mounts: &Path) -> Option<Self> {
        let options = ["-t", "tmpfs", "-o", "size=96m", "tmpfs"];
        Self::mount(&mounts.join("disk"), &options)
    }

    /// Takes every byte that is left.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut filler = fs::File::create(&path).unwrap();
        let mut piece = vec![1; 1 << 16];
        while !piece.is_empty() {
            if filler.write_all(&piece).is_err() {
                // Down to the last byte.
                piece.truncate(piece.len() / 2);
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server may still have files open.
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}");
}

async fn ready(world: &World) -> (u16, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let url = format!("http://{}/readyz", world.server.ops_addr());
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Why the server is not ready, once it says so: it looks at most once a second.
async fn not_ready(world: &World) -> String {
    eventually(async || {
        let (code, reason) = ready(world).await;
        (code == 503).then_some(reason)
    })
    .await
}

async fn index_status(world: &World) -> u16 {
    let url = format!("{}/v1/VN/index", world.public_url());
    reqwest::get(url).await.unwrap().status().as_u16()
}

async fn publish(world: &World) -> Result<PublishNowResponse, Status> {
    let request = bearer(
        &world.administrator,
        PublishNowRequest {
            region: "VN".into(),
        },
    );
    let answer = world.admin().await.publish_now(request).await;
    answer.map(tonic::Response::into_inner)
}

/// An upload with all that it needs but the disk.
async fn prepared(world: &World, phone: &mut RawPhone) -> (UploadRequest, Vec<Tag>) {
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    (phone.request(&token, &keys), tags(&keys))
}

async fn many_prepared(
    world: &World,
    phone: &mut RawPhone,
    count: usize,
) -> (Vec<UploadRequest>, Vec<Vec<Tag>>) {
    let (mut requests, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (request, tags) = prepared(world, phone).await;
        requests.push(request);
        expected.push(tags);
    }
    (requests, expected)
}

fn says_come_again(status: &Status, reason: &str) {
    assert_eq!(refusal(status).0, Code::Unavailable, "{status}");
    assert_eq!(refusal(status).1, reason);
    let retry = status.get_error_details().retry_info().cloned();
    assert!(retry.unwrap().retry_delay.unwrap().as_secs() > 0);
}

#[tokio::test]
async fn a_full_disk_refuses_uploads_and_recovers() {
    let mounts = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::small(mounts.path()) else {
        return;
    };
    let world = on_disk(&disk).await;
    let mut phone = world.raw_phone(1).await;
    let (requests, expected) = many_prepared(&world, &mut phone, 2).await;
    phone.upload(requests[0].clone()).await.unwrap();
    let filler = fill_to_the_last_page(&world, &disk).await;

    let status = phone.upload(requests[1].clone()).await.unwrap_err();
    says_come_again(&status, "STORE_UNAVAILABLE");
    says_come_again(&publish(&world).await.unwrap_err(), "STORE_UNAVAILABLE");
    let reason = not_ready(&world).await;
    assert!(reason.contains("the disk is full"), "{reason}");
    assert_eq!(index_status(&world).await, 200);

    fs::remove_file(filler).unwrap();
    eventually(async || (ready(&world).await.0 == 200).then_some(())).await;
    // The refused one as it was, with its token unspent; and one that was acknowledged asks again and is told so.
    for request in [&requests[1], &requests[0]] {
        phone.upload(request.clone()).await.unwrap();
    }
    assert_eq!(world.rows("spent_token"), 2);
    publish(&world).await.unwrap();
    holds_each_once(&world, &expected).await;
}

/// A log that had grown takes uploads on a disk that is full; when there is no more room in it either, they are refused.
#[tokio::test]
async fn what_is_acknowledged_while_the_disk_fills_is_published() {
    let mounts = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::small(mounts.path()) else {
        return;
    };
    let world = on_disk(&disk).await;
    let mut phone = world.raw_phone(1).await;
    let (requests, expected) = many_prepared(&world, &mut phone, 64).await;
    let filler = disk.fill();
    // The log's room is what preparing 64 uploads took: it may be written over as often as it was copied, so that uploads
    // may go on for long. All that was ever promised is asked for below.
    let mut acknowledged = Vec::new();
    for (request, tags) in requests.iter().zip(expected) {
        match phone.upload(request.clone()).await {
            Ok(_) => acknowledged.push(tags),
            Err(status) => says_come_again(&status, "STORE_UNAVAILABLE"),
        }
    }
    let reason = not_ready(&world).await;
    assert!(reason.contains("the disk is full"), "{reason}");

    fs::remove_file(filler).unwrap();
    eventually(async || (ready(&world).await.0 == 200).then_some(())).await;
    assert_eq!(
        world.rows("spent_token"),
        i64::try_from(acknowledged.len()).unwrap()
    );
    publish(&world).await.unwrap();
    holds_each_once(&world, &acknowledged).await;
}

async fn on_disk(disk: &Disk) -> World {
    World::with(|settings| {
        settings.data_dir = disk.0.join("data");
        settings.database = Database::Sqlite(settings.data_dir.join("truyvet.db"));
        settings.batches = Batches::Folder(settings.data_dir.join("batches"));
    })
    .await
}

/// Fills the disk while the write-ahead log is empty, which is after a publication: else pages may be written over in it.
async fn fill_to_the_last_page(world: &World, disk: &Disk) -> PathBuf {
    let mut log = world.database().to_owned().into_os_string();
    log.push("-wal");
    eventually(async || {
        world.clock.advance(60);
        world.publish().await;
        let filler = disk.fill();
        if fs::metadata(&log).unwrap().len() == 0 {
            return Some(filler);
        }
        fs::remove_file(filler).unwrap();
        None
    })
    .await
}

/// Of each upload's tags, every one is in exactly one published batch.
async fn holds_each_once(world: &World, uploads: &[Vec<Tag>]) {
    let trusted = world.trusted();
    let files = world.files().await;
    let batches: Vec<_> = files
        .into_iter()
        .map(|file| VerifiedBatch::verify(file, &trusted).unwrap())
        .collect();
    for tags in uploads {
        let matched: usize = batches.iter().map(|batch| batch.matches(tags).len()).sum();
        assert_eq!(matched, tags.len());
    }
}

#[tokio::test]
async fn a_full_disk_of_batches_delays_publication_alone() {
    let mounts = tempfile::tempdir().unwrap();
    let options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs"];
    let Some(disk) = Disk::mount(&mounts.path().join("batches"), &options) else {
        return;
    };
    let world = World::with(|settings| settings.batches = Batches::Folder(disk.0.clone())).await;
    let mut phone = world.raw_phone(1).await;
    let (request, expected) = prepared(&world, &mut phone).await;
    phone.upload(request).await.unwrap();
    let filler = disk.fill();
    says_come_again(
        &publish(&world).await.unwrap_err(),
        "BATCH_STORE_UNAVAILABLE",
    );
    let reason = not_ready(&world).await;
    assert!(reason.contains("publication is delayed"), "{reason}");
    assert_eq!(index_status(&world).await, 200);
    // Uploads go on: they wait for the next window.
    let (request, _) = prepared(&world, &mut phone).await;
    phone.upload(request).await.unwrap();

    fs::remove_file(filler).unwrap();
    // By itself, without anybody who asks for it.
    let files =
        eventually(async || Some(world.files().await).filter(|files| !files.is_empty())).await;
    let batch = VerifiedBatch::verify(files[0].clone(), &world.trusted()).unwrap();
    assert_eq!(batch.matches(&expected).len(), expected.len());
    eventually(async || (ready(&world).await.0 == 200).then_some(())).await;
}

/// As Linux makes a file system read-only that had an error: at once, under open files, and until it is mounted anew.
#[tokio::test]
async fn a_disk_that_turns_read_only_refuses_uploads_and_loses_none() {
    let mounts = tempfile::tempdir().unwrap();
    let image = mounts.path().join("image");
    fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let image = image.to_str().unwrap();
    let at = mounts.path().join("disk");
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        run("mkfs.ext4", &["-q", image]);
    }
    let Some(disk) = Disk::mount(&at, &["-o", "loop", image]) else {
        return;
    };
    let world = on_disk(&disk).await;
    world.publish().await;
    let mut phone = world.raw_phone(1).await;
    let (kept, tags_kept) = prepared(&world, &mut phone).await;
    let (refused, tags_refused) = prepared(&world, &mut phone).await;
    phone.upload(kept).await.unwrap();
    run("mount", &["-o", "remount,abort", at.to_str().unwrap()]);
    let status = phone.upload(refused.clone()).await.unwrap_err();
    says_come_again(&status, "STORE_UNAVAILABLE");
    let reason = not_ready(&world).await;
    assert!(reason.contains("read-only"), "{reason}");
    assert_eq!(index_status(&world).await, 200);

    // Mounted anew, as an operator would.
    let (settings, effects) = (
        world.settings.clone(),
        world.server.context().effects.clone(),
    );
    drop(phone);
    world.server.stop().await;
    run("umount", &[at.to_str().unwrap()]);
    run("mount", &["-o", "loop", image, at.to_str().unwrap()]);
    let server = truyvet_server::start(settings.clone(), effects)
        .await
        .unwrap();
    let mut phone = RawPhone::connect(&format!("http://{}", server.public_addr()), 2).await;
    phone.upload(refused).await.unwrap();
    let region = "VN".parse().unwrap();
    truyvet_server::publish::publish(server.context(), region)
        .await
        .unwrap();
    let last = server
        .context()
        .store
        .published(region)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let file = fs::read(
        settings
            .batches
            .folder()
            .unwrap()
            .join(format!("{}.tvb", last.digest)),
    )
    .unwrap();
    let key = server.context().keys.current().key.verifying_key();
    let trusted = truyvet_crypto::sign::TrustedKeys::new(vec![key]);
    let batch = VerifiedBatch::verify(file, &trusted).unwrap();
    for tags in [tags_kept, tags_refused] {
        assert_eq!(batch.matches(&tags).len(), tags.len());
    }
    server.stop().await;
}
