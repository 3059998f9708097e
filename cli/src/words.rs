//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes as `512 B`, `21.4 kB`, `3.1 MB`.
pub(crate) fn bytes(count: f64) -> String {
    if count < 1e3 {
        format!("{count:.0} B")
    } else if count < 1e6 {
        format!("{:.1} kB", count / 1e3)
    } else {
        format!("{:.1} MB", count / 1e6)
    }
}

/// Bytes without ".0", for round numbers.
pub(crate) fn round_bytes(count: f64) -> String {
    bytes(count).replace(".0 ", " ")
}

/// "1 case", "2 cases".
pub(crate) fn count(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!(
        "{} {}",
        grouped(number),
        if number == 1 { one } else { many }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_threes() {
        assert_eq!(grouped(0_u64), "0");
        assert_eq!(grouped(999_u64), "999");
        assert_eq!(grouped(1_000_u64), "1,000");
        assert_eq!(grouped(1_234_567_usize), "1,234,567");
        assert_eq!(count(1_u32, "case", "cases"), "1 case");
        assert_eq!(count(0_u32, "case", "cases"), "0 cases");
    }

    #[test]
    fn bytes_have_three_digits_or_so() {
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(21_440.0), "21.4 kB");
        assert_eq!(round_bytes(20_000.0), "20 kB");
        assert_eq!(bytes(3_100_000.0), "3.1 MB");
    }
}
