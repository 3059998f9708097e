//! The slips of a sheet as CSV, to print.

use std::fmt::Write as _;

use jiff::{SignedDuration, civil::date};
use truyvet_crypto::Timestamp;
use zeroize::Zeroizing;

use super::IssuedLine;

/// A line for each code, in the order of the list: `line,serial,upload_code,expires,region`.
///
/// The line is that of the list, since lines with faults have no slip and who prints them must know which is whose. Nothing
/// in it can be taken for a formula by a spreadsheet. It holds codes: whoever writes it down keeps it for its owner alone.
///
/// - `utc_offset_seconds`: people read `expires` by the local clock.
#[must_use]
pub fn slips_csv(issued: &[IssuedLine], utc_offset_seconds: i32) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(String::with_capacity(32 + 64 * issued.len()));
    text.push_str("line,serial,upload_code,expires,region\r\n");
    for IssuedLine { line, code } in issued {
        let expires = local_time(code.expires_at, utc_offset_seconds);
        let [serial, upload_code, region] =
            [&code.serial, &*code.upload_code, code.region.as_str()].map(plain_text);
        let (serial, upload_code, region) = (&*serial, &*upload_code, &*region);
        let wrote = write!(text, "{line},{serial},{upload_code},{expires},{region}\r\n");
        wrote.expect("a string takes what is written");
    }
    Zeroizing::new(text.as_bytes().to_vec())
}

/// A cell that no spreadsheet calculates: what begins like a formula gets an apostrophe. What we write holds neither
/// commas nor quotes.
fn plain_text(cell: &str) -> Zeroizing<String> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    Zeroizing::new(format!("{}{cell}", if formula { "'" } else { "" }))
}

/// `2021-08-28 13:00`, on the clock that many seconds east of Greenwich.
fn local_time(time: Timestamp, utc_offset_seconds: i32) -> String {
    let seconds = time.unix_seconds() + i64::from(utc_offset_seconds);
    let local = date(1970, 1, 1)
        .at(0, 0, 0, 0)
        .saturating_add(SignedDuration::from_secs(seconds));
    local.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::IssuedCode;

    #[test]
    fn slips_are_text_for_people_and_spreadsheets() {
        let code = |region: &str| IssuedCode {
            upload_code: Zeroizing::new("7XK4-9AC-2HTE".into()),
            serial: "0123-4567-8901".into(),
            region: region.parse().unwrap(),
            expires_at: Timestamp::from_unix_seconds(1_630_130_400).unwrap(),
        };
        let issued = [
            IssuedLine {
                line: 2,
                code: code("VN-48"),
            },
            IssuedLine {
                line: 5,
                code: code("-VN"),
            },
        ];
        let csv = slips_csv(&issued, 25_200);
        let expected = "line,serial,upload_code,expires,region\r\n\
                        2,0123-4567-8901,7XK4-9AC-2HTE,2021-08-28 13:00,VN-48\r\n\
                        5,0123-4567-8901,7XK4-9AC-2HTE,2021-08-28 13:00,'-VN\r\n";
        assert_eq!(std::str::from_utf8(&csv), Ok(expected));
    }

    #[test]
    fn what_begins_like_a_formula_gets_an_apostrophe() {
        for (cell, expected) in [("=1+1", "'=1+1"), ("@x", "'@x"), ("VN", "VN"), ("", "")] {
            assert_eq!(*plain_text(cell), expected);
        }
    }
}
