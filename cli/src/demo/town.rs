//! Makes up a town: who would have been near whom, where no contact file is given.
//!
//! Households eat and spend evenings together, on weekdays workplaces and school classes meet in rooms, and people
//! chance upon each other in shops and streets. The same seed gives the same town. Nights are left out: phones lie in
//! the next room then. Numbers are plausible, not measured; the measured town is `data/proximity-haslemere`.

use std::ops::Range;

use rand::{
    RngExt, SeedableRng,
    rngs::Xoshiro256PlusPlus,
    seq::{IndexedRandom, SliceRandom},
};

use super::contacts::{Contacts, Row};

/// Ids of people who belong together.
type Group = Vec<u32>;

/// Positions within a day, counted in steps from 07:00.
const BREAKFAST: Range<u32> = 0..4;
const WORK: Range<u32> = 12..110;
const EVENING: Range<u32> = 138..174;
const OUT_AND_ABOUT: Range<u32> = 0..180;

/// Farther than phones hear in the demo, so that some contacts are out of range.
const FARTHEST_MM: u32 = 12_000;

/// People of a town and their days.
pub(crate) struct Town {
    people: u32,
    households: Vec<Group>,
    workplaces: Vec<Group>,
    rng: Xoshiro256PlusPlus,
}

impl Town {
    /// Settles `people` into households, and three in four of them into workplaces and classes.
    pub(crate) fn settle(people: u32, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut ids: Vec<u32> = (1..=people).collect();
        let households = groups(&ids, &[1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 6], &mut rng);
        ids.shuffle(&mut rng);
        let working = &ids[..ids.len() * 3 / 4];
        let workplaces = groups(working, &[4, 5, 6, 7, 8, 10, 12, 15], &mut rng);
        Self {
            people,
            households,
            workplaces,
            rng,
        }
    }

    /// Lets the town live for some days of `steps_per_day` steps from 07:00; the first day is a Monday.
    pub(crate) fn live(mut self, days: u32, steps_per_day: u32) -> Contacts {
        let mut rows = Vec::new();
        for day in 0..days {
            let mut of_day = Vec::new();
            self.at_home(&mut of_day);
            if day % 7 < 5 {
                self.at_work(&mut of_day);
            } else {
                self.visits(&mut of_day);
            }
            self.by_chance(&mut of_day);
            rows.extend(
                of_day
                    .into_iter()
                    .filter(|row| row.0 < steps_per_day)
                    .map(|(step, one, two, mm)| (day * steps_per_day + step + 1, one, two, mm)),
            );
        }
        Contacts::new(rows, 1..=self.people)
    }

    fn at_home(&mut self, rows: &mut Vec<Row>) {
        for household in &self.households {
            for (one, two) in pairs(household) {
                for step in BREAKFAST {
                    rows.push((step, one, two, self.rng.random_range(500..3_000)));
                }
                for step in EVENING {
                    if self.rng.random_bool(0.5) {
                        rows.push((step, one, two, self.rng.random_range(400..6_000)));
                    }
                }
            }
        }
    }

    fn at_work(&mut self, rows: &mut Vec<Row>) {
        for workplace in &self.workplaces {
            for _ in 0..4 {
                let start = self.rng.random_range(WORK);
                let steps = start..start + self.rng.random_range(2..11);
                let present: Group = workplace
                    .iter()
                    .copied()
                    .filter(|_| self.rng.random_bool(0.6))
                    .collect();
                meet(&present, steps, &mut self.rng, rows);
            }
        }
    }

    /// On a weekend, one household in three has another one as guests.
    fn visits(&mut self, rows: &mut Vec<Row>) {
        for host in 0..self.households.len() {
            if !self.rng.random_bool(1.0 / 3.0) {
                continue;
            }
            let Some(guests) = self.households.choose(&mut self.rng) else {
                continue;
            };
            let mut party: Group = self.households[host]
                .iter()
                .chain(guests)
                .copied()
                .collect();
            party.sort_unstable();
            party.dedup();
            let start = self.rng.random_range(WORK);
            meet(&party, start..start + 18, &mut self.rng, rows);
        }
    }

    fn by_chance(&mut self, rows: &mut Vec<Row>) {
        for _ in 0..self.people * 3 {
            let one = self.rng.random_range(1..=self.people);
            let two = self.rng.random_range(1..=self.people);
            let start = self.rng.random_range(OUT_AND_ABOUT);
            let steps = self.rng.random_range(1..5);
            let distance_mm = self.rng.random_range(400..FARTHEST_MM);
            if one != two {
                rows.extend((start..start + steps).map(|step| (step, one, two, distance_mm)));
            }
        }
    }
}

/// Everybody takes a place in a room and shifts a little from step to step.
fn meet(people: &[u32], steps: Range<u32>, rng: &mut Xoshiro256PlusPlus, rows: &mut Vec<Row>) {
    let places: Vec<(u32, u32)> = people
        .iter()
        .map(|_| (rng.random_range(0..5_000), rng.random_range(0..7_000)))
        .collect();
    for step in steps {
        for (one, two) in pairs(&(0..people.len()).collect::<Vec<_>>()) {
            let shift = rng.random_range(0..600);
            let (a, b) = (places[one], places[two]);
            let distance_mm = (a.0.abs_diff(b.0).pow(2) + a.1.abs_diff(b.1).pow(2)).isqrt() + shift;
            rows.push((step, people[one], people[two], distance_mm));
        }
    }
}

/// Cuts a list into groups whose sizes are drawn from `sizes`.
fn groups(ids: &[u32], sizes: &[usize], rng: &mut Xoshiro256PlusPlus) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut rest = ids;
    while !rest.is_empty() {
        let size = *sizes.choose(rng).expect("sizes are given");
        let (group, others) = rest.split_at(size.min(rest.len()));
        groups.push(group.to_vec());
        rest = others;
    }
    groups
}

fn pairs<T: Copy>(group: &[T]) -> impl Iterator<Item = (T, T)> {
    group
        .iter()
        .enumerate()
        .flat_map(move |(i, &one)| group[i + 1..].iter().map(move |&two| (one, two)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::radio;

    #[test]
    fn a_seed_is_a_town() {
        let town = |seed| Town::settle(80, seed).live(3, 288);
        assert_eq!(town(1), town(1));
        assert_ne!(town(1), town(2));
    }

    #[test]
    fn a_town_has_near_far_and_unheard_contacts_on_every_day() {
        let town = Town::settle(60, 7).live(7, 288);
        assert_eq!(town.people(), 60);
        for day in 0..7 {
            let of_day = || town.all().iter().filter(move |c| (c.step - 1) / 288 == day);
            let near = of_day().filter(|c| c.distance_mm <= radio::NEAR_MM).count();
            let unheard = of_day()
                .filter(|c| radio::rssi_dbm(c.distance_mm).is_none())
                .count();
            assert!(near > 100, "day {day}: {near}");
            assert!(unheard > 0, "day {day}");
            assert!(near + unheard < of_day().count());
        }
    }

    #[test]
    fn short_days_end_early_and_small_towns_are_towns() {
        let town = Town::settle(30, 1).live(2, 100);
        assert!(town.last_step() <= 200);
        assert_eq!(Town::settle(1, 1).live(2, 288).people(), 1);
        assert_eq!(Town::settle(0, 1).live(2, 288).people(), 0);
    }
}
