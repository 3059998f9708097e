//! Chooses how many fingerprint bits a country needs, from the false alarms it accepts; pure arithmetic.
//!
//! A tag that is in no batch matches one all the same with chance 2^-R. Every phone tests all its tags against every
//! batch, so with λ = tags of a phone × batches a day × 2^-R chance matches a phone and day:
//!
//! - alarms a day, nationwide = phones × λ^m / m!, where m matched tags of one local day make an alarm. The tags of one
//!   day are a 14th of those kept and are tested on 14 days, so over its lifetime each day of a phone has λ too, and a
//!   phone has one new day a day. A bound: a phone alarmed twice counts twice.
//! - bytes a phone and day = tags published a day × bits of a tag / 8. Headers and signatures of the files, some hundred
//!   bytes each, come on top.
//!
//! How many tags are published does not change the alarms: a filter of any size answers an absent tag with the same
//! chance. Two tags of one ID, kept near the border of a slot, are independent too.
//!
//! ```
//! use truyvet_matching::budget::{Budget, ribbon_bits_per_tag};
//!
//! let budget = Budget {
//!     phones: 10_000_000,
//!     tags_per_phone: 100_000,
//!     batches_per_day: 6,
//!     alarms_per_day: 1.0,
//!     matched_tags: 1,
//! };
//! let bits = budget.fingerprint_bits()?;
//! assert_eq!(bits, 43);
//! // 5.6 million tags a day.
//! assert_eq!(budget.bytes_per_phone_and_day(5_600_000, ribbon_bits_per_tag(bits)).round(), 30_220_400.0);
//! # Ok::<(), truyvet_matching::budget::BudgetError>(())
//! ```

use crate::{MAX_FINGERPRINT_BITS, MIN_FINGERPRINT_BITS};

/// What a country has, and what it accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Phones that match, in the whole country.
    pub phones: u64,
    /// Tags a phone keeps, of all days.
    pub tags_per_phone: u64,
    /// Batches a day that a phone tests all its tags against.
    pub batches_per_day: u32,
    /// Most chance alarms a day, nationwide; may be below 1.
    pub alarms_per_day: f64,
    /// Matched tags of one local day that make an alarm, at least 1. The rule must ask for as many:
    /// [`RiskParameters::min_matched_tags`](crate::risk::RiskParameters::min_matched_tags).
    pub matched_tags: u32,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Phones, tags, batches, alarms or matched tags are 0, negative, or not numbers.
    #[error("phones, tags, batches, alarms and matched tags must be above 0")]
    NotPositive,
    /// More bits than a batch file can have.
    #[error(
        "needs more than {MAX_FINGERPRINT_BITS} fingerprint bits: at {MAX_FINGERPRINT_BITS} there are \
         {alarms_per_day:.3} alarms a day; accept more, ask for more matched tags, or test fewer batches"
    )]
    TooStrict {
        /// What the most bits give.
        alarms_per_day: f64,
    },
}

impl Budget {
    /// The fewest fingerprint bits, [`MIN_FINGERPRINT_BITS`] to [`MAX_FINGERPRINT_BITS`], that keep the budget.
    ///
    /// # Errors
    /// [`BudgetError`] if no number does.
    pub fn fingerprint_bits(&self) -> Result<u8, BudgetError> {
        self.check()?;
        (MIN_FINGERPRINT_BITS..=MAX_FINGERPRINT_BITS)
            .find(|&bits| self.alarms_per_day_at(bits) <= self.alarms_per_day)
            .ok_or_else(|| BudgetError::TooStrict {
                alarms_per_day: self.alarms_per_day_at(MAX_FINGERPRINT_BITS),
            })
    }

    /// Tests a day, nationwide: phones × tags × batches.
    #[must_use]
    pub fn tests_per_day(&self) -> f64 {
        float(self.phones) * self.tests_per_phone_and_day()
    }

    /// λ at so many bits: matches by chance, a phone and day.
    #[must_use]
    pub fn chance_matches_per_phone_and_day(&self, fingerprint_bits: u8) -> f64 {
        self.tests_per_phone_and_day() * 0.5_f64.powi(fingerprint_bits.into())
    }

    /// Alarms a day, nationwide, at so many bits.
    #[must_use]
    pub fn alarms_per_day_at(&self, fingerprint_bits: u8) -> f64 {
        self.alarms_per_day_of(self.chance_matches_per_phone_and_day(fingerprint_bits))
    }

    /// Alarms a day, nationwide, at so many matches by chance, a phone and day: for days whose batches differ in bits.
    #[must_use]
    pub fn alarms_per_day_of(&self, matches: f64) -> f64 {
        (1..=self.matched_tags.min(MOST_MATCHED_TAGS)).fold(float(self.phones), |alarms, m| {
            alarms * matches / f64::from(m)
        })
    }

    /// Bytes that every phone downloads a day.
    ///
    /// - `published_tags_per_day`: in the whole region that the phone follows, padding included.
    /// - `bits_per_tag`: by the codec, [`ribbon_bits_per_tag`] or [`compressed_bloom_bits_per_tag`].
    #[must_use]
    pub fn bytes_per_phone_and_day(&self, published_tags_per_day: u64, bits_per_tag: f64) -> f64 {
        float(published_tags_per_day) * bits_per_tag / 8.0
    }

    fn tests_per_phone_and_day(&self) -> f64 {
        float(self.tags_per_phone) * f64::from(self.batches_per_day)
    }

    fn check(&self) -> Result<(), BudgetError> {
        let whole = [
            self.phones,
            self.tags_per_phone,
            self.batches_per_day.into(),
            self.matched_tags.into(),
        ];
        let positive = self.alarms_per_day > 0.0 && self.alarms_per_day.is_finite();
        if positive && whole.iter().all(|&number| number > 0) {
            Ok(())
        } else {
            Err(BudgetError::NotPositive)
        }
    }
}

/// More than this many matches by chance nobody needs to tell apart; keeps absurd input quick.
const MOST_MATCHED_TAGS: u32 = 1_000;

/// Codec 0, the compressed Bloom filter: R + 1.54, directory included, from 100,000 tags on.
#[must_use]
pub fn compressed_bloom_bits_per_tag(fingerprint_bits: u8) -> f64 {
    f64::from(fingerprint_bits) + 1.54
}

/// Codec 1, the ribbon: 1.004 R, directory included, from 100,000 tags on.
#[must_use]
pub fn ribbon_bits_per_tag(fingerprint_bits: u8) -> f64 {
    f64::from(fingerprint_bits) * 1.004
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate; 2^53 of anything is beyond any country"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100,000 tags, 6 batches a day, 10 million phones.
    const COUNTRY: Budget = Budget {
        phones: 10_000_000,
        tags_per_phone: 100_000,
        batches_per_day: 6,
        alarms_per_day: 1.0,
        matched_tags: 1,
    };

    #[test]
    fn a_fortnight_has_the_false_matches_that_were_worked_out() {
        let fortnight = |bits| 14.0 * COUNTRY.alarms_per_day_at(bits);
        // 8.4e13 tests.
        assert!((14.0 * COUNTRY.tests_per_day() - 8.4e13).abs() < 1.0);
        assert_eq!(fortnight(32).round(), 19_558.0);
        assert_eq!(fortnight(40).round(), 76.0);
        assert_eq!((10.0 * fortnight(48)).round(), 3.0);
    }

    #[test]
    fn the_fewest_bits_that_keep_the_budget_are_chosen() {
        let bits = |alarms_per_day, matched_tags| {
            Budget {
                alarms_per_day,
                matched_tags,
                ..COUNTRY
            }
            .fingerprint_bits()
        };
        // log2(6e12) = 42.4; and one bit more for half as many.
        assert_eq!(bits(1.0, 1), Ok(43));
        assert_eq!(bits(0.5, 1), Ok(44));
        // R = 40 gives 5.457 a day.
        assert_eq!(bits(5.46, 1), Ok(40));
        assert_eq!(bits(5.45, 1), Ok(41));
        // Two matches: log2(6e5) + log2(1e7 / 2) / 2 = 19.19 + 11.13 = 30.3.
        assert_eq!(bits(1.0, 2), Ok(31));
        // 1e7 × (6e5 / 2^31)^2 / 2 = 0.390; with three, 1e7 × (6e5 / 2^26)^3 / 6 = 1.19 and an eighth of it.
        assert_eq!(bits(0.39, 2), Ok(32));
        assert_eq!(bits(0.391, 2), Ok(31));
        assert_eq!(bits(1.0, 3), Ok(27));
        assert_eq!(bits(1.2, 3), Ok(26));
        assert_eq!(bits(1e12, 1), Ok(MIN_FINGERPRINT_BITS));
        assert!(matches!(
            bits(0.02, 1),
            Err(BudgetError::TooStrict { alarms_per_day }) if (0.021..0.022).contains(&alarms_per_day)
        ));
    }

    #[test]
    fn bytes_follow_from_bits_and_codec() {
        assert!((ribbon_bits_per_tag(40) / 8.0 - 5.02).abs() < 1e-9);
        assert!((compressed_bloom_bits_per_tag(40) / 8.0 - 5.1925).abs() < 1e-9);
        // 4,200 cases a day with 1,344 tags each.
        let bytes = COUNTRY.bytes_per_phone_and_day(4_200 * 1_344, ribbon_bits_per_tag(40));
        assert_eq!(bytes.round(), 28_336_896.0);
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        for broken in [
            Budget {
                phones: 0,
                ..COUNTRY
            },
            Budget {
                tags_per_phone: 0,
                ..COUNTRY
            },
            Budget {
                batches_per_day: 0,
                ..COUNTRY
            },
            Budget {
                matched_tags: 0,
                ..COUNTRY
            },
            Budget {
                alarms_per_day: 0.0,
                ..COUNTRY
            },
            Budget {
                alarms_per_day: -1.0,
                ..COUNTRY
            },
            Budget {
                alarms_per_day: f64::NAN,
                ..COUNTRY
            },
            Budget {
                alarms_per_day: f64::INFINITY,
                ..COUNTRY
            },
        ] {
            assert_eq!(broken.fingerprint_bits(), Err(BudgetError::NotPositive));
        }
        let huge = Budget {
            phones: u64::MAX,
            tags_per_phone: u64::MAX,
            batches_per_day: u32::MAX,
            alarms_per_day: f64::MIN_POSITIVE,
            matched_tags: u32::MAX,
        };
        assert!(matches!(
            huge.fingerprint_bits(),
            Err(BudgetError::TooStrict { .. })
        ));
    }
}
