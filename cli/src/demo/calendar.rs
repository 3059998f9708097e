//! When a step happens: steps of five minutes become times, days and evenings.
//!
//! A day of the demo begins at 07:00 in Vietnam, which is midnight UTC, so that a day of keys is a day of the demo
//! whatever the number of steps. Days that people count by ("15 minutes within a day") are Vietnam's calendar days.

use truyvet_crypto::{Day, Scheme, Timestamp};

use crate::words;

/// How long a step is.
pub(crate) const STEP_SECONDS: u32 = 300;

/// Steps of a whole day.
pub(crate) const MAX_STEPS_PER_DAY: u32 = 86_400 / STEP_SECONDS;

/// A quarter of an hour.
const QUARTER_SECONDS: i64 = 900;

/// Quarters of an hour in a day.
pub(crate) const QUARTERS_PER_DAY: i64 = 96;

/// Monday 3 August 2020, the week of the published Bluezone capture.
const FIRST_DAY: u32 = 18_477;

/// The demo's days: how many steps each has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    steps_per_day: u32,
}

impl Calendar {
    /// Days of `steps_per_day` steps, from 1 to [`MAX_STEPS_PER_DAY`].
    pub(crate) fn new(steps_per_day: u32) -> Self {
        assert!((1..=MAX_STEPS_PER_DAY).contains(&steps_per_day));
        Self { steps_per_day }
    }

    /// When the first day begins.
    pub(crate) fn start(self) -> Timestamp {
        self.day(0).start()
    }

    /// The demo's day (from 0) that a step (from 1) falls into.
    pub(crate) fn day_of(self, step: u32) -> u32 {
        (step - 1) / self.steps_per_day
    }

    /// The last step of the demo's day (from 0).
    pub(crate) fn last_step(self, day: u32) -> u32 {
        (day + 1) * self.steps_per_day
    }

    /// The UTC day of the demo's day (from 0).
    pub(crate) fn day(self, day: u32) -> Day {
        Day::from_number(FIRST_DAY + day)
    }

    /// When a step begins.
    pub(crate) fn time(self, step: u32) -> Timestamp {
        let within_day = (step - 1) % self.steps_per_day * STEP_SECONDS;
        self.day(self.day_of(step))
            .start()
            .plus_seconds(within_day.into())
    }

    /// The quarter of an hour that a step lies in, counted since 1970.
    pub(crate) fn quarter(self, step: u32) -> i64 {
        self.time(step).unix_seconds().div_euclid(QUARTER_SECONDS)
    }

    /// The steps up to this one as days, in words for people who brought a file of their own.
    pub(crate) fn explain(self, last_step: u32) -> String {
        format!(
            "Steps read as {} five-minute steps a day ({}) from 07:00: {} = {}",
            self.steps_per_day,
            hours(self.steps_per_day),
            words::count(last_step, "step", "steps"),
            words::count(self.day_of(last_step) + 1, "day", "days"),
        )
    }

    /// When test results of a day are in: the day's last slot is over.
    pub(crate) fn evening(self, day: u32, scheme: Scheme) -> Timestamp {
        let last = self.time(self.last_step(day));
        scheme.slot_end(scheme.slot_at(last.plus_seconds(i64::from(STEP_SECONDS) - 1)))
    }
}

/// "24 hours", "8.3 hours".
pub(crate) fn hours(steps: u32) -> String {
    let minutes = steps * (STEP_SECONDS / 60);
    match (minutes / 60, minutes % 60) {
        (1, 0) => "1 hour".into(),
        (hours, 0) => format!("{hours} hours"),
        _ => format!("{:.1} hours", f64::from(minutes) / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;

    #[test]
    fn the_first_step_is_seven_in_the_morning_in_vietnam() {
        for steps_per_day in [1, 100, 192, 288] {
            let calendar = Calendar::new(steps_per_day);
            assert_eq!(calendar.time(1), calendar.day(0).start());
            assert_eq!(
                calendar.time(steps_per_day + 1),
                calendar.day(1).start(),
                "{steps_per_day}"
            );
        }
        assert_eq!(Calendar::new(192).start().unix_seconds(), 1_596_412_800);
    }

    #[test]
    fn the_evening_comes_after_the_last_slot_and_before_the_next_step() {
        for scheme in Scheme::ALL {
            for steps_per_day in 1..=288 {
                let calendar = Calendar::new(steps_per_day);
                let evening = calendar.evening(3, scheme);
                let last = calendar.last_step(3);
                assert_eq!(calendar.day_of(last), 3);
                assert!(calendar.time(last) < evening);
                assert!(evening <= calendar.time(last + 1));
                assert_eq!(scheme.slot_start(scheme.slot_at(evening)), evening);
            }
        }
        // Haslemere's days end at 23:00.
        let haslemere = Calendar::new(192).evening(0, Scheme::Bluezone);
        assert_eq!(haslemere, Calendar::new(192).start().plus_seconds(57_600));
    }

    #[test]
    fn a_file_is_told_how_its_steps_are_read() {
        assert_eq!(
            Calendar::new(288).explain(576),
            "Steps read as 288 five-minute steps a day (24 hours) from 07:00: 576 steps = 2 days"
        );
        let short = Calendar::new(192).explain(577);
        assert!(
            short.contains("192 five-minute steps a day (16 hours)"),
            "{short}"
        );
        assert!(short.contains("577 steps = 4 days"), "{short}");
        let one = Calendar::new(100).explain(1);
        assert!(
            one.contains("(8.3 hours) from 07:00: 1 step = 1 day"),
            "{one}"
        );
    }

    #[test]
    fn quarters_go_on_over_midnight_and_pause_with_the_days() {
        let calendar = Calendar::new(192);
        let first = calendar.quarter(1);
        let quarters = [1, 3, 4, 192, 193].map(|step| calendar.quarter(step) - first);
        assert_eq!(quarters, [0, 0, 1, 63, 96]);
    }

    #[test]
    fn a_whole_day_crosses_midnight_in_vietnam() {
        let calendar = Calendar::new(288);
        let (before, after) = (calendar.time(204), calendar.time(205));
        assert_eq!(date::in_vietnam(before), calendar.day(0));
        assert_eq!(date::in_vietnam(after), calendar.day(1));
    }
}
