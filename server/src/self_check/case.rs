//! The case that is nobody, and the phone that was near it.

use rand::CryptoRng;
use truyvet_crypto::{DisclosedKey, SlotSet, Tag, Timestamp};
use truyvet_matching::ExposureRule;

use super::{CheckFailed, CheckStep, VerifiedBatch, at, encounters, exposures, join};
use crate::settings::Settings;

/// As long as a phone's records are, at most.
const SIGHTING_SECONDS: u32 = 300;

/// For an hour of yesterday at noon (UTC) they were near each other: wherever a local day begins, half of it lies in one.
const FROM_SECONDS: i64 = 12 * 3_600;
const UNTIL_SECONDS: i64 = 13 * 3_600;

/// Loud enough for every rule.
const RSSI_DBM: i16 = 0;

/// A key, and what somebody near heard of it.
pub(super) struct Case {
    /// What is uploaded.
    pub(super) key: DisclosedKey,
    sightings: Vec<truyvet_matching::Sighting>,
}

impl Case {
    /// - `now`: the meeting was on the day before.
    pub(super) fn of(settings: &Settings, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let (scheme, day) = (settings.scheme, now.day().minus_days(1));
        let mut slots = SlotSet::empty(scheme);
        for index in 0..scheme.slots_per_day() {
            let start = scheme.slot_start(scheme.slot(day, index));
            if (FROM_SECONDS..UNTIL_SECONDS).contains(&start.seconds_since(day.start())) {
                slots.insert(index);
            }
        }
        let mut secret = zeroize::Zeroizing::new(vec![0; scheme.day_secret_bytes()]);
        rng.fill_bytes(&mut secret);
        let key = DisclosedKey::disclose(scheme, day, &secret, slots)
            .expect("a day's secret, and slots of it");
        let step = i64::from(SIGHTING_SECONDS);
        let sightings = key.tags().flat_map(|(slot, tag)| {
            let (start, end) = (scheme.slot_start(slot), scheme.slot_end(slot));
            (0..end.seconds_since(start) / step).map(move |number| truyvet_matching::Sighting {
                tag,
                time: start.plus_seconds(number * step),
                seconds: SIGHTING_SECONDS,
                rssi_dbm: RSSI_DBM,
            })
        });
        Self {
            sightings: sightings.collect(),
            key,
        }
    }

    /// Whether a phone that heard this case, and somebody else, finds the case alone.
    pub(super) fn judge(
        &self,
        batch: &VerifiedBatch<impl AsRef<[u8]>>,
        settings: &Settings,
    ) -> Result<(), CheckFailed> {
        let tags: Vec<Tag> = self.sightings.iter().map(|heard| heard.tag).collect();
        let matched = join(&batch.matches(&tags), &self.sightings);
        if matched != self.sightings {
            let reason = format!("{} of {} sightings match", matched.len(), tags.len());
            return Err(at(CheckStep::Match)(reason));
        }
        // Nobody's tags: those of the case with every bit turned. A chance hit among so few is one in 10^10 checks at 40 bits.
        let others: Vec<Tag> = tags
            .iter()
            .map(|tag| Tag::from_bytes(tag.as_bytes().map(|byte| !byte)))
            .collect();
        let by_chance = batch.matches(&others).indices().len();
        // With the shortest fingerprints that a setting allows, one in 256 matches by chance.
        if by_chance > others.len() / 2 {
            return Err(at(CheckStep::Match)(format!(
                "{by_chance} of {} strangers match",
                others.len()
            )));
        }
        // The deployment's own rule may ask for more than the half hour that there is.
        let rule = ExposureRule {
            minutes: 15,
            ..settings.exposure_rule
        };
        if exposures(&encounters(&matched), &rule).is_empty() {
            return Err(at(CheckStep::Exposure)(
                "half an hour is no exposure".into(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rand::{SeedableRng as _, rngs::StdRng};
    use truyvet_crypto::{Scheme, sign::SigningKey, sign::TrustedKeys};
    use truyvet_matching::{
        BatchKind, Digest,
        build::{BatchParameters, TagSet, build},
    };

    use super::*;

    fn batch_of(tags: Vec<Tag>, now: Timestamp) -> VerifiedBatch<Vec<u8>> {
        let key = SigningKey::from_seed(&[1; 32]);
        let parameters = BatchParameters {
            codec: truyvet_matching::Codec::DEFAULT,
            kind: BatchKind::Delta,
            region: super::super::region(),
            sequence: 1,
            window_start: now.plus_seconds(-60),
            window_end: now,
            closed_at: now,
            salt: [1; 16],
            fingerprint_bits: 40,
            previous: Digest::ZERO,
            replaces: vec![],
        };
        let file = build(&parameters, &TagSet::new(tags)).unwrap().sign(&key);
        let trusted = TrustedKeys::new(vec![key.verifying_key()]);
        VerifiedBatch::verify(file.into_bytes(), &trusted).unwrap()
    }

    #[test]
    fn wherever_a_day_begins_the_meeting_is_an_exposure() {
        // A second after midnight: yesterday is as near as it gets.
        let now = Timestamp::from_unix_seconds(1_630_022_401).unwrap();
        let mut rng = StdRng::seed_from_u64(1);
        for scheme in [Scheme::Bluezone, Scheme::Gaen, Scheme::Dp3t] {
            for quarters in -56..=56 {
                let mut settings = Settings::for_data_dir(Path::new("x"));
                settings.scheme = scheme;
                settings.exposure_rule.utc_offset_seconds = quarters * 900;
                settings.exposure_rule.minutes = 1_440;
                let case = Case::of(&settings, now, &mut rng);
                let tags = case.key.tags().map(|(_, tag)| tag).collect();
                case.judge(&batch_of(tags, now), &settings).unwrap();
            }
        }
    }

    #[test]
    fn a_batch_without_the_case_fails_at_the_match() {
        let now = Timestamp::from_unix_seconds(1_630_022_401).unwrap();
        let settings = Settings::for_data_dir(Path::new("x"));
        let case = Case::of(&settings, now, &mut StdRng::seed_from_u64(1));
        let mut tags: Vec<Tag> = case.key.tags().map(|(_, tag)| tag).collect();
        tags.pop();
        let failed = case.judge(&batch_of(tags, now), &settings).unwrap_err();
        assert_eq!(failed.step, CheckStep::Match);
        assert_eq!(failed.reason, "9 of 12 sightings match");
    }
}
