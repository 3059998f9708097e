//! How many of independent events come in the busiest of many spans of time: quantiles of the Poisson distribution.

/// Terms this much smaller than the largest are left out: together they are far below the last digit of an `f64`.
const NEGLIGIBLE: f64 = 1e-18;

/// The fewest events such that a span has at most as many with chance `share`.
///
/// - `mean`: events of a span on average, 0 to 10^13; takes time and no memory, about 20 · √`mean` steps.
/// - `share`: in (0, 1).
pub(super) fn quantile(mean: f64, share: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    // Weights relative to that of the most likely number, which needs no factorial: w(k - 1) = w(k) · k / mean.
    let mode = mean.floor();
    let (mut lowest, mut lowest_weight, mut total) = (mode, 1.0, 1.0);
    while lowest >= 1.0 && lowest_weight > NEGLIGIBLE {
        lowest_weight *= lowest / mean;
        lowest -= 1.0;
        total += lowest_weight;
    }
    let (mut highest, mut weight) = (mode, 1.0);
    while weight > NEGLIGIBLE {
        highest += 1.0;
        weight *= mean / highest;
        total += weight;
    }
    let (mut events, mut weight, mut so_far) = (lowest, lowest_weight, lowest_weight);
    while so_far < share * total && events < highest {
        events += 1.0;
        weight *= mean / events;
        so_far += weight;
    }
    super::whole(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_means_have_the_quantiles_of_the_tables() {
        // Sums of e^-1 / k!: 0.99634 to k = 4, 0.99941 to k = 5.
        assert_eq!(quantile(1.0, 0.999), 5);
        assert_eq!(quantile(1.0, 0.9963), 4);
        // e^-1 = 0.36788.
        assert_eq!(quantile(1.0, 0.367), 0);
        assert_eq!(quantile(1.0, 0.369), 1);
        // 0.90484, 0.99532, 0.99985.
        assert_eq!(quantile(0.1, 0.999), 2);
        // 0.99841 to 20, 0.99930 to 21.
        assert_eq!(quantile(10.0, 0.999), 21);
        assert_eq!(quantile(10.0, 0.998), 20);
        assert_eq!(quantile(0.0, 0.999), 0);
    }

    #[test]
    fn large_means_do_not_underflow() {
        // Summed term by term in 60 decimal digits.
        for (mean, expected) in [
            (100.0, 132),
            (1_000.0, 1_099),
            (1_200.0, 1_308),
            (10_000.0, 10_310),
        ] {
            assert_eq!(quantile(mean, 0.999), expected);
        }
        // The normal distribution's 3.0902 deviations, of a thousand here.
        let excess = quantile(1e6, 0.999) - 1_000_000;
        assert!((3_085..3_097).contains(&excess), "{excess}");
    }
}
