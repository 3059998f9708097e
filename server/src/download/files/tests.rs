//! Files in memory: bounded, read once by a crowd, and never other bytes than their digest says.

use futures_util::future::join_all;
use object_store::memory::InMemory;
use truyvet_crypto::Timestamp;

use super::*;

/// Bytes of a file of the tests.
const FILE_BYTES: u64 = 4 << 10;

async fn published(objects: &InMemory, fill: u8) -> PublishedBatch {
    let bytes = vec![fill; FILE_BYTES.try_into().unwrap()];
    let digest = Digest::of(&bytes);
    let path = batch_path(digest);
    objects.put(&path, bytes.into()).await.unwrap();
    PublishedBatch {
        sequence: fill.into(),
        digest,
        file_bytes: FILE_BYTES,
        tags: 0,
        closed_at: Timestamp::MIN,
    }
}

async fn open(files: &Files, objects: &InMemory, batch: &PublishedBatch) -> Content {
    files.open(objects, batch, 0..FILE_BYTES).await.unwrap()
}

fn in_memory(content: &Content) -> &Arc<BatchFile> {
    match content {
        Content::Memory(file) => file,
        Content::Store(_) => panic!("it is read from the store"),
    }
}

async fn forget(objects: &InMemory, batch: &PublishedBatch) {
    objects.delete(&batch_path(batch.digest)).await.unwrap();
}

#[tokio::test]
async fn a_crowd_has_one_copy_and_reads_it_once() {
    let (files, objects) = (Files::new(10 * FILE_BYTES, Path::new(".")), InMemory::new());
    let batch = published(&objects, 1).await;
    let crowd = join_all((0..100).map(|_| open(&files, &objects, &batch))).await;
    let first = in_memory(&crowd[0]);
    assert!(
        crowd
            .iter()
            .all(|content| Arc::ptr_eq(in_memory(content), first))
    );
    forget(&objects, &batch).await;
    let later = open(&files, &objects, &batch).await;
    assert_eq!(Digest::of(in_memory(&later).bytes()), batch.digest);
}

#[tokio::test]
async fn what_was_just_built_is_not_read() {
    let (files, objects) = (Files::new(FILE_BYTES, Path::new(".")), InMemory::new());
    let batch = published(&objects, 1).await;
    forget(&objects, &batch).await;
    files.keep(batch.digest, vec![1; FILE_BYTES.try_into().unwrap()].into());
    in_memory(&open(&files, &objects, &batch).await);
    // Until no index names it any more.
    files.keep_only(&HashSet::new());
    assert!(files.open(&objects, &batch, 0..FILE_BYTES).await.is_err());
}

#[tokio::test]
async fn the_file_that_was_not_asked_for_longest_makes_room_unless_it_is_being_sent() {
    let (files, objects) = (Files::new(2 * FILE_BYTES, Path::new(".")), InMemory::new());
    let mut batches = Vec::new();
    for fill in 0..4 {
        batches.push(published(&objects, fill).await);
    }
    for turn in [0, 1, 0, 2] {
        open(&files, &objects, &batches[turn]).await;
    }
    for batch in &batches[..3] {
        forget(&objects, batch).await;
    }
    let sent = [
        open(&files, &objects, &batches[0]).await,
        open(&files, &objects, &batches[2]).await,
    ];
    assert!(
        files
            .open(&objects, &batches[1], 0..FILE_BYTES)
            .await
            .is_err(),
        "it made room"
    );
    // Nothing more goes into memory while both are being sent; a part of the next comes from the store.
    let Content::Store(pieces) = files.open(&objects, &batches[3], 10..20).await.unwrap() else {
        panic!("there is no room");
    };
    let part: Vec<Bytes> = pieces.try_collect().await.unwrap();
    assert_eq!(part.concat(), [3; 10]);
    drop(sent);
    in_memory(&open(&files, &objects, &batches[3]).await);
}

#[tokio::test]
async fn what_is_corrupt_is_never_handed_out() {
    for capacity in [10 * FILE_BYTES, 0] {
        for bytes in [vec![2; FILE_BYTES.try_into().unwrap()], vec![1], vec![]] {
            let (files, objects) = (Files::new(capacity, Path::new(".")), InMemory::new());
            let batch = published(&objects, 1).await;
            let path = batch_path(batch.digest);
            objects.put(&path, bytes.into()).await.unwrap();
            for _ in 0..2 {
                let refused = files.open(&objects, &batch, 0..FILE_BYTES).await;
                let error = refused.err().expect("it is another file");
                assert!(matches!(error, Unreadable::Corrupt(digest) if digest == batch.digest));
                assert!(error.to_string().contains(&path.to_string()));
            }
        }
    }
}

#[test]
fn the_kernels_copy_is_the_file_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::new(3 * FILE_BYTES, folder.path());
    let bytes = Bytes::from(vec![7; FILE_BYTES.try_into().unwrap()]);
    let file = |files: &Files| files.file(bytes.clone(), files.reserve(FILE_BYTES).unwrap());
    let first = file(&files);
    assert!(first.shared().get().is_none());
    assert!(first.shared().is_mine_to_make() && !first.shared().is_mine_to_make());
    first.shared().make(&bytes);
    let shared = first.shared().get().unwrap();
    let mut copy = vec![0; 2 * bytes.len()];
    let length = rustix::io::pread(shared, &mut copy, 0).unwrap();
    assert_eq!(copy[..length], bytes);
    assert!(rustix::io::pwrite(shared, b"x", 0).is_err());
    // Where there is no disk to have it on there is none, and that takes no room for good.
    let nowhere = Files::new(FILE_BYTES, Path::new("no/such/folder"));
    let second = file(&nowhere);
    second.shared().make(&bytes);
    assert!(second.shared().get().is_none());
    drop((first, second));
    assert_eq!(files.room.available_permits() as u64, files.capacity_units);
}
