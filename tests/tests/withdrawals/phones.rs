//! With real phones over real sockets: who was told hears that it does not stand, and nobody else hears anything.

use truyvet_crypto::Scheme;
use truyvet_matching::LocalDay;
use truyvet_phone::{Heard, Phone, UploadError};
use truyvet_tests::town::{NEAR, Town};

const OFFSET: i32 = 25_200;

async fn publish(town: &Town) {
    town.world.clock.advance(60);
    town.world.publish().await;
}

/// A case and, the day before, a false positive: who met whom.
struct Meetings {
    falsely: Phone,
    truly: Phone,
    /// Met the false positive alone.
    one: Phone,
    /// Met both, on two days.
    both: Phone,
    /// Met both at the same time.
    at_once: Phone,
}

async fn meetings(town: &Town) -> Meetings {
    let all = Meetings {
        falsely: town.phone("falsely"),
        truly: town.phone("truly"),
        one: town.phone("one"),
        both: town.phone("both"),
        at_once: town.phone("at_once"),
    };
    let yesterday = town.world.now().plus_seconds(-86_400);
    let before = yesterday.plus_seconds(-86_400);
    town.meet(&all.falsely, &all.one, before, 25, NEAR);
    town.meet(
        &all.falsely,
        &all.both,
        before.plus_seconds(3_600),
        25,
        NEAR,
    );
    town.meet(&all.truly, &all.both, yesterday, 25, NEAR);
    let evening = before.plus_seconds(18_000);
    town.meet(&all.falsely, &all.at_once, evening, 25, NEAR);
    town.meet(&all.truly, &all.at_once, evening, 25, NEAR);
    for case in [&all.falsely, &all.truly] {
        let code = town.world.code().await;
        assert!(!town.upload(case, &code).await.unwrap().withdrawn);
        assert_eq!(case.receipts().unwrap(), 1);
    }
    publish(town).await;
    all
}

#[tokio::test]
async fn an_alert_by_a_false_positive_is_gone_with_the_next_window() {
    for scheme in Scheme::ALL {
        let town = Town::new(scheme).await;
        let Meetings {
            falsely,
            truly,
            one,
            both,
            at_once,
        } = meetings(&town).await;
        let told = async |phone: &Phone| {
            town.take_all(phone).await;
            let news = phone.news(town.world.now()).unwrap();
            phone.owner_was_told(&news).unwrap();
            (news.exposures.len(), news.no_longer.len(), news.untold)
        };
        assert_eq!(told(&one).await, (1, 0, true), "{scheme}");
        assert_eq!(told(&one).await, (1, 0, false), "{scheme}");
        assert_eq!(told(&both).await, (2, 0, true), "{scheme}");
        assert_eq!(told(&at_once).await, (1, 0, true), "{scheme}");

        let code = town.world.withdrawal_code().await;
        let report = town.withdraw(&falsely, &code).await.unwrap();
        assert!(report.withdrawn && report.days == 1, "{scheme}: {report:?}");
        assert_eq!(falsely.receipts().unwrap(), 0);
        // Nobody hears of it before the window closes.
        assert_eq!(told(&one).await, (1, 0, false), "{scheme}");
        publish(&town).await;
        let report = town.take_all(&one).await;
        assert_eq!((report.batches, report.new_matches), (2, 0), "{scheme}");
        assert!(report.withdrawn_matches >= 5, "{scheme}");
        assert_eq!(told(&one).await, (0, 1, true), "{scheme}");
        assert_eq!(told(&one).await, (0, 1, false), "{scheme}");
        let day = LocalDay::of(town.world.now().plus_seconds(-2 * 86_400), OFFSET);
        let news = one.news(town.world.now()).unwrap();
        assert_eq!(news.no_longer, [day], "{scheme}");
        // What another case says stands.
        assert_eq!(told(&both).await, (1, 1, true), "{scheme}");
        assert_eq!(told(&at_once).await, (1, 0, false), "{scheme}");
        assert_eq!(told(&truly).await, (0, 0, false), "{scheme}");
    }
}

/// The same store of sightings, once taking files as they come and once all of them at the end.
#[tokio::test]
async fn it_does_not_matter_when_a_phone_takes_the_files() {
    let town = Town::new(Scheme::Bluezone).await;
    let Meetings {
        falsely, both: now, ..
    } = meetings(&town).await;
    drop(now);
    let (from, to) = ("both", "copy");
    let copy = town.world.folder().join(to);
    std::fs::create_dir(&copy).unwrap();
    for file in ["phone.sqlite", "phone.sqlite-wal"] {
        let original = town.world.folder().join(from).join(file);
        if original.exists() {
            std::fs::copy(original, copy.join(file)).unwrap();
        }
    }
    let [in_turn, at_the_end] = [from, to].map(|name| town.phone(name));
    assert_eq!(town.sync(&in_turn).await, 2);
    let code = town.world.withdrawal_code().await;
    town.withdraw(&falsely, &code).await.unwrap();
    publish(&town).await;
    town.sync(&in_turn).await;
    town.sync(&at_the_end).await;
    let matched = in_turn.matched_sightings().unwrap();
    assert!(!matched.is_empty());
    assert_eq!(at_the_end.matched_sightings().unwrap(), matched);
    assert_eq!(town.sync(&in_turn).await, 1);
    assert_eq!(town.sync(&at_the_end).await, 1);
}

/// Stored after its batch was matched: it never matched, so there is nothing to take back, and nothing breaks.
#[tokio::test]
async fn a_late_sighting_is_no_trouble() {
    let town = Town::new(Scheme::Bluezone).await;
    let Meetings { falsely, one, .. } = meetings(&town).await;
    let before = town.world.now().plus_seconds(-2 * 86_400 + 7_200);
    let id = falsely.broadcast_id(before, &mut town.rng()).unwrap();
    town.sync(&one).await;
    let heard = Heard {
        id: id.as_bytes(),
        time: before,
        rssi_dbm: NEAR,
    };
    let report = one.hear_all([heard], town.world.now()).unwrap();
    assert_eq!((report.kept, report.late), (1, 1));
    let code = town.world.withdrawal_code().await;
    town.withdraw(&falsely, &code).await.unwrap();
    publish(&town).await;
    assert_eq!(town.sync(&one).await, 0);
    assert_eq!(one.matched_sightings().unwrap().len(), 0);
}

/// A case that was withdrawn and tests positive after all is one like any other.
#[tokio::test]
async fn a_withdrawn_case_can_be_a_case_again() {
    let town = Town::new(Scheme::Bluezone).await;
    let Meetings { falsely, one, .. } = meetings(&town).await;
    town.sync(&one).await;
    let code = town.world.withdrawal_code().await;
    town.withdraw(&falsely, &code).await.unwrap();
    publish(&town).await;
    assert_eq!(town.sync(&one).await, 0);
    let again = town.world.now();
    town.meet(&falsely, &one, again, 25, NEAR);
    town.world.clock.advance(7_200);
    let code = town.world.code().await;
    town.upload(&falsely, &code).await.unwrap();
    publish(&town).await;
    assert_eq!(town.sync(&one).await, 1);
    let news = one.news(town.world.now()).unwrap();
    assert_eq!(news.exposures[0].day, LocalDay::of(again, OFFSET));
}

/// A code of the other kind discloses nothing; given to the right command it goes on.
#[tokio::test]
async fn a_code_of_the_other_kind_is_not_lost() {
    let town = Town::new(Scheme::Bluezone).await;
    let [case, near] = ["case", "near"].map(|name| town.phone(name));
    let yesterday = town.world.now().plus_seconds(-86_400);
    town.meet(&case, &near, yesterday, 25, NEAR);
    let withdrawal = town.world.withdrawal_code().await;
    let refused = town.withdraw(&case, &withdrawal).await.unwrap_err();
    assert!(matches!(refused, UploadError::NothingToWithdraw));
    let refused = town.upload(&case, &withdrawal).await.unwrap_err();
    assert!(matches!(
        refused,
        UploadError::OtherKind { withdraws: true }
    ));
    case.abandon_upload().await.unwrap();
    town.upload(&case, &town.world.code().await).await.unwrap();
    publish(&town).await;
    assert_eq!(town.sync(&near).await, 1);

    let upload = town.world.code().await;
    let refused = town.withdraw(&case, &upload).await.unwrap_err();
    assert!(matches!(
        refused,
        UploadError::OtherKind { withdraws: false }
    ));
    case.abandon_upload().await.unwrap();
    let withdrawal = town.world.withdrawal_code().await;
    town.meet(&case, &near, town.world.now(), 25, NEAR);
    town.world.clock.advance(7_200);
    let refused = town.upload(&case, &withdrawal).await.unwrap_err();
    assert!(matches!(
        refused,
        UploadError::OtherKind { withdraws: true }
    ));
    // The same code to the right command.
    town.withdraw(&case, &withdrawal).await.unwrap();
    publish(&town).await;
    assert_eq!(town.sync(&near).await, 0);
}
