//! Draws who falls ill, and when it is found out.
//!
//! Only picks people and days: nobody infects anybody here. What happens to a case is `replay`'s.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus, seq::IteratorRandom};

use super::{
    calendar::Calendar,
    contacts::{Contacts, Person},
    radio,
    scans::Scans,
};

/// Symptoms begin at most so many days before the test.
const MAX_DAYS_ILL: u32 = 3;

/// A person who tests positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    /// Who.
    pub(crate) person: Person,
    /// The demo's day (from 0) on whose evening the test comes back.
    pub(crate) tested_on: u32,
    /// The demo's day (from 0) of the first symptoms, not after the test.
    pub(crate) onset: u32,
}

/// Draws up to `wanted` cases, spread evenly over the first `days` days, in the order of their tests.
///
/// The phone of each heard somebody between onset and test, so that there is something to disclose. Fewer come back only
/// if fewer people's did.
pub(crate) fn draw(
    contacts: &Contacts,
    calendar: Calendar,
    scans: &Scans,
    days: u32,
    wanted: u32,
    seed: u64,
) -> Vec<Case> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x6361_7365);
    let met_on = days_with_contact(contacts, calendar, scans);
    let mut cases: Vec<Case> = Vec::new();
    for number in 0..wanted {
        let spread_to = u64::from(number) * u64::from(days) / u64::from(wanted);
        let spread_to = u32::try_from(spread_to).expect("below `days`");
        // A day on which nobody new can be found passes its case on to the next one.
        let found = (spread_to..days).chain(0..spread_to).find_map(|tested_on| {
            let onset = tested_on.saturating_sub(rng.random_range(0..=MAX_DAYS_ILL));
            let ill: BTreeSet<Person> = met_on
                .range((onset, Person(0))..(tested_on + 1, Person(0)))
                .map(|&(_, person)| person)
                .filter(|person| cases.iter().all(|case| case.person != *person))
                .collect();
            let person = ill.into_iter().choose(&mut rng)?;
            Some(Case {
                person,
                tested_on,
                onset,
            })
        });
        match found {
            Some(case) => cases.push(case),
            None => break,
        }
    }
    cases.sort_by_key(|case| case.tested_on);
    cases
}

/// (day, person) for every day on which the person heard somebody.
fn days_with_contact(
    contacts: &Contacts,
    calendar: Calendar,
    scans: &Scans,
) -> BTreeSet<(u32, Person)> {
    contacts
        .all()
        .iter()
        .filter(|contact| radio::rssi_dbm(contact.distance_mm).is_some())
        .flat_map(|contact| {
            [contact.a, contact.b]
                .into_iter()
                .filter(|person| scans.scans(*person, contact.step))
                .map(|person| (calendar.day_of(contact.step), person))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::town::Town;

    fn drawn(contacts: &Contacts, days: u32, wanted: u32, seed: u64) -> Vec<Case> {
        let calendar = Calendar::new(288);
        let scans = Scans::plan(contacts, calendar);
        draw(contacts, calendar, &scans, days, wanted, seed)
    }

    #[test]
    fn cases_are_spread_over_the_days_and_nobody_falls_ill_twice() {
        let town = Town::settle(100, 3).live(7, 288);
        let cases = drawn(&town, 7, 21, 5);
        assert_eq!(cases.len(), 21);
        for day in 0..7 {
            assert_eq!(cases.iter().filter(|c| c.tested_on == day).count(), 3);
        }
        let people: BTreeSet<Person> = cases.iter().map(|case| case.person).collect();
        assert_eq!(people.len(), 21);
        assert!(cases.iter().all(|case| case.onset <= case.tested_on));
        assert_eq!(cases, drawn(&town, 7, 21, 5));
        assert_ne!(cases, drawn(&town, 7, 21, 6));
    }

    #[test]
    fn only_people_whom_somebody_could_hear_become_cases() {
        let rows = vec![(1, 1, 2, 9_000), (1, 3, 4, 30_000), (300, 5, 6, 1_000)];
        let contacts = Contacts::new(rows, []);
        let cases = drawn(&contacts, 2, 6, 1);
        let mut people: Vec<u32> = cases.iter().map(|case| case.person.0).collect();
        people.sort_unstable();
        assert_eq!(people, [0, 1, 4, 5]);
        for case in cases.iter().filter(|case| case.person.0 >= 4) {
            assert_eq!(case.tested_on, 1);
        }
        assert!(drawn(&Contacts::new(vec![], 1..9), 2, 6, 1).is_empty());
    }
}
