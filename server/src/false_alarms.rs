//! How many people a day are to be alarmed by chance, and how many the operator accepts.
//!
//! By [`truyvet_matching::budget`], over what was published in the last 24 hours. A phone is taken to follow one region,
//! and all phones the one whose batches give most; withdrawals take alarms back and give none.

use tracing::warn;
use truyvet_crypto::Scheme;
use truyvet_matching::{ExposureRule, MAX_SIGHTING_SECONDS, budget::Budget};

use crate::{context::Context, settings::Settings, store::StoreError, telemetry::Metric};

/// For so long batches count.
const DAY_SECONDS: i64 = 86_400;

/// Windows a day, every four hours, where they are closed on demand alone.
const WINDOWS_ON_DEMAND: u32 = 6;

/// The country, and what it accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AcceptedAlarms {
    /// Phones that match.
    pub phones: u64,
    /// Tags that a phone keeps, of all days.
    pub tags_per_phone: u64,
    /// Most alarms by chance a day, in the whole country; may be below 1.
    pub per_day: f64,
}

/// The budget that these settings make.
#[must_use]
pub fn budget(settings: &Settings) -> Budget {
    let every = settings.publish_every_seconds;
    Budget {
        phones: settings.false_alarms.phones,
        tags_per_phone: settings.false_alarms.tags_per_phone,
        batches_per_day: every.map_or(WINDOWS_ON_DEMAND, |seconds| 86_400_u32.div_ceil(seconds)),
        alarms_per_day: settings.false_alarms.per_day,
        matched_tags: fewest_matched_tags(&settings.exposure_rule, settings.scheme),
    }
}

/// The fewest tags that can make an exposure by this rule, at least 1.
///
/// What was heard of one ID lies in its slot, and its last sighting may go on after that: no tag covers more.
#[must_use]
pub fn fewest_matched_tags(rule: &ExposureRule, scheme: Scheme) -> u32 {
    let covered_by_one = scheme.slot_seconds() + MAX_SIGHTING_SECONDS;
    (rule.minutes * 60).div_ceil(covered_by_one).max(1)
}

/// Says at start if the fingerprints are too short for the budget.
pub(crate) fn warn_of_short_fingerprints(settings: &Settings) {
    let budget = budget(settings);
    let expected = budget.alarms_per_day_at(settings.fingerprint_bits);
    if expected <= budget.alarms_per_day {
        return;
    }
    let remedy = match budget.fingerprint_bits() {
        Ok(bits) => {
            format!("set fingerprint_bits to {bits}, or false_alarms_per_day to what you accept")
        }
        Err(error) => error.to_string(),
    };
    warn!(
        "fingerprint_bits {}: {expected:.3} false alarms a day are to be expected, more than false_alarms_per_day {}; {remedy}",
        settings.fingerprint_bits, budget.alarms_per_day
    );
}

/// Looks at what was published, and sets the two gauges.
///
/// # Errors
/// [`StoreError`] if the store could not look; the gauges stay as they were then.
pub(crate) async fn look(context: &Context) -> Result<(), StoreError> {
    let budget = budget(&context.settings);
    let mut most = 0.0_f64;
    for &region in &context.settings.regions {
        let since = context.now().plus_seconds(-DAY_SECONDS);
        let deltas = context.store.deltas_since(region, since).await?;
        let matches = deltas
            .iter()
            .map(|&(bits, count)| {
                let of_these = Budget {
                    batches_per_day: count,
                    ..budget
                };
                of_these.chance_matches_per_phone_and_day(bits)
            })
            .sum();
        most = most.max(budget.alarms_per_day_of(matches));
    }
    let telemetry = &context.telemetry;
    telemetry.set(Metric::ExpectedFalseAlarms, &[], most);
    telemetry.set(Metric::FalseAlarmBudget, &[], budget.alarms_per_day);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tag_makes_an_exposure_of_a_quarter_of_an_hour() {
        let fewest = |minutes, scheme| {
            let rule = ExposureRule {
                minutes,
                rssi_dbm: -86,
                utc_offset_seconds: 25_200,
            };
            fewest_matched_tags(&rule, scheme)
        };
        // 15 minutes of a slot, five of a sighting that began in it.
        assert_eq!(fewest(15, Scheme::Bluezone), 1);
        assert_eq!(fewest(20, Scheme::Bluezone), 1);
        assert_eq!(fewest(21, Scheme::Bluezone), 2);
        assert_eq!(fewest(15, Scheme::Gaen), 1);
        assert_eq!(fewest(16, Scheme::Gaen), 2);
        assert_eq!(fewest(1_440, Scheme::Gaen), 96);
    }

    #[test]
    fn windows_on_demand_count_as_every_four_hours() {
        let mut settings = Settings::for_data_dir(std::path::Path::new("x"));
        assert_eq!(budget(&settings).batches_per_day, 6);
        settings.publish_every_seconds = None;
        assert_eq!(budget(&settings).batches_per_day, 6);
        settings.publish_every_seconds = Some(7_000);
        assert_eq!(budget(&settings).batches_per_day, 13);
    }
}
