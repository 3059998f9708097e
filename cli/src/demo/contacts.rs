//! Who was near whom: reads the contact file of the demo, or says which line is broken.
//!
//! Knows steps and people, neither times nor radio. What makes up contacts without a file is `town`.

use std::{io, path::Path};

use crate::lines::{Lines, ReadFault};

/// The first line of every contact file.
pub(crate) const HEADER: &str = "time_step,user1_id,user2_id,distance_m";

/// A year of five-minute steps; a larger number is a slip of the pen.
const MAX_STEP: u32 = 288 * 366;

/// 20 million rows are half a gigabyte here.
const MAX_ROWS: usize = 20_000_000;

/// The largest distance that can mean anything in metres on earth.
const MAX_DISTANCE_M: f64 = 100_000.0;

/// Somebody, by position among the people of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Person(pub(crate) u32);

impl Person {
    /// Position among the people of the demo.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Two people near each other in one step of five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// Five-minute steps, the first one is 1.
    pub(crate) step: u32,
    /// The one with the smaller number.
    pub(crate) a: Person,
    /// The one with the larger number.
    pub(crate) b: Person,
    /// To the millimetre, so that "2 m" is a number that comparisons can trust.
    pub(crate) distance_mm: u32,
}

/// A row as written: step, two user ids, millimetres.
pub(crate) type Row = (u32, u32, u32, u32);

/// People and who was near whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contacts {
    people: Vec<u32>,
    contacts: Vec<Contact>,
}

impl Contacts {
    /// Orders rows by step and pair; of a pair that is listed twice in a step the nearer row stays.
    ///
    /// - `others`: ids of people who may be in no row.
    pub(crate) fn new(rows: Vec<Row>, others: impl IntoIterator<Item = u32>) -> Self {
        let mut people: Vec<u32> = rows.iter().flat_map(|row| [row.1, row.2]).collect();
        people.extend(others);
        people.sort_unstable();
        people.dedup();
        let person = |id| {
            let index = people.binary_search(&id).expect("every id is listed");
            Person(u32::try_from(index).expect("ids are u32"))
        };
        let mut contacts: Vec<Contact> = rows
            .into_iter()
            .map(|(step, one, two, distance_mm)| Contact {
                step,
                a: person(one.min(two)),
                b: person(one.max(two)),
                distance_mm,
            })
            .collect();
        contacts.sort_unstable_by_key(|c| (c.step, c.a, c.b, c.distance_mm));
        contacts.dedup_by_key(|c| (c.step, c.a, c.b));
        Self { people, contacts }
    }

    /// Reads a contact file, plain or gzip.
    ///
    /// # Errors
    /// [`ContactsError`] names the line and what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, ContactsError> {
        let lines = Lines::open(path).map_err(ContactsError::Open)?;
        Ok(Self::new(parse(lines)?, []))
    }

    /// Only the people with the `count` smallest ids, and who of them was near whom.
    #[must_use]
    pub(crate) fn first_people(mut self, count: usize) -> Self {
        self.people.truncate(count);
        self.contacts.retain(|c| c.b.index() < self.people.len());
        self
    }

    /// Only the steps up to this one.
    #[must_use]
    pub(crate) fn up_to_step(mut self, last: u32) -> Self {
        self.contacts.retain(|c| c.step <= last);
        self
    }

    /// How many people.
    pub(crate) fn people(&self) -> usize {
        self.people.len()
    }

    /// The people's ids in the file, by [`Person`].
    pub(crate) fn ids(&self) -> &[u32] {
        &self.people
    }

    /// By step, then pair; no pair twice in a step.
    pub(crate) fn all(&self) -> &[Contact] {
        &self.contacts
    }

    /// The last step in which anybody was near anybody; 0 if nobody ever was.
    pub(crate) fn last_step(&self) -> u32 {
        self.contacts.last().map_or(0, |contact| contact.step)
    }
}

/// Why a contact file is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContactsError {
    /// It cannot be opened.
    #[error("cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// One line is broken.
    #[error("line {line}: {fault}")]
    Line {
        /// Counted from 1; the header is line 1.
        line: u64,
        /// What is wrong with it.
        fault: LineFault,
    },
}

/// What is wrong with a line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineFault {
    /// The file cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// Nothing in the file.
    #[error("the file is empty; expected the header {HEADER}")]
    Empty,
    /// The first line is another.
    #[error("the header is {0}, expected {HEADER}")]
    Header(Shown),
    /// Another number of columns.
    #[error("{0} columns, expected 4 ({HEADER})")]
    Columns(usize),
    /// No whole number from 0 to 4294967295.
    #[error("{column} is {found}, expected a whole number")]
    WholeNumber {
        /// Name of the column.
        column: &'static str,
        /// What stands there.
        found: Shown,
    },
    /// Steps count from 1 to [`MAX_STEP`].
    #[error("time_step is {0}, expected 1 to {MAX_STEP}: steps count from 1")]
    Step(u32),
    /// Not a number at all.
    #[error("distance_m is {0}, expected a number of metres")]
    Number(Shown),
    /// Negative, infinite or not a number.
    #[error("distance_m is {0}, expected 0 to {MAX_DISTANCE_M} metres")]
    Distance(f64),
    /// Both ids are the same.
    #[error("user {0} is listed as near to itself")]
    Itself(u32),
    /// More rows than anybody can mean.
    #[error("more than {MAX_ROWS} rows")]
    TooMany,
}

/// A piece of the file, quoted, escaped and cut short.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    fn new(text: &str) -> Self {
        let short: String = text.chars().take(60).collect();
        let dots = if short.len() < text.len() { "..." } else { "" };
        Self(format!("{short:?}{dots}"))
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn parse(mut lines: Lines) -> Result<Vec<Row>, ContactsError> {
    let mut rows = Vec::new();
    loop {
        match next_row(&mut lines, rows.len()) {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return Ok(rows),
            Err(fault) => {
                let line = lines.number();
                return Err(ContactsError::Line { line, fault });
            }
        }
    }
}

fn next_row(lines: &mut Lines, rows_so_far: usize) -> Result<Option<Row>, LineFault> {
    if lines.number() == 0 {
        let header = lines.read()?.ok_or(LineFault::Empty)?;
        // What spreadsheets put in front of UTF-8.
        if header.trim_start_matches('\u{feff}') != HEADER {
            return Err(LineFault::Header(Shown::new(&header)));
        }
    }
    let Some(line) = lines.read()? else {
        return Ok(None);
    };
    if rows_so_far == MAX_ROWS {
        return Err(LineFault::TooMany);
    }
    parse_row(&line).map(Some)
}

fn parse_row(line: &str) -> Result<Row, LineFault> {
    let columns: Vec<&str> = line.split(',').collect();
    let [step, one, two, distance] = columns[..] else {
        return Err(LineFault::Columns(columns.len()));
    };
    let step = whole("time_step", step)?;
    if step == 0 || step > MAX_STEP {
        return Err(LineFault::Step(step));
    }
    let (one, two) = (whole("user1_id", one)?, whole("user2_id", two)?);
    if one == two {
        return Err(LineFault::Itself(one));
    }
    Ok((step, one, two, millimetres(distance)?))
}

fn whole(column: &'static str, text: &str) -> Result<u32, LineFault> {
    text.trim().parse().map_err(|_| LineFault::WholeNumber {
        column,
        found: Shown::new(text),
    })
}

fn millimetres(text: &str) -> Result<u32, LineFault> {
    let metres: f64 = text
        .trim()
        .parse()
        .map_err(|_| LineFault::Number(Shown::new(text)))?;
    if !(0.0..=MAX_DISTANCE_M).contains(&metres) {
        return Err(LineFault::Distance(metres));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1e8, checked above"
    )]
    Ok((metres * 1_000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> Result<Contacts, ContactsError> {
        let lines = Lines::new(Cursor::new(text.as_bytes().to_vec())).unwrap();
        Ok(Contacts::new(parse(lines)?, []))
    }

    fn fault(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn rows_are_ordered_and_people_numbered_by_id() {
        let contacts = read(&format!("{HEADER}\n2,30,7,2.0\n1,30,12,0.1234\n1,7,12,17")).unwrap();
        assert_eq!(contacts.ids(), [7, 12, 30]);
        let rows: Vec<_> = contacts
            .all()
            .iter()
            .map(|c| (c.step, c.a.0, c.b.0, c.distance_mm))
            .collect();
        assert_eq!(rows, [(1, 0, 1, 17_000), (1, 1, 2, 123), (2, 0, 2, 2_000)]);
        assert_eq!(contacts.last_step(), 2);
    }

    #[test]
    fn a_pair_counts_once_a_step_with_its_nearest_row() {
        let contacts = read(&format!("{HEADER}\n1,1,2,5\n1,2,1,3\n1,1,2,4\n")).unwrap();
        assert_eq!(contacts.all().len(), 1);
        assert_eq!(contacts.all()[0].distance_mm, 3_000);
    }

    #[test]
    fn fewer_people_and_days_keep_the_rest_as_it_was() {
        let whole = read(&format!("{HEADER}\n1,1,2,5\n2,2,3,5\n3,1,2,5\n")).unwrap();
        let fewer = whole.clone().first_people(2);
        assert_eq!((fewer.people(), fewer.all().len()), (2, 2));
        assert_eq!(whole.clone().first_people(9), whole);
        assert_eq!(whole.up_to_step(2).all().len(), 2);
    }

    #[test]
    fn a_header_alone_is_a_file_without_contacts() {
        let contacts = read(&format!("{HEADER}\r\n")).unwrap();
        assert_eq!((contacts.people(), contacts.last_step()), (0, 0));
    }

    #[test]
    fn every_broken_line_is_named_with_what_is_wrong() {
        let good = format!("{HEADER}\n1,1,2,5\n");
        for (row, expected) in [
            ("1,1,2", "line 3: 3 columns"),
            ("1,1,2,5,6", "line 3: 5 columns"),
            ("", "line 3: 1 columns"),
            ("x,1,2,5", "line 3: time_step is \"x\""),
            ("-1,1,2,5", "line 3: time_step is \"-1\""),
            ("1,1.5,2,5", "line 3: user1_id is \"1.5\""),
            ("1,1,4294967296,5", "line 3: user2_id is \"4294967296\""),
            ("0,1,2,5", "line 3: time_step is 0"),
            ("105409,1,2,5", "line 3: time_step is 105409"),
            ("1,1,2,", "line 3: distance_m is \"\""),
            ("1,1,2,near", "line 3: distance_m is \"near\""),
            ("1,1,2,-0.5", "line 3: distance_m is -0.5"),
            ("1,1,2,NaN", "line 3: distance_m is NaN"),
            ("1,1,2,inf", "line 3: distance_m is inf"),
            ("1,4,4,5", "line 3: user 4 is listed as near to itself"),
        ] {
            let fault = fault(&format!("{good}{row}\n1,1,2,5\n"));
            assert!(fault.starts_with(expected), "{row}: {fault}");
        }
        assert!(fault("").starts_with("line 1: the file is empty"));
        let header = fault("time,user1_id,user2_id,distance_m\n");
        assert!(header.starts_with("line 1: the header is \"time,user1"));
    }
}
