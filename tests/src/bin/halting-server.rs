//! The real server with one thing added: it halts at a step, says so, and waits to be killed.
//!
//! Usage: `halting-server DATA_DIR NOW [STEP]`. Prints `ready PUBLIC STAFF`, later `halted`. Takes `TRUYVET_DATABASE` and
//! `TRUYVET_BATCHES` as the product does.

use std::{env, sync::Arc, time::Instant};

use truyvet_crypto::Timestamp;
use truyvet_server::{Clock, Effects, Entropy, Step, Steps, WalkOn, settings::SettingsArgs};

/// Goes on from the time it was given, one second a second; or stands still.
struct GoesOnFrom {
    then: Timestamp,
    since: Option<Instant>,
}

impl Clock for GoesOnFrom {
    fn now(&self) -> Timestamp {
        let passed = self.since.map_or(0, |since| since.elapsed().as_secs());
        let seconds = i64::try_from(passed).expect("a short test");
        self.then.plus_seconds(seconds)
    }
}

struct HaltAt(String);

impl Steps for HaltAt {
    fn reached(&self, step: Step) {
        if format!("{step:?}") == self.0 {
            println!("halted");
            // Whatever else was to run on this thread runs elsewhere: only the one who took the step waits.
            tokio::task::block_in_place(|| {
                loop {
                    std::thread::park();
                }
            })
        }
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let variable = |name| env::var(name).ok();
    let settings = SettingsArgs {
        data_dir: Some(arguments[0].clone().into()),
        database: variable("TRUYVET_DATABASE"),
        batches: variable("TRUYVET_BATCHES"),
        ..SettingsArgs::default()
    };
    let mut settings = settings.resolve().expect("valid settings");
    for listen in [
        &mut settings.public_listen,
        &mut settings.staff_listen,
        &mut settings.ops_listen,
    ] {
        listen.set_port(0);
    }
    settings.publish_every_seconds = None;
    settings.self_check_every_minutes = None;
    // One officer stands for a country's.
    settings.officer_codes_per_day = 1_000_000;
    settings.unit_codes_per_day = 1_000_000;
    let now = arguments[1]
        .parse()
        .ok()
        .and_then(Timestamp::from_unix_seconds);
    let steps: Arc<dyn Steps> = match arguments.get(2) {
        Some(step) => Arc::new(HaltAt(step.clone())),
        None => Arc::new(WalkOn),
    };
    // With a seed, the same calls give the same bytes: then time stands still, too.
    let seeded = variable("TRUYVET_TEST_SEED").map(|seed| seed.parse::<u8>().expect("a seed"));
    let seed = seeded.map_or_else(rand::random, |seed| [seed; 32]);
    let effects = Effects {
        clock: Arc::new(GoesOnFrom {
            then: now.expect("a time"),
            since: seeded.is_none().then(Instant::now),
        }),
        entropy: Arc::new(Entropy::from_seed(seed)),
        steps,
    };
    let server = truyvet_server::start(settings, effects)
        .await
        .expect("it starts");
    println!("ready {} {}", server.public_addr(), server.staff_addr());
    std::future::pending::<()>().await;
}
