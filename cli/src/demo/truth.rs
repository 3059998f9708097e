//! Who ought to be told: computed from who was near whom, and when phones scanned, alone; never from IDs, tags or
//! signals.
//!
//! The rule in plain words: a person is told about a day of Vietnam's calendar if on that day they spent fifteen
//! minutes or more, that is three steps of five, within two metres of any case other than themselves, counting only
//! steps in which their own phone scanned, and of these only what lay before that case's upload and on days that the
//! officer authorized. Several cases at once count once.

use std::collections::{BTreeMap, HashMap};

use truyvet_crypto::{Day, Timestamp};

use super::{
    calendar::{Calendar, STEP_SECONDS},
    contacts::{Contacts, Person},
    scans::Scans,
};
use crate::date;

/// Two metres.
const NEAR_MM: u32 = 2_000;

/// Minutes within a local day from which a person is told.
const TOLD_FROM_MINUTES: u32 = 15;

/// What one case gave away, as the officer authorized it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disclosure {
    /// The case.
    pub(crate) person: Person,
    /// Nothing from here on is disclosed.
    pub(crate) uploaded_at: Timestamp,
    /// First UTC day that is disclosed.
    pub(crate) first_day: Day,
    /// Last UTC day that is disclosed.
    pub(crate) last_day: Day,
}

/// Minutes by person and Vietnam's calendar day.
pub(crate) type Minutes = BTreeMap<(Person, Day), u32>;

/// Minutes that each person spent near cases, for those days on which it was enough to be told.
pub(crate) fn told(
    contacts: &Contacts,
    calendar: Calendar,
    scans: &Scans,
    disclosures: &[Disclosure],
) -> Minutes {
    let mut near = near_a_case(contacts, calendar, scans, disclosures);
    near.retain(|_, minutes| *minutes >= TOLD_FROM_MINUTES);
    near
}

fn near_a_case(
    contacts: &Contacts,
    calendar: Calendar,
    scans: &Scans,
    disclosures: &[Disclosure],
) -> Minutes {
    let disclosed_by: HashMap<Person, &Disclosure> = disclosures
        .iter()
        .map(|disclosure| (disclosure.person, disclosure))
        .collect();
    let mut last_counted: HashMap<Person, u32> = HashMap::new();
    let mut minutes = Minutes::new();
    for contact in contacts.all().iter().filter(|c| c.distance_mm <= NEAR_MM) {
        let time = calendar.time(contact.step);
        for (person, other) in [(contact.a, contact.b), (contact.b, contact.a)] {
            let disclosed = disclosed_by.get(&other).is_some_and(|case| {
                time < case.uploaded_at && (case.first_day..=case.last_day).contains(&time.day())
            });
            let counts = disclosed && scans.scans(person, contact.step);
            // Contacts come by step, so a step is counted already if it was the last one counted.
            if counts && last_counted.insert(person, contact.step) != Some(contact.step) {
                *minutes.entry((person, date::in_vietnam(time))).or_default() += STEP_SECONDS / 60;
            }
        }
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two hours from 07:00, and one from 23:00, which is the next day after the 12th of it.
    fn calendar() -> Calendar {
        Calendar::new(288)
    }

    fn case(person: u32, uploaded_after_step: u32, first_day: u32, last_day: u32) -> Disclosure {
        Disclosure {
            person: Person(person),
            uploaded_at: calendar().time(uploaded_after_step + 1),
            first_day: calendar().day(first_day),
            last_day: calendar().day(last_day),
        }
    }

    /// Persons are ids less one.
    fn told_of(rows: &[Row], cases: &[Disclosure]) -> Vec<(u32, u32, u32)> {
        let contacts = Contacts::new(rows.to_vec(), [1, 2, 3, 4]);
        by_day(told(
            &contacts,
            calendar(),
            &Scans::all(calendar(), 4, 700),
            cases,
        ))
    }

    fn by_day(minutes: Minutes) -> Vec<(u32, u32, u32)> {
        minutes
            .into_iter()
            .map(|((person, day), minutes)| {
                (person.0, day.number() - calendar().day(0).number(), minutes)
            })
            .collect()
    }

    use crate::demo::contacts::Row;

    #[test]
    fn three_steps_within_two_metres_are_enough_and_two_are_not() {
        let case = [case(0, 288, 0, 0)];
        let two = [(1, 1, 2, 2_000), (9, 1, 2, 500)];
        assert_eq!(told_of(&two, &case), []);
        let three = [two[0], two[1], (100, 1, 2, 0)];
        assert_eq!(told_of(&three, &case), [(1, 0, 15)]);
        let one_too_far = [two[0], two[1], (100, 1, 2, 2_001)];
        assert_eq!(told_of(&one_too_far, &case), []);
    }

    #[test]
    fn minutes_near_several_cases_add_up_but_no_minute_counts_twice() {
        let cases = [case(0, 288, 0, 0), case(2, 288, 0, 0)];
        let rows = [(1, 1, 2, 1), (1, 2, 3, 1), (2, 2, 3, 1), (3, 1, 2, 1)];
        assert_eq!(told_of(&rows, &cases), [(1, 0, 15)]);
        assert_eq!(told_of(&rows[..3], &cases), []);
    }

    #[test]
    fn a_case_is_told_of_other_cases_but_not_of_itself() {
        let rows = [(1, 1, 2, 1), (2, 1, 2, 1), (3, 1, 2, 1)];
        assert_eq!(told_of(&rows, &[case(0, 288, 0, 0)]), [(1, 0, 15)]);
        let both = [case(0, 288, 0, 0), case(1, 288, 0, 0)];
        assert_eq!(told_of(&rows, &both), [(0, 0, 15), (1, 0, 15)]);
    }

    #[test]
    fn what_comes_after_the_upload_or_outside_the_authorized_days_does_not_count() {
        let rows = [(1, 1, 2, 1), (2, 1, 2, 1), (3, 1, 2, 1), (4, 1, 2, 1)];
        assert_eq!(told_of(&rows, &[case(0, 2, 0, 0)]), []);
        assert_eq!(told_of(&rows, &[case(0, 3, 0, 0)]), [(1, 0, 15)]);
        assert_eq!(told_of(&rows, &[case(0, 600, 1, 2)]), []);
        assert_eq!(told_of(&rows, &[case(0, 600, 0, 2)]), [(1, 0, 20)]);
    }

    #[test]
    fn only_steps_count_in_which_ones_own_phone_scans() {
        let rows: Vec<Row> = (1..=12).map(|step| (step, 1, 2, 1)).collect();
        let contacts = Contacts::new(rows, []);
        let scans = Scans::plan(&contacts, calendar());
        let both = [case(0, 288, 0, 0), case(1, 288, 0, 0)];
        let minutes = told(&contacts, calendar(), &scans, &both);
        assert_eq!(by_day(minutes), [(0, 0, 60), (1, 0, 30)]);
    }

    #[test]
    fn midnight_in_vietnam_parts_the_days() {
        let steps = |range: std::ops::RangeInclusive<u32>| -> Vec<Row> {
            range.map(|step| (step, 1, 2, 1)).collect()
        };
        let case = [case(0, 600, 0, 2)];
        assert_eq!(told_of(&steps(203..=206), &case), []);
        assert_eq!(told_of(&steps(202..=206), &case), [(1, 0, 15)]);
        assert_eq!(told_of(&steps(202..=207), &case), [(1, 0, 15), (1, 1, 15)]);
    }
}
