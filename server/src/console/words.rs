//! Numbers, sizes and times as operators read them.

use truyvet_crypto::Timestamp;

/// `1,234,567`; fractions are rounded away.
#[must_use]
pub fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 {
        text.insert(0, '-');
    }
    text
}

/// `0`, `0.042`, `3.1`, `1,234`: two digits or more.
#[must_use]
pub fn amount(number: f64) -> String {
    if number == 0.0 || number >= 10.0 {
        return count(number);
    }
    let text = if number >= 1.0 {
        format!("{number:.1}")
    } else if number >= 0.01 {
        format!("{number:.3}")
    } else {
        return format!("{number:.1e}");
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `512 B`, `21.4 kB`, `3.1 MB`, `250 GB`: powers of a thousand.
#[must_use]
pub fn bytes(count: f64) -> String {
    let (mut rest, mut unit) = (count, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if rest < 999.95 {
            break;
        }
        rest /= 1_000.0;
        unit = larger;
    }
    if unit == "B" || rest >= 100.0 {
        format!("{rest:.0} {unit}")
    } else {
        format!("{rest:.1} {unit}")
    }
}

/// `42 s`, `5 min`, `3 h 20 min`, `12 days`. Nothing is negative.
#[must_use]
pub fn duration(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 if seconds / 60 % 60 == 0 => format!("{} h", seconds / 3_600),
        seconds @ 7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// `12 %`.
#[must_use]
pub fn share(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return "–".into();
    }
    format!("{:.0} %", 100.0 * part / whole)
}

/// `2021-08-27 12:02`, on a clock that is ahead of UTC.
#[must_use]
pub fn moment(unix_seconds: i64, utc_offset_seconds: i32) -> String {
    let Some(time) = Timestamp::from_unix_seconds(unix_seconds) else {
        return "–".into();
    };
    let local = time.plus_seconds(utc_offset_seconds.into());
    let minutes = local.seconds_since(local.day().start()) / 60;
    let days = jiff::SignedDuration::from_hours(24 * i64::from(local.day().number()));
    jiff::civil::date(1970, 1, 1).checked_add(days).map_or_else(
        |_| "–".into(),
        |day| format!("{day} {:02}:{:02}", minutes / 60, minutes % 60),
    )
}

/// `UTC+07:00`.
#[must_use]
pub fn zone(utc_offset_seconds: i32) -> String {
    let sign = if utc_offset_seconds < 0 { '-' } else { '+' };
    let minutes = utc_offset_seconds.unsigned_abs() / 60;
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_clear() {
        assert_eq!(count(1_234_567.4), "1,234,567");
        assert_eq!(count(-1_234.0), "-1,234");
        assert_eq!(count(-0.2), "0");
        for (number, shown) in [
            (0.0, "0"),
            (0.0042, "4.2e-3"),
            (0.042, "0.042"),
            (0.5, "0.5"),
            (1.0, "1"),
            (5.457, "5.5"),
            (12.3, "12"),
        ] {
            assert_eq!(amount(number), shown);
        }
        for (number, shown) in [
            (0.0, "0 B"),
            (999.0, "999 B"),
            (999.97, "1.0 kB"),
            (21_440.0, "21.4 kB"),
            (999_960.0, "1.0 MB"),
            (250e9, "250 GB"),
            (2.5e15, "2500 TB"),
        ] {
            assert_eq!(bytes(number), shown);
        }
        assert_eq!(
            (share(1.0, 8.0), share(1.0, 0.0)),
            ("12 %".into(), "–".into())
        );
    }

    #[test]
    fn times_are_as_coarse_as_they_are_long() {
        for (seconds, shown) in [
            (-5, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (12_000, "3 h 20 min"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), shown);
        }
        assert_eq!(moment(1_630_040_520, 25_200), "2021-08-27 12:02");
        assert_eq!(moment(1_630_040_520, -18_000), "2021-08-27 00:02");
        assert_eq!(moment(i64::MAX, 0), "–");
        assert_eq!(
            (zone(25_200), zone(-12_600)),
            ("UTC+07:00".into(), "UTC-03:30".into())
        );
    }
}
