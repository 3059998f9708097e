//! Exposure windows: half an hour at most of being near a case, as attenuations and seconds.
//!
//! The shape is Exposure Notification's, so that windows from there can be judged too. What they weigh is left to
//! [`assess`](super::assess).

use std::collections::{BTreeMap, BTreeSet};

use truyvet_crypto::Tag;

use super::{Platform, RiskParameters};
use crate::exposure::{Encounter, Interval, LocalDay, Sighting, by_local_day};

/// No window is longer; a longer encounter makes several.
pub const MAX_WINDOW_SECONDS: i64 = 1_800;

/// How a case is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportType {
    /// By a laboratory.
    #[default]
    ConfirmedTest,
    /// By a physician.
    ClinicalDiagnosis,
    /// By the person alone.
    SelfReport,
    /// By having been near a case; Exposure Notification reserves it.
    Recursive,
}

impl ReportType {
    /// Each once.
    pub const ALL: [Self; 4] = [
        Self::ConfirmedTest,
        Self::ClinicalDiagnosis,
        Self::SelfReport,
        Self::Recursive,
    ];
}

/// How infectious a case was on the day of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Infectiousness {
    /// Not.
    None,
    /// Somewhat.
    Standard,
    /// Very.
    High,
}

/// How well the radios' readings are known to fit the phones' models. Tells windows apart, weighs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalibrationConfidence {
    /// Nothing is known.
    #[default]
    Lowest,
    /// Known for similar phones.
    Low,
    /// Known for one of the two.
    Medium,
    /// Known for both.
    High,
}

/// One scan that heard the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanInstance {
    /// Of the strongest reading, dB.
    pub min_attenuation_db: u8,
    /// Mean of the readings, rounded, dB. From a sighting store that keeps the strongest alone: the same as the minimum.
    pub typical_attenuation_db: u8,
    /// How long it stands for. What elsewhere is a negative number of seconds is 0 here.
    pub seconds: u32,
}

/// Scans of at most [`MAX_WINDOW_SECONDS`] in which a case was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposureWindow {
    /// The day it counts to.
    pub day: LocalDay,
    /// How the case is known.
    pub report_type: ReportType,
    /// On that day.
    pub infectiousness: Infectiousness,
    /// How far the attenuations can be believed.
    pub calibration_confidence: CalibrationConfidence,
    /// By time; may be empty.
    pub scans: Vec<ScanInstance>,
}

/// What a match does not say: a batch tells that a tag is of a case, and nothing of the case.
///
/// So it holds for all encounters given together. A deployment that publishes a region for each class of cases makes the
/// windows class by class and judges them in one list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// How the cases are known.
    pub report_type: ReportType,
    /// When their symptoms began.
    pub onset: Option<LocalDay>,
    /// How far the readings can be believed.
    pub calibration_confidence: CalibrationConfidence,
    /// With what power the phones that were seen send.
    pub tx_power_dbm: i16,
    /// What this phone runs.
    pub observer: Platform,
    /// What the phones that were seen run.
    pub seen: Platform,
    /// What the wall clock is ahead of UTC; 25,200 in Vietnam.
    pub utc_offset_seconds: i32,
}

/// Cuts encounters into windows: at local midnight, and so that none is longer than [`MAX_WINDOW_SECONDS`]. By time.
///
/// Nothing links two tags, so what two cover counts once, with the stronger signal: here two cases at once weigh no more
/// than one, while windows from Exposure Notification come case by case and add up.
///
/// Days with fewer than [`RiskParameters::min_matched_tags`] tags, of all encounters together, make no window.
#[must_use]
pub fn windows(
    encounters: &[Encounter],
    circumstances: &Circumstances,
    parameters: &RiskParameters,
) -> Vec<ExposureWindow> {
    let tags = tags_by_day(encounters, circumstances.utc_offset_seconds);
    let enough = usize::try_from(parameters.min_matched_tags).unwrap_or(usize::MAX);
    encounters
        .iter()
        .flat_map(|encounter| windows_of(encounter, circumstances, parameters))
        .filter(|window| tags.get(&window.day).map_or(0, BTreeSet::len) >= enough)
        .collect()
}

/// The tags that matched on each local day.
fn tags_by_day(
    encounters: &[Encounter],
    utc_offset_seconds: i32,
) -> BTreeMap<LocalDay, BTreeSet<Tag>> {
    let mut tags = BTreeMap::<LocalDay, BTreeSet<Tag>>::new();
    for sighting in encounters.iter().flat_map(|encounter| &encounter.sightings) {
        for (day, _) in by_local_day(sighting.interval(), utc_offset_seconds) {
            tags.entry(day).or_default().insert(sighting.tag);
        }
    }
    tags
}

fn windows_of(
    encounter: &Encounter,
    circumstances: &Circumstances,
    parameters: &RiskParameters,
) -> Vec<ExposureWindow> {
    let mut windows: Vec<ExposureWindow> = vec![];
    let mut window_start = 0;
    for (interval, rssi_dbm) in strongest(&encounter.sightings) {
        let Some(attenuation_db) = parameters.nearness.attenuation_db(
            rssi_dbm,
            circumstances.tx_power_dbm,
            circumstances.observer,
            circumstances.seen,
        ) else {
            continue;
        };
        for (day, Interval { start, end }) in
            by_local_day(interval, circumstances.utc_offset_seconds)
        {
            let scan = ScanInstance {
                min_attenuation_db: attenuation_db,
                typical_attenuation_db: attenuation_db,
                seconds: u32::try_from(end - start).unwrap_or(u32::MAX),
            };
            match windows.last_mut() {
                Some(window) if window.day == day && end - window_start <= MAX_WINDOW_SECONDS => {
                    window.scans.push(scan);
                }
                _ => {
                    window_start = start;
                    windows.push(ExposureWindow {
                        day,
                        report_type: circumstances.report_type,
                        infectiousness: parameters.infectiousness_on(day, circumstances.onset),
                        calibration_confidence: circumstances.calibration_confidence,
                        scans: vec![scan],
                    });
                }
            }
        }
    }
    windows
}

/// Stretches of time that do not overlap, by time, each with the strongest signal of the sightings that cover it.
fn strongest(sightings: &[Sighting]) -> Vec<(Interval, i16)> {
    let mut edges: Vec<(i64, bool, i16)> = vec![];
    for sighting in sightings {
        let Interval { start, end } = sighting.interval();
        if start < end {
            edges.extend([
                (start, true, sighting.rssi_dbm),
                (end, false, sighting.rssi_dbm),
            ]);
        }
    }
    // Ends before beginnings; no stretch lies between the two.
    edges.sort_unstable();
    let mut active = BTreeMap::<i16, usize>::new();
    let mut stretches = vec![];
    let mut start = i64::MIN;
    for (at, begins, rssi_dbm) in edges {
        if let Some((&strongest, _)) = active.last_key_value()
            && start < at
        {
            stretches.push((Interval { start, end: at }, strongest));
        }
        start = at;
        let count = active.entry(rssi_dbm).or_default();
        if begins {
            *count += 1;
        } else {
            *count -= 1;
            if *count == 0 {
                active.remove(&rssi_dbm);
            }
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use truyvet_crypto::{Tag, Timestamp};

    use super::*;
    use crate::encounters;

    /// A local day begins here, 7 hours ahead of UTC.
    const MIDNIGHT: i64 = 18_482 * 86_400 - 7 * 3_600;

    fn sighting(start: i64, seconds: u32, rssi_dbm: i16, tag: u8) -> Sighting {
        Sighting {
            time: Timestamp::from_unix_seconds(MIDNIGHT + start).unwrap(),
            seconds,
            rssi_dbm,
            tag: Tag::from_bytes([tag; 16]),
        }
    }

    /// At a TX power of -20 dBm: RSSI -70 is 50 dB.
    fn of(sightings: &[Sighting]) -> Vec<ExposureWindow> {
        let circumstances = Circumstances {
            tx_power_dbm: -20,
            utc_offset_seconds: 7 * 3_600,
            ..Circumstances::default()
        };
        let parameters = RiskParameters::built_in("us-wide-v1").unwrap();
        windows(&encounters(sightings), &circumstances, &parameters)
    }

    /// (attenuation, seconds) of every scan, window by window.
    fn scans(sightings: &[Sighting]) -> Vec<Vec<(u8, u32)>> {
        of(sightings)
            .iter()
            .map(|window| {
                let scans = window.scans.iter();
                scans.map(|s| (s.min_attenuation_db, s.seconds)).collect()
            })
            .collect()
    }

    #[test]
    fn what_two_tags_cover_counts_once_with_the_stronger_signal() {
        let both = [sighting(0, 300, -70, 1), sighting(100, 300, -60, 2)];
        assert_eq!(scans(&both), [[(50, 100), (40, 200), (40, 100)]]);
        let same = [sighting(0, 300, -70, 1), sighting(0, 300, -70, 2)];
        assert_eq!(scans(&same), [[(50, 300)]]);
    }

    #[test]
    fn half_an_hour_fills_a_window_and_midnight_ends_one() {
        let long: Vec<_> = (0..7).map(|i| sighting(300 * i, 300, -70, 1)).collect();
        assert_eq!(
            scans(&long).iter().map(Vec::len).collect::<Vec<_>>(),
            [6, 1]
        );
        let over = of(&[sighting(-100, 300, -70, 1)]);
        let days: Vec<_> = over
            .iter()
            .map(|w| (w.day.number(), w.scans[0].seconds))
            .collect();
        assert_eq!(days, [(18_481, 100), (18_482, 200)]);
    }

    #[test]
    fn days_with_too_few_tags_make_no_window() {
        // Two tags on the first day, however long; three on the second, one of them of both days.
        let heard = [(-4_000, 1), (-3_700, 1), (-100, 2), (500, 3), (4_000, 4)];
        let encounters = encounters(&heard.map(|(start, tag)| sighting(start, 300, -70, tag)));
        let circumstances = Circumstances {
            utc_offset_seconds: 7 * 3_600,
            ..Circumstances::default()
        };
        let days = |min_matched_tags| {
            let parameters = RiskParameters {
                min_matched_tags,
                ..RiskParameters::built_in("us-wide-v1").unwrap()
            };
            let windows = windows(&encounters, &circumstances, &parameters);
            let days = windows.iter().map(|window| window.day.number());
            days.collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        };
        assert_eq!(days(0), [18_481, 18_482]);
        assert_eq!(days(2), [18_481, 18_482]);
        assert_eq!(days(3), [18_482]);
        assert_eq!(days(4), [0; 0]);
    }

    #[test]
    fn sightings_without_a_usable_reading_or_length_make_no_window() {
        assert_eq!(scans(&[sighting(0, 0, -70, 1)]), Vec::<Vec<_>>::new());
        let circumstances = Circumstances {
            tx_power_dbm: 127,
            ..Circumstances::default()
        };
        let parameters = RiskParameters::built_in("germany-1.15").unwrap();
        let encounters = encounters(&[sighting(0, 300, -70, 1)]);
        assert_eq!(windows(&encounters, &circumstances, &parameters), []);
    }

    proptest! {
        /// Against the strongest signal of every single second.
        #[test]
        fn every_covered_second_is_in_one_scan(
            raw in prop::collection::vec((-2_000_i64..2_000, 0_u32..400, -90_i16..-40, 0_u8..4), 0..30)
        ) {
            let sightings: Vec<_> = raw.iter().map(|&(s, n, r, t)| sighting(s, n, r, t)).collect();
            let mut strongest = BTreeMap::<i64, i16>::new();
            for s in &sightings {
                for second in s.time.unix_seconds()..s.end().unix_seconds() {
                    let best = strongest.entry(second).or_insert(s.rssi_dbm);
                    *best = (*best).max(s.rssi_dbm);
                }
            }
            let mut expected = BTreeMap::<(i64, u8), u32>::new();
            for (second, rssi) in strongest {
                let day = (second - MIDNIGHT).div_euclid(86_400) + 18_482;
                *expected.entry((day, u8::try_from(-20 - rssi).unwrap())).or_default() += 1;
            }
            let mut found = BTreeMap::<(i64, u8), u32>::new();
            for window in of(&sightings) {
                let seconds: u32 = window.scans.iter().map(|scan| scan.seconds).sum();
                prop_assert!(i64::from(seconds) <= MAX_WINDOW_SECONDS);
                for scan in window.scans {
                    *found.entry((window.day.number(), scan.min_attenuation_db)).or_default() += scan.seconds;
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
