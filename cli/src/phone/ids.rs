//! `truyvet phone ids`: prints the IDs that a secret gives for one day.
//!
//! Needs neither phone nor server: a known-answer check for people who write phones.

use std::io::Write;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use data_encoding::HEXLOWER;
use truyvet_crypto::{Day, EphemeralId, Scheme, schedule};

use crate::{date, hex::from_hex};

/// What to derive.
#[derive(Args, Debug)]
pub(crate) struct IdsArgs {
    /// Key schedule: bluezone, gaen or dp3t
    #[arg(long)]
    scheme: Scheme,
    /// Secret in hex. bluezone: base id, 32 bytes; gaen: the day's temporary exposure key, 16 bytes; dp3t: the 96
    /// seeds of the day, 3,072 bytes, or one seed of 32 bytes, whose ID is printed for every slot
    #[arg(long, value_name = "HEX")]
    secret: String,
    /// UTC day to derive
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    day: Day,
    /// UTC day on which the base id was made (bluezone only) [default: --day]. A day before it uses the base id as
    /// it is, like the original
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date::parse)]
    base_day: Option<Day>,
}

/// Prints one line a slot: position within the UTC day from 0, tab, ID in lower-case hex.
///
/// # Errors
/// If the secret is not hex or has the wrong length for its scheme. The text does not repeat it.
pub(crate) fn run(args: &IdsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    for (slot, id) in ids(args)?.iter().enumerate() {
        writeln!(out, "{slot}\t{}", HEXLOWER.encode(id.as_bytes()))?;
    }
    Ok(())
}

fn ids(args: &IdsArgs) -> anyhow::Result<Vec<EphemeralId>> {
    let IdsArgs {
        scheme,
        ref secret,
        day,
        base_day,
    } = *args;
    ensure!(
        base_day.is_none() || scheme == Scheme::Bluezone,
        "--base-day is for bluezone alone: the secret of {scheme} belongs to its day"
    );
    let secret = from_hex(secret).context("--secret")?;
    let day_secret = match scheme {
        Scheme::Bluezone => {
            let base_id = secret.as_slice().try_into().map_err(|_| {
                anyhow::anyhow!("--secret has {} bytes, a base id has 32", secret.len())
            })?;
            schedule::bluezone::day_secret(base_id, base_day.unwrap_or(day), day).to_vec()
        }
        Scheme::Gaen if secret.len() != 16 => bail!(
            "--secret has {} bytes, a temporary exposure key has 16",
            secret.len()
        ),
        Scheme::Dp3t if secret.len() == schedule::dp3t::SEED_BYTES => {
            secret.repeat(scheme.slots_per_day() as usize)
        }
        Scheme::Dp3t if secret.len() != scheme.day_secret_bytes() => bail!(
            "--secret has {} bytes, expected one seed of 32 or the day's 96 seeds of 3072 together",
            secret.len()
        ),
        Scheme::Gaen | Scheme::Dp3t => secret,
    };
    Ok(schedule::ids_of_day(scheme, day, &day_secret)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: IdsArgs,
    }

    fn printed(args: &[&str]) -> Result<Vec<String>, String> {
        let cli = Cli::try_parse_from([&["ids"], args].concat()).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        run(&cli.args, &mut out).map_err(|error| format!("{error:#}"))?;
        Ok(String::from_utf8(out)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect())
    }

    const BASE_ID: &str = "4C5224B397F8AB3896781D5AA0F3119F280513F1B592CA280EBDED6357E21084";
    const SEED: &str = "eaa2054637009757b9988b28998209d253eede69345f835bb91b3b333108d229";

    #[test]
    fn bluezone_gives_what_was_captured_from_the_air() {
        let lines = printed(&[
            "--scheme=bluezone",
            &format!("--secret={BASE_ID}"),
            "--day=2020-08-08",
        ])
        .unwrap();
        assert_eq!(lines.len(), 96);
        assert_eq!(lines[23], "23\tb9a665d754fe65e665d76a45");
    }

    #[test]
    fn a_bluezone_day_before_the_base_day_uses_the_base_id_as_it_is() {
        let of = |day, base: &[&str]| {
            let secret = format!("--secret={BASE_ID}");
            printed(&[&["--scheme=bluezone", &secret, day], base].concat()).unwrap()
        };
        let base_day = ["--base-day=2020-08-08"];
        let own = of("--day=2020-08-08", &[]);
        assert_eq!(of("--day=2020-08-08", &base_day), own);
        assert_eq!(of("--day=2020-08-01", &base_day), own);
        assert_ne!(of("--day=2020-08-09", &base_day), own);
    }

    #[test]
    fn gaen_gives_the_published_vector() {
        let lines = printed(&[
            "--scheme=gaen",
            "--secret=75c734c6dd1a782de7a965da5eb93125",
            "--day=2020-04-02",
        ])
        .unwrap();
        assert_eq!(lines.len(), 144);
        assert_eq!(lines[0], "0\t8be6cd371c5c891604bfbe49df845096");
    }

    #[test]
    fn dp3t_takes_one_seed_or_those_of_the_day() {
        let of = |secret: String| {
            printed(&[
                "--scheme=dp3t",
                &format!("--secret={secret}"),
                "--day=2020-04-02",
            ])
        };
        let one = of(SEED.into()).unwrap();
        assert_eq!(one.len(), 96);
        assert_eq!(one[95], "95\tb7b1d06cd81686669aeea51e9f4723b5");
        assert_eq!(of(SEED.repeat(96)).unwrap(), one);
        assert!(of(SEED.repeat(95)).unwrap_err().contains("3040 bytes"));
    }

    #[test]
    fn mistakes_are_named_and_no_secret_is_repeated() {
        for (args, expected) in [
            ("--scheme=gaen --secret=75c7 --day=2020-04-02", "2 bytes"),
            ("--scheme=gaen --secret=75c --day=2020-04-02", "odd number"),
            (
                "--scheme=gaen --secret=75zz --day=2020-04-02",
                "character 3",
            ),
            ("--scheme=bluezone --secret=75c7 --day=2020-04-02", "32"),
            ("--scheme=gaen --secret=75c7 --day=2020-4-2", "YYYY-MM-DD"),
            ("--scheme=gaen --secret=75c7 --day=1969-12-31", "1970"),
            ("--scheme=gaen --secret=75c7 --day=2021-02-29", "YYYY-MM-DD"),
            ("--scheme=tcn --secret=75c7 --day=2020-04-02", "known are"),
            (
                "--scheme=gaen --secret=75c7 --day=2020-04-02 --base-day=2020-04-02",
                "--base-day is for bluezone",
            ),
        ] {
            let error = printed(&args.split(' ').collect::<Vec<_>>()).unwrap_err();
            assert!(error.contains(expected), "{args}: {error}");
            assert!(
                !error.contains("75c7") && !error.contains("75zz"),
                "{error}"
            );
        }
    }
}
