//! What came of a demo, held against the truth.
//!
//! Only numbers; `table` and `report` show them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use truyvet_crypto::Day;

use super::{contacts::Person, truth::Minutes};

/// Where the time of a demo goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Keys, database, listeners, officer.
    Start,
    /// One phone for everybody.
    Phones,
    /// Broadcasting and hearing.
    Hear,
    /// The officer's codes.
    Authorize,
    /// Redeeming codes and disclosing keys.
    Upload,
    /// Building and signing the batch.
    Publish,
    /// Downloading, verifying and matching on every phone.
    Sync,
    /// Who ought to be told.
    Truth,
}

impl Phase {
    /// All of them, in order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Start,
        Self::Phones,
        Self::Hear,
        Self::Authorize,
        Self::Upload,
        Self::Publish,
        Self::Sync,
        Self::Truth,
    ];

    /// What a person reads.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start the server",
            Self::Phones => "set up the phones",
            Self::Hear => "broadcast and hear",
            Self::Authorize => "issue codes",
            Self::Upload => "redeem and upload",
            Self::Publish => "build, sign, publish",
            Self::Sync => "download and match",
            Self::Truth => "compute the truth",
        }
    }
}

/// One day of the demo.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DayOutcome {
    /// The UTC day.
    pub(crate) day: Day,
    /// People who tested positive this evening.
    pub(crate) cases: u32,
    /// Uploads that the phones report as done.
    pub(crate) uploads: u32,
    /// People whose phone told them of an exposure this evening, and never before.
    pub(crate) newly_alerted: u32,
    /// Length of the batch file.
    pub(crate) batch_bytes: u64,
    /// Tags in the batch file, padding included.
    pub(crate) tags: u64,
    /// Bytes of batches that one phone downloaded this evening, on average; index and configuration come on top.
    pub(crate) bytes_per_phone: f64,
}

/// A whole demo.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Everybody has a phone.
    pub(crate) people: usize,
    /// Pairs within the file's range, each five-minute step for itself.
    pub(crate) contacts: usize,
    /// What phones heard: each contact within radio range gives two, if both phones scan.
    pub(crate) sightings: u64,
    /// Distinct batches that the server's index listed.
    pub(crate) batches: usize,
    /// Batches that each phone downloaded and matched, by [`Person`].
    pub(crate) batches_applied: Vec<usize>,
    /// Day by day.
    pub(crate) days: Vec<DayOutcome>,
    /// Who should have been told, and of how many minutes.
    pub(crate) expected: Minutes,
    /// Who was told, and of how many minutes, on the latest evening that told of that day.
    pub(crate) told: Minutes,
    /// What the phones tell when all is over.
    pub(crate) told_at_the_end: Minutes,
    /// Retention has forgotten every day of Vietnam's calendar before this one, and part of this one.
    pub(crate) forgotten_into: Day,
    /// Where the time went.
    pub(crate) phases: BTreeMap<Phase, Duration>,
    /// From start to end.
    pub(crate) total: Duration,
}

/// How phones and truth differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// People whose phone told them.
    pub(crate) alerted: BTreeSet<Person>,
    /// People who should have been told.
    pub(crate) expected: BTreeSet<Person>,
    /// Expected but not alerted.
    pub(crate) missed: Vec<Person>,
    /// Alerted but not expected.
    pub(crate) false_alarms: Vec<Person>,
    /// Days on which phone and truth give one person another number of minutes.
    pub(crate) other_minutes: Vec<OtherMinutes>,
    /// The same of what the phones tell when all is over, and of what they should not have forgotten.
    pub(crate) other_at_the_end: Vec<OtherMinutes>,
    /// People whose phone applied another number of batches than the server listed.
    pub(crate) other_batches: Vec<Person>,
}

/// One person's day of which phone and truth say different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OtherMinutes {
    /// Whose.
    pub(crate) person: Person,
    /// Vietnam's calendar day.
    pub(crate) day: Day,
    /// By the contacts; 0 if not enough to be told.
    pub(crate) expected: u32,
    /// By the phone; 0 if it told nothing.
    pub(crate) told: u32,
}

impl Verdict {
    /// Whether phones told exactly what they should have.
    pub(crate) fn is_right(&self) -> bool {
        // No `..` here: a new way to be wrong must be looked at before this compiles again.
        let Self {
            alerted: _,
            expected: _,
            missed,
            false_alarms,
            other_minutes,
            other_at_the_end,
            other_batches,
        } = self;
        missed.is_empty()
            && false_alarms.is_empty()
            && other_minutes.is_empty()
            && other_at_the_end.is_empty()
            && other_batches.is_empty()
    }
}

/// The demo as one JSON object: exactly these keys.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    people: usize,
    contacts: usize,
    cases: u32,
    uploads: u32,
    batches: usize,
    batch_bytes: u64,
    tags: u64,
    alerted: usize,
    expected: usize,
    missed: usize,
    false_alarms: usize,
    seconds: f64,
}

impl Outcome {
    /// Compares person by person and day by day.
    pub(crate) fn verdict(&self) -> Verdict {
        let people = |minutes: &Minutes| minutes.keys().map(|(person, _)| *person).collect();
        let (alerted, expected): (BTreeSet<_>, BTreeSet<_>) =
            (people(&self.told), people(&self.expected));
        Verdict {
            missed: expected.difference(&alerted).copied().collect(),
            false_alarms: alerted.difference(&expected).copied().collect(),
            other_minutes: differences(&self.expected, &self.told),
            other_at_the_end: self.other_at_the_end(),
            other_batches: (0..)
                .zip(&self.batches_applied)
                .filter(|(_, applied)| **applied != self.batches)
                .map(|(person, _)| Person(person))
                .collect(),
            alerted,
            expected,
        }
    }

    /// Of a day that retention cuts apart, a phone may tell anything; of those before, nothing.
    fn other_at_the_end(&self) -> Vec<OtherMinutes> {
        let mut expected = self.expected.clone();
        expected.retain(|(_, day), _| *day > self.forgotten_into);
        let mut told = self.told_at_the_end.clone();
        told.retain(|(_, day), _| *day != self.forgotten_into);
        differences(&expected, &told)
    }

    /// The numbers for scripts.
    pub(crate) fn figures(&self) -> Figures {
        let verdict = self.verdict();
        Figures {
            people: self.people,
            contacts: self.contacts,
            cases: self.cases(),
            uploads: self.uploads(),
            batches: self.batches,
            batch_bytes: self.batch_bytes(),
            tags: self.tags(),
            alerted: verdict.alerted.len(),
            expected: verdict.expected.len(),
            missed: verdict.missed.len(),
            false_alarms: verdict.false_alarms.len(),
            seconds: (self.total.as_secs_f64() * 1_000.0).round() / 1_000.0,
        }
    }

    /// People who tested positive.
    pub(crate) fn cases(&self) -> u32 {
        self.days.iter().map(|day| day.cases).sum()
    }

    /// Cases who uploaded.
    pub(crate) fn uploads(&self) -> u32 {
        self.days.iter().map(|day| day.uploads).sum()
    }

    /// Length of all batch files.
    pub(crate) fn batch_bytes(&self) -> u64 {
        self.days.iter().map(|day| day.batch_bytes).sum()
    }

    /// Tags in all batch files, padding included.
    pub(crate) fn tags(&self) -> u64 {
        self.days.iter().map(|day| day.tags).sum()
    }

    /// What one phone downloads a day, on average.
    pub(crate) fn bytes_per_phone_and_day(&self) -> f64 {
        let days = u32::try_from(self.days.len().max(1)).unwrap_or(u32::MAX);
        self.days.iter().map(|day| day.bytes_per_phone).sum::<f64>() / f64::from(days)
    }

    /// Of everybody who was told, the minutes of their longest day.
    pub(crate) fn longest_days(&self) -> BTreeMap<Person, u32> {
        let mut longest = BTreeMap::new();
        for (&(person, _), &minutes) in &self.told {
            let most = longest.entry(person).or_insert(0);
            *most = minutes.max(*most);
        }
        longest
    }
}

fn differences(expected: &Minutes, told: &Minutes) -> Vec<OtherMinutes> {
    let keys: BTreeSet<_> = told.keys().chain(expected.keys()).collect();
    keys.into_iter()
        .map(|key| OtherMinutes {
            person: key.0,
            day: key.1,
            expected: expected.get(key).copied().unwrap_or(0),
            told: told.get(key).copied().unwrap_or(0),
        })
        .filter(|minutes| minutes.expected != minutes.told)
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Three people told rightly, over four days.
    pub(crate) fn sample() -> Outcome {
        let day = |n| Day::from_number(18_477 + n);
        let minutes: Minutes = [((0, 0), 15), ((1, 0), 45), ((1, 2), 130), ((2, 3), 600)]
            .map(|((person, n), minutes)| ((Person(person), day(n)), minutes))
            .into();
        Outcome {
            people: 300,
            contacts: 112_345,
            sightings: 180_000,
            batches: 4,
            batches_applied: vec![4; 300],
            days: (0..4)
                .map(|n| DayOutcome {
                    day: day(n),
                    cases: n + 1,
                    uploads: n + 1,
                    newly_alerted: [0, 2, 0, 1][n as usize],
                    batch_bytes: 21_000,
                    tags: 4_096,
                    bytes_per_phone: 21_500.0 + f64::from(n),
                })
                .collect(),
            expected: minutes.clone(),
            told: minutes.clone(),
            told_at_the_end: minutes,
            forgotten_into: Day::from_number(18_400),
            phases: Phase::ALL
                .into_iter()
                .zip([50, 400, 3_000, 60, 200, 70, 2_500, 9].map(Duration::from_millis))
                .collect(),
            total: Duration::from_millis(6_289),
        }
    }

    #[test]
    fn the_same_minutes_on_both_sides_are_right() {
        let verdict = sample().verdict();
        assert!(verdict.is_right());
        assert_eq!((verdict.alerted.len(), verdict.expected.len()), (3, 3));
    }

    #[test]
    fn every_difference_is_found() {
        let day = Day::from_number(18_477);
        let mut outcome = sample();
        outcome.told.remove(&(Person(0), day));
        outcome.told.insert((Person(7), day), 20);
        outcome.told.insert((Person(1), day), 40);
        let verdict = outcome.verdict();
        assert_eq!(verdict.missed, [Person(0)]);
        assert_eq!(verdict.false_alarms, [Person(7)]);
        let minutes: Vec<_> = verdict
            .other_minutes
            .iter()
            .map(|m| (m.person.0, m.expected, m.told))
            .collect();
        assert_eq!(minutes, [(0, 15, 0), (1, 45, 40), (7, 0, 20)]);
        assert!(!verdict.is_right());
    }

    #[test]
    fn what_a_phone_forgets_before_its_time_or_keeps_beyond_it_is_found() {
        let day = |n: u32| Day::from_number(18_477 + n);
        let at_the_end = |outcome: &Outcome| -> Vec<_> {
            let verdict = outcome.verdict();
            assert_eq!(verdict.is_right(), verdict.other_at_the_end.is_empty());
            verdict
                .other_at_the_end
                .iter()
                .map(|m| (m.person.0, m.expected, m.told))
                .collect()
        };
        let mut outcome = sample();
        outcome.told_at_the_end.remove(&(Person(1), day(2)));
        assert_eq!(at_the_end(&outcome), [(1, 130, 0)]);
        // Day 2 is cut apart: nothing can be asked of it. Day 0 should be forgotten, and is not.
        outcome.forgotten_into = day(2);
        assert_eq!(at_the_end(&outcome), [(0, 0, 15), (1, 0, 45)]);
        outcome
            .told_at_the_end
            .retain(|(_, told), _| *told > day(0));
        assert_eq!(at_the_end(&outcome), []);
    }

    #[test]
    fn a_phone_that_did_not_apply_every_batch_is_found() {
        let mut outcome = sample();
        outcome.batches_applied[7] = 3;
        let verdict = outcome.verdict();
        assert_eq!(verdict.other_batches, [Person(7)]);
        assert!(!verdict.is_right());
    }

    #[test]
    fn the_json_has_exactly_its_keys_and_numbers_in_them() {
        let json = serde_json::to_value(sample().figures()).unwrap();
        let object = json.as_object().unwrap();
        let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "alerted",
                "batch_bytes",
                "batches",
                "cases",
                "contacts",
                "expected",
                "false_alarms",
                "missed",
                "people",
                "seconds",
                "tags",
                "uploads"
            ]
        );
        assert!(object.values().all(serde_json::Value::is_number));
        assert_eq!(json["cases"], 10);
        assert_eq!(json["seconds"], 6.289);
    }
}
