//! Tells on stderr how far a demo is: a bar on a terminal, a line a day elsewhere.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

use super::outcome::DayOutcome;
use crate::{date, words};

/// How far the demo is.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar for so many days; lines if stderr is no terminal, or with `lines`.
    pub(crate) fn new(days: u32, lines: bool) -> Self {
        if lines || !io::stderr().is_terminal() {
            return Self(None);
        }
        let style = ProgressStyle::with_template("{bar:32} {pos}/{len} days  {msg}  {elapsed}")
            .expect("a constant template");
        Self(Some(ProgressBar::new(days.into()).with_style(style)))
    }

    /// Something worth knowing that stops nothing.
    pub(crate) fn note(&self, what: &str) {
        match &self.0 {
            Some(bar) => bar.println(what),
            None => eprintln!("{what}"),
        }
    }

    /// What is being done.
    pub(crate) fn doing(&self, what: &'static str) {
        if let Some(bar) = &self.0 {
            bar.set_message(what);
        }
    }

    /// A day is over.
    pub(crate) fn day_done(&self, number: u32, days: u32, outcome: &DayOutcome) {
        match &self.0 {
            Some(bar) => bar.inc(1),
            None => eprintln!(
                "day {} of {days} ({}): {}, batch of {}, {} alerted for the first time",
                number + 1,
                date::show(outcome.day),
                words::count(outcome.cases, "case", "cases"),
                words::bytes(f64::from(
                    u32::try_from(outcome.batch_bytes).unwrap_or(u32::MAX)
                )),
                words::count(outcome.newly_alerted, "phone", "phones"),
            ),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
