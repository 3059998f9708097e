//! Reads the times that Bluezone's apps hand over: Android keeps milliseconds, iOS seconds.
//!
//! The trap: the iOS function named `currentTimeMillis` returns seconds, and its contact table and exports carry them.

use truyvet_crypto::Timestamp;

/// Values below are seconds (until the year 5138), others milliseconds (from March 1973 on).
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Takes a number from either app, by its magnitude. `None` if it is no time between 1970 and 9999.
#[must_use]
pub fn timestamp_from_app(value: i64) -> Option<Timestamp> {
    let seconds = if value < FIRST_MILLISECONDS {
        value
    } else {
        value / 1_000
    };
    Timestamp::from_unix_seconds(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn android_milliseconds_and_ios_seconds_are_the_same_moment() {
        let moment = Timestamp::from_unix_seconds(1_596_866_191);
        assert_eq!(timestamp_from_app(1_596_866_191), moment);
        assert_eq!(timestamp_from_app(1_596_866_191_387), moment);
    }

    #[test]
    fn the_boundary_is_ten_to_the_eleventh() {
        let seconds = |value| timestamp_from_app(value).map(Timestamp::unix_seconds);
        assert_eq!(seconds(99_999_999_999), Some(99_999_999_999));
        assert_eq!(seconds(100_000_000_000), Some(100_000_000));
        assert_eq!(seconds(0), Some(0));
        for no_time in [-1, i64::MIN, i64::MAX] {
            assert_eq!(seconds(no_time), None);
        }
    }
}
