//! Whether two samples could be of one kind, by the largest distance of their distribution functions.

/// The Kolmogorov-Smirnov statistic of two samples, 0 to 1. Ties make it smaller, so it errs towards "of one kind".
pub(crate) fn kolmogorov_smirnov(a: &[f64], b: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (a, b) = (sorted(a), sorted(b));
    let share = |sorted: &[f64], value: f64| {
        sorted.partition_point(|&x| x <= value) as f64 / sorted.len() as f64
    };
    let distances = a.iter().chain(&b);
    let distances = distances.map(|&value| (share(&a, value) - share(&b, value)).abs());
    distances.fold(0.0, f64::max)
}

/// The statistic beyond which two samples of one kind are with a chance of `level` at most (Smirnov's bound for large
/// samples, on the safe side for small ones).
pub(crate) fn critical(n: usize, m: usize, level: f64) -> f64 {
    let (n, m) = (n as f64, m as f64);
    ((level / 2.0).ln() / -2.0).sqrt() * ((n + m) / (n * m)).sqrt()
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[test]
fn a_shift_is_told_from_none() {
    let sample = |from: u32| -> Vec<f64> { (from..from + 100).map(f64::from).collect() };
    assert!(kolmogorov_smirnov(&sample(0), &sample(0)) < 1e-9);
    assert!((kolmogorov_smirnov(&sample(0), &sample(25)) - 0.25).abs() < 1e-9);
    assert!((kolmogorov_smirnov(&sample(0), &sample(200)) - 1.0).abs() < 1e-9);
    // The table value of a level of 5 % is 1.358 · √(2/n).
    assert!((critical(100, 100, 0.05) - 1.358 * 0.02_f64.sqrt()).abs() < 1e-3);
}
