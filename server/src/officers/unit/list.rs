//! The list of administrative units: the built-in one or a file's, and how it gets into the store.
//!
//! A list is loaded whole or not at all. What an earlier list had and this one has not is closed, never deleted: past
//! codes, officers and rows of the audit name it.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use truyvet_crypto::{Timestamp, sha256};

use super::Unit;
use crate::{
    audit::{Action, AuditEntry},
    store::{Store, StoreError},
};

/// Vietnam's 63 provinces and 705 districts.
const BUILT_IN: &str = include_str!("vn-2021-08-01.tsv");

/// The day whose units the built-in list has.
pub const BUILT_IN_DATE: &str = "2021-08-01";

/// The country's code, which stands above every list.
const COUNTRY: &str = "VN";

/// Why a list was not loaded; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum UnitListError {
    /// The file cannot be read.
    #[error("units_file: {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is wrong.
    #[error("units_file: line {line}: {fault}")]
    Line {
        /// Counts from 1.
        line: usize,
        /// What is wrong with it.
        fault: LineFault,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Not three columns.
    #[error("expected code, code of the unit above and name, separated by tabs")]
    Columns,
    /// Not a code.
    #[error("code: 1 to 16 of A-Z, a-z, 0-9 and \"-\"")]
    Code,
    /// Not a name.
    #[error("name: 1 to 128 printable characters")]
    Name,
    /// The code stood there before, or is the country's.
    #[error("code {0} stands there twice (the country, {COUNTRY}, is there already)")]
    Repeated(String),
    /// Above it is nothing.
    #[error("the unit above, {0}, is neither in the list nor {COUNTRY}")]
    UnknownParent(String),
    /// Whoever goes up from it comes back to it.
    #[error("the units above it lead in a circle, not to {COUNTRY}")]
    Circle,
}

/// Units as a list has them, each after the one above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitList {
    /// SHA-256 of the text: what is loaded already is not loaded again.
    pub digest: [u8; 32],
    /// In the order in which they can be added.
    pub units: Vec<Unit>,
}

impl UnitList {
    /// Reads a list: `code<TAB>code above<TAB>name` a line, in any order; empty lines and those with `#` first count not.
    ///
    /// # Errors
    /// [`UnitListError::Line`], naming the first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, UnitListError> {
        let mut rows: HashMap<&str, (usize, &str, &str)> = HashMap::new();
        let mut order = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let wrong = |fault| UnitListError::Line { line, fault };
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            if text.trim().is_empty() || text.starts_with('#') {
                continue;
            }
            let columns: Vec<&str> = text.split('\t').collect();
            let &[code, parent, name] = &*columns else {
                return Err(wrong(LineFault::Columns));
            };
            if !is_code(code) || !is_code(parent) {
                return Err(wrong(LineFault::Code));
            }
            let length = name.chars().count();
            if length == 0 || length > 128 || name.chars().any(char::is_control) {
                return Err(wrong(LineFault::Name));
            }
            if code == COUNTRY || rows.insert(code, (line, parent, name)).is_some() {
                return Err(wrong(LineFault::Repeated(code.to_owned())));
            }
            order.push(code);
        }
        let mut units = Vec::with_capacity(order.len());
        for &code in &order {
            let (line, parent, name) = rows[code];
            let depth = depth(&rows, code).map_err(|fault| UnitListError::Line { line, fault })?;
            let unit = Unit {
                unit_code: code.to_owned(),
                name: name.to_owned(),
                parent_code: Some(parent.to_owned()),
                closed: false,
            };
            units.push((depth, unit));
        }
        units.sort_by_key(|(depth, _)| *depth);
        Ok(Self {
            digest: sha256(&[text.as_bytes()]),
            units: units.into_iter().map(|(_, unit)| unit).collect(),
        })
    }
}

fn is_code(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=16).contains(&text.len()) && text.chars().all(good)
}

/// How many units are above it, up to the country.
fn depth(rows: &HashMap<&str, (usize, &str, &str)>, code: &str) -> Result<usize, LineFault> {
    let mut at = code;
    for depth in 1..=rows.len() {
        let (_, parent, _) = rows[at];
        if parent == COUNTRY {
            return Ok(depth);
        }
        if !rows.contains_key(parent) {
            return Err(LineFault::UnknownParent(parent.to_owned()));
        }
        at = parent;
    }
    Err(LineFault::Circle)
}

/// Brings the store's units to the file's list, or the built-in one. Does nothing if that list is loaded.
///
/// # Errors
/// [`UnitListError`], naming the line at fault; nothing is loaded then.
pub async fn load(
    store: &dyn Store,
    file: Option<&Path>,
    now: Timestamp,
) -> Result<(), UnitListError> {
    let read;
    let text = match file {
        Some(path) => {
            read = fs::read_to_string(path).map_err(|source| UnitListError::File {
                path: path.to_owned(),
                source,
            })?;
            &read
        }
        None => BUILT_IN,
    };
    let loaded = store.unit_list_digest().await?;
    if loaded == Some(sha256(&[text.as_bytes()])) {
        return Ok(());
    }
    let list = UnitList::parse(text)?;
    // The first list is what a deployment begins with. A later one moves people's reach: that is written down.
    let entry = loaded.map(|_| AuditEntry {
        at: now.hour_start(),
        officer_id: None,
        key_id: None,
        action: Action::UnitListReplaced,
        unit_code: COUNTRY.into(),
        subject: data_encoding::HEXLOWER.encode(&list.digest[..8]),
    });
    Ok(store.load_units(list, entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_has_vietnams_provinces_and_districts() {
        let units = UnitList::parse(BUILT_IN).unwrap().units;
        let below = |parent: &str| {
            let above = |unit: &&Unit| unit.parent_code.as_deref() == Some(parent);
            units.iter().filter(above).count()
        };
        assert_eq!((below("VN"), units.len()), (63, 63 + 705));
        assert_eq!(below("48"), 8, "Đà Nẵng's districts");
        let codes: std::collections::HashSet<_> =
            units.iter().map(|unit| &unit.unit_code).collect();
        assert_eq!(codes.len(), units.len());
        assert!(BUILT_IN.lines().next().unwrap().contains(BUILT_IN_DATE));
        let start = std::time::Instant::now();
        UnitList::parse(BUILT_IN).unwrap();
        println!("parsing the built-in list: {:?}", start.elapsed());
    }

    #[test]
    fn a_wrong_line_is_named() {
        let repeated = |code: &str| LineFault::Repeated(code.into());
        for (text, line, fault) in [
            ("1\tVN\tA\n2\tVN", 2, LineFault::Columns),
            ("# x\n\n1\tVN\tA\tB", 3, LineFault::Columns),
            ("1 2\tVN\tA", 1, LineFault::Code),
            ("12345678901234567\tVN\tA", 1, LineFault::Code),
            ("1\t\tA", 1, LineFault::Code),
            ("1\tVN\t", 1, LineFault::Name),
            ("1\tVN\tA\n1\tVN\tB", 2, repeated("1")),
            ("VN\tVN\tA", 1, repeated("VN")),
            ("1\tVN\tA\n2\t3\tB", 2, LineFault::UnknownParent("3".into())),
            ("1\t2\tA\n2\t1\tB", 1, LineFault::Circle),
            ("1\t1\tA", 1, LineFault::Circle),
        ] {
            match UnitList::parse(text) {
                Err(UnitListError::Line { line: l, fault: f }) => {
                    assert_eq!((l, f), (line, fault), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn any_order_of_lines_gives_parents_first() {
        let list = UnitList::parse("12\t1\tB\r\n1\tVN\tA\n123\t12\tC\n").unwrap();
        let codes: Vec<_> = list.units.iter().map(|unit| &*unit.unit_code).collect();
        assert_eq!(codes, ["1", "12", "123"]);
        assert_eq!(list.units[1].name, "B");
    }
}
