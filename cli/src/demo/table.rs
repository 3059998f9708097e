//! The end of a demo as a table in a terminal.

use std::io::{self, Write};

use super::{
    contacts::Contacts,
    outcome::{Outcome, Phase},
};
use crate::{date, words};

/// Prints what happened, what it cost and whether it was right.
pub(crate) fn print(
    outcome: &Outcome,
    contacts: &Contacts,
    out: &mut impl Write,
) -> io::Result<()> {
    let verdict = outcome.verdict();
    let mut row = |name: &str, value: String, note: &str| {
        writeln!(
            out,
            "{}",
            format!("  {name:<24}{value:>12}   {note}").trim_end()
        )
    };
    row(
        "people",
        words::grouped(outcome.people),
        "each with a phone",
    )?;
    row(
        "contacts",
        words::grouped(outcome.contacts),
        "pairs near each other, by five-minute step",
    )?;
    row(
        "sightings",
        words::grouped(outcome.sightings),
        "heard by phones within 10 m",
    )?;
    row("cases", words::grouped(outcome.cases()), "")?;
    row(
        "uploads",
        words::grouped(outcome.uploads()),
        "authorized by an officer's code",
    )?;
    row(
        "batches",
        words::grouped(outcome.days.len()),
        "one each evening",
    )?;
    row(
        "batch bytes",
        words::grouped(outcome.batch_bytes()),
        "all batches together",
    )?;
    row(
        "tags",
        words::grouped(outcome.tags()),
        "in the batches, padding included",
    )?;
    row(
        "per phone and day",
        words::bytes(outcome.bytes_per_phone_and_day()),
        "downloaded",
    )?;
    row(
        "phones that should alert",
        words::grouped(verdict.expected.len()),
        "15 minutes within 2 m of cases",
    )?;
    row("phones alerted", words::grouped(verdict.alerted.len()), "")?;
    row("missed", words::grouped(verdict.missed.len()), "")?;
    row(
        "false alarms",
        words::grouped(verdict.false_alarms.len()),
        "",
    )?;
    writeln!(out)?;
    for phase in Phase::ALL {
        let seconds = outcome.phases.get(&phase).copied().unwrap_or_default();
        writeln!(
            out,
            "  {:<24}{:>10.2} s",
            phase.name(),
            seconds.as_secs_f64()
        )?;
    }
    writeln!(
        out,
        "  {:<24}{:>10.2} s",
        "all together",
        outcome.total.as_secs_f64()
    )?;
    writeln!(out)?;
    for other in &verdict.other_minutes {
        writeln!(
            out,
            "  WRONG: person {} on {}: {} minutes expected, the phone says {}",
            contacts.ids()[other.person.index()],
            date::show(other.day),
            other.expected,
            other.told
        )?;
    }
    writeln!(out, "{}", sentence(outcome))
}

/// The outcome in one sentence.
pub(crate) fn sentence(outcome: &Outcome) -> String {
    let verdict = outcome.verdict();
    let people = |number: usize| words::count(number, "person", "people");
    if verdict.is_right() {
        return match verdict.expected.len() {
            0 => "Nobody was near a case for long enough, and nobody was alerted.".into(),
            n => format!(
                "Right: all {} near a case for long enough, and nobody else, were alerted, each with the exact minutes.",
                people(n)
            ),
        };
    }
    format!(
        "WRONG: {} missed, {} alerted falsely, {} with other minutes than the truth.",
        people(verdict.missed.len()),
        people(verdict.false_alarms.len()),
        words::count(verdict.other_minutes.len(), "day", "days"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{contacts::Person, outcome};

    fn printed(outcome: &Outcome) -> String {
        let contacts = Contacts::new(vec![], 1..=300);
        let mut out = Vec::new();
        print(outcome, &contacts, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_right_demo_says_so() {
        let text = printed(&outcome::tests::sample());
        assert!(
            text.contains("  contacts                     112,345   pairs"),
            "{text}"
        );
        assert!(text.contains("Right: all 3 people"), "{text}");
        assert!(!text.contains("WRONG"), "{text}");
    }

    #[test]
    fn a_wrong_demo_names_who_and_when() {
        let mut wrong = outcome::tests::sample();
        let day = wrong.days[0].day;
        wrong.told.remove(&(Person(0), day));
        let text = printed(&wrong);
        assert!(
            text.contains("WRONG: person 1 on 2020-08-03: 15 minutes expected, the phone says 0"),
            "{text}"
        );
        assert!(text.contains("WRONG: 1 person missed"), "{text}");
    }
}
