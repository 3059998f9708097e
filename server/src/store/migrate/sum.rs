//! A digest of a table's rows that is the same wherever they are kept.

use ring::digest::{Context, SHA256};

use super::tables::{Cell, Cells};

/// How many rows a table has, and SHA-256 over them in the order of the table's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    sha256: [u8; 32],
}

/// A sum under way.
pub(super) struct Adding {
    rows: u64,
    hash: Context,
}

impl Adding {
    pub(super) fn new() -> Self {
        Self {
            rows: 0,
            hash: Context::new(&SHA256),
        }
    }

    /// Takes the next rows. A value goes in as its kind, then its length where kinds have several, then its bytes: no two lists
    /// of rows of one table have the same sum.
    pub(super) fn add(&mut self, rows: &[Cells]) {
        self.rows += rows.len() as u64;
        for cell in rows.iter().flatten() {
            match cell {
                Cell::Null => self.hash.update(&[0]),
                Cell::Number(number) => {
                    self.hash.update(&[1]);
                    self.hash.update(&number.to_be_bytes());
                }
                Cell::Flag(flag) => self.hash.update(&[2, u8::from(*flag)]),
                Cell::Text(text) => self.add_long(3, text.as_bytes()),
                Cell::Bytes(bytes) => self.add_long(4, bytes),
            }
        }
    }

    fn add_long(&mut self, kind: u8, bytes: &[u8]) {
        self.hash.update(&[kind]);
        self.hash.update(&(bytes.len() as u64).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(super) fn finish(self) -> Sum {
        let hash = self.hash.finish();
        Sum {
            rows: self.rows,
            sha256: hash.as_ref().try_into().expect("SHA-256 has 32 bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn sum(rows: &[Cells]) -> Sum {
        let mut adding = Adding::new();
        adding.add(rows);
        adding.finish()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.into())
    }

    #[test]
    fn what_differs_has_another_sum() {
        let lists = [
            vec![],
            vec![vec![text("ab"), text("c")]],
            vec![vec![text("a"), text("bc")]],
            vec![vec![text("a"), Cell::Bytes(b"bc".into())]],
            vec![vec![text("a"), Cell::Null]],
            vec![vec![text("a"), text("")]],
            vec![vec![Cell::Number(1)]],
            vec![vec![Cell::Number(-1)]],
            vec![vec![Cell::Flag(true)]],
            vec![vec![Cell::Flag(false)]],
            vec![vec![Cell::Number(1)], vec![Cell::Number(2)]],
            vec![vec![Cell::Number(2)], vec![Cell::Number(1)]],
        ];
        for (i, one) in lists.iter().enumerate() {
            for (j, other) in lists.iter().enumerate() {
                assert_eq!(sum(one) == sum(other), i == j, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn rows_may_come_in_any_portions() {
        let rows = [vec![text("a")], vec![text("b")], vec![text("c")]];
        let mut adding = Adding::new();
        adding.add(&rows[..1]);
        adding.add(&rows[1..]);
        assert_eq!(adding.finish(), sum(&rows));
        // SHA-256 of nothing.
        assert_eq!(
            HEXLOWER.encode(&sum(&[]).sha256),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
