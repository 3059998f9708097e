//! Days and hours of the local calendar.

use jiff::civil::Date;
use truyvet_crypto::{Day, Timestamp};

/// The day of the local calendar, days since 1970-01-01.
///
/// - `utc_offset_seconds`: how far the local clock is ahead of UTC.
#[must_use]
pub fn local_day(time: Timestamp, utc_offset_seconds: i32) -> u32 {
    time.plus_seconds(utc_offset_seconds.into()).day().number()
}

/// An hour of a day of the local calendar.
#[must_use]
pub fn local_time(day: u32, hour: u32, utc_offset_seconds: i32) -> Timestamp {
    let since_midnight = i64::from(hour) * 3_600 - i64::from(utc_offset_seconds);
    Day::from_number(day).start().plus_seconds(since_midnight)
}

/// `2021-08-27`.
#[must_use]
pub fn show_day(day: u32) -> String {
    let epoch = Date::constant(1970, 1, 1);
    let date = epoch.checked_add(jiff::SignedDuration::from_hours(24 * i64::from(day)));
    date.map_or_else(|_| day.to_string(), |date| date.to_string())
}

/// `2021-08-27 15:00` by the local clock.
#[must_use]
pub fn show_hour(time: Timestamp, utc_offset_seconds: i32) -> String {
    let local = time.plus_seconds(utc_offset_seconds.into());
    let hour = local.seconds_since(local.day().start()) / 3_600;
    format!("{} {hour:02}:00", show_day(local.day().number()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnams_day_begins_at_17_utc() {
        let noon = Timestamp::from_unix_seconds(1_630_040_400).unwrap();
        let day = local_day(noon, 25_200);
        assert_eq!(show_day(day), "2021-08-27");
        assert_eq!(show_hour(noon, 25_200), "2021-08-27 12:00");
        assert_eq!(local_time(day, 12, 25_200), noon);
        assert_eq!(local_day(local_time(day, 0, 25_200), 25_200), day);
        assert_eq!(
            local_day(local_time(day, 0, 25_200).plus_seconds(-1), 25_200),
            day - 1
        );
    }
}
