//! The rule by which encounters become a day's exposure: so many minutes of one local day, near enough.

use std::{collections::BTreeMap, fmt};

use truyvet_crypto::Timestamp;

use super::{
    Encounter,
    interval::{Interval, covered_minutes},
};

const DAY_SECONDS: i64 = 86_400;

/// Days since 1970-01-01 on a wall clock, not in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalDay(i64);

impl LocalDay {
    /// The day on which a wall clock, `utc_offset_seconds` ahead of UTC, shows `time`.
    #[must_use]
    pub fn of(time: Timestamp, utc_offset_seconds: i32) -> Self {
        Self((time.unix_seconds() + i64::from(utc_offset_seconds)).div_euclid(DAY_SECONDS))
    }

    /// From days since 1970-01-01.
    #[must_use]
    pub fn from_number(days_since_1970: i64) -> Self {
        Self(days_since_1970)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// How many days later than `earlier`; negative if it is the other way round.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalDay({})", self.0)
    }
}

/// When being near a case is an exposure: `minutes` within one local day at `rssi_dbm` or stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExposureRule {
    /// Whole minutes of a local day from which on it is one.
    pub minutes: u32,
    /// Weaker sightings do not count.
    pub rssi_dbm: i16,
    /// What the wall clock is ahead of UTC; 25,200 in Vietnam. Keys change by UTC days, people live by local ones.
    pub utc_offset_seconds: i32,
}

/// A local day on which somebody was near cases for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The day, by the rule's offset.
    pub day: LocalDay,
    /// Whole minutes of that day that sightings near enough cover; two cases at once count once.
    pub minutes: u32,
    /// The strongest signal on that day.
    pub strongest_rssi_dbm: i16,
    /// The encounters those minutes are from, whole: one over midnight belongs to both days. By time.
    pub encounters: Vec<Encounter>,
}

/// What counts of one day.
struct Tally {
    intervals: Vec<Interval>,
    strongest_rssi_dbm: i16,
    /// Indices, ascending.
    encounters: Vec<usize>,
}

/// The days that reach the rule, ascending.
///
/// - `encounters`: of all batches together, as [`encounters`](super::encounters) gives them.
#[must_use]
pub fn exposures(encounters: &[Encounter], rule: &ExposureRule) -> Vec<Exposure> {
    let mut days = BTreeMap::<LocalDay, Tally>::new();
    for (index, encounter) in encounters.iter().enumerate() {
        for sighting in &encounter.sightings {
            if sighting.rssi_dbm < rule.rssi_dbm {
                continue;
            }
            for (day, interval) in by_local_day(sighting.interval(), rule.utc_offset_seconds) {
                let tally = days.entry(day).or_insert(Tally {
                    intervals: vec![],
                    strongest_rssi_dbm: sighting.rssi_dbm,
                    encounters: vec![],
                });
                tally.intervals.push(interval);
                tally.strongest_rssi_dbm = tally.strongest_rssi_dbm.max(sighting.rssi_dbm);
                if tally.encounters.last() != Some(&index) {
                    tally.encounters.push(index);
                }
            }
        }
    }
    days.into_iter()
        .map(|(day, tally)| Exposure {
            day,
            minutes: covered_minutes(tally.intervals),
            strongest_rssi_dbm: tally.strongest_rssi_dbm,
            encounters: tally
                .encounters
                .iter()
                .map(|&i| encounters[i].clone())
                .collect(),
        })
        .filter(|exposure| exposure.minutes >= rule.minutes)
        .collect()
}

/// Cuts an interval at local midnights; nothing for an empty one.
///
/// Times end in 9999 and an offset is below 70 years: no sum overflows.
pub(crate) fn by_local_day(
    Interval { start, end }: Interval,
    utc_offset_seconds: i32,
) -> impl Iterator<Item = (LocalDay, Interval)> {
    let offset = i64::from(utc_offset_seconds);
    let (start, end) = (start + offset, end + offset);
    let days = start.div_euclid(DAY_SECONDS)..=(end - 1).div_euclid(DAY_SECONDS);
    days.filter(move |_| start < end).map(move |day| {
        let midnight = day * DAY_SECONDS;
        let interval = Interval {
            start: start.max(midnight),
            end: end.min(midnight + DAY_SECONDS),
        };
        (LocalDay(day), interval)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use truyvet_crypto::Tag;

    use super::*;
    use crate::{Sighting, encounters};

    /// 2020-08-08 00:00 in Vietnam.
    const MIDNIGHT: i64 = 18_482 * DAY_SECONDS - 7 * 3_600;

    const RULE: ExposureRule = ExposureRule {
        minutes: 15,
        rssi_dbm: -80,
        utc_offset_seconds: 7 * 3_600,
    };

    fn sighting(seconds_after_midnight: i64, seconds: u32, rssi_dbm: i16, tag: u8) -> Sighting {
        Sighting {
            time: Timestamp::from_unix_seconds(MIDNIGHT + seconds_after_midnight).unwrap(),
            seconds,
            rssi_dbm,
            tag: Tag::from_bytes([tag; 16]),
        }
    }

    /// Day, counted from the one of `MIDNIGHT`, and minutes.
    fn days(sightings: &[Sighting]) -> Vec<(i64, u32)> {
        exposures(&encounters(sightings), &RULE)
            .iter()
            .map(|exposure| (exposure.day.number() - 18_482, exposure.minutes))
            .collect()
    }

    #[test]
    fn fifteen_minutes_count_and_a_second_less_does_not() {
        let noon = 43_200;
        let first = [0, 300].map(|s| sighting(noon + s, 300, -70, 1));
        let whole = [&first[..], &[sighting(noon + 600, 300, -70, 1)]].concat();
        let less = [&first[..], &[sighting(noon + 600, 299, -70, 1)]].concat();
        assert_eq!(days(&whole), [(0, 15)]);
        assert_eq!(days(&less), []);
        assert_eq!(days(&first), []);
    }

    #[test]
    fn the_minutes_of_a_day_may_be_spread_over_encounters() {
        let spread = [30_000, 50_000, 70_000].map(|s| sighting(s, 300, -75, 1));
        let found = exposures(&encounters(&spread), &RULE);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].minutes, found[0].encounters.len()), (15, 3));
        assert_eq!(found[0].strongest_rssi_dbm, -75);
    }

    #[test]
    fn the_threshold_itself_counts_and_weaker_does_not() {
        let at = |rssi| [0, 300, 600].map(|s| sighting(s, 300, rssi, 1));
        assert_eq!(days(&at(-80)), [(0, 15)]);
        assert_eq!(days(&at(-81)), []);
        let mut mixed = at(-80);
        mixed[1].rssi_dbm = -81;
        assert_eq!(days(&mixed), []);
    }

    #[test]
    fn local_midnight_cuts_a_day() {
        // 15 minutes on each side of midnight in Vietnam; then 10 on each.
        let over = |half: i64| {
            let pieces = (-half..half).step_by(300);
            pieces.map(|s| sighting(s, 300, -70, 1)).collect::<Vec<_>>()
        };
        assert_eq!(days(&over(900)), [(-1, 15), (0, 15)]);
        assert_eq!(days(&over(600)), []);
        // One sighting across midnight is cut in two.
        let cut = [-900, -600, -150, 150].map(|s| sighting(s, 300, -70, 1));
        assert_eq!(days(&cut), []);
        assert_eq!(
            days(&[&cut[..], &[sighting(-300, 300, -70, 1)]].concat()),
            [(-1, 15)]
        );
        // UTC midnight, 07:00 in Vietnam, is no border.
        let morning: Vec<_> = over(600)
            .into_iter()
            .map(|s| sighting(s.time.unix_seconds() - MIDNIGHT + 25_200, 300, -70, 1))
            .collect();
        assert_eq!(days(&morning), [(0, 20)]);
    }

    #[test]
    fn an_encounter_over_midnight_belongs_to_both_days() {
        let over: Vec<_> = (-900..900)
            .step_by(300)
            .map(|s| sighting(s, 300, -70, 1))
            .collect();
        let found = exposures(&encounters(&over), &RULE);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].encounters, found[1].encounters);
        assert_eq!(found[0].encounters[0].minutes, 30);
    }

    #[test]
    fn two_cases_at_once_and_one_time_under_two_tags_count_once() {
        let ten_minutes = [(0, 1), (0, 2), (300, 1), (300, 2), (300, 3), (150, 4)];
        let near = ten_minutes.map(|(s, tag)| sighting(s, 300, -70, tag));
        assert_eq!(days(&near), []);
        let five_more = [&near[..], &[sighting(600, 300, -70, 1)]].concat();
        assert_eq!(days(&five_more), [(0, 15)]);
    }

    #[test]
    fn hostile_numbers_give_an_answer() {
        assert_eq!(exposures(&[], &RULE), []);
        let ends = [Timestamp::MIN, Timestamp::MAX];
        for utc_offset_seconds in [i32::MIN, 0, i32::MAX] {
            let rule = ExposureRule {
                minutes: 0,
                rssi_dbm: i16::MIN,
                utc_offset_seconds,
            };
            let sightings = ends.map(|time| Sighting {
                time,
                seconds: u32::MAX,
                rssi_dbm: i16::MIN,
                tag: Tag::from_bytes([0; 16]),
            });
            let found = exposures(&encounters(&sightings), &rule);
            // At the end of time a sighting has no length left.
            assert!(!found.is_empty() && found.len() <= 2);
        }
        let empty = [sighting(0, 0, 0, 1)];
        assert_eq!(days(&empty), []);
    }

    proptest! {
        /// Against counting seconds one by one.
        #[test]
        fn a_day_has_the_seconds_that_are_near_once_each(
            raw in prop::collection::vec((-3_000_i64..3_000, 0_u32..1_000, -90_i16..-70), 0..30)
        ) {
            let sightings: Vec<_> = (0..).zip(&raw).map(|(i, &(s, n, r))| sighting(s, n, r, i)).collect();
            let mut seconds = std::collections::BTreeSet::new();
            for s in sightings.iter().filter(|s| s.rssi_dbm >= RULE.rssi_dbm) {
                seconds.extend(s.time.unix_seconds()..s.end().unix_seconds());
            }
            let minutes = |day: i64| {
                let from = MIDNIGHT + day * DAY_SECONDS;
                u32::try_from(seconds.range(from..from + DAY_SECONDS).count() / 60).unwrap()
            };
            let expected: Vec<_> =
                [-1, 0].map(|day| (day, minutes(day))).into_iter().filter(|&(_, m)| m >= 15).collect();
            prop_assert_eq!(days(&sightings), expected);
        }
    }
}
