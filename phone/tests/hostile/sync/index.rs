//! Indexes that are altered, forged, replayed, held back or turned back.

use super::*;

#[tokio::test]
async fn a_file_too_large_to_hold_is_not_asked_for_and_costs_none_before_it() {
    let mut world = World::new().await;
    world.publish(3);
    let mut index = world.publisher.index(world.now);
    index.batches[1].file_bytes = truyvet_phone::MAX_FILE_BYTES + 1;
    world.server.send_all(&world.publisher, &index);
    assert_eq!(
        world.sync().await.unwrap_err(),
        "batch 2: more than 268435456 bytes"
    );
    assert_eq!(world.exposures(), 1);
    let first = world.publisher.file(0).0;
    assert_eq!(
        world.server.asked(),
        [asked(INDEX, None), asked(&first, None)]
    );
}

#[tokio::test]
async fn an_index_of_thirty_days_of_a_batch_a_minute_is_read() {
    let mut world = World::new().await;
    world.publish(1);
    let mut index = world.publisher.index(world.now);
    let entry = index.batches[0].clone();
    index.batches = (0..43_200)
        .map(|batch| truyvet_proto::v1::BatchEntry {
            sequence: 10_000_000 + batch,
            file_bytes: truyvet_phone::MAX_FILE_BYTES,
            ..entry.clone()
        })
        .collect();
    world.server.send_all(&world.publisher, &index);
    let refused = world.sync().await.unwrap_err();
    // Read, and the first file is not as long as announced.
    assert!(refused.starts_with("batch 10000000: "), "{refused}");
}

#[tokio::test]
async fn a_hole_in_the_index_is_refused() {
    let mut world = World::new().await;
    world.publish(4);
    let mut index = world.publisher.index(world.now);
    index.batches.remove(2);
    world.server.send_all(&world.publisher, &index);
    world
        .refused_then_taken("index of VN: batch 3 is missing")
        .await;
    index.batches.swap(0, 1);
    index.generated_at += 1;
    world.server.send_all(&world.publisher, &index);
    assert_eq!(
        world.sync().await.unwrap_err(),
        "index of VN: entry 1: sequence is out of bounds or order"
    );
}

#[tokio::test]
async fn an_index_that_begins_too_late_is_refused_unless_retention_can_have_taken_the_rest() {
    let mut world = World::new().await;
    world.publish(1);
    world.sync().await.unwrap();
    let begins_at_3 = |world: &mut World, now: Timestamp| {
        world.now = now;
        let config = signed_config(Scheme::Bluezone, now, [0; 32]);
        world.mine.accept_config(&config, now).unwrap();
        let mut index = world.publisher.index(now);
        index.batches.drain(..2);
        world.server.send_all(&world.publisher, &index);
    };
    let closed_at = world.now;
    for tag in [2, 3] {
        let tags = vec![Tag::from_bytes([tag; 16])];
        world.publisher.publish(tags, closed_at.plus_seconds(60));
    }
    begins_at_3(&mut world, closed_at.plus_seconds(14 * 86_400));
    assert_eq!(
        world.sync().await.unwrap_err(),
        "index of VN: batch 2 is missing"
    );
    begins_at_3(&mut world, closed_at.plus_seconds(14 * 86_400 + 1));
    assert_eq!(world.sync().await.unwrap().batches, 1);
    // A phone that comes later than that begins where the index does.
    let new = phone(Scheme::Bluezone, 3);
    assert_eq!(world.sync_of(&new).await.unwrap().batches, 1);
}

#[tokio::test]
async fn a_clock_beyond_the_tolerance_is_told() {
    let mut world = World::new().await;
    world.publish(1);
    // `now` is 2026-01-02 06:00:00.
    for (head, skew) in [
        ("date: Fri, 02 Jan 2026 06:05:00 GMT\r\n", None),
        ("date: Fri, 02 Jan 2026 06:05:01 GMT\r\n", Some(-301)),
        ("date: Fri, 02 Jan 2026 05:54:59 GMT\r\n", Some(301)),
        // A cache has had it for a minute.
        ("date: Fri, 02 Jan 2026 05:54:59 GMT\r\nage: 60\r\n", None),
        ("date: soon\r\n", None),
        ("", None),
    ] {
        world.server.change(INDEX, |page| page.head = head);
        let report = world.sync().await.unwrap();
        assert_eq!(report.clock_skew_seconds, skew, "{head}");
    }
}

#[tokio::test]
async fn an_index_that_is_altered_or_signed_by_a_stranger_is_refused() {
    let mut world = World::new().await;
    world.publish(1);
    let index = world.publisher.index(world.now);
    let stranger = signed(&SigningKey::from_seed(&[66; 32]), Purpose::Index, &index);
    let mut altered = signed(&world.publisher.key, Purpose::Index, &index);
    altered.payload[20] ^= 1;
    let for_another_purpose = signed(&world.publisher.key, Purpose::Batch, &index);
    for (body, reason) in [
        (
            stranger.encode_to_vec(),
            "not signed by a key this phone trusts",
        ),
        (
            altered.encode_to_vec(),
            "the signature does not fit: altered on the way",
        ),
        (
            for_another_purpose.encode_to_vec(),
            "the signature does not fit: altered on the way",
        ),
        (b"<html>".to_vec(), "does not decode"),
        (vec![0; 4_000_000], "more than 3145728 bytes"),
    ] {
        world.server.send(
            INDEX,
            Page {
                body,
                ..Page::default()
            },
        );
        let refused = world.sync().await.unwrap_err();
        assert_eq!(refused, format!("index of VN: {reason}"));
    }
}

#[tokio::test]
async fn a_replayed_index_is_refused() {
    let mut world = World::new().await;
    world.publish(1);
    let old = world.publisher.index(world.now);
    world.publisher.publish(vec![], world.now);
    world.now = world.now.plus_seconds(600);
    world.send();
    world.sync().await.unwrap();

    world.server.send_all(&world.publisher, &old);
    let refused = world.sync().await.unwrap_err();
    assert_eq!(refused, "index of VN: older than one seen before, by 600 s");

    world.send();
    world.now = world.now.plus_seconds(86_401);
    world
        .mine
        .accept_config(
            &signed_config(Scheme::Bluezone, world.now, [0; 32]),
            world.now,
        )
        .unwrap();
    let refused = world.sync().await.unwrap_err();
    assert_eq!(
        refused,
        "index of VN: stale or replayed index: it was valid until 1 s ago"
    );
}

#[tokio::test]
async fn an_index_past_its_time_cannot_be_confirmed_by_a_304() {
    let mut world = World::new().await;
    world.publish(1);
    world.sync().await.unwrap();
    world.server.asked();
    world.now = world.now.plus_seconds(86_401);
    world
        .mine
        .accept_config(
            &signed_config(Scheme::Bluezone, world.now, [0; 32]),
            world.now,
        )
        .unwrap();
    assert!(
        world
            .sync()
            .await
            .unwrap_err()
            .contains("stale or replayed")
    );
    assert_eq!(world.server.asked(), [asked(INDEX, None)]);
}

#[tokio::test]
async fn an_index_from_the_future_says_that_the_clock_is_behind() {
    let mut world = World::new().await;
    world.publish(1);
    let future = world.publisher.index(world.now.plus_seconds(7_201));
    world.server.send_all(&world.publisher, &future);
    world
        .refused_then_taken("index of VN: this phone's clock is 7201 s behind the server's")
        .await;
}

#[tokio::test]
async fn an_index_of_another_region_is_refused() {
    let mut world = World::new().await;
    world.publish(1);
    let mut index = world.publisher.index(world.now);
    index.region = "VN-HN".to_owned();
    world.server.send_all(&world.publisher, &index);
    world
        .refused_then_taken("index of VN: of another region")
        .await;
}

#[tokio::test]
async fn a_server_that_forgot_a_batch_is_found_out() {
    let mut world = World::new().await;
    world.publish(2);
    world.sync().await.unwrap();
    let mut shorter = world.publisher.index(world.now.plus_seconds(1));
    shorter.batches.pop();
    let mut other = world.publisher.index(world.now.plus_seconds(1));
    other.batches[1].digest = vec![0; 32];
    for index in [shorter, other] {
        world.server.send_all(&world.publisher, &index);
        assert_eq!(
            world.sync().await.unwrap_err(),
            "index of VN: forked: batch 2, which this phone has matched, is not in it as it was; the server must restore it"
        );
    }
    // Retention may take all of them.
    let mut empty = world.publisher.index(world.now.plus_seconds(2));
    empty.batches.clear();
    world.server.send_all(&world.publisher, &empty);
    assert_eq!(world.sync().await.unwrap().batches, 0);
}

#[tokio::test]
async fn an_etag_that_could_number_phones_is_not_sent_back() {
    let mut world = World::new().await;
    world.publish(1);
    world
        .server
        .change(INDEX, |page| page.etag = Some("\"phone-4711\"".to_owned()));
    world.sync().await.unwrap();
    world.server.asked();
    assert!(!world.sync().await.unwrap().index_unchanged);
    assert_eq!(world.server.asked(), [asked(INDEX, None)]);
}

#[tokio::test]
async fn an_old_index_is_not_confirmed_while_a_newer_one_is_not_done() {
    let mut world = World::new().await;
    world.publish(1);
    world.sync().await.unwrap();
    let old = world.publisher.index(world.now);
    world.publisher.publish(vec![], world.now);
    world.now = world.now.plus_seconds(600);
    world.send();
    let (path, _) = world.publisher.file(1);
    world.server.change(&path, |page| page.body[50] ^= 1);
    world.sync().await.unwrap_err();
    // "Still the one you have" would be true of the old index, and hide the batch that is still to come.
    world.server.send_all(&world.publisher, &old);
    let refused = world.sync().await.unwrap_err();
    assert_eq!(refused, "index of VN: older than one seen before, by 600 s");
}

#[test]
fn an_older_configuration_brings_nothing_back() {
    let phone = phone(Scheme::Bluezone, 1);
    let offer = |seconds, token_key| {
        let signed = signed_config(
            Scheme::Bluezone,
            noon().plus_seconds(seconds),
            [token_key; 32],
        );
        phone
            .accept_config(&signed, noon())
            .unwrap()
            .token_public_key[0]
    };
    assert_eq!(offer(60, 1), 1);
    assert_eq!(offer(59, 2), 1);
    assert_eq!(offer(61, 3), 3);
    assert_eq!(phone.config().unwrap().token_public_key, [3; 32]);
}
