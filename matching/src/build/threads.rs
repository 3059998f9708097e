//! Work on several threads, results in order.

use std::thread;

/// Runs all of `work` at once, the last on this thread; results in order.
pub(super) fn on_threads<T: Send>(work: impl Iterator<Item = impl FnOnce() -> T + Send>) -> Vec<T> {
    let mut work: Vec<_> = work.collect();
    let own = work.pop();
    thread::scope(|scope| {
        let others: Vec<_> = work.into_iter().map(|work| scope.spawn(work)).collect();
        let own = own.map(|work| work());
        let mut results: Vec<T> = others
            .into_iter()
            .map(|thread| thread.join().expect("the work does not panic"))
            .collect();
        results.extend(own);
        results
    })
}
