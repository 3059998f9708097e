//! What the brake on wrong guesses adds to a redemption.

use std::net::Ipv4Addr;

use criterion::Criterion;
use rand::{SeedableRng as _, rngs::StdRng};
use truyvet_crypto::Timestamp;
use truyvet_server::authorize::{Brake, Source, WRONG_GUESSES_A_SOURCE};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    criterion.final_summary();
}

fn stages(criterion: &mut Criterion) {
    let now = Timestamp::from_unix_seconds(1_630_040_400).expect("a time");
    let brake = Brake::new(u32::MAX, &mut StdRng::seed_from_u64(0));
    let source = |number: u32| Source::of(Ipv4Addr::from_bits(number).into());
    for _ in 0..WRONG_GUESSES_A_SOURCE {
        assert!(brake.admit(&source(0), now).is_ok());
    }
    assert!(brake.admit(&source(0), now).is_err());

    let mut group = criterion.benchmark_group("brake");
    let mut number = 0;
    group.bench_function("good code", |b| {
        b.iter(|| {
            number += 1;
            brake
                .admit(&source(number), now)
                .map(|guess| guess.was_no_guess())
        });
    });
    // A thousand an hour: the start of each hour, with an empty sketch, is paid for by them.
    group.bench_function("wrong code", |b| {
        b.iter(|| {
            number += 1;
            let hour = now.plus_seconds(3_600 * i64::from(number / 1_000));
            brake.admit(&source(number), hour).map(drop)
        });
    });
    for _ in 0..WRONG_GUESSES_A_SOURCE {
        drop(brake.admit(&source(0), now));
    }
    group.bench_function("held source", |b| {
        b.iter(|| brake.admit(&source(0), now).map(drop));
    });
}
