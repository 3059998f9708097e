//! `truyvet demo`: a town lives with phones and a real server, and exactly the right people must be told.
//!
//! ```text
//! contacts | town   who was near whom, from a file or made up
//! scans             which phone scans when
//! cases             who falls ill
//! replay            office (server, officer) and crowd (phones) by clock and calendar, over the radio
//! truth             who ought to be told, from contacts and scans alone
//! outcome           both held against each other: table, JSON, report
//! ```

mod calendar;
mod cases;
mod clock;
mod contacts;
mod crowd;
mod office;
mod outcome;
mod progress;
mod radio;
mod replay;
mod report;
mod rules;
mod scans;
mod table;
mod town;
mod truth;

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;

use calendar::{Calendar, MAX_STEPS_PER_DAY};
use contacts::Contacts;
use outcome::Outcome;
use progress::Progress;
use replay::{Script, replay};
use report::ReportFile;
use scans::Scans;
use town::Town;

use crate::words;

/// People of a made-up town.
const DEFAULT_PEOPLE: u32 = 300;
/// Days of a made-up town.
const DEFAULT_DAYS: u32 = 7;
/// Longer towns take long to live.
const MAX_DAYS: u32 = 366;

/// What town, and how the result is shown.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Who was near whom: CSV, plain or gzip, "time_step,user1_id,user2_id,distance_m", steps of five minutes from 1
    /// [default: a made-up town]
    #[arg(long, value_name = "FILE")]
    contacts: Option<PathBuf>,
    /// People of the made-up town [default: 300]; of a file the ones with the smallest ids [default: all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    people: Option<u32>,
    /// Days [default: 7; of a file all]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_DAYS)))]
    days: Option<u32>,
    /// People who test positive, spread over the days
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cases: u32,
    /// Makes town, cases, phones and server; the same seed gives the same demo
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Steps that a day has, from 07:00 in Vietnam on
    #[arg(long, default_value_t = MAX_STEPS_PER_DAY,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_STEPS_PER_DAY)))]
    steps_per_day: u32,
    /// Print one JSON object instead of the table
    #[arg(long)]
    json: bool,
    /// Write a page with charts, too
    #[arg(long, value_name = "HTML")]
    report: Option<PathBuf>,
}

/// Runs the demo; the table or the JSON goes to `out`, all else to stderr.
///
/// Gives failure if anybody was missed, alerted falsely, or told of other minutes than the truth.
///
/// # Errors
/// A contact file that is none, with the line; a report file that cannot be written; whatever stops server or phones from doing their work.
pub(crate) async fn run(args: &DemoArgs, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let calendar = Calendar::new(args.steps_per_day);
    let contacts = args.contacts()?;
    ensure!(
        contacts.last_step() > 0,
        "nobody is ever near anybody: there is nothing to show"
    );
    let days = calendar.day_of(contacts.last_step()) + 1;
    ensure!(
        days <= MAX_DAYS,
        "{days} days; at most {MAX_DAYS}: give --days"
    );
    let scans = Scans::plan(&contacts, calendar);
    let cases = cases::draw(&contacts, calendar, &scans, days, args.cases, args.seed);
    ensure!(
        !cases.is_empty(),
        "nobody comes within radio range of anybody"
    );

    // Now, since a demo takes its time.
    let report = args.report.as_deref().map(ReportFile::open).transpose()?;

    let progress = Progress::new(days, args.json);
    if cases.len() < args.cases as usize {
        progress.note(&format!(
            "only {} can be cases: other phones heard nobody",
            words::count(cases.len(), "person", "people")
        ));
    }
    let script = Script {
        contacts: &contacts,
        calendar,
        scans: &scans,
        days,
        cases: &cases,
        seed: args.seed,
    };
    let outcome = replay(&script, &progress).await;
    progress.finish();
    conclude(args, &contacts, &outcome?, report, out)
}

/// Shows the outcome in every way that was asked for. One that fails keeps neither the others nor a wrong outcome from
/// being seen.
fn conclude(
    args: &DemoArgs,
    contacts: &Contacts,
    outcome: &Outcome,
    report: Option<ReportFile>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let calendar = Calendar::new(args.steps_per_day);
    let steps = calendar.explain(contacts.last_step());
    let steps = args.contacts.is_some().then_some(steps.as_str());
    let shown = show(args, contacts, outcome, steps, out);
    let written = report.map_or(Ok(()), |file| {
        let rules = rules::explain(args.steps_per_day);
        file.write(&report::page(outcome, &args.source(), steps, &rules))
    });
    let right = outcome.verdict().is_right();
    if !right {
        eprintln!("{}", table::sentence(outcome));
    }
    shown.and(written)?;
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(
    args: &DemoArgs,
    contacts: &Contacts,
    outcome: &Outcome,
    steps: Option<&str>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&outcome.figures())?)?;
    } else {
        table::print(outcome, contacts, steps, out)?;
    }
    Ok(out.flush()?)
}

impl DemoArgs {
    fn contacts(&self) -> anyhow::Result<Contacts> {
        let Some(file) = &self.contacts else {
            let town = Town::settle(self.people.unwrap_or(DEFAULT_PEOPLE), self.seed);
            return Ok(town.live(self.days.unwrap_or(DEFAULT_DAYS), self.steps_per_day));
        };
        let mut contacts = Contacts::read(file).with_context(|| file.display().to_string())?;
        if let Some(people) = self.people {
            contacts = contacts.first_people(people as usize);
        }
        if let Some(days) = self.days {
            contacts = contacts.up_to_step(days.saturating_mul(self.steps_per_day));
        }
        Ok(contacts)
    }

    /// Where the contacts come from, for the report.
    fn source(&self) -> String {
        match &self.contacts {
            None => format!("a made-up town (seed {})", self.seed),
            Some(file) => {
                let name = file.file_name().unwrap_or(file.as_os_str());
                format!("a town from {}", name.to_string_lossy())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use clap::Parser;

    use super::*;
    use crate::output::{Output, tests::Fails};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: DemoArgs,
    }

    /// What becomes of an outcome whose report goes into a folder that is gone afterwards: exit code and page.
    fn concluded(
        outcome: &Outcome,
        args: &[&str],
        out: &mut impl Write,
    ) -> (Option<ExitCode>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let args = Cli::parse_from([&["demo"], args].concat()).args;
        let report = Some(ReportFile::open(&path).unwrap());
        let contacts = Contacts::new(vec![(576, 1, 2, 1)], 1..=300);
        let code = conclude(&args, &contacts, outcome, report, out).ok();
        (code, fs::read_to_string(path).unwrap())
    }

    #[test]
    fn the_exit_code_is_the_verdict_whoever_still_reads() {
        let right = outcome::tests::sample();
        let mut wrong = right.clone();
        wrong.told.clear();
        for args in [&[][..], &["--json"]] {
            let mut closed = Output::new(Fails(io::ErrorKind::BrokenPipe));
            let (code, page) = concluded(&right, args, &mut closed);
            assert_eq!(code, Some(ExitCode::SUCCESS));
            assert!(page.contains("verdict right"));
            let mut closed = Output::new(Fails(io::ErrorKind::BrokenPipe));
            let (code, page) = concluded(&wrong, args, &mut closed);
            assert_eq!(code, Some(ExitCode::FAILURE));
            assert!(page.contains("verdict wrong"));
            // The page is written even so, and the error told.
            let (code, page) = concluded(&right, args, &mut Fails(io::ErrorKind::StorageFull));
            assert_eq!(code, None);
            assert!(page.contains("verdict right"));
        }
    }

    #[test]
    fn only_a_contact_file_has_its_steps_explained() {
        let right = outcome::tests::sample();
        let explained = |args: &[&str]| {
            let mut out = Vec::new();
            let (_, page) = concluded(&right, args, &mut out);
            let table = String::from_utf8(out).unwrap();
            [table, page].map(|text| {
                text.contains("576 steps = 2 days; ") && text.contains("--steps-per-day")
            })
        };
        assert_eq!(explained(&["--contacts", "x.csv"]), [true, true]);
        assert_eq!(explained(&[]), [false, false]);
    }
}
