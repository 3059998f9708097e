//! Dates as people write them, and days as the protocols count them.

use jiff::civil::Date;
use truyvet_crypto::{Day, Timestamp};

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Vietnam's clock is this far ahead of UTC.
pub(crate) const VIETNAM_OFFSET_SECONDS: i32 = 25_200;

/// The day of Vietnam's calendar, days since 1970-01-01.
pub(crate) fn in_vietnam(time: Timestamp) -> Day {
    time.plus_seconds(VIETNAM_OFFSET_SECONDS.into()).day()
}

/// When a day of Vietnam's calendar begins.
pub(crate) fn start_in_vietnam(day: Day) -> Timestamp {
    day.start().plus_seconds(-i64::from(VIETNAM_OFFSET_SECONDS))
}

/// Reads `YYYY-MM-DD`, from 1970 on.
pub(crate) fn parse(text: &str) -> Result<Day, String> {
    let date: Date = text
        .parse()
        .ok()
        // Only this one spelling: jiff reads others too.
        .filter(|date: &Date| date.to_string() == text)
        .ok_or("expected a date as YYYY-MM-DD")?;
    u32::try_from(date.duration_since(EPOCH).as_hours() / 24)
        .map(Day::from_number)
        .map_err(|_| "expected a date from 1970-01-01 on".into())
}

/// `YYYY-MM-DD`.
pub(crate) fn show(day: Day) -> String {
    date(day).to_string()
}

/// "3 Aug", for charts.
pub(crate) fn short(day: Day) -> String {
    date(day).strftime("%-d %b").to_string()
}

/// `2020-08-03T12:00:00Z`.
pub(crate) fn show_time(time: Timestamp) -> String {
    let seconds = time.seconds_since(time.day().start());
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!(
        "{}T{hours:02}:{minutes:02}:{:02}Z",
        show(time.day()),
        seconds % 60
    )
}

fn date(day: Day) -> Date {
    EPOCH
        .checked_add(jiff::SignedDuration::from_hours(
            24 * i64::from(day.number()),
        ))
        .expect("days end with the year 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_they_are_shown() {
        for (text, number) in [
            ("1970-01-01", 0),
            ("2020-02-29", 18_321),
            ("2020-08-03", 18_477),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(parse(text), Ok(Day::from_number(number)));
            assert_eq!(show(Day::from_number(number)), text);
        }
        let time = Timestamp::from_unix_seconds(1_596_456_062).unwrap();
        assert_eq!(show_time(time), "2020-08-03T12:01:02Z");
        assert_eq!(short(Day::from_number(18_477)), "3 Aug");
    }

    #[test]
    fn vietnams_day_begins_at_17_utc() {
        let time = Timestamp::from_unix_seconds(1_596_474_000).unwrap();
        assert_eq!(show_time(time), "2020-08-03T17:00:00Z");
        assert_eq!(show(in_vietnam(time)), "2020-08-04");
        assert_eq!(show(in_vietnam(time.plus_seconds(-1))), "2020-08-03");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "20200803",
            "2020-8-3",
            "2020-08-03T00:00",
            "2020-02-30",
            "1969-12-31",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
