//! `truyvet batch plan`: how many fingerprint bits a country needs, what they cost, and what its servers have to carry.

mod options;
mod poisson;
mod sizing;
mod table;

use std::io::Write;

use clap::Args;
use serde::Serialize;
use truyvet_matching::budget::{Budget, compressed_bloom_bits_per_tag, ribbon_bits_per_tag};

use self::{options::SizingArgs, sizing::Sizing};
use crate::words;

/// The country, and what it accepts.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Phones in the whole country
    #[arg(long)]
    phones: u64,
    /// Tags a phone keeps, of all days
    #[arg(long, default_value_t = 100_000)]
    tags_per_phone: u64,
    /// Batches a day that a phone tests all its tags against
    #[arg(long, default_value_t = 6)]
    batches_per_day: u32,
    /// Most alarms by chance a day, nationwide; may be below 1
    #[arg(long, default_value_t = 1.0)]
    alarms_per_day: f64,
    /// Matched tags of one day that make an alarm; parameter `min_matched_tags` must say the same
    #[arg(long, default_value_t = 1)]
    matched_tags: u32,
    /// Tags published a day, for the size of the download
    #[arg(long)]
    published_tags_per_day: Option<u64>,
    #[command(flatten)]
    sizing: SizingArgs,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// The answer as JSON. Bits and bytes of a tag by codec, bytes of a day as a phone downloads them.
#[derive(Serialize)]
struct Plan {
    phones: u64,
    tags_per_phone: u64,
    batches_per_day: u32,
    alarms_per_day_accepted: f64,
    matched_tags: u32,
    tests_per_day: f64,
    fingerprint_bits: u8,
    chance_matches_per_phone_and_day: f64,
    alarms_per_day: f64,
    published_tags_per_day: Option<u64>,
    codecs: Vec<CodecPlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sizing: Option<Sizing>,
}

/// What one codec makes of it.
#[derive(Serialize)]
struct CodecPlan {
    codec: u8,
    name: &'static str,
    bits_per_tag: f64,
    bytes_per_tag: f64,
    bytes_per_phone_and_day: Option<f64>,
}

impl Plan {
    fn of(args: &PlanArgs) -> anyhow::Result<Self> {
        let budget = Budget {
            phones: args.phones,
            tags_per_phone: args.tags_per_phone,
            batches_per_day: args.batches_per_day,
            alarms_per_day: args.alarms_per_day,
            matched_tags: args.matched_tags,
        };
        let bits = budget.fingerprint_bits()?;
        let country =
            args.sizing
                .country(args.phones, args.batches_per_day, ribbon_bits_per_tag(bits));
        let sizing = country.map(Sizing::of).transpose()?;
        let published_tags_per_day = sizing
            .as_ref()
            .map(Sizing::published_tags_per_day)
            .or(args.published_tags_per_day);
        let codec = |codec, name, bits_per_tag| CodecPlan {
            codec,
            name,
            bits_per_tag,
            bytes_per_tag: bits_per_tag / 8.0,
            bytes_per_phone_and_day: published_tags_per_day
                .map(|tags| budget.bytes_per_phone_and_day(tags, bits_per_tag)),
        };
        Ok(Self {
            phones: args.phones,
            tags_per_phone: args.tags_per_phone,
            batches_per_day: args.batches_per_day,
            alarms_per_day_accepted: args.alarms_per_day,
            matched_tags: args.matched_tags,
            tests_per_day: budget.tests_per_day(),
            fingerprint_bits: bits,
            chance_matches_per_phone_and_day: budget.chance_matches_per_phone_and_day(bits),
            alarms_per_day: budget.alarms_per_day_at(bits),
            published_tags_per_day,
            codecs: vec![
                codec(1, "ribbon", ribbon_bits_per_tag(bits)),
                codec(
                    0,
                    "compressed Bloom filter",
                    compressed_bloom_bits_per_tag(bits),
                ),
            ],
            sizing,
        })
    }
}

/// Prints the plan for people, with its arithmetic, or as one JSON object.
///
/// # Errors
/// If no number of bits keeps the budget, or an option is out of bounds.
pub(super) fn run(args: &PlanArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let plan = Plan::of(args)?;
    if args.json {
        serde_json::to_writer(&mut *out, &plan)?;
        writeln!(out)?;
        return Ok(());
    }
    let bits = plan.fingerprint_bits;
    let mut row = |name: &str, value: String| writeln!(out, "{name:<18}{value}");
    row(
        "tests a day",
        format!(
            "{} phones × {} tags × {} batches = {:.3e}",
            words::grouped(plan.phones),
            words::grouped(plan.tags_per_phone),
            words::grouped(plan.batches_per_day),
            plan.tests_per_day,
        ),
    )?;
    row(
        "fingerprint bits",
        format!(
            "{bits}, the fewest for at most {} alarms a day",
            plan.alarms_per_day_accepted
        ),
    )?;
    row(
        "chance matches",
        format!(
            "{} tags × {} batches × 2^-{bits} = {:.3e} a phone and day",
            words::grouped(plan.tags_per_phone),
            words::grouped(plan.batches_per_day),
            plan.chance_matches_per_phone_and_day,
        ),
    )?;
    let matches = plan.chance_matches_per_phone_and_day;
    let term = match plan.matched_tags {
        1 => format!("{matches:.3e}"),
        m => format!("({matches:.3e})^{m} / {m}!"),
    };
    row(
        "false alarms",
        format!(
            "{} phones × {term} = {:.3} a day",
            words::grouped(plan.phones),
            plan.alarms_per_day,
        ),
    )?;
    for codec in &plan.codecs {
        let formula = match codec.codec {
            1 => format!("1.004 × {bits}"),
            _ => format!("{bits} + 1.54"),
        };
        row(
            &format!("codec {}", codec.codec),
            format!(
                "{}: {formula} = {:.2} bits = {:.3} bytes a tag",
                codec.name, codec.bits_per_tag, codec.bytes_per_tag,
            ),
        )?;
        if let (Some(tags), Some(bytes)) =
            (plan.published_tags_per_day, codec.bytes_per_phone_and_day)
        {
            row(
                "",
                format!(
                    "{} tags a day = {} a phone and day",
                    words::grouped(tags),
                    words::bytes(bytes),
                ),
            )?;
        }
    }
    if let Some(sizing) = &plan.sizing {
        table::write(sizing, out)?;
    }
    Ok(())
}

/// A number that is none, negative or too large becomes the nearest that there is.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an estimate; the cast saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        plan: PlanArgs,
    }

    fn plan(more: &str) -> Result<String, String> {
        let country = "plan --phones 10000000 --tags-per-phone 100000 --batches-per-day 6 ";
        let arguments = format!("{country}{more}");
        let args = Cli::try_parse_from(arguments.split_whitespace())
            .unwrap()
            .plan;
        let mut out = vec![];
        match run(&args, &mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    #[test]
    fn the_arithmetic_is_shown() {
        let text = plan("--alarms-per-day 10 --published-tags-per-day 5644800").unwrap();
        let expected = "\
tests a day       10,000,000 phones × 100,000 tags × 6 batches = 6.000e12
fingerprint bits  40, the fewest for at most 10 alarms a day
chance matches    100,000 tags × 6 batches × 2^-40 = 5.457e-7 a phone and day
false alarms      10,000,000 phones × 5.457e-7 = 5.457 a day
codec 1           ribbon: 1.004 × 40 = 40.16 bits = 5.020 bytes a tag
                  5,644,800 tags a day = 28.3 MB a phone and day
codec 0           compressed Bloom filter: 40 + 1.54 = 41.54 bits = 5.192 bytes a tag
                  5,644,800 tags a day = 29.3 MB a phone and day
";
        assert_eq!(text, expected);
    }

    #[test]
    fn two_matched_tags_save_twelve_bits() {
        let text = plan("--alarms-per-day 1 --matched-tags 2").unwrap();
        assert!(text.contains("31, the fewest"), "{text}");
        assert!(text.contains("(2.794e-4)^2 / 2! = 0.390 a day"), "{text}");
        assert!(!text.contains("a phone and day\ncodec"), "{text}");
    }

    #[test]
    fn json_has_the_same_figures() {
        let json = plan("--alarms-per-day 10 --published-tags-per-day 1000 --json").unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["fingerprint_bits"], 40);
        assert_eq!(json["codecs"][0]["codec"], 1);
        assert_eq!(json["codecs"][0]["bytes_per_phone_and_day"], 5_020.0);
        assert_eq!(json["codecs"][1]["bits_per_tag"], 41.54);
    }

    /// What the command prints for a whole line of options.
    fn answer(options: &str) -> Result<String, String> {
        let words = ["plan"].into_iter().chain(options.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let mut out = vec![];
        match run(&cli.plan, &mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    #[test]
    fn defaults_are_those_of_the_settings() {
        let text = answer("--phones 10000000").unwrap();
        let expected = plan("--alarms-per-day 1").unwrap();
        assert_eq!(text, expected);
        assert!(text.contains("bits  43, the fewest"), "{text}");
    }

    #[test]
    fn what_operators_are_handed_is_what_this_prints() {
        let page = include_str!("../../../deploy/sizing.md");
        let mut shown = 0;
        for (at, prompt) in page.match_indices("$ truyvet batch plan ") {
            let (options, rest) = page[at + prompt.len()..].split_once('\n').unwrap();
            let (block, _) = rest.split_once("```").unwrap();
            assert_eq!(block, answer(options).unwrap(), "{options}");
            shown += 1;
        }
        assert!(shown >= 3, "{shown}");
    }

    #[test]
    fn the_table_fits_its_100_columns() {
        for options in [
            "--phones 1 --cases-per-day 0 --alarms-per-day 1000",
            "--phones 100000000 --cases-per-day 42000 --regions 63 --cdn-hit-share 0.9995",
            "--phones 10000000000 --cases-per-day 10000000 --alarms-per-day 100000 --syncs-per-day 24",
        ] {
            let text = answer(options).unwrap();
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{line}");
            }
        }
    }

    #[test]
    fn a_file_that_phones_would_not_take_is_told() {
        let large = "--phones 100000000 --cases-per-day 200000";
        let text = answer(large).unwrap();
        assert!(
            text.contains("TOO LARGE: phones take no file above 268.4 MB"),
            "{text}"
        );
        let text = answer(&format!("{large} --regions 63")).unwrap();
        assert!(!text.contains("TOO LARGE"), "{text}");
    }

    #[test]
    fn json_has_the_sizing_where_there_is_one() {
        let json = answer("--phones 7000000 --cases-per-day 4800 --app-share 0.5 --json").unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let sizing = &json["sizing"];
        assert_eq!(sizing["uploads_per_day"], 2_400.0);
        assert_eq!(sizing["decoys_per_day"], 2_000_000.0);
        assert_eq!(sizing["country"]["slots_per_case"], 1_344);
        assert_eq!(sizing["country"]["keys_per_case"], 15);
        assert_eq!(sizing["country"]["upload_bytes"], 1_024);
        assert_eq!(sizing["kept"]["keys"]["count"], 288_000.0);
        // 400 × 1,344 = 537,600, padded to 132 × 4,096.
        assert_eq!(sizing["tags_of_a_window"], 540_672);
        assert_eq!(json["published_tags_per_day"], 6 * 540_672);
        let json = plan("--alarms-per-day 10 --json").unwrap();
        assert!(!json.contains("sizing"), "{json}");
    }

    #[test]
    fn options_of_the_sizing_want_cases() {
        let error = answer("--phones 1000000 --regions 2").unwrap_err();
        assert!(error.contains("--cases-per-day"), "{error}");
        let both = "--phones 1000000 --cases-per-day 1 --published-tags-per-day 1";
        assert!(answer(both).unwrap_err().contains("cannot be used with"));
    }

    #[test]
    fn a_budget_that_cannot_be_kept_says_what_could_be() {
        let error = plan("--alarms-per-day 0.001").unwrap_err();
        assert!(error.contains("more than 48 fingerprint bits"), "{error}");
        let error = plan("--alarms-per-day 0").unwrap_err();
        assert!(error.contains("above 0"), "{error}");
    }
}
