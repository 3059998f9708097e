//! The whole way with real phones: hear, authorize, upload, publish, download, verify, match, expose. Everything over
//! real sockets.

use truyvet_crypto::Scheme;
use truyvet_matching::Codec;
use truyvet_phone::{Heard, UploadError};
use truyvet_tests::town::{FAR, NEAR, Town};

#[tokio::test]
async fn who_was_near_long_enough_is_told_and_nobody_else() {
    for scheme in Scheme::ALL {
        let town = Town::new(scheme).await;
        let [case, near, brief, far, elsewhere] =
            ["case", "near", "brief", "far", "elsewhere"].map(|name| town.phone(name));
        let yesterday = town.world.now().plus_seconds(-86_400);
        town.meet(&case, &near, yesterday, 25, NEAR);
        town.meet(&case, &brief, yesterday.plus_seconds(3_600), 4, NEAR);
        town.meet(&case, &far, yesterday.plus_seconds(7_200), 60, FAR);
        town.meet(&near, &elsewhere, yesterday.plus_seconds(10_800), 60, NEAR);

        town.upload(&case, &town.world.code().await).await.unwrap();
        // Before publication nobody knows.
        assert_eq!(town.sync(&near).await, 0, "{scheme}");
        town.world.clock.advance(60);
        town.world.publish().await;
        assert_eq!(town.sync(&near).await, 1, "{scheme}");
        for phone in [&brief, &far, &elsewhere, &case] {
            assert_eq!(town.sync(phone).await, 0, "{scheme}");
        }
        assert!(
            !brief.matched_sightings().unwrap().is_empty(),
            "{scheme}: met, but briefly"
        );
        let exposures = near.exposures(town.world.now()).unwrap();
        assert!(
            (25..=35).contains(&exposures[0].minutes),
            "{}",
            exposures[0].minutes
        );
        // Another sync finds nothing new.
        town.world.clock.advance(60);
        town.world.publish().await;
        assert_eq!(town.sync(&near).await, 1, "{scheme}");
        assert_eq!(near.exposures(town.world.now()).unwrap(), exposures);
    }
}

/// Phones read every codec, whichever the operator picked.
#[tokio::test]
async fn every_codec_goes_the_whole_way() {
    for codec in Codec::ALL {
        let town = Town::with(|settings| settings.codec = codec).await;
        let [case, near, elsewhere] = ["case", "near", "elsewhere"].map(|name| town.phone(name));
        let yesterday = town.world.now().plus_seconds(-86_400);
        town.meet(&case, &near, yesterday, 25, NEAR);
        let later = yesterday.plus_seconds(7_200);
        town.meet(&near, &elsewhere, later, 25, NEAR);
        town.upload(&case, &town.world.code().await).await.unwrap();
        town.world.publish().await;
        assert_eq!(town.sync(&near).await, 1, "{codec}");
        assert_eq!(town.sync(&elsewhere).await, 0, "{codec}");
    }
}

/// What a case goes on broadcasting after the upload is not published, now or later.
#[tokio::test]
async fn after_the_upload_a_case_is_nobody_again() {
    let town = Town::new(Scheme::Bluezone).await;
    let [case, before, after] = ["case", "before", "after"].map(|name| town.phone(name));
    town.meet(
        &case,
        &before,
        town.world.now().plus_seconds(-7_200),
        20,
        NEAR,
    );
    town.upload(&case, &town.world.code().await).await.unwrap();
    town.world.clock.advance(3_600);
    town.meet(&case, &after, town.world.now(), 20, NEAR);
    for _ in 0..3 {
        town.world.clock.advance(3_600);
        town.world.publish().await;
    }
    assert_eq!(town.sync(&before).await, 1);
    assert_eq!(town.sync(&after).await, 0);
}

/// A slot that still runs, or that a phone whose clock is ahead may just have heard, waits for a later window.
#[tokio::test]
async fn a_slot_is_published_once_it_is_over_for_everybody() {
    let town = Town::new(Scheme::Bluezone).await;
    let [case, near] = ["case", "near"].map(|name| town.phone(name));
    // The world's noon is two minutes into a slot.
    let slot_start = town.world.now().plus_seconds(-120);
    town.world.clock.advance(720);
    town.meet(&case, &near, slot_start.plus_seconds(30), 11, NEAR);
    town.upload(&case, &town.world.code().await).await.unwrap();
    town.world.publish().await;
    town.sync(&near).await;
    assert!(near.matched_sightings().unwrap().is_empty());
    // The slot has ended, but not by the tolerance and the five minutes of a record.
    town.world.clock.advance(600);
    town.world.publish().await;
    town.sync(&near).await;
    assert!(near.matched_sightings().unwrap().is_empty());
    town.world.clock.advance(600);
    town.world.publish().await;
    town.sync(&near).await;
    assert!(!near.matched_sightings().unwrap().is_empty());
}

/// Clocks that differ by less than the tolerance cost nobody their exposure, also where a window closes in between.
#[tokio::test]
async fn clocks_that_differ_a_little_do_no_harm() {
    for skew in [-290, -60, 60, 290] {
        let town = Town::new(Scheme::Bluezone).await;
        let [case, near] = ["case", "near"].map(|name| town.phone(name));
        // The last quarter of an hour before a slot ends, scanned every five minutes: none of the three can be missed.
        let slot_end = town.world.now().plus_seconds(780);
        for minute in [2, 7, 12] {
            let time = slot_end.plus_seconds(60 * (minute - 15));
            let id = case.broadcast_id(time, &mut town.rng()).unwrap();
            let heard = Heard {
                id: id.as_bytes(),
                time: time.plus_seconds(skew),
                rssi_dbm: NEAR,
            };
            near.hear(heard, time.plus_seconds(skew)).unwrap().unwrap();
            let id = near.broadcast_id(time, &mut town.rng()).unwrap();
            let heard = Heard {
                id: id.as_bytes(),
                time,
                rssi_dbm: NEAR,
            };
            case.hear(heard, time).unwrap().unwrap();
        }
        // Uploaded and published right when the slot has ended, and again later.
        town.world.clock.advance(780);
        town.upload(&case, &town.world.code().await).await.unwrap();
        let mut exposures = 0;
        for _ in 0..3 {
            town.world.publish().await;
            exposures = town.sync(&near).await;
            town.world.clock.advance(600);
        }
        assert_eq!(exposures, 1, "listener's clock off by {skew} s");
    }
}

/// A restart of the server in the middle of it all changes nothing for the phones.
#[tokio::test]
async fn a_restart_changes_nothing() {
    let mut town = Town::new(Scheme::Bluezone).await;
    let [case, near] = ["case", "near"].map(|name| town.phone(name));
    town.meet(
        &case,
        &near,
        town.world.now().plus_seconds(-86_400),
        20,
        NEAR,
    );
    let code = town.world.code().await;
    town = town.restarted().await;
    town.upload(&case, &code).await.unwrap();
    town = town.restarted().await;
    town.world.publish().await;
    town = town.restarted().await;
    assert_eq!(town.sync(&near).await, 1);
}

/// A refusal keeps its reason, and a refused code costs the phone nothing it had.
#[tokio::test]
async fn a_refused_phone_can_try_another_code() {
    let town = Town::new(Scheme::Bluezone).await;
    let [case, near, other] = ["case", "near", "other"].map(|name| town.phone(name));
    town.meet(
        &case,
        &near,
        town.world.now().plus_seconds(-86_400),
        20,
        NEAR,
    );
    town.meet(
        &other,
        &near,
        town.world.now().plus_seconds(-80_000),
        20,
        NEAR,
    );
    let used = town.world.code().await;
    town.upload(&other, &used).await.unwrap();
    let error = town.upload(&case, &used).await.unwrap_err();
    let UploadError::Redeem(refusal) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.reason, "CODE_REFUSED");
    town.upload(&case, &town.world.code().await).await.unwrap();
}
