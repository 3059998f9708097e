//! Which slots are worth publishing: not those within long silence.
//!
//! A phone that heard nobody for an hour or more (the night, an empty house) was most likely heard by nobody; leaving
//! such stretches out cuts everybody's download several times over. Hearing is not symmetric, so others may have heard it
//! before it heard them and after: shorter silences stay in, and of longer ones the slots next to one with company. Pure.

use std::collections::BTreeSet;

use truyvet_crypto::{Day, Scheme, Slot, SlotSet};

/// A run of silent slots this long is left out, but for its edges.
const SILENCE_SECONDS: u32 = 3_600;

/// When this phone heard anybody.
pub(super) struct Hearing {
    scheme: Scheme,
    /// Slot numbers.
    heard: BTreeSet<u32>,
    /// The slot that now lies in; later ones have not begun.
    current: Slot,
}

impl Hearing {
    /// - `heard`: numbers of the slots in which anybody was heard, all days kept.
    /// - `current`: the slot that now lies in.
    pub(super) fn new(scheme: Scheme, heard: BTreeSet<u32>, current: Slot) -> Self {
        Self {
            scheme,
            heard,
            current,
        }
    }

    /// The slots of `day` that have begun and do not lie within a long silence. Silences are measured across midnight.
    pub(super) fn slots_of_day(&self, day: Day) -> SlotSet {
        let mut slots = SlotSet::empty(self.scheme);
        for index in 0..self.scheme.slots_per_day() {
            let slot = self.scheme.slot(day, index);
            if slot <= self.current && !self.is_within_silence(slot.number()) {
                slots.insert(index);
            }
        }
        slots
    }

    fn is_within_silence(&self, slot: u32) -> bool {
        let around = slot.saturating_sub(1)..=slot.saturating_add(1);
        if self.heard.range(around).next().is_some() {
            return false;
        }
        // Before the first sighting the phone may not have been listening at all: a silence without beginning.
        let Some(last_heard) = self.heard.range(..slot).next_back() else {
            return true;
        };
        let next_heard = self.heard.range(slot..).next().copied();
        let end = next_heard.unwrap_or(self.current.number() + 1);
        let silent_slots = end - last_heard - 1;
        silent_slots * self.scheme.slot_seconds() >= SILENCE_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Day {
        Day::from_number(20_000)
    }

    /// `heard`: slots counted from the day's start, negative for the day before.
    fn published(scheme: Scheme, heard: &[i32], current: u32) -> Vec<u32> {
        let first = scheme.slot(day(), 0).number();
        let heard = heard
            .iter()
            .map(|offset| first.strict_add_signed(*offset))
            .collect();
        let current = scheme.slot(day(), current);
        Hearing::new(scheme, heard, current)
            .slots_of_day(day())
            .iter()
            .collect()
    }

    #[test]
    fn silences_below_an_hour_stay_in() {
        // Three silent slots of 900 s between.
        assert_eq!(
            published(Scheme::Bluezone, &[10, 14], 14),
            [9, 10, 11, 12, 13, 14]
        );
        // Five silent slots of 600 s between.
        assert_eq!(published(Scheme::Gaen, &[10, 16], 16).len(), 8);
    }

    #[test]
    fn silences_of_an_hour_are_left_out_but_for_their_edges() {
        assert_eq!(
            published(Scheme::Bluezone, &[10, 15], 15),
            [9, 10, 11, 14, 15]
        );
        assert_eq!(published(Scheme::Gaen, &[10, 17], 17), [9, 10, 11, 16, 17]);
    }

    #[test]
    fn who_heard_the_case_just_before_and_after_it_heard_them_is_not_missed() {
        // A meeting of slots 20 to 22, of which the case heard the middle one alone; hours of silence around.
        for scheme in Scheme::ALL {
            assert_eq!(published(scheme, &[21], 80), [20, 21, 22]);
        }
    }

    #[test]
    fn a_silence_is_measured_across_midnight() {
        // Silent from -2 to 1: an hour, though only half of it on this day.
        assert_eq!(published(Scheme::Bluezone, &[-3, 2], 2), [1, 2]);
        assert_eq!(published(Scheme::Bluezone, &[-1], 90), [0]);
        assert_eq!(published(Scheme::Bluezone, &[-2, 2], 2), [0, 1, 2]);
    }

    #[test]
    fn only_slots_that_have_begun_are_published() {
        assert_eq!(published(Scheme::Bluezone, &[10], 12), [9, 10, 11, 12]);
        assert_eq!(published(Scheme::Bluezone, &[10], 13), [9, 10, 11, 12, 13]);
        assert_eq!(published(Scheme::Bluezone, &[10], 14), [9, 10, 11]);
    }

    #[test]
    fn nothing_heard_means_nothing_to_publish() {
        assert_eq!(published(Scheme::Bluezone, &[], 95), [0; 0]);
        // Before the first sighting, silence has no beginning.
        assert_eq!(published(Scheme::Bluezone, &[10], 10), [9, 10]);
    }
}
