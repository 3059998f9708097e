//! A clock that jumps is noticed: said in words and numbers, nothing is forgotten by it, and a jump back puts it right.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use truyvet_server::{
    readiness::{NotReady, check},
    telemetry::Metric,
};
use truyvet_tests::{process::eventually, world::World};

const HOUR: i64 = 3_600;

async fn jumps(world: &World, expected: f64) {
    let telemetry = &world.server.context().telemetry;
    let seen = || (telemetry.value(Metric::ClockJumps, &[]) >= expected).then_some(());
    eventually(async || seen()).await;
}

/// Something that is forgotten as soon as forgetting looks at it.
async fn outlived(world: &World) {
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    phone.upload(phone.request(&token, &keys)).await.unwrap();
    world.publish().await;
}

#[tokio::test]
async fn a_jump_ahead_forgets_nothing_and_a_jump_back_puts_it_right() {
    let world = World::new().await;
    outlived(&world).await;
    let context = world.server.context();
    assert_eq!(check(context).await, Ok(()));
    world.clock.advance(30 * 24 * HOUR);
    jumps(&world, 1.0).await;
    assert_eq!(check(context).await, Err(NotReady::ClockJumped));
    // Forgetting is due every hour of this clock, and looked at every second.
    world.clock.advance(2 * HOUR);
    jumps(&world, 2.0).await;
    assert_eq!(world.rows("disclosed_key"), 1);

    world.clock.advance(-(30 * 24 + 2) * HOUR);
    jumps(&world, 3.0).await;
    assert_eq!(check(context).await, Ok(()));
    assert_eq!(check(context).await, Ok(()));
}

#[tokio::test]
async fn a_jump_back_is_noticed_too() {
    let world = World::new().await;
    world.clock.advance(-2 * HOUR);
    jumps(&world, 1.0).await;
    assert_eq!(
        check(world.server.context()).await,
        Err(NotReady::ClockJumped)
    );
}

/// If the new time is the right one, starting again says so: then all that is due is forgotten.
#[tokio::test]
async fn a_start_takes_the_clock_as_it_is() {
    let world = World::new().await;
    outlived(&world).await;
    world.clock.advance(30 * 24 * HOUR);
    jumps(&world, 1.0).await;
    let world = world.restarted().await;
    assert_eq!(check(world.server.context()).await, Ok(()));
    eventually(async || (world.rows("disclosed_key") == 0).then_some(())).await;
}

/// A server that starts before the time at which its last window closed is not ready until that time has come.
#[tokio::test]
async fn a_start_before_the_last_closing_time_is_noticed() {
    let world = World::new().await;
    world.publish().await;
    world.clock.advance(-24 * HOUR);
    let world = world.restarted().await;
    let context = world.server.context();
    assert_eq!(check(context).await, Err(NotReady::ClockBehind));
}
