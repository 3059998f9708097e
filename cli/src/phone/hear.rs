//! `truyvet phone hear`: keeps one sighting, or a file of them.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use truyvet_crypto::Timestamp;
use truyvet_phone::{Heard, timestamp_from_app};

use super::home::Home;
use crate::{hex::from_hex, lines::Lines, words};

/// What was heard.
#[derive(Args, Debug)]
pub(crate) struct HearArgs {
    /// The phone's folder
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// ID that was heard, in hex
    #[arg(
        long,
        value_name = "HEX",
        requires = "rssi",
        required_unless_present = "file"
    )]
    id: Option<String>,
    /// Signal strength in dBm
    #[arg(long, value_name = "DBM", allow_negative_numbers = true)]
    rssi: Option<i16>,
    /// When, in Unix seconds or milliseconds [default: now]
    #[arg(long, value_name = "UNIX TIME", requires = "id")]
    time: Option<i64>,
    /// Many sightings: ID in hex, dBm, Unix time, tab-separated, a line each; "#" starts a comment line
    #[arg(long, value_name = "TSV", conflicts_with_all = ["id", "rssi", "time"])]
    file: Option<PathBuf>,
}

struct Sighting {
    id: Vec<u8>,
    rssi_dbm: i16,
    time: Timestamp,
    /// 0 for the one on the command line.
    line: u64,
}

/// Keeps the sightings; says how many, and on stderr which were refused and why.
///
/// # Errors
/// Also if some were refused; the others are kept then.
pub(super) fn run(args: &HearArgs, now: Timestamp, out: &mut impl Write) -> anyhow::Result<()> {
    let sightings = match (&args.file, &args.id, args.rssi) {
        (Some(file), _, _) => read(file)?,
        (None, Some(id), Some(rssi_dbm)) => vec![Sighting {
            id: from_hex(id).context("--id")?,
            rssi_dbm,
            time: args.time.map_or(Ok(now), time).context("--time")?,
            line: 0,
        }],
        _ => bail!("give --id and --rssi, or --file"),
    };
    let phone = Home::open(&args.dir)?.phone(now)?;
    let heard = sightings.iter().map(|sighting| Heard {
        id: &sighting.id,
        time: sighting.time,
        rssi_dbm: sighting.rssi_dbm,
    });
    let report = phone.hear_all(heard, now)?;
    for (position, reason) in &report.refused {
        match sightings[*position].line {
            0 => bail!("refused: {reason}"),
            line => eprintln!("line {line}: refused: {reason}"),
        }
    }
    let refused = report.refused.len();
    writeln!(
        out,
        "kept {}, refused {}",
        words::count(report.kept, "sighting", "sightings"),
        words::grouped(refused)
    )?;
    // A script must not take a file for heard of which some was not.
    ensure!(
        refused == 0,
        "{} refused, the others are kept",
        words::count(refused, "sighting", "sightings")
    );
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<Sighting>> {
    let mut lines = Lines::open(file).with_context(|| file.display().to_string())?;
    let mut sightings = Vec::new();
    loop {
        let place = |line| format!("{}: line {line}", file.display());
        let Some(line) = lines.read().with_context(|| place(lines.number()))? else {
            return Ok(sightings);
        };
        let number = lines.number();
        if !line.trim().is_empty() && !line.starts_with('#') {
            sightings.push(parse(&line, number).with_context(|| place(number))?);
        }
    }
}

fn parse(line: &str, number: u64) -> anyhow::Result<Sighting> {
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    let [id, rssi, when] = columns[..] else {
        bail!(
            "{} columns, expected 3: ID in hex, dBm, Unix time",
            columns.len()
        );
    };
    Ok(Sighting {
        id: from_hex(id).context("ID")?,
        rssi_dbm: rssi.parse().context("dBm: expected a whole number")?,
        time: time(when.parse().context("Unix time: expected a whole number")?)?,
        line: number,
    })
}

fn time(value: i64) -> anyhow::Result<Timestamp> {
    timestamp_from_app(value).context("no time between 1970 and 9999")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_takes_seconds_and_milliseconds() {
        for when in ["1596866191", "1596866191387"] {
            let sighting = parse(&format!("B9A665D754FE65E665D76A45\t-71\t{when}"), 1).unwrap();
            assert_eq!((sighting.id.len(), sighting.rssi_dbm), (12, -71));
            assert_eq!(sighting.time.unix_seconds(), 1_596_866_191);
        }
    }

    #[test]
    fn a_broken_line_is_refused_with_its_column() {
        for (line, expected) in [
            ("b9\t-71", "2 columns"),
            ("xx\t-71\t1596866191", "ID"),
            ("b9\tnear\t1596866191", "dBm"),
            ("b9\t-71\tnow", "Unix time"),
            ("b9\t-71\t-5", "between 1970"),
        ] {
            let error = format!("{:#}", parse(line, 1).err().unwrap());
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
