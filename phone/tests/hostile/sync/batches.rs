//! Batches that are cut, altered, forged or not the ones announced.

use truyvet_matching::build::BatchParameters;
use truyvet_phone::Heard;

use super::*;

#[tokio::test]
async fn a_phone_that_met_a_case_is_told_and_asks_for_nothing_twice() {
    let mut world = World::new().await;
    world.publish(3);
    let report = world.sync().await.unwrap();
    let bytes = world
        .publisher
        .batches
        .iter()
        .map(|(_, file)| file.len() as u64);
    assert_eq!(
        report,
        SyncReport {
            index_unchanged: false,
            batches: 3,
            bytes: bytes.sum(),
            new_matches: 3,
            withdrawn_matches: 0,
            clock_skew_seconds: None,
        }
    );
    assert_eq!(world.exposures(), 1);
    world.server.asked();
    assert!(world.sync().await.unwrap().index_unchanged);
    assert!(matches!(
        &world.server.asked()[..],
        [Asked {
            if_none_match: Some(_),
            ..
        }]
    ));
}

#[tokio::test]
async fn what_a_phone_asks_for_does_not_depend_on_what_matched() {
    let mut world = World::new().await;
    world.publish(3);
    world.sync().await.unwrap();
    let of_the_exposed = world.server.asked();
    let alone = phone(Scheme::Bluezone, 3);
    assert_eq!(world.sync_of(&alone).await.unwrap().new_matches, 0);
    assert_eq!(world.server.asked(), of_the_exposed);
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_stopped_even_after_a_restart() {
    let mut world = World::new().await;
    world.publish(1);
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        Phone::open(
            folder.path(),
            Scheme::Bluezone,
            trusted(),
            noon(),
            &mut rng(1),
        )
        .unwrap()
    };
    let mine = open();
    let config = signed_config(Scheme::Bluezone, noon(), [0; 32]);
    mine.accept_config(&config, noon()).unwrap();
    meet(&mine, &world.case, noon());
    let (path, file) = world.publisher.file(0);
    let half = file.len() / 2;
    world
        .server
        .change(&path, |page| page.breaks_after = Some(half));
    assert!(
        world
            .sync_of(&mine)
            .await
            .unwrap_err()
            .starts_with("batch 1: ")
    );
    drop(mine);
    #[cfg(unix)]
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for its owner alone");
    }
    world.server.change(&path, |page| page.breaks_after = None);
    world.server.asked();
    let mine = open();
    assert_eq!(world.sync_of(&mine).await.unwrap().new_matches, 3);
    assert_eq!(
        world.server.asked(),
        [asked(INDEX, None), asked(&path, Some(half))]
    );
    // Nothing of it stays in the folder.
    let parts = std::fs::read_dir(folder.path())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "part");
    assert_eq!(parts.count(), 0);
}

#[tokio::test]
async fn a_server_without_ranges_sends_the_whole_again() {
    let mut world = World::new().await;
    world.publish(1);
    let (path, _) = world.publisher.file(0);
    world
        .server
        .change(&path, |page| page.breaks_after = Some(100));
    world.sync().await.unwrap_err();
    world.server.change(&path, |page| {
        page.breaks_after = None;
        page.ignores_ranges = true;
    });
    assert_eq!(world.sync().await.unwrap().new_matches, 3);
}

#[tokio::test]
async fn a_busy_server_does_not_cost_what_was_downloaded() {
    for (status, from) in [
        (503, Some(100)),
        (500, Some(100)),
        (429, Some(100)),
        (403, Some(100)),
        (404, None),
        (410, None),
        (416, None),
        // Without the range that was asked for.
        (206, None),
    ] {
        let mut world = World::new().await;
        world.publish(1);
        let (path, _) = world.publisher.file(0);
        world
            .server
            .change(&path, |page| page.breaks_after = Some(100));
        world.sync().await.unwrap_err();
        world.server.change(&path, |page| {
            page.breaks_after = None;
            page.status = Some(status);
        });
        let refused = world.sync().await.unwrap_err();
        assert_eq!(refused, format!("batch 1: HTTP status {status}"));
        world.server.change(&path, |page| page.status = None);
        world.server.asked();
        assert_eq!(world.sync().await.unwrap().new_matches, 3);
        let last = world.server.asked().pop();
        assert_eq!(last, Some(asked(&path, from)), "{status}");
    }
}

#[tokio::test]
async fn a_part_with_wrong_bytes_is_thrown_away() {
    let mut world = World::new().await;
    world.publish(1);
    let (path, file) = world.publisher.file(0);
    let mut wrong = file.clone();
    wrong[10] ^= 1;
    world.server.change(&path, |page| {
        page.body = wrong;
        page.breaks_after = Some(100);
    });
    world.sync().await.unwrap_err();
    // The rest is right, the part is not: refused as a whole, and begun anew the next time.
    world.server.change(&path, |page| {
        page.body = file;
        page.breaks_after = None;
    });
    world
        .refused_then_taken("batch 1: the SHA-256 is not the one announced")
        .await;
    assert_eq!(world.server.asked().last(), Some(&asked(&path, None)));
}

#[tokio::test]
async fn one_flipped_bit_is_enough_to_refuse_a_batch() {
    let mut world = World::new().await;
    world.publish(1);
    let (path, file) = world.publisher.file(0);
    for position in [0, 20, file.len() / 2, file.len() - 1] {
        world
            .server
            .change(&path, |page| page.body[position] ^= 0x40);
        let refused = world.sync().await.unwrap_err();
        assert_eq!(refused, "batch 1: the SHA-256 is not the one announced");
        world
            .server
            .change(&path, |page| page.body[position] ^= 0x40);
    }
    assert_eq!(world.sync().await.unwrap().new_matches, 3);
}

#[tokio::test]
async fn a_short_file_is_refused_and_completed_later() {
    let mut world = World::new().await;
    world.publish(1);
    let (path, file) = world.publisher.file(0);
    world.server.change(&path, |page| page.body.truncate(100));
    let reason = format!("batch 1: 100 of {} bytes", file.len());
    world.refused_then_taken(&reason).await;
    assert_eq!(world.server.asked().last(), Some(&asked(&path, Some(100))));
}

#[tokio::test]
async fn not_a_byte_more_than_announced_is_kept() {
    let mut world = World::new().await;
    world.publish(1);
    let (path, file) = world.publisher.file(0);
    world
        .server
        .change(&path, |page| page.body.resize(10_000_000, 0));
    let reason = format!("batch 1: more than {} bytes", file.len());
    world.refused_then_taken(&reason).await;
}

#[tokio::test]
async fn a_batch_that_a_stranger_signed_is_refused() {
    let mut world = World::new().await;
    let stranger = SigningKey::from_seed(&[66; 32]);
    let trusted = std::mem::replace(&mut world.publisher.key, stranger);
    world.publisher.publish(tags_of(&world.case), world.now);
    world.publisher.key = trusted;
    world.send();
    let refused = world.sync().await.unwrap_err();
    assert!(
        refused.starts_with("batch 1: signed by a key that is not trusted"),
        "{refused}"
    );
    assert_eq!(world.exposures(), 0);
}

#[tokio::test]
async fn a_batch_must_be_the_one_announced() {
    type Change = fn(&mut BatchParameters);
    let changes: [(Change, &str); 4] = [
        (|batch| batch.region = "VN-HN".parse().unwrap(), "region"),
        (|batch| batch.sequence = 7, "sequence number"),
        (
            |batch| batch.previous = Digest::of(b"another"),
            "batch before it",
        ),
        (
            |batch| batch.closed_at = batch.closed_at.plus_seconds(1),
            "closing time",
        ),
    ];
    for (change, field) in changes {
        let mut world = World::new().await;
        world.publish(1);
        let mut parameters = world.publisher.next_parameters(world.now);
        change(&mut parameters);
        world
            .publisher
            .publish_as(&parameters, tags_of(&world.case));
        let mut index = world.publisher.index(world.now);
        index.batches[1].closed_at = world.now.unix_seconds();
        world.server.send_all(&world.publisher, &index);
        let refused = world.sync().await.unwrap_err();
        assert_eq!(
            refused,
            format!("batch 2: not the one announced: {field} differs")
        );
    }
}

#[tokio::test]
async fn a_failed_batch_keeps_those_before_it_and_is_tried_again() {
    let mut world = World::new().await;
    world.publish(3);
    let (path, file) = world.publisher.file(1);
    world.server.change(&path, |page| page.body[50] ^= 1);
    assert!(world.sync().await.unwrap_err().starts_with("batch 2: "));
    assert_eq!(world.exposures(), 1);
    world.server.change(&path, |page| page.body = file);
    world.server.asked();
    assert_eq!(world.sync().await.unwrap().batches, 2);
    let third = world.publisher.file(2).0;
    // No "if none match": an unchanged index would have hidden what is still to be done.
    assert_eq!(
        world.server.asked(),
        [asked(INDEX, None), asked(&path, None), asked(&third, None)]
    );
}

#[tokio::test]
async fn a_withdrawal_takes_matches_back() {
    let mut world = World::new().await;
    world.publish(1);
    world.sync().await.unwrap();
    assert_eq!(world.exposures(), 1);
    let mut parameters = world.publisher.next_parameters(world.now);
    parameters.kind = BatchKind::Withdrawal;
    world
        .publisher
        .publish_as(&parameters, tags_of(&world.case));
    world.now = world.now.plus_seconds(1);
    world.send();
    let report = world.sync().await.unwrap();
    assert_eq!((report.new_matches, report.withdrawn_matches), (0, 3));
    assert_eq!(world.exposures(), 0);
}

#[tokio::test]
async fn what_was_heard_around_closing_time_does_not_match() {
    let mut world = World::new().await;
    // Closes while the third of the three sightings is still in its five minutes.
    world
        .publisher
        .publish(tags_of(&world.case), noon().plus_seconds(899));
    world.send();
    assert_eq!(world.sync().await.unwrap().new_matches, 2);
}

#[tokio::test]
async fn what_is_stored_after_its_batch_was_matched_is_counted_as_late() {
    let mut world = World::new().await;
    let late = |world: &World, time| {
        let heard = Heard {
            id: &[7; 12],
            time,
            rssi_dbm: -60,
        };
        world.mine.hear_all([heard], world.now).unwrap().late
    };
    assert_eq!(late(&world, noon()), 0);
    world.publish(1);
    world.sync().await.unwrap();
    assert_eq!(late(&world, noon()), 1);
    // Heard as the batch closed: a later one will speak of it.
    assert_eq!(late(&world, world.now), 0);
}

#[tokio::test]
async fn a_withdrawal_leaves_what_another_region_published() {
    let mut world = World::new().await;
    world.publish(1);
    world.sync().await.unwrap();
    // The same server publishes for Hanoi as well, and takes that back.
    let mut hanoi = Publisher::new();
    hanoi.region = "VN-HN".parse().unwrap();
    hanoi.publish(tags_of(&world.case), world.now);
    let mut parameters = hanoi.next_parameters(world.now);
    parameters.kind = BatchKind::Withdrawal;
    hanoi.publish_as(&parameters, tags_of(&world.case));
    world.server.send_all(&hanoi, &hanoi.index(world.now));
    let report = world
        .mine
        .sync(&world.server.connection, hanoi.region, world.now)
        .await
        .unwrap();
    assert_eq!((report.batches, report.withdrawn_matches), (2, 0));
    assert_eq!(world.exposures(), 1);
}
