//! The three published key schedules by name, and the numbers that differ between them.

use std::{fmt, str::FromStr};

use crate::time::{Day, Slot, Timestamp, narrow};

/// A published way to turn a secret into rotating ephemeral IDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Bluezone (`thaidn/bluezone` 2603948).
    Bluezone = 1,
    /// Exposure Notification by Apple and Google (cryptography specification v1.2).
    Gaen = 2,
    /// DP-3T design 2, "unlinkable" (`DP-3T/reference_implementation` fa2aafc).
    Dp3t = 3,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bluezone, Self::Gaen, Self::Dp3t];

    /// The byte that stands for it inside tags and on the wire.
    #[must_use]
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// The scheme of that byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.byte() == byte)
    }

    /// How long one ID is broadcast, in seconds.
    #[must_use]
    pub fn slot_seconds(self) -> u32 {
        match self {
            Self::Bluezone | Self::Dp3t => 900,
            Self::Gaen => 600,
        }
    }

    /// IDs of one UTC day; a multiple of eight.
    #[must_use]
    pub fn slots_per_day(self) -> u32 {
        86_400 / self.slot_seconds()
    }

    /// Length of a broadcast ID in bytes.
    #[must_use]
    pub fn id_bytes(self) -> usize {
        match self {
            Self::Bluezone => 12,
            Self::Gaen | Self::Dp3t => 16,
        }
    }

    /// Length in bytes of the secret that gives all IDs of one day.
    #[must_use]
    pub fn day_secret_bytes(self) -> usize {
        self.disclosed_secret_bytes(self.slots_per_day())
    }

    /// Length in bytes of what is disclosed for one day of which `slots` are published.
    #[must_use]
    pub fn disclosed_secret_bytes(self, slots: u32) -> usize {
        match self {
            Self::Bluezone => 32,
            Self::Gaen => 16,
            Self::Dp3t => 32 * slots as usize,
        }
    }

    /// The slot that `time` falls into.
    #[must_use]
    pub fn slot_at(self, time: Timestamp) -> Slot {
        Slot(narrow(time.unix_seconds() / i64::from(self.slot_seconds())))
    }

    /// The slot at `index` (from 0) of a day.
    ///
    /// # Panics
    /// If `index` is not below [`Self::slots_per_day`].
    #[must_use]
    #[inline]
    pub fn slot(self, day: Day, index: u32) -> Slot {
        assert!(index < self.slots_per_day(), "slot index within the day");
        Slot(day.number() * self.slots_per_day() + index)
    }

    /// Position of a slot within its day, from 0.
    #[must_use]
    pub fn index_in_day(self, slot: Slot) -> u32 {
        slot.0 % self.slots_per_day()
    }

    /// The day of a slot.
    #[must_use]
    pub fn day_of(self, slot: Slot) -> Day {
        Day::from_number(slot.0 / self.slots_per_day())
    }

    /// First second of a slot.
    #[must_use]
    pub fn slot_start(self, slot: Slot) -> Timestamp {
        Timestamp::MIN.plus_seconds(i64::from(slot.0) * i64::from(self.slot_seconds()))
    }

    /// First second after a slot.
    #[must_use]
    #[inline]
    pub fn slot_end(self, slot: Slot) -> Timestamp {
        self.slot_start(slot)
            .plus_seconds(i64::from(self.slot_seconds()))
    }

    /// Every slot that `time` ± `tolerance_seconds` touches: clocks of two phones differ.
    pub fn slots_around(
        self,
        time: Timestamp,
        tolerance_seconds: u32,
    ) -> impl Iterator<Item = Slot> {
        let tolerance = i64::from(tolerance_seconds);
        let first = self.slot_at(time.plus_seconds(-tolerance));
        let last = self.slot_at(time.plus_seconds(tolerance));
        (first.0..=last.0).map(Slot)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bluezone => "bluezone",
            Self::Gaen => "gaen",
            Self::Dp3t => "dp3t",
        })
    }
}

/// Not one of the three names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown scheme; known are bluezone, gaen and dp3t")]
pub struct UnknownScheme;

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(name: &str) -> Result<Self, UnknownScheme> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.to_string() == name)
            .ok_or(UnknownScheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sighting_near_a_slot_boundary_touches_both_slots() {
        let scheme = Scheme::Bluezone;
        let boundary = scheme.slot_start(Slot(1_000));
        let around = |seconds, tolerance| {
            scheme
                .slots_around(boundary.plus_seconds(seconds), tolerance)
                .map(Slot::number)
                .collect::<Vec<_>>()
        };
        assert_eq!(around(299, 300), [999, 1_000]);
        assert_eq!(around(300, 300), [1_000]);
        assert_eq!(around(599, 300), [1_000]);
        assert_eq!(around(600, 300), [1_000, 1_001]);
        assert_eq!(around(450, 900), [999, 1_000, 1_001]);
        assert_eq!(around(450, 0), [1_000]);
    }

    #[test]
    fn slots_and_days_convert_both_ways() {
        for scheme in Scheme::ALL {
            let day = Day::from_number(18_482);
            for index in [0, 1, scheme.slots_per_day() - 1] {
                let slot = scheme.slot(day, index);
                assert_eq!(scheme.day_of(slot), day);
                assert_eq!(scheme.index_in_day(slot), index);
                assert_eq!(scheme.slot_at(scheme.slot_start(slot)), slot);
                assert_eq!(scheme.slot_at(scheme.slot_end(slot)).0, slot.0 + 1);
            }
            assert_eq!(scheme.slots_per_day() % 8, 0);
        }
    }
}
