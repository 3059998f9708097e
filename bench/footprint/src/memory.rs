//! What crosses the border to C: the caller's memory, read and written in place.

use truyvet_crypto::{Tag, Timestamp};
use truyvet_matching::Sighting;

/// `length` values of the caller's from `at` on.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Slice<T> {
    pub(crate) at: *const T,
    pub(crate) length: usize,
}

impl<T> Slice<T> {
    /// # Safety
    /// The values are there and stay as they are for `'a`; if there are none, `at` may be anything.
    pub(crate) unsafe fn get<'a>(self) -> &'a [T] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(self.at, self.length) }
    }
}

/// Room of the caller's for `length` values from `at` on.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Room<T> {
    pub(crate) at: *mut T,
    pub(crate) length: usize,
}

impl<T> Room<T> {
    /// Writes as many as fit. Returns how many there are.
    ///
    /// # Safety
    /// The room is there, and nobody else's.
    pub(crate) unsafe fn fill(self, values: impl Iterator<Item = T>) -> i64 {
        let mut count = 0_usize;
        for value in values {
            if count < self.length {
                // SAFETY: inside the room.
                unsafe { self.at.add(count).write(value) };
            }
            count += 1;
        }
        count as i64
    }
}

/// A sighting as an app keeps it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) unix_seconds: i64,
    pub(crate) seconds: u32,
    pub(crate) rssi_dbm: i16,
    pub(crate) tag: [u8; 16],
}

impl Heard {
    /// `None` if the time is none of ours.
    pub(crate) fn sighting(&self) -> Option<Sighting> {
        Some(Sighting {
            time: Timestamp::from_unix_seconds(self.unix_seconds)?,
            seconds: self.seconds,
            rssi_dbm: self.rssi_dbm,
            tag: Tag::from_bytes(self.tag),
        })
    }
}

/// A day that an app shows.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Day {
    /// Since 1970-01-01, by the wall clock.
    pub(crate) number: i64,
    pub(crate) minutes: u64,
    /// 0: none, 1: low, 2: high.
    pub(crate) risk: u8,
}
