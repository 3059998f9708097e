//! Whether two samples could be of one kind: rank test and permutation test, seeded.

use rand::{rngs::StdRng, seq::SliceRandom as _};

/// Mann-Whitney's U of two samples, as the number of standard deviations that it is off what one kind gives.
///
/// Normal approximation: for samples of 20 and more. Ties share their ranks; they make the result smaller, so that it errs
/// towards "of one kind", by nothing that matters for times in nanoseconds.
pub(crate) fn mann_whitney_z(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = a.iter().map(|&value| (value, true)).collect();
    all.extend(b.iter().map(|&value| (value, false)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut rank_sum, mut begin) = (0.0, 0);
    while begin < all.len() {
        let tied = all[begin..].iter().take_while(|x| x.0 == all[begin].0);
        let count = tied.count();
        let rank = begin as f64 + (count as f64 + 1.0) / 2.0;
        let of_a = all[begin..begin + count].iter().filter(|x| x.1).count();
        rank_sum += rank * of_a as f64;
        begin += count;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let u = rank_sum - n * (n + 1.0) / 2.0;
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (u - n * m / 2.0) / deviation
}

/// |z| beyond which a two-sided test has p < 10^-4.
pub(crate) const Z_OF_1_IN_10_000: f64 = 3.891;

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// How often a score of shuffled answers is at least that of the given ones: the p-value of a one-sided permutation test.
///
/// - `score`: of an assignment of answers to questions, higher is better.
pub(crate) fn permutation_p<T: Clone>(
    answers: &[T],
    score: impl Fn(&[T]) -> f64,
    rounds: u32,
    rng: &mut StdRng,
) -> f64 {
    let real = score(answers);
    let mut shuffled = answers.to_vec();
    let mut as_good = 0;
    for _ in 0..rounds {
        shuffled.shuffle(rng);
        as_good += u32::from(score(&shuffled) >= real);
    }
    f64::from(as_good + 1) / f64::from(rounds + 1)
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;
    use truyvet_tests::world::rng;

    use super::*;

    #[test]
    fn ranks_tell_a_shift_from_none() {
        let mut rng = rng(1);
        let mut sample =
            |shift: f64| -> Vec<f64> { (0..2_000).map(|_| rng.random::<f64>() + shift).collect() };
        let (a, b, c) = (sample(0.0), sample(0.0), sample(0.1));
        assert!(mann_whitney_z(&a, &b).abs() < Z_OF_1_IN_10_000);
        assert!(mann_whitney_z(&c, &a) > Z_OF_1_IN_10_000);
        assert!(mann_whitney_z(&a, &c) < -Z_OF_1_IN_10_000);
        assert_eq!(mann_whitney_z(&[1.0; 30], &[1.0; 30]), 0.0);
    }

    #[test]
    fn shuffling_tells_a_good_assignment_from_any() {
        let fits = |order: &[usize]| {
            let right = order.iter().enumerate().filter(|(i, value)| i == *value);
            right.count() as f64
        };
        let identity: Vec<usize> = (0..50).collect();
        let mut shuffled = identity.clone();
        shuffled.rotate_left(7);
        assert!(permutation_p(&identity, fits, 500, &mut rng(2)) < 0.01);
        assert!(permutation_p(&shuffled, fits, 500, &mut rng(2)) > 0.5);
    }
}
