//! Matched sightings that follow one another, as one stretch of being near somebody.
//!
//! How near and how long matters is left to the rule.

use truyvet_crypto::Timestamp;

use super::{
    Sighting,
    interval::{Interval, covered_minutes},
};

/// The longest silence within one encounter: one slot, in which a passing phone may not have been heard.
pub const ENCOUNTER_GAP_SECONDS: i64 = 900;

/// Matched sightings without a gap longer than [`ENCOUNTER_GAP_SECONDS`].
///
/// A contact changes the ID every slot and nothing links two IDs, so this is told from time alone: two cases who were
/// near at once make one encounter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encounter {
    /// When the first sighting begins.
    pub first: Timestamp,
    /// When the last sighting ends.
    pub last: Timestamp,
    /// Whole minutes covered by sightings; what two cover counts once.
    pub minutes: u32,
    /// The strongest signal.
    pub strongest_rssi_dbm: i16,
    /// At least one; by time.
    pub sightings: Vec<Sighting>,
}

impl Encounter {
    /// Distinct tags that matched. A rule may want more than one, against chance hits.
    #[must_use]
    pub fn distinct_tags(&self) -> usize {
        let mut tags: Vec<_> = self.sightings.iter().map(|sighting| sighting.tag).collect();
        tags.sort_unstable();
        tags.dedup();
        tags.len()
    }

    /// `None` for no sightings; they must be sorted.
    fn of(sightings: Vec<Sighting>) -> Option<Self> {
        Some(Self {
            first: sightings.first()?.time,
            last: sightings.iter().map(Sighting::end).max()?,
            minutes: covered_minutes(sightings.iter().map(Sighting::interval).collect()),
            strongest_rssi_dbm: sightings.iter().map(|s| s.rssi_dbm).max()?,
            sightings,
        })
    }
}

/// Groups matched sightings, in any order, into encounters, in order of time. Repeats are dropped.
#[must_use]
pub fn encounters(matched: &[Sighting]) -> Vec<Encounter> {
    let mut sorted = matched.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut encounters = vec![];
    let mut group: Vec<Sighting> = vec![];
    let mut group_end = i64::MIN;
    for sighting in sorted {
        let Interval { start, end } = sighting.interval();
        if start.saturating_sub(group_end) > ENCOUNTER_GAP_SECONDS {
            encounters.extend(Encounter::of(std::mem::take(&mut group)));
        }
        group_end = group_end.max(end);
        group.push(sighting);
    }
    encounters.extend(Encounter::of(group));
    encounters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use truyvet_crypto::Tag;

    use super::*;

    fn sighting(start: i64, tag: u8) -> Sighting {
        Sighting {
            time: Timestamp::MIN.plus_seconds(start),
            seconds: 300,
            rssi_dbm: -70 - i16::from(tag),
            tag: Tag::from_bytes([tag; 16]),
        }
    }

    #[test]
    fn neighbouring_slots_are_one_encounter_and_a_longer_silence_ends_it() {
        let matched = [
            sighting(3_601, 3),
            sighting(0, 1),
            sighting(1_200, 2),
            sighting(300, 1),
            sighting(1_200, 2),
        ];
        let [one, two] = &encounters(&matched)[..] else {
            panic!("two encounters")
        };
        assert_eq!((one.first, one.last), (matched[1].time, matched[2].end()));
        assert_eq!((one.minutes, one.strongest_rssi_dbm), (15, -71));
        assert_eq!((one.sightings.len(), one.distinct_tags()), (3, 2));
        assert_eq!((two.minutes, two.sightings.len()), (5, 1));
        // 2,400 = 1,500 + 900: still within the limit.
        assert_eq!(
            encounters(&[sighting(1_200, 1), sighting(2_400, 1)]).len(),
            1
        );
        assert_eq!(
            encounters(&[sighting(1_200, 1), sighting(2_401, 1)]).len(),
            2
        );
    }

    #[test]
    fn one_time_under_several_tags_counts_once() {
        let matched = [sighting(600, 1), sighting(600, 2), sighting(700, 3)];
        let [one] = &encounters(&matched)[..] else {
            panic!("one encounter")
        };
        assert_eq!((one.minutes, one.distinct_tags()), (6, 3));
    }

    #[test]
    fn no_sightings_make_no_encounter() {
        assert_eq!(encounters(&[]), []);
    }

    proptest! {
        #[test]
        fn encounters_hold_all_sightings_apart_by_more_than_the_gap(
            raw in prop::collection::vec((0_i64..20_000, 0_u32..2_000, -100_i16..0, 0_u8..4), 0..40)
        ) {
            let mut matched: Vec<Sighting> = raw
                .into_iter()
                .map(|(start, seconds, rssi_dbm, tag)| Sighting {
                    seconds,
                    rssi_dbm,
                    ..sighting(start, tag)
                })
                .collect();
            let found = encounters(&matched);
            matched.reverse();
            prop_assert_eq!(&encounters(&matched), &found);
            matched.sort_unstable();
            matched.dedup();
            let all: Vec<_> = found.iter().flat_map(|e| e.sightings.clone()).collect();
            prop_assert_eq!(all, matched);
            for pair in found.windows(2) {
                prop_assert!(pair[1].first.seconds_since(pair[0].last) > ENCOUNTER_GAP_SECONDS);
            }
        }
    }
}
