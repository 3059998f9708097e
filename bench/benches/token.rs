//! A blind token's way: blind (phone), parse and evaluate (server), finish (phone), verify (server).

use criterion::Criterion;
use truyvet_bench::workload;
use truyvet_crypto::{
    Day,
    token::{BlindedNonce, Blinding, ReportType, TokenIssuer, TokenMetadata},
};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    criterion.final_summary();
}

fn stages(criterion: &mut Criterion) {
    let mut rng = workload::rng(0);
    let issuer = TokenIssuer::from_seed(&[7; 32]);
    let public_key = issuer.public_key();
    let metadata = TokenMetadata {
        report_type: ReportType::ConfirmedTest,
        first_day: Day::from_number(18_482),
        last_day: Day::from_number(18_495),
    };
    let blinding = Blinding::generate(&mut rng);
    let blinded = BlindedNonce::parse(blinding.element()).expect("just blinded");
    let evaluation = issuer.evaluate(&blinded, &metadata, &mut rng);
    let finish = || {
        blinding
            .finish(
                &evaluation.element,
                &evaluation.proof,
                metadata,
                &public_key,
            )
            .expect("the issuer's own proof")
    };
    let token = finish();
    assert!(issuer.verify(&token));
    assert!(!TokenIssuer::from_seed(&[8; 32]).verify(&token));

    let mut group = criterion.benchmark_group("token");
    group.bench_function("blind", |b| b.iter(|| Blinding::generate(&mut rng)));
    let mut rng = workload::rng(1);
    group.bench_function("parse", |b| {
        b.iter(|| BlindedNonce::parse(blinding.element()))
    });
    group.bench_function("evaluate", |b| {
        b.iter(|| issuer.evaluate(&blinded, &metadata, &mut rng));
    });
    group.bench_function("finish", |b| b.iter(finish));
    group.bench_function("verify", |b| b.iter(|| issuer.verify(&token)));
}
