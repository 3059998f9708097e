//! A sizing as a table for people, at most 100 columns wide.

use std::io::{self, Write};

use super::{
    sizing::{
        ANSWERED_BYTES_OF_A_CONNECTION, AUDIT_ROW_BYTES, CALLS_PER_CORE_ON_KEPT_CONNECTIONS,
        CALLS_PER_CORE_ON_NEW_CONNECTIONS, CODE_ROW_BYTES, KEY_ROW_BYTES, PAD_TAGS, REDEEM_BYTES,
        Rows, SENT_BYTES_OF_A_CONNECTION, Serving, Sizing, TOKEN_ROW_BYTES,
    },
    whole,
};
use crate::words::grouped;

const BYTES: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const BITS: [&str; 7] = [
    "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", "Pbit/s", "Ebit/s",
];

/// Writes all blocks: calls, publication, a phone's day, what is handed out, what is kept.
pub(super) fn write(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    calls(sizing, out)?;
    published(sizing, out)?;
    downloaded(sizing, out)?;
    handed_out(sizing, out)?;
    kept(sizing, out)
}

/// One line: what, two figures, where they come from.
fn line(out: &mut impl Write, name: &str, first: &str, second: &str, how: &str) -> io::Result<()> {
    let line = format!("{name:<26}{first:>15}{second:>15}  {how}");
    writeln!(out, "{}", line.trim_end())
}

fn calls(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    let country = &sizing.country;
    writeln!(out)?;
    line(out, "calls", "a day", "peak second", "")?;
    let peak = format!("peak: × {}, 99.9 % of seconds", country.peak_factor);
    line(
        out,
        "uploads = codes redeemed",
        &number(sizing.uploads_per_day),
        &grouped(sizing.uploads_in_peak_second),
        &format!(
            "{} cases × {}",
            grouped(country.cases_per_day),
            country.app_share
        ),
    )?;
    line(
        out,
        "decoys",
        &number(sizing.decoys_per_day),
        &grouped(sizing.decoys_in_peak_second),
        &format!("phones × {} a week", country.decoys_per_week),
    )?;
    line(
        out,
        "together",
        &number(sizing.calls_per_day),
        &grouped(sizing.calls_in_peak_second),
        &peak,
    )?;
    line(
        out,
        "received",
        &bytes(sizing.received_bytes_per_day),
        &bits(sizing.received_bits_per_second_at_peak),
        &format!(
            "{REDEEM_BYTES} + {} + {} B each",
            grouped(country.upload_bytes),
            grouped(SENT_BYTES_OF_A_CONNECTION),
        ),
    )
}

fn published(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    let country = &sizing.country;
    writeln!(out)?;
    let name = match country.regions {
        1 => "published".to_owned(),
        n => format!("published, of {} regions", grouped(n)),
    };
    line(out, &name, "mean window", "peak window", "")?;
    line(
        out,
        "uploads",
        &mean(sizing.uploads_of_a_window),
        &grouped(sizing.uploads_of_a_peak_window),
        &format!("peak: × {}, 99.9 % of windows", country.peak_factor),
    )?;
    line(
        out,
        "tags",
        &grouped(sizing.tags_of_a_window),
        &grouped(sizing.tags_of_a_peak_window),
        &format!(
            "× {} slots, padded to {}",
            grouped(country.slots_per_case),
            grouped(PAD_TAGS)
        ),
    )?;
    line(
        out,
        "file",
        &bytes(sizing.file_bytes),
        &bytes(sizing.file_bytes_of_a_peak_window),
        &format!("× {:.2} bits", country.bits_per_tag),
    )?;
    if sizing.file_bytes_of_a_peak_window > truyvet_phone::MAX_FILE_BYTES as f64 {
        let most = bytes(truyvet_phone::MAX_FILE_BYTES as f64);
        let what = format!("phones take no file above {most}: more regions, or shorter windows");
        writeln!(out, "TOO LARGE: {what}")?;
    }
    Ok(())
}

fn downloaded(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    let country = &sizing.country;
    let files = f64::from(country.windows_per_day) * sizing.file_bytes;
    writeln!(out)?;
    line(out, "a phone downloads", "a day", "", "")?;
    line(
        out,
        "files",
        &bytes(files),
        "",
        &format!("{} windows", grouped(country.windows_per_day)),
    )?;
    line(
        out,
        "indexes, connections",
        &bytes(sizing.bytes_per_phone_and_day - files),
        "",
        &format!(
            "{} × ({} + {} B)",
            country.syncs_per_day,
            grouped(sizing.index_bytes),
            grouped(ANSWERED_BYTES_OF_A_CONNECTION),
        ),
    )?;
    line(
        out,
        "together",
        &bytes(sizing.bytes_per_phone_and_day),
        "",
        "",
    )
}

fn handed_out(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    let country = &sizing.country;
    let share = format!("CDN {} %", rounded(country.cdn_hit_share * 100.0));
    writeln!(out)?;
    line(out, "servers hand out", "no CDN", &share, "")?;
    let rows: [(&str, [String; 2], String); 6] = [
        (
            "a day",
            both(sizing, |serving| bytes(serving.bytes_per_day)),
            format!("{} phones", grouped(country.phones)),
        ),
        (
            "at peak",
            both(sizing, |serving| bits(serving.bits_per_second_at_peak)),
            format!("× {}", country.peak_factor),
        ),
        (
            "connections, peak second",
            both(sizing, |serving| {
                grouped(serving.connections_in_peak_second)
            }),
            "syncs and calls".to_owned(),
        ),
        (
            "cores, TLS ends here",
            both(sizing, |serving| {
                format!("{:.1}", serving.cores_on_new_connections)
            }),
            format!("{CALLS_PER_CORE_ON_NEW_CONNECTIONS} connections/s a core"),
        ),
        (
            "cores, TLS ends before",
            both(sizing, |serving| {
                format!("{:.1}", serving.cores_on_kept_connections)
            }),
            format!("{CALLS_PER_CORE_ON_KEPT_CONNECTIONS} calls/s a core"),
        ),
        (
            "servers",
            both(sizing, |serving| grouped(serving.servers)),
            format!(
                "{} cores, {} Gbit/s each; one to spare",
                country.cores_per_server, country.gbit_per_server
            ),
        ),
    ];
    for (name, [without, with], how) in rows {
        line(out, name, &without, &with, &how)?;
    }
    Ok(())
}

/// A figure without and with a CDN.
fn both(sizing: &Sizing, figure: impl Fn(&Serving) -> String) -> [String; 2] {
    [figure(&sizing.without_cdn), figure(&sizing.with_cdn)]
}

fn kept(sizing: &Sizing, out: &mut impl Write) -> io::Result<()> {
    let kept = &sizing.kept;
    let days = sizing.country.retention_days;
    writeln!(out)?;
    line(out, "kept", "rows", "bytes", "")?;
    let database = [
        ("disclosed keys", kept.keys, KEY_ROW_BYTES),
        ("spent tokens", kept.tokens, TOKEN_ROW_BYTES),
        ("upload codes", kept.codes, CODE_ROW_BYTES),
        ("audit, each year", kept.audit, AUDIT_ROW_BYTES),
    ];
    for (name, rows, row_bytes) in database {
        let how = format!("× {row_bytes} B, an estimate: measure");
        figures(out, name, rows, &how)?;
    }
    let how = format!("files of {days} days, no old versions");
    figures(out, "bucket", kept.bucket, &how)
}

fn figures(out: &mut impl Write, name: &str, rows: Rows, how: &str) -> io::Result<()> {
    line(out, name, &number(rows.count), &bytes(rows.bytes), how)
}

fn number(number: f64) -> String {
    grouped(whole(number.round()))
}

/// Small ones with a tenth.
fn mean(mean: f64) -> String {
    if mean < 100.0 {
        format!("{mean:.1}")
    } else {
        number(mean)
    }
}

/// To a hundredth, without zeros at the end: 99 and 99.95, not 98.99999999999999.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

fn bytes(count: f64) -> String {
    scaled(count, &BYTES)
}

fn bits(per_second: f64) -> String {
    scaled(per_second, &BITS)
}

fn scaled(mut number: f64, units: &[&str; 7]) -> String {
    let mut unit = 0;
    while number >= 1e3 && unit + 1 < units.len() {
        number /= 1e3;
        unit += 1;
    }
    let decimals = usize::from(unit > 0);
    format!("{number:.decimals$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_unit_that_fits() {
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(999.0), "999 B");
        assert_eq!(bytes(21_440.0), "21.4 kB");
        assert_eq!(bytes(3.1e12), "3.1 TB");
        assert_eq!(bits(85.04e9), "85.0 Gbit/s");
        assert_eq!((mean(70.0), mean(7_000.4)), ("70.0".into(), "7,000".into()));
        assert_eq!(bits(5e22), "50000.0 Ebit/s");
        assert_eq!(rounded(0.99 * 100.0).to_string(), "99");
        assert_eq!(rounded(0.9995 * 100.0).to_string(), "99.95");
    }
}
