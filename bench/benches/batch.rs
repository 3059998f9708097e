//! A batch file's way: build and sign (server), verify and ask (phone); beside it the crate `bloomfilter`.
//!
//! Asked for are tags that nobody heard, as nearly all are. The file's size is a result too: it is checked, and
//! printed before the times.

use std::cell::LazyCell;

use criterion::{BenchmarkId, Criterion, Throughput};
use truyvet_bench::{bloom::PlainBloom, workload};
use truyvet_crypto::sign::{SigningKey, TrustedKeys};
use truyvet_matching::{
    Codec, VerifiedBatch,
    build::{SignedBatch, TagSet, build},
};

const TAGS: [usize; 3] = [10_000, 100_000, 1_000_000];

/// An absent tag is found with chance 2^-40, the default.
const BITS: u8 = 40;

/// What a phone heard in 14 days, and in a very crowded life.
const QUERIES: [usize; 2] = [14_000, 100_000];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for tags in TAGS {
        batch(&mut criterion, tags);
    }
    criterion.final_summary();
}

fn batch(criterion: &mut Criterion, count: usize) {
    let parameters = workload::batch_parameters(Codec::DEFAULT, BITS);
    let key = SigningKey::from_seed(&[7; 32]);
    let trusted = TrustedKeys::new(vec![key.verifying_key()]);
    let publish = |tags| build(&parameters, tags).expect("valid").sign(&key);

    // Made when first used, so that a filter on the command line does not wait for what it leaves out.
    let tags = LazyCell::new(|| TagSet::new(workload::tags(count, 0)));
    let file = LazyCell::new(|| publish(&tags));
    let verify = || VerifiedBatch::verify(file.bytes(), &trusted).expect("just signed");
    let batch = LazyCell::new(verify);
    let bloom = LazyCell::new(|| PlainBloom::build(&parameters.salt, BITS, tags.as_slice()));
    let checked = LazyCell::new(|| check(&tags, &file, &batch, &bloom));

    let mut group = criterion.benchmark_group(format!("batch of {count}"));
    // The largest takes a second and more to build.
    group.sample_size(10);
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function("build", |b| {
        LazyCell::force(&checked);
        b.iter_with_large_drop(|| publish(&tags));
    });
    group.bench_function("build/bloomfilter", |b| {
        let tags = tags.as_slice();
        b.iter_with_large_drop(|| PlainBloom::build(&parameters.salt, BITS, tags));
    });
    group.bench_function("verify", |b| {
        LazyCell::force(&file);
        b.iter(verify);
    });
    for queries in QUERIES {
        let asked = LazyCell::new(|| {
            let asked = workload::tags(queries, 1);
            assert!(batch.matches(&asked).is_empty());
            assert_eq!(bloom.count(&asked), 0);
            asked
        });
        group.throughput(Throughput::Elements(queries as u64));
        group.bench_function(BenchmarkId::new("ask", queries), |b| {
            let (batch, asked) = (&*batch, &*asked);
            b.iter(|| batch.matches(asked));
        });
        group.bench_function(BenchmarkId::new("ask/bloomfilter", queries), |b| {
            let (bloom, asked) = (&*bloom, &*asked);
            b.iter(|| bloom.count(asked));
        });
    }
}

/// Every tag is found, and the file is as small as the codec promises.
fn check(tags: &TagSet, file: &SignedBatch, batch: &VerifiedBatch<&[u8]>, bloom: &PlainBloom) {
    let every_tenth: Vec<_> = tags.iter().step_by(10).copied().collect();
    assert_eq!(batch.matches(&every_tenth).len(), every_tenth.len());
    assert_eq!(bloom.count(&every_tenth), every_tenth.len());

    let bound = usize::from(BITS) * tags.len() / 8;
    let over_bound = |bytes: usize| bytes as f64 / bound as f64;
    let (ours, theirs) = (file.bytes().len(), bloom.bytes());
    println!(
        "{} tags, chance 2^-{BITS}: {ours} bytes, {:.4} of the bound; bloomfilter {theirs} bytes, {:.4}",
        tags.len(),
        over_bound(ours),
        over_bound(theirs),
    );
    assert!(over_bound(ours) < 1.03);
    assert!(over_bound(theirs) > 1.44);
}
