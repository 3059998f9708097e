//! The chain of hashes over the audit's rows, and where it breaks.

use truyvet_crypto::sha256;

use super::AuditEntry;

/// A row as it is stored. Nothing in it is believed: somebody may have changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Full hour, Unix seconds.
    pub at: i64,
    /// Who; `None` for whoever owns the server's machine.
    pub officer_id: Option<String>,
    /// The client key they came with; `None` from a browser or the machine.
    pub key_id: Option<String>,
    /// Name of an [`super::Action`].
    pub action: String,
    /// On which unit.
    pub unit_code: String,
    /// To what; may be empty.
    pub subject: String,
    /// Of the row before's hash (32 zero bytes for the first) and this row: 32 bytes.
    pub hash: Vec<u8>,
}

/// The last row of a chain. Whoever keeps it elsewhere can tell later that no row up to it was changed or cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the row; 0: there is none.
    pub sequence: u64,
    /// Its hash; zero bytes if there is none.
    pub hash: [u8; 32],
}

impl Head {
    /// Before the first row.
    pub const START: Self = Self {
        sequence: 0,
        hash: [0; 32],
    };
}

/// Where a chain breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Break {
    /// A row is not where it belongs: removed, or moved.
    #[error("row {0} is missing")]
    Missing(u64),
    /// A row does not follow from the one before: one of the two was changed.
    #[error("row {0} was changed, or the one before it")]
    Changed(u64),
    /// The chain is sound, but its row of that number is not the one that was known: all was written anew.
    #[error("row {0} is not the one that was known: the rows up to it were written anew")]
    Rewritten(u64),
    /// The chain is sound, but ends before the row that was known.
    #[error("rows from {0} on were cut off")]
    CutOff(u64),
}

impl Break {
    /// Number of the row at fault.
    #[must_use]
    pub fn sequence(self) -> u64 {
        match self {
            Self::Missing(n) | Self::Changed(n) | Self::Rewritten(n) | Self::CutOff(n) => n,
        }
    }
}

/// Checks a chain row by row, from the first on, without keeping rows.
#[derive(Debug)]
pub struct ChainCheck {
    head: Head,
    known: Option<Head>,
}

impl ChainCheck {
    /// - `known`: a head that was noted earlier, if there is one.
    #[must_use]
    pub fn new(known: Option<Head>) -> Self {
        Self {
            head: Head::START,
            known,
        }
    }

    /// The last row that was good.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// [`Break`]; the rest of the chain says nothing then.
    pub fn next(&mut self, row: &AuditRow) -> Result<(), Break> {
        let expected = self.head.sequence + 1;
        if row.sequence != expected {
            return Err(Break::Missing(expected));
        }
        let hash = row_hash(&self.head.hash, row);
        if row.hash != hash {
            return Err(Break::Changed(expected));
        }
        self.head = Head {
            sequence: expected,
            hash,
        };
        match self.known {
            Some(known) if known.sequence == expected && known.hash != hash => {
                Err(Break::Rewritten(expected))
            }
            _ => Ok(()),
        }
    }

    /// All rows were taken.
    ///
    /// # Errors
    /// [`Break::CutOff`] if the known row has not come.
    pub fn finish(self) -> Result<Head, Break> {
        match self.known {
            Some(known) if known.sequence > self.head.sequence => {
                Err(Break::CutOff(self.head.sequence + 1))
            }
            _ => Ok(self.head),
        }
    }
}

/// The hash of a row: SHA-256 over the hash before, the sequence number and every field with its length in front.
///
/// Layout: previous (32 bytes) ‖ sequence (u64 BE) ‖ at (Unix seconds, i64 BE) ‖ for officer id, key id, action name,
/// unit code, subject: length (u32 BE) ‖ UTF-8. An absent id is the empty text.
#[must_use]
pub fn chain(previous: &[u8; 32], sequence: u64, entry: &AuditEntry) -> [u8; 32] {
    let AuditEntry {
        at,
        officer_id,
        key_id,
        action,
        unit_code,
        subject,
    } = entry;
    let texts = [
        officer_id.as_deref().unwrap_or_default(),
        key_id.as_deref().unwrap_or_default(),
        action.name(),
        unit_code,
        subject,
    ];
    hash(previous, sequence, at.unix_seconds(), &texts)
}

fn row_hash(previous: &[u8; 32], row: &AuditRow) -> [u8; 32] {
    let texts = [
        row.officer_id.as_deref().unwrap_or_default(),
        row.key_id.as_deref().unwrap_or_default(),
        &row.action,
        &row.unit_code,
        &row.subject,
    ];
    hash(previous, row.sequence, row.at, &texts)
}

fn hash(previous: &[u8; 32], sequence: u64, at: i64, texts: &[&str; 5]) -> [u8; 32] {
    let mut message = Vec::with_capacity(160);
    message.extend_from_slice(previous);
    message.extend_from_slice(&sequence.to_be_bytes());
    message.extend_from_slice(&at.to_be_bytes());
    for text in texts {
        // A row of a file that somebody made up may be longer than that: it matches no hash then.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(text.as_bytes());
    }
    sha256(&[&message])
}

#[cfg(test)]
pub(super) mod tests {
    use truyvet_crypto::Timestamp;

    use super::{super::Action, *};

    fn entry(subject: &str) -> AuditEntry {
        AuditEntry {
            at: Timestamp::from_unix_seconds(1_600_000_000)
                .unwrap()
                .hour_start(),
            officer_id: Some("a".into()),
            key_id: None,
            action: Action::CodeIssued,
            unit_code: "48".into(),
            subject: subject.into(),
        }
    }

    pub(in super::super) fn rows(count: u64) -> Vec<AuditRow> {
        let mut previous = [0; 32];
        (1..=count)
            .map(|sequence| {
                let entry = entry(&sequence.to_string());
                previous = chain(&previous, sequence, &entry);
                AuditRow {
                    sequence,
                    at: entry.at.unix_seconds(),
                    officer_id: entry.officer_id,
                    key_id: entry.key_id,
                    action: entry.action.name().into(),
                    unit_code: entry.unit_code,
                    subject: entry.subject,
                    hash: previous.to_vec(),
                }
            })
            .collect()
    }

    fn check(rows: &[AuditRow], known: Option<Head>) -> Result<Head, Break> {
        let mut check = ChainCheck::new(known);
        for row in rows {
            check.next(row)?;
        }
        check.finish()
    }

    #[test]
    fn every_removed_or_changed_row_shows() {
        assert_eq!(check(&rows(5), None).unwrap().sequence, 5);
        assert_eq!(check(&[], None), Ok(Head::START));
        for i in 0..4 {
            let number = i as u64 + 1;
            let mut removed = rows(5);
            removed.remove(i);
            assert_eq!(check(&removed, None), Err(Break::Missing(number)));
            let mut swapped = rows(5);
            swapped.swap(i, i + 1);
            assert_eq!(check(&swapped, None), Err(Break::Missing(number)));
            for change in [
                |row: &mut AuditRow| row.unit_code = "49".into(),
                |row: &mut AuditRow| row.at += 3_600,
                |row: &mut AuditRow| row.officer_id = None,
                |row: &mut AuditRow| row.key_id = Some("k".into()),
                |row: &mut AuditRow| row.action = "code.revoked".into(),
                |row: &mut AuditRow| row.subject.clear(),
                |row: &mut AuditRow| row.hash.truncate(31),
            ] {
                let mut changed = rows(5);
                change(&mut changed[i]);
                assert_eq!(check(&changed, None), Err(Break::Changed(number)));
            }
        }
    }

    #[test]
    fn a_known_head_shows_what_was_cut_off_or_written_anew() {
        let known = check(&rows(3), None).unwrap();
        assert!(check(&rows(3), Some(known)).is_ok());
        assert!(check(&rows(5), Some(known)).is_ok());
        assert_eq!(check(&rows(2), Some(known)), Err(Break::CutOff(3)));
        let other = Head {
            hash: [1; 32],
            ..known
        };
        assert_eq!(check(&rows(5), Some(other)), Err(Break::Rewritten(3)));
    }

    #[test]
    fn no_text_can_slide_into_its_neighbour() {
        let mut left = entry("b");
        left.unit_code = "48a".into();
        let mut right = entry("ab");
        right.unit_code = "48".into();
        assert_ne!(chain(&[0; 32], 1, &left), chain(&[0; 32], 1, &right));
    }
}
