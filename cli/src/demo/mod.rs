//! `truyvet demo`: a town lives with phones and a real server, and exactly the right people must be told.
//!
//! ```text
//! contacts | town   who was near whom, from a file or made up
//! cases             who falls ill
//! replay            office (server, officer) and crowd (phones) by clock and calendar, over the radio
//! truth             who ought to be told, from the contacts alone
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
mod table;
mod town;
mod truth;

use std::{fs, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::Args;

use calendar::{Calendar, MAX_STEPS_PER_DAY};
use contacts::Contacts;
use progress::Progress;
use replay::{Script, replay};
use town::Town;

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
/// A contact file that is none, with the line; whatever stops server or phones from doing their work.
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
    let cases = cases::draw(&contacts, calendar, days, args.cases, args.seed);
    ensure!(
        !cases.is_empty(),
        "nobody comes within radio range of anybody"
    );

    let progress = Progress::new(days, args.json);
    if cases.len() < args.cases as usize {
        progress.note(&format!(
            "only {} people can be cases: others met nobody",
            cases.len()
        ));
    }
    let script = Script {
        contacts: &contacts,
        calendar,
        days,
        cases: &cases,
        seed: args.seed,
    };
    let outcome = replay(&script, &progress).await;
    progress.finish();
    let outcome = outcome?;

    if let Some(file) = &args.report {
        let page = report::page(
            &outcome,
            &args.source(),
            &rules::explain(args.steps_per_day),
        );
        fs::write(file, page).with_context(|| file.display().to_string())?;
    }
    if args.json {
        serde_json::to_writer(&mut *out, &outcome.figures())?;
        writeln!(out)?;
    } else {
        table::print(&outcome, &contacts, out)?;
    }
    if outcome.verdict().is_right() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{}", table::sentence(&outcome));
    Ok(ExitCode::FAILURE)
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
