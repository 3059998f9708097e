//! Time that this thread spent computing, and a cache made empty before.

use std::hint::black_box;

use rustix::{thread::ClockId, time::clock_gettime};

/// Of this thread, since it started.
pub(super) fn cpu_nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds that `work` takes; `None` if it has nothing to do.
pub(super) fn time_of(work: impl FnOnce() -> Option<()>) -> Option<f64> {
    let started = cpu_nanoseconds();
    work()?;
    Some(cpu_nanoseconds() - started)
}

/// Of an even number, the upper one: never better than it is.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// 64 MB, more than the share of the cache that one core gets.
pub(super) struct Flush(Vec<u64>);

impl Flush {
    pub(super) fn new() -> Self {
        Self((0..8 << 20).collect())
    }

    /// Reads all of it, so that a filter has to come from memory.
    pub(super) fn caches(&self) {
        let lines = self.0.iter().step_by(8);
        black_box(lines.fold(0, |sum: u64, word| sum.wrapping_add(*word)));
    }
}
