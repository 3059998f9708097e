//! Dates and hours of the local calendar, as pages show them.

use jiff::civil;
use truyvet_crypto::Timestamp;

use super::texts::{Language, Texts};

const EPOCH: civil::Date = civil::Date::constant(1970, 1, 1);

/// A day of the local calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(civil::Date);

impl Date {
    /// From days since 1970-01-01; `None` after the year 9999.
    pub(crate) fn from_number(days_since_1970: u32) -> Option<Self> {
        EPOCH
            .checked_add(jiff::SignedDuration::from_hours(
                24 * i64::from(days_since_1970),
            ))
            .ok()
            .map(Self)
    }

    /// From `2026-11-22`, as date inputs send it; `None` for anything else and before 1970.
    pub(crate) fn parse(iso: &str) -> Option<Self> {
        let date: civil::Date = iso.parse().ok()?;
        // More than a date can be read as one: a time behind it, other calendars.
        (date >= EPOCH && date.to_string() == iso).then_some(Self(date))
    }

    /// Days since 1970-01-01.
    pub(crate) fn number(self) -> u32 {
        let days = EPOCH.until(self.0).map_or(0, |span| span.get_days());
        u32::try_from(days).unwrap_or_default()
    }

    /// So many days before it.
    pub(crate) fn days_before(self, days: u32) -> Self {
        self.moved(-i64::from(days))
    }

    /// So many days after it.
    pub(crate) fn days_after(self, days: u32) -> Self {
        self.moved(days.into())
    }

    /// Stays where it is at the ends of the calendar.
    fn moved(self, days: i64) -> Self {
        let moved = self
            .0
            .checked_add(jiff::SignedDuration::from_hours(24 * days));
        Self(moved.unwrap_or(self.0))
    }

    /// `2026-11-22`, for machines and date inputs.
    pub(crate) fn iso(self) -> String {
        self.0.to_string()
    }

    /// `22/11/2026`, `22 Nov 2026`.
    pub(crate) fn show(self, texts: &Texts) -> String {
        match texts.language() {
            Language::Vietnamese => format!("{}/{}", self.short(texts), self.0.year()),
            Language::English => format!("{} {}", self.short(texts), self.0.year()),
        }
    }

    /// `22/11`, `22 Nov`: for charts and where the year is clear.
    pub(crate) fn short(self, texts: &Texts) -> String {
        match texts.language() {
            Language::Vietnamese => format!("{:02}/{:02}", self.0.day(), self.0.month()),
            Language::English => self.0.strftime("%-d %b").to_string(),
        }
    }

    /// `Chủ nhật, 22/11/2026`: nobody mistakes the day who knows the weekday.
    pub(crate) fn with_weekday(self, texts: &Texts) -> String {
        let weekday = match self.0.weekday() {
            civil::Weekday::Monday => texts.say("weekday-monday"),
            civil::Weekday::Tuesday => texts.say("weekday-tuesday"),
            civil::Weekday::Wednesday => texts.say("weekday-wednesday"),
            civil::Weekday::Thursday => texts.say("weekday-thursday"),
            civil::Weekday::Friday => texts.say("weekday-friday"),
            civil::Weekday::Saturday => texts.say("weekday-saturday"),
            civil::Weekday::Sunday => texts.say("weekday-sunday"),
        };
        format!("{weekday}, {}", self.show(texts))
    }
}

/// A minute of the local calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    date: Date,
    hour: i64,
    minute: i64,
}

impl Moment {
    /// From a timestamp and how far the local clock is ahead of UTC; `None` outside of 1970 to 9999.
    pub(crate) fn at(time: Timestamp, utc_offset_seconds: i32) -> Option<Self> {
        let local = time.plus_seconds(utc_offset_seconds.into());
        let seconds = local.seconds_since(local.day().start());
        Some(Self {
            date: Date::from_number(local.day().number())?,
            hour: seconds / 3_600,
            minute: seconds / 60 % 60,
        })
    }

    /// Its day.
    pub(crate) fn date(self) -> Date {
        self.date
    }

    /// `15:00`.
    pub(crate) fn clock(self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// `15:00, 22/11/2026`.
    pub(crate) fn show(self, texts: &Texts) -> String {
        format!("{}, {}", self.clock(), self.date.show(texts))
    }

    /// `15:00 Chủ nhật, 22/11/2026`.
    pub(crate) fn with_weekday(self, texts: &Texts) -> String {
        format!("{} {}", self.clock(), self.date.with_weekday(texts))
    }

    /// `2026-11-22T15:00`, for machines.
    pub(crate) fn iso(self) -> String {
        format!("{}T{}", self.date.iso(), self.clock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_date_inputs_send_is_read() {
        let day = Date::parse("2026-11-22").unwrap();
        assert_eq!((day.number(), day.iso().as_str()), (20_779, "2026-11-22"));
        assert_eq!(Date::from_number(20_779), Some(day));
        for wrong in [
            "",
            "2026-13-01",
            "22/11/2026",
            "20261122",
            "2026-11-22T10:00",
            "1969-12-31",
            "99999-01-01",
        ] {
            assert_eq!(Date::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_moment_is_shown_in_local_time_and_the_reader_s_way() {
        // 2026-11-22T18:05:09Z is five past one in the night of the 23rd in Vietnam.
        let moment =
            Moment::at(Timestamp::from_unix_seconds(1_795_370_709).unwrap(), 25_200).unwrap();
        assert_eq!(moment.iso(), "2026-11-23T01:05");
        let (vi, en) = (
            Texts::of(Language::Vietnamese),
            Texts::of(Language::English),
        );
        assert_eq!(moment.show(vi), "01:05, 23/11/2026");
        assert_eq!(moment.show(en), "01:05, 23 Nov 2026");
        assert_eq!(moment.date().with_weekday(vi), "Thứ Hai, 23/11/2026");
        assert_eq!(moment.date().with_weekday(en), "Monday, 23 Nov 2026");
    }
}
