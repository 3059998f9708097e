//! Weighted time, in whole numbers, and the two degrees of risk it can reach.

use std::fmt;

/// Seconds times two weights in percent.
const PER_SECOND: u64 = 10_000;

/// Weighted seconds, exact to a ten-thousandth. Sums end at [`u64::MAX`] of them instead of overflowing.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(u64);

impl Score {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `seconds` at two weights, each in percent.
    #[must_use]
    pub fn weighted(seconds: u64, percent: u16, other_percent: u16) -> Self {
        let weight = u64::from(percent) * u64::from(other_percent);
        Self(seconds.saturating_mul(weight))
    }

    /// `seconds` at full weight.
    #[must_use]
    pub fn of_seconds(seconds: u32) -> Self {
        Self(u64::from(seconds) * PER_SECOND)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The multiple of `step_seconds` that is nearest, the higher one if two are; itself for a step of 0.
    #[must_use]
    pub fn rounded_to(self, step_seconds: u32) -> Self {
        let step = u64::from(step_seconds) * PER_SECOND;
        match self.0.saturating_add(step / 2).checked_div(step) {
            Some(steps) => Self(steps * step),
            None => self,
        }
    }

    /// Weighted seconds, for display.
    #[expect(
        clippy::cast_precision_loss,
        reason = "for display: exact below 2^53 ten-thousandths, 28,000 years"
    )]
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / PER_SECOND as f64
    }

    /// Weighted minutes, those begun left out.
    #[must_use]
    pub fn whole_minutes(self) -> u64 {
        self.0 / (60 * PER_SECOND)
    }
}

impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Score({} s)", self.seconds())
    }
}

/// How serious.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Worth a word: Germany's green card with encounters, the US tier "advisory".
    Low,
    /// Worth an alert.
    High,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_round_to_the_nearest_and_up_from_the_middle() {
        let tenth_of_a_minute = |seconds: u64| Score::weighted(seconds, 10, 10).rounded_to(6);
        // In hundredths: 2.99 s, 3 s, 8.99 s.
        assert_eq!(tenth_of_a_minute(299), Score::ZERO);
        assert_eq!(tenth_of_a_minute(300), Score::of_seconds(6));
        assert_eq!(tenth_of_a_minute(899), Score::of_seconds(6));
        assert_eq!(
            Score::weighted(7, 10, 10).rounded_to(0),
            Score::weighted(7, 10, 10)
        );
    }

    #[test]
    fn sums_and_steps_end_at_the_largest() {
        let most = Score::weighted(u64::MAX, u16::MAX, u16::MAX);
        assert_eq!(most.plus(most), most);
        assert!(most.rounded_to(u32::MAX) <= most);
        assert!(most.seconds() > 1e15);
    }
}
