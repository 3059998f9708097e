//! From a disclosed secret to tags: what the server does for every key, and a phone for every day of its own.

use criterion::{BenchmarkId, Criterion, Throughput};
use truyvet_bench::workload;
use truyvet_crypto::{Scheme, Tag, schedule};

/// Days that one case uploads.
const KEYS: u32 = 14;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tags(&mut criterion);
    criterion.final_summary();
}

fn tags(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("schedule");
    for scheme in Scheme::ALL {
        let keys = workload::keys(scheme, KEYS);
        let all = || -> Vec<_> { keys.iter().flat_map(|key| key.tags()).collect() };

        // Against the phone's way: all IDs of the day first, then the tag of one.
        let slots = scheme.slots_per_day();
        let found = all();
        assert_eq!(found.len(), (KEYS * slots) as usize);
        for (key, tags) in keys.iter().zip(found.chunks(slots as usize)) {
            let ids = schedule::ids_of_day(scheme, key.day(), key.secret()).expect("a whole day");
            let slot = scheme.slot(key.day(), 70);
            assert!(tags[70] == (slot, Tag::new(scheme, slot, &ids[70])));
        }

        group.throughput(Throughput::Elements(found.len() as u64));
        group.bench_function(BenchmarkId::new("14 keys to tags", scheme), |b| b.iter(all));
    }
}
