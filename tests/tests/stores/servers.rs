//! Two servers of one country, on one database and one batch store.

use std::sync::Arc;

use prost::Message as _;
use truyvet_crypto::{Day, Tag};
use truyvet_matching::VerifiedBatch;
use truyvet_proto::v1::{
    Index, ListBatchesRequest, exposure_service_client::ExposureServiceClient,
};
use truyvet_server::{Effects, Entropy, Server, StartError, WalkOn};
use truyvet_services::Postgres;
use truyvet_tests::{
    process::eventually,
    raw::{RawPhone, tags},
    world::{World, channel, download, place},
};

/// A world on a database that another server can share; `None` where there is none.
async fn world(publish_every_seconds: Option<u32>) -> Option<World> {
    let database = place(Postgres::shared()?.create_database());
    let world = World::with(|settings| {
        settings.database = database;
        settings.publish_every_seconds = publish_every_seconds;
    });
    Some(world.await)
}

async fn phone(server: &Server, seed: u64) -> RawPhone {
    RawPhone::connect(&format!("http://{}", server.public_addr()), seed).await
}

async fn index(server: &Server) -> Index {
    let url = format!("http://{}", server.public_addr());
    let mut exposure = ExposureServiceClient::new(channel(&url).await);
    let region = "VN".to_owned();
    let answer = exposure.list_batches(ListBatchesRequest { region }).await;
    let signed = answer.unwrap().into_inner().index.unwrap();
    Index::decode(&*signed.payload).unwrap()
}

/// In how many of the batches that this server hands out each tag is.
async fn times(world: &World, server: &Server, tags: &[Tag]) -> Vec<u32> {
    let url = format!("http://{}", server.public_addr());
    let mut exposure = ExposureServiceClient::new(channel(&url).await);
    let mut times = vec![0; tags.len()];
    for entry in index(server).await.batches {
        let file = download(&mut exposure, entry.digest).await;
        let batch = VerifiedBatch::verify(file, &world.trusted()).unwrap();
        for &found in batch.matches(tags).indices() {
            times[found] += 1;
        }
    }
    times
}

fn days(today: Day) -> [Day; 2] {
    [today.minus_days(2), today.minus_days(1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_server_takes_any_call() {
    let Some(world) = world(None).await else {
        return;
    };
    let (here, there) = (&world.server, world.beside().await);
    // Issued here, redeemed there, uploaded here; what is used up on one side is used up on the other.
    let code = world.code().await;
    let (mut one, mut other) = (phone(here, 1).await, phone(&there, 2).await);
    let token = other.redeem(&code).await.unwrap();
    one.redeem(&code).await.unwrap_err();
    let keys = days(world.today()).map(|day| one.key(day));
    let request = one.request(&token, &keys);
    one.upload(request.clone()).await.unwrap();
    other.upload(request).await.unwrap();
    let others = days(world.today()).map(|day| other.key(day));
    let second = other.request(&token, &others);
    other.upload(second).await.unwrap_err();

    world.publish().await;
    // The other server finds out by itself, and hands out the same file.
    eventually(async || (index(&there).await.batches.len() == 1).then_some(())).await;
    assert_eq!(index(here).await.batches, index(&there).await.batches);
    let tags = tags(&keys);
    assert_eq!(times(&world, &there, &tags).await, vec![1; tags.len()]);
    there.stop().await;
    world.server.stop().await;
}

/// With keys of its own it would refuse what the others issued: it does not start, and says why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_other_keys_does_not_start_beside_them() {
    let Some(world) = world(None).await else {
        return;
    };
    let mut settings = world.settings.clone();
    settings.data_dir = world.folder().join("stranger");
    let effects = Effects {
        clock: world.clock.clone(),
        entropy: Arc::new(Entropy::from_seed([9; 32])),
        steps: Arc::new(WalkOn),
    };
    let refused = truyvet_server::start(settings, effects).await.map(drop);
    assert!(
        matches!(refused, Err(StartError::OtherKeys(_))),
        "{refused:?}"
    );
    world.server.stop().await;
}

/// Both watch the clock: each window is published once, whoever is quicker, and every upload is in one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_race_for_every_window() {
    const WINDOWS: u64 = 5;
    const EVERY: u32 = 900;
    let Some(world) = world(Some(EVERY)).await else {
        return;
    };
    let there = world.beside().await;
    let mut acknowledged = Vec::new();
    for window in 1..=WINDOWS {
        for (server, seed) in [(&world.server, 2 * window), (&there, 2 * window + 1)] {
            let mut phone = phone(server, seed).await;
            let token = phone.redeem(&world.code().await).await.unwrap();
            let keys = days(world.today()).map(|day| phone.key(day));
            let request = phone.request(&token, &keys);
            phone.upload(request).await.unwrap();
            acknowledged.extend(tags(&keys));
        }
        world.clock.advance(EVERY.into());
        for server in [&world.server, &there] {
            eventually(async || (index(server).await.batches.len() as u64 == window).then_some(()))
                .await;
        }
    }
    let sequences: Vec<u64> = index(&there)
        .await
        .batches
        .iter()
        .map(|batch| batch.sequence)
        .collect();
    assert_eq!(sequences, (1..=WINDOWS).collect::<Vec<_>>());
    assert_eq!(
        index(&world.server).await.batches,
        index(&there).await.batches
    );
    for server in [&world.server, &there] {
        let times = times(&world, server, &acknowledged).await;
        assert!(times.iter().all(|times| *times == 1), "{times:?}");
    }
    there.stop().await;
    world.server.stop().await;
}
