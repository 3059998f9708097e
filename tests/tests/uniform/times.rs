//! Times: whatever a call was, its answer leaves after one time.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;
use truyvet_tests::world::World;

use crate::{
    calls::{self, Kind, REDEEMS, UPLOADS},
    stats::{critical, kolmogorov_smirnov, median},
    watcher::Watcher,
    world_over_tls,
};

/// Chance that a comparison of calls of one kind fails, at most. A run makes ten.
pub(crate) const LEVEL: f64 = 1e-6;

/// The same where a comparison is to fail: a hundredth is enough to see that it does.
pub(crate) const NOTICED_LEVEL: f64 = 1e-2;

/// Of each kind: with these, distances from 0.492 on are noticed.
const CALLS: usize = 60;

/// Watchers at a time, each with one call.
const WATCHERS: usize = 4;

/// The server copies how late its latest calls were: so many fill that memory.
const WARM_UP: usize = 64;

/// Milliseconds from request to answer, by kind.
///
/// - `seed`: another for each time in one world.
async fn times(
    world: &Arc<World>,
    kinds: &[Kind],
    count: usize,
    seed: u64,
) -> BTreeMap<String, Vec<f64>> {
    let calls = calls::ready(world, kinds, count, seed).await;
    let mut queues: Vec<Vec<_>> = (0..WATCHERS).map(|_| vec![]).collect();
    for (number, call) in calls.into_iter().enumerate() {
        queues[number % WATCHERS].push(call);
    }
    let mut watchers = JoinSet::new();
    for queue in queues {
        let world = Arc::clone(world);
        watchers.spawn(async move {
            let watcher = Watcher::before(world.server.public_addr()).await;
            let mut times = vec![];
            for call in queue {
                let (kind, line) = calls::make(&world, &watcher, call).await;
                times.push((format!("{kind:?}"), line.answered_in_ms()));
            }
            times
        });
    }
    let mut by_kind: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (kind, time) in watchers.join_all().await.into_iter().flatten() {
        by_kind.entry(kind).or_default().push(time);
    }
    by_kind
}

/// Distance of each kind from the first, with the one that would be noticed. Prints what it saw.
fn distances(
    times: &BTreeMap<String, Vec<f64>>,
    kinds: &[Kind],
    level: f64,
) -> Vec<(Kind, f64, f64)> {
    let of = |kind: Kind| &times[&format!("{kind:?}")];
    let decoys = of(kinds[0]);
    println!("{:?}: median {:.1} ms", kinds[0], median(decoys));
    let others = kinds[1..].iter().map(|&kind| {
        let (others, noticed) = (of(kind), critical(decoys.len(), of(kind).len(), level));
        let distance = kolmogorov_smirnov(others, decoys);
        let median = median(others);
        println!(
            "{kind:?}: median {median:.1} ms, distance {distance:.3} of {noticed:.3} from {:?}",
            kinds[0]
        );
        (kind, distance, noticed)
    });
    others.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_time_tells_what_a_call_was() {
    let world = Arc::new(world_over_tls(|settings| settings.answer_after_ms = 50).await);
    times(&world, &[Kind::Granted, Kind::Accepted], WARM_UP, 1).await;
    for (seed, kinds) in [(2, &REDEEMS[..]), (3, &UPLOADS[..])] {
        let times = times(&world, kinds, CALLS, seed).await;
        for (kind, distance, noticed) in distances(&times, kinds, LEVEL) {
            assert!(distance < noticed, "{kind:?} is told from {:?}", kinds[0]);
        }
        let soonest = times.values().flatten().copied().fold(f64::MAX, f64::min);
        assert!(soonest >= 49.0, "an answer left after {soonest:.1} ms");
    }
}

/// The test above is worth something: without the common time it fails, for what is stored and for what is not.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_leave_at_once_would_be_noticed() {
    let world = Arc::new(world_over_tls(|settings| settings.answer_after_ms = 0).await);
    for (seed, kinds) in [
        (1, [Kind::Decoy, Kind::Granted]),
        (2, [Kind::DecoyUpload, Kind::Accepted]),
    ] {
        let times = times(&world, &kinds, CALLS, seed).await;
        for (_, distance, noticed) in distances(&times, &kinds, NOTICED_LEVEL) {
            assert!(distance > noticed, "{kinds:?} are not told apart");
        }
    }
}
