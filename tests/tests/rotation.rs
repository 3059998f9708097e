//! Signing keys change under phones that go on: both sign during the overlap, then the older one is retired.

use truyvet_crypto::Scheme;
use truyvet_proto::v1::RotateSigningKeyRequest;
use truyvet_server::{
    retention,
    retire::{RetireError, retire_signing_key},
};
use truyvet_tests::{
    town::{NEAR, Town},
    world::bearer,
};

#[tokio::test]
async fn phones_go_through_a_rotation_and_the_retirement_after_it() {
    let mut town = Town::new(Scheme::Bluezone).await;
    let [case, old_phone] = ["case", "old"].map(|name| town.phone(name));
    town.world.publish().await;
    town.sync(&old_phone).await;
    let old_key = town
        .world
        .server
        .context()
        .keys
        .current()
        .key
        .verifying_key()
        .id();
    town.world
        .admin()
        .await
        .rotate_signing_key(bearer(
            &town.world.administrator,
            RotateSigningKeyRequest {},
        ))
        .await
        .unwrap();
    // Came with the new key alone, and still verifies what the old one signed.
    let new_phone = town.phone("new");
    let yesterday = town.world.now().plus_seconds(-86_400);
    town.meet(&case, &old_phone, yesterday, 25, NEAR);
    town.meet(&case, &new_phone, yesterday, 25, NEAR);
    town.upload(&case, &town.world.code().await).await.unwrap();
    town.world.clock.advance(60);
    town.world.publish().await;
    for phone in [&old_phone, &new_phone] {
        assert_eq!(town.sync(phone).await, 1);
    }

    let settings = town.world.settings.clone();
    let retire = || retire_signing_key(&settings, old_key);
    assert!(
        matches!(retire().await, Err(RetireError::Start(_))),
        "a server runs"
    );
    for _ in 0..15 {
        town.world.clock.advance(86_400);
        town.world.publish().await;
        town.sync(&old_phone).await;
    }
    retention::run(town.world.server.context()).await.unwrap();
    let server = town.world.server;
    let effects = server.context().effects.clone();
    server.stop().await;
    retire().await.unwrap();
    assert!(matches!(retire().await, Err(RetireError::NoSuchKey(_))));
    town.world.server = truyvet_server::start(settings.clone(), effects)
        .await
        .unwrap();
    let mut town = town.restarted().await;
    assert_eq!(town.world.server.context().keys.signing().len(), 1);
    town.world.clock.advance(3_600);
    town.world.publish().await;
    for phone in [&old_phone, &new_phone] {
        town.sync(phone).await;
    }

    let current = town
        .world
        .server
        .context()
        .keys
        .current()
        .key
        .verifying_key()
        .id();
    let server = town.world.server;
    let effects = server.context().effects.clone();
    server.stop().await;
    let refused = retire_signing_key(&settings, current);
    assert!(matches!(refused.await, Err(RetireError::Current(_))));
    town.world.server = truyvet_server::start(settings, effects).await.unwrap();
}

#[tokio::test]
async fn a_key_whose_batches_are_still_handed_out_is_not_retired() {
    let town = Town::new(Scheme::Bluezone).await;
    town.world.publish().await;
    let context = town.world.server.context();
    let old_key = context.keys.current().key.verifying_key().id();
    context
        .keys
        .rotate(town.world.now(), &mut town.rng())
        .unwrap();
    let settings = town.world.settings.clone();
    town.world.server.stop().await;
    let refused = retire_signing_key(&settings, old_key);
    assert!(matches!(
        refused.await,
        Err(RetireError::InUse { batches: 1, .. })
    ));
}
