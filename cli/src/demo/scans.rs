//! In which steps a phone scans: those of every second person only in every other one.
//!
//! So phones hear less often than they are heard, as real ones do, and a case's own phone heard nobody in quarters of
//! an hour in which others heard the case. Computed from the contacts alone.
//!
//! ```text
//! every second phone scans a step if    its number is odd
//!                                  or   the odd steps of its quarter of an hour reach nobody, some other step would,
//!                                       and those of the quarters beside it reach nobody either
//! ```
//!
//! The second rule keeps the truth exact: uploads leave long silences out, but never a quarter beside one in which
//! somebody was heard.

use std::collections::HashSet;

use super::{
    calendar::{Calendar, QUARTERS_PER_DAY},
    contacts::{Contacts, Person},
    radio,
};

/// Which phone scans when.
pub(crate) struct Scans {
    calendar: Calendar,
    /// (person, quarter) of which every second phone scans every step.
    whole: HashSet<(Person, i64)>,
}

impl Scans {
    /// Plans the scans of all phones.
    pub(crate) fn plan(contacts: &Contacts, calendar: Calendar) -> Self {
        let mut near_somebody = HashSet::new();
        let mut reached = HashSet::new();
        for contact in contacts.all() {
            if radio::rssi_dbm(contact.distance_mm).is_none() {
                continue;
            }
            for person in [contact.a, contact.b].into_iter().filter(is_second) {
                let quarter = calendar.quarter(contact.step);
                near_somebody.insert((person, quarter));
                if is_odd(contact.step) {
                    reached.insert((person, quarter));
                }
            }
        }
        let whole = near_somebody
            .into_iter()
            .filter(|&(person, quarter)| {
                let mut heard_by = (quarter - 1..=quarter + 1)
                    // What comes after this day's evening may come after the upload.
                    .filter(|beside| beside / QUARTERS_PER_DAY <= quarter / QUARTERS_PER_DAY);
                !heard_by.any(|beside| reached.contains(&(person, beside)))
            })
            .collect();
        Self { calendar, whole }
    }

    /// Every phone scans every one of these steps.
    #[cfg(test)]
    pub(crate) fn all(calendar: Calendar, people: u32, last_step: u32) -> Self {
        let whole = (0..people)
            .flat_map(|person| {
                (1..=last_step).map(move |step| (Person(person), calendar.quarter(step)))
            })
            .collect();
        Self { calendar, whole }
    }

    /// Whether this person's phone scans in this step.
    pub(crate) fn scans(&self, person: Person, step: u32) -> bool {
        !is_second(&person)
            || is_odd(step)
            || self.whole.contains(&(person, self.calendar.quarter(step)))
    }
}

fn is_second(person: &Person) -> bool {
    person.0 % 2 == 1
}

fn is_odd(step: u32) -> bool {
    step % 2 == 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::demo::{contacts::Row, town::Town};

    /// The steps up to 12 in which the phone of the second person scans.
    fn scanned(near_in: &[u32]) -> Vec<u32> {
        let rows: Vec<Row> = near_in.iter().map(|&step| (step, 1, 2, 9_000)).collect();
        let scans = Scans::plan(&Contacts::new(rows, []), Calendar::new(288));
        assert!((1..=12).all(|step| scans.scans(Person(0), step)));
        (1..=12)
            .filter(|step| scans.scans(Person(1), *step))
            .collect()
    }

    #[test]
    fn every_second_phone_scans_every_other_step() {
        assert_eq!(scanned(&[]), [1, 3, 5, 7, 9, 11]);
        assert_eq!(scanned(&[1, 2, 3, 4, 5, 6]), [1, 3, 5, 7, 9, 11]);
    }

    #[test]
    fn a_quarter_is_missed_only_beside_one_in_which_somebody_is_heard() {
        // Quarters are 1 to 3, 4 to 6, 7 to 9, 10 to 12.
        assert_eq!(scanned(&[4]), [1, 3, 4, 5, 6, 7, 9, 11]);
        assert_eq!(scanned(&[3, 4]), [1, 3, 5, 7, 9, 11]);
        assert_eq!(scanned(&[4, 7]), [1, 3, 5, 7, 9, 11]);
        assert_eq!(scanned(&[3, 4, 8]), [1, 3, 5, 7, 8, 9, 11]);
    }

    #[test]
    fn the_next_day_comes_too_late_to_be_beside_a_quarter() {
        let scans_whole = |steps: [u32; 2]| {
            let rows = steps.map(|step| (step, 1, 2, 9_000)).to_vec();
            let scans = Scans::plan(&Contacts::new(rows, []), Calendar::new(288));
            steps.map(|step| scans.scans(Person(1), step))
        };
        assert_eq!(scans_whole([284, 289]), [true, true]);
        assert_eq!(scans_whole([288, 289]), [true, true]);
        assert_eq!(scans_whole([287, 290]), [true, false]);
    }

    /// What the asymmetry is for: uploads that kept only quarters in which the case heard somebody would be found out.
    #[test]
    fn a_town_has_quarters_in_which_others_hear_a_phone_that_hears_nobody() {
        let calendar = Calendar::new(288);
        let town = Town::settle(60, 7).live(3, 288);
        let scans = Scans::plan(&town, calendar);
        let (mut near, mut heard) = (BTreeSet::new(), BTreeSet::new());
        for contact in town.all() {
            if contact.distance_mm > radio::NEAR_MM {
                continue;
            }
            for person in [contact.a, contact.b] {
                near.insert((person, calendar.quarter(contact.step)));
            }
        }
        for contact in town.all() {
            for person in [contact.a, contact.b] {
                if radio::rssi_dbm(contact.distance_mm).is_some()
                    && scans.scans(person, contact.step)
                {
                    heard.insert((person, calendar.quarter(contact.step)));
                }
            }
        }
        let silent: Vec<_> = near.difference(&heard).collect();
        assert!(silent.len() > 20, "{}", silent.len());
        for &&(person, quarter) in &silent {
            let beside = [quarter - 1, quarter + 1];
            assert!(
                beside
                    .iter()
                    .any(|quarter| heard.contains(&(person, *quarter)))
            );
        }
    }
}
