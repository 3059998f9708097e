//! Points in time and the two ways the protocols cut it: UTC days and slots.
//!
//! Only arithmetic; what time it is comes from the caller.

/// Seconds of a UTC day; leap seconds do not exist in Unix time.
const DAY_SECONDS: i64 = 86_400;

/// Seconds since 1970-01-01 00:00 UTC, between 1970 and the end of 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01 00:00:00 UTC.
    pub const MIN: Self = Self(0);
    /// 9999-12-31 23:59:59 UTC.
    pub const MAX: Self = Self(253_402_300_799);

    /// `None` outside 1970 to 9999: such a number is not a time, or not in seconds.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&seconds)
            .then_some(Self(seconds))
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// This much later (or earlier, if negative), held within [`Self::MIN`] and [`Self::MAX`].
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(
            self.0
                .saturating_add(seconds)
                .clamp(Self::MIN.0, Self::MAX.0),
        )
    }

    /// Seconds from `earlier` to this; negative if `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The UTC day it falls into.
    #[must_use]
    pub fn day(self) -> Day {
        Day(narrow(self.0 / DAY_SECONDS))
    }

    /// The start of the hour it falls into: no time that is kept with a person's doing is finer.
    #[must_use]
    pub fn hour_start(self) -> Self {
        Self(self.0 - self.0 % 3_600)
    }
}

/// UTC days since 1970-01-01. Keys change on UTC midnight, which is 07:00 in Vietnam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day with this number; days after 9999 become the last of that year.
    #[must_use]
    pub fn from_number(days_since_1970: u32) -> Self {
        Self(days_since_1970.min(narrow(Timestamp::MAX.0 / DAY_SECONDS)))
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Its first second.
    #[must_use]
    pub fn start(self) -> Timestamp {
        Timestamp(i64::from(self.0) * DAY_SECONDS)
    }

    /// So many days later.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self::from_number(self.0.saturating_add(days))
    }

    /// So many days earlier, not before 1970-01-01.
    #[must_use]
    pub fn minus_days(self, days: u32) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

/// Slots since 1970-01-01 00:00 UTC, of the length that the [`Scheme`](crate::Scheme) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// Slots since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

/// `Timestamp` and `Day` are bounded such that slots of 600 s and longer, and days, fit.
pub(crate) fn narrow(bounded: i64) -> u32 {
    u32::try_from(bounded).expect("times are within 1970 to 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_outside_1970_to_9999_are_refused() {
        assert_eq!(Timestamp::from_unix_seconds(-1), None);
        assert_eq!(Timestamp::from_unix_seconds(253_402_300_800), None);
        // Milliseconds taken for seconds.
        assert_eq!(Timestamp::from_unix_seconds(1_596_866_191_387), None);
    }

    #[test]
    fn the_last_day_has_room_for_its_slots() {
        let last = Timestamp::MAX.day();
        assert_eq!(last.plus_days(1), last);
        assert!(last.start() <= Timestamp::MAX);
        assert!(u32::try_from(i64::from(last.number() + 1) * 144).is_ok());
    }
}
