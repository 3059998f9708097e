//! The end of a demo as a table in a terminal.

use std::io::{self, Write};

use super::{
    contacts::Contacts,
    outcome::{Outcome, Phase, Verdict},
};
use crate::{date, words};

/// Prints what happened, what it cost and whether it was right.
///
/// - `steps`: how the steps of a contact file are read.
pub(crate) fn print(
    outcome: &Outcome,
    contacts: &Contacts,
    steps: Option<&str>,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some(steps) = steps {
        writeln!(out, "{steps}; --steps-per-day changes that\n")?;
    }
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
        "heard by phones within 10 m that were scanning",
    )?;
    row("cases", words::grouped(outcome.cases()), "")?;
    row(
        "uploads",
        words::grouped(outcome.uploads()),
        "that phones report as done, each authorized by an officer's code",
    )?;
    row(
        "batches",
        words::grouped(outcome.batches),
        "that the server's index lists",
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
    differences(outcome, &verdict, contacts.ids(), out)?;
    writeln!(out, "{}", sentence(outcome))
}

/// Whatever is wrong, one a line.
fn differences(
    outcome: &Outcome,
    verdict: &Verdict,
    ids: &[u32],
    out: &mut impl Write,
) -> io::Result<()> {
    let told = verdict.other_minutes.iter().map(|other| (other, ""));
    let at_the_end = verdict.other_at_the_end.iter();
    for (other, when) in told.chain(at_the_end.map(|other| (other, " at the end"))) {
        writeln!(
            out,
            "  WRONG: person {} on {}: {} expected, the phone says {}{when}",
            ids[other.person.index()],
            date::show(other.day),
            words::count(other.expected, "minute", "minutes"),
            other.told
        )?;
    }
    for person in &verdict.other_batches {
        writeln!(
            out,
            "  WRONG: the phone of person {} applied {}, the server listed {}",
            ids[person.index()],
            words::count(outcome.batches_applied[person.index()], "batch", "batches"),
            outcome.batches
        )?;
    }
    Ok(())
}

/// The outcome in one sentence.
pub(crate) fn sentence(outcome: &Outcome) -> String {
    let verdict = outcome.verdict();
    let people = |number: usize| words::count(number, "person", "people");
    if verdict.is_right() {
        return match verdict.expected.len() {
            0 => "Nobody was near a case for long enough, and nobody was alerted.".into(),
            1 => "Right: the one person near a case for long enough, and nobody else, was alerted, with the exact \
                  minutes."
                .into(),
            n => format!(
                "Right: all {} near a case for long enough, and nobody else, were alerted, each with the exact minutes.",
                people(n)
            ),
        };
    }
    let days = |number: usize| words::count(number, "day", "days");
    let mut text = format!(
        "WRONG: {} missed, {} alerted falsely, {} with other minutes than the truth",
        people(verdict.missed.len()),
        people(verdict.false_alarms.len()),
        days(verdict.other_minutes.len()),
    );
    if !verdict.other_at_the_end.is_empty() {
        let number = days(verdict.other_at_the_end.len());
        text += &format!(", {number} with other minutes when all was over");
    }
    if !verdict.other_batches.is_empty() {
        let number = words::count(verdict.other_batches.len(), "phone", "phones");
        text += &format!(", {number} with another number of batches than the server listed");
    }
    text + "."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{contacts::Person, outcome};

    fn printed(outcome: &Outcome) -> String {
        let contacts = Contacts::new(vec![], 1..=300);
        let mut out = Vec::new();
        print(outcome, &contacts, Some("Steps read as days"), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_right_demo_says_so() {
        let text = printed(&outcome::tests::sample());
        assert!(
            text.contains("  contacts                     112,345   pairs"),
            "{text}"
        );
        assert!(
            text.starts_with("Steps read as days; --steps-per-day changes that\n\n"),
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

    #[test]
    fn a_demo_that_goes_wrong_at_the_end_names_who_and_what() {
        let mut wrong = outcome::tests::sample();
        let day = wrong.days[0].day;
        wrong.told_at_the_end.insert((Person(0), day), 10);
        wrong.batches_applied[1] = 1;
        let text = printed(&wrong);
        for said in [
            "WRONG: person 1 on 2020-08-03: 15 minutes expected, the phone says 10 at the end",
            "WRONG: the phone of person 2 applied 1 batch, the server listed 4",
            "1 day with other minutes when all was over, 1 phone with another number of batches than",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }

    #[test]
    fn one_person_is_not_all_of_them() {
        let mut one = outcome::tests::sample();
        for minutes in [&mut one.expected, &mut one.told, &mut one.told_at_the_end] {
            minutes.retain(|(person, _), _| *person == Person(0));
        }
        let text = sentence(&one);
        assert!(text.starts_with("Right: the one person near"), "{text}");
        one.expected.clear();
        one.told.clear();
        one.told_at_the_end.clear();
        assert!(sentence(&one).starts_with("Nobody"));
    }
}
