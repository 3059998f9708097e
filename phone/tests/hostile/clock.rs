//! Clocks that are far off, and what they must not cost.

use truyvet_crypto::{Scheme, Timestamp};
use truyvet_phone::{ConfigError, Phone, SyncError};

use crate::{
    grpc::{Call, Server},
    meet, noon, phone,
    publisher::signed_config,
    rng, trusted,
};

const DAY: i64 = 86_400;

/// A phone that met somebody at noon.
fn after_a_meeting(scheme: Scheme) -> Phone {
    let mine = phone(scheme, 1);
    meet(&mine, &phone(scheme, 2), noon());
    mine
}

fn accept_config(phone: &Phone, now: Timestamp) {
    let config = signed_config(phone.scheme(), now, [0; 32]);
    phone.accept_config(&config, now).unwrap();
}

#[test]
fn a_clock_set_ahead_costs_no_evidence() {
    for scheme in Scheme::ALL {
        let mine = after_a_meeting(scheme);
        let heard = mine.sightings().unwrap();
        let own = mine.ids_of_day(noon().day(), &mut rng(3)).unwrap();
        let next_year = noon().plus_seconds(365 * DAY);
        mine.broadcast_id(next_year, &mut rng(3)).unwrap();
        mine.purge(next_year).unwrap();
        // Put right: everything is as it was.
        assert_eq!(mine.sightings().unwrap(), heard, "{scheme}");
        let again = mine.ids_of_day(noon().day(), &mut rng(4)).unwrap();
        assert_eq!(again, own, "{scheme}");
        // Once somebody has confirmed that so much time has passed, it goes.
        let later = noon().plus_seconds(15 * DAY);
        accept_config(&mine, later.plus_seconds(-2 * DAY));
        mine.purge(later).unwrap();
        assert_eq!(mine.sightings().unwrap(), 0, "{scheme}");
    }
}

#[test]
fn retention_goes_on_for_two_days_without_a_server() {
    let mine = after_a_meeting(Scheme::Bluezone);
    accept_config(&mine, noon().plus_seconds(12 * DAY));
    mine.purge(noon().plus_seconds(14 * DAY)).unwrap();
    assert!(mine.sightings().unwrap() > 0);
    // Fifteen minutes and a bin later all of it is older than the retention.
    let over = noon().plus_seconds(14 * DAY + 1_200);
    mine.purge(over).unwrap();
    assert!(mine.sightings().unwrap() > 0, "not confirmed");
    accept_config(&mine, noon().plus_seconds(12 * DAY + 1_200));
    mine.purge(over).unwrap();
    assert_eq!(mine.sightings().unwrap(), 0);
}

#[test]
fn before_the_first_signature_nothing_is_forgotten() {
    let mine = Phone::in_memory(Scheme::Bluezone, trusted(), noon(), &mut rng(1)).unwrap();
    meet(&mine, &phone(Scheme::Bluezone, 2), noon());
    mine.purge(noon().plus_seconds(365 * DAY)).unwrap();
    assert!(mine.sightings().unwrap() > 0);
}

#[test]
fn a_phone_made_while_its_clock_was_ahead_broadcasts_no_id_on_two_days() {
    for scheme in Scheme::ALL {
        let made = noon().plus_seconds(30 * DAY);
        let mine = Phone::in_memory(scheme, trusted(), made, &mut rng(1)).unwrap();
        let mut rng = rng(2);
        let ids_at = |time| mine.broadcast_id(time, &mut rng).unwrap();
        let ids = [made, noon(), noon().plus_seconds(DAY)].map(ids_at);
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    }
}

#[tokio::test]
async fn a_clock_far_ahead_is_told_by_the_first_configuration() {
    let (_server, connection) = Server::start(Scheme::Bluezone).await;
    let ahead = noon().plus_seconds(2 * DAY + 1);
    let mine = Phone::in_memory(Scheme::Bluezone, trusted(), ahead, &mut rng(1)).unwrap();
    let told = "this phone's clock is ahead of the server's, up to 172801 s";
    let refused = mine.refresh_config(&connection, ahead).await.unwrap_err();
    assert!(matches!(refused, ConfigError::Clock(_)));
    assert_eq!(refused.to_string(), told);
    assert!(mine.config().is_none());
    let region = "VN".parse().unwrap();
    let refused = mine.sync(&connection, region, ahead).await.unwrap_err();
    assert!(matches!(refused, SyncError::Config(ConfigError::Clock(_))));
    mine.refresh_config(&connection, noon()).await.unwrap();
}

#[tokio::test]
async fn a_configuration_fetched_tomorrow_is_asked_for_again() {
    let (server, connection) = Server::start(Scheme::Bluezone).await;
    let mine = Phone::in_memory(Scheme::Bluezone, trusted(), noon(), &mut rng(1)).unwrap();
    // The clock was a day ahead, which is within what is taken.
    let ahead = noon().plus_seconds(DAY);
    mine.refresh_config(&connection, ahead).await.unwrap();
    // There is no index here; what counts is what was asked for before.
    let region = "VN".parse().unwrap();
    mine.sync(&connection, region, noon()).await.unwrap_err();
    let calls = &server.state.lock().unwrap().calls;
    assert!(matches!(
        calls[..],
        [(Call::GetConfig, _), (Call::GetConfig, _)]
    ));
}
