//! An upload code as typed: parse, then the keyed hash that is looked up.

use criterion::Criterion;
use truyvet_bench::workload;
use truyvet_crypto::{CodeKey, UploadCode};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    criterion.final_summary();
}

fn stages(criterion: &mut Criterion) {
    let code = UploadCode::generate(&mut workload::rng(0));
    let typed = code.grouped().to_lowercase();
    let key = CodeKey::new(&[7; 32]);
    assert_eq!(UploadCode::parse(&typed), Ok(code.clone()));
    assert!(code.hash(&key) == UploadCode::parse(&typed).expect("a code").hash(&key));

    let mut group = criterion.benchmark_group("code");
    group.bench_function("parse", |b| b.iter(|| UploadCode::parse(&typed)));
    group.bench_function("hash", |b| b.iter(|| code.hash(&key)));
}
