//! Every table and column that is taken from one store to the other, in an order in which no row comes before one that it
//! refers to.
//!
//! Each backend holds the list against its own schema in a test: a new table or column cannot be forgotten.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Cell {
    Null,
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// `None` of any other kind, as are the next three.
    pub(in crate::store) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(in crate::store) fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(in crate::store) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(in crate::store) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A row, in the order of its table's columns.
pub(in crate::store) type Cells = Vec<Cell>;

/// A column of a table in PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Column {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) kind: Kind,
    pub(in crate::store) nullable: bool,
    /// What SQLite is asked for: its column, or a constant if it has none.
    pub(in crate::store) in_sqlite: &'static str,
}

impl Column {
    const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }

    const fn is(mut self, in_sqlite: &'static str) -> Self {
        self.in_sqlite = in_sqlite;
        self
    }
}

/// A table of PostgreSQL's; SQLite's has the same name.
#[derive(Debug)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) columns: &'static [Column],
    /// Columns that rows are ordered by: the primary key. Both databases order numbers, texts and bytes alike.
    pub(in crate::store) key: &'static [&'static str],
}

/// Rows that are on their way at a time: a day's keys have up to four thousand bytes each.
const CHUNK_ROWS: usize = 4_000;

impl Table {
    /// How many rows to write in one statement.
    pub(in crate::store) fn chunk_rows(&self) -> usize {
        match self.name {
            // Refers to itself, which is looked at when a statement ends.
            "unit" => usize::MAX,
            _ => CHUNK_ROWS,
        }
    }

    /// The columns that rows are ordered by.
    pub(in crate::store) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        let keys = self.key.iter();
        keys.filter_map(move |key| self.columns.iter().find(|column| column.name == *key))
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        nullable: false,
        in_sqlite: name,
    }
}

const fn number(name: &'static str) -> Column {
    column(name, Kind::Number)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes)
}

/// Those that stay behind: windows are opened by whoever first needs them, no server has a lease, the first to start says
/// what keys they have.
#[cfg(test)]
pub(in crate::store) const LEFT_BEHIND: &[&str] = &["deployment", "lease", "open_window"];

/// Those that are taken along.
pub(in crate::store) const TABLES: &[Table] = &[
    Table {
        name: "unit",
        columns: &[
            text("unit_code"),
            text("name"),
            text("parent_code").or_null(),
            flag("listed"),
            flag("closed"),
        ],
        key: &["unit_code"],
    },
    Table {
        name: "unit_list",
        columns: &[number("one").is("only"), bytes("digest")],
        key: &["one"],
    },
    Table {
        name: "officer",
        columns: &[
            text("officer_id"),
            text("label"),
            text("unit_code"),
            number("role"),
            flag("active"),
        ],
        key: &["officer_id"],
    },
    Table {
        name: "client_key",
        columns: &[
            text("key_id"),
            text("officer_id"),
            text("label"),
            number("scopes"),
            bytes("credential_hash"),
            number("created_at"),
            flag("active"),
        ],
        key: &["key_id"],
    },
    Table {
        name: "invitation",
        columns: &[
            text("officer_id"),
            bytes("ticket_hash"),
            number("expires_at"),
        ],
        key: &["officer_id"],
    },
    Table {
        name: "enrolment",
        columns: &[
            text("officer_id"),
            bytes("ticket_hash"),
            bytes("invitation_hash"),
            bytes("password_salt"),
            bytes("password_hash"),
            bytes("totp_sealed"),
            text("passkey_state").or_null(),
            number("expires_at"),
        ],
        key: &["officer_id"],
    },
    Table {
        name: "password",
        columns: &[
            text("officer_id"),
            number("scheme"),
            bytes("password_salt"),
            bytes("password_hash"),
        ],
        key: &["officer_id"],
    },
    Table {
        name: "totp",
        columns: &[
            text("officer_id"),
            bytes("totp_sealed"),
            number("last_step"),
        ],
        key: &["officer_id"],
    },
    Table {
        name: "passkey",
        columns: &[
            text("passkey_id"),
            text("officer_id"),
            bytes("credential_id"),
            text("label"),
            text("state"),
            number("created_at"),
        ],
        key: &["passkey_id"],
    },
    Table {
        name: "recovery_code",
        columns: &[text("officer_id"), bytes("code_hash")],
        key: &["officer_id", "code_hash"],
    },
    Table {
        name: "oidc_identity",
        columns: &[text("officer_id"), text("issuer"), bytes("subject_hash")],
        key: &["officer_id"],
    },
    Table {
        name: "pending_sign_in",
        columns: &[
            bytes("ticket_hash"),
            text("officer_id"),
            text("passkey_state").or_null(),
            flag("known_device"),
            number("tries_left"),
            number("expires_at"),
        ],
        key: &["ticket_hash"],
    },
    Table {
        name: "session",
        columns: &[
            bytes("ticket_hash"),
            text("session_id"),
            text("officer_id"),
            number("created_at"),
            number("last_seen_at"),
        ],
        key: &["ticket_hash"],
    },
    Table {
        name: "audit",
        columns: &[
            number("sequence"),
            number("at"),
            text("officer_id").or_null(),
            text("key_id").or_null(),
            text("action"),
            text("unit_code"),
            text("subject"),
            bytes("hash"),
        ],
        // Triggers take rows in this order alone.
        key: &["sequence"],
    },
    Table {
        name: "upload_code",
        columns: &[
            bytes("code_hash"),
            text("serial"),
            text("officer_id"),
            text("unit_code"),
            number("report_type"),
            number("first_day"),
            text("region"),
            number("issued_at"),
            number("expires_at"),
            flag("revoked"),
            number("redeemed_at").or_null(),
            number("last_day").or_null(),
            bytes("blinded_digest").or_null(),
        ],
        key: &["code_hash"],
    },
    Table {
        name: "code_import",
        columns: &[
            text("import_id"),
            text("officer_id"),
            text("unit_code"),
            number("created_at"),
            number("used_at"),
        ],
        key: &["import_id"],
    },
    Table {
        name: "code_import_line",
        columns: &[
            text("import_id"),
            number("sheet"),
            number("line"),
            number("report_type"),
            number("onset_day"),
            text("region"),
            text("serial").or_null(),
        ],
        key: &["import_id", "sheet", "line"],
    },
    Table {
        name: "spent_token",
        columns: &[
            bytes("spend_id"),
            bytes("request_digest"),
            number("last_day"),
            // All are written in one transaction, in the order of random values: nothing is left to forget.
            flag("fresh").is("0"),
        ],
        key: &["spend_id"],
    },
    Table {
        name: "fresh_key",
        columns: DISCLOSED_KEY,
        key: &["proof", "region", "scheme", "day", "accepted_window"],
    },
    Table {
        name: "settled_key",
        columns: DISCLOSED_KEY,
        key: &["day", "region", "scheme", "proof", "accepted_window"],
    },
    Table {
        name: "withdrawn_key",
        columns: &[
            bytes("proof"),
            bytes("secret"),
            text("region"),
            number("scheme"),
            number("day"),
            number("accepted_window"),
            number("withdrawn_window"),
            bytes("slots"),
        ],
        key: &[
            "proof",
            "region",
            "scheme",
            "day",
            "accepted_window",
            "withdrawn_window",
        ],
    },
    Table {
        name: "publication",
        columns: &[
            text("region"),
            number("sequence"),
            number("kind"),
            number("window_start"),
            number("closed_at"),
            number("slots_until"),
            bytes("salt"),
            bytes("padding_seed"),
            bytes("key_id"),
            number("codec"),
            number("fingerprint_bits"),
            number("pad_floor_tags"),
            number("pad_step_tags"),
            bytes("digest").or_null(),
            number("file_bytes").or_null(),
            number("tags").or_null(),
        ],
        key: &["region", "sequence"],
    },
    Table {
        name: "upload_count",
        columns: &[
            text("region"),
            number("sequence"),
            // Of no server's run.
            text("writer").is("'moved'"),
            number("uploads"),
        ],
        key: &["region", "sequence", "writer"],
    },
    Table {
        name: "unit_report",
        columns: &[
            number("kind"),
            number("day"),
            text("unit_code"),
            number("sent_at"),
            text("officer_id"),
        ],
        key: &["kind", "day", "unit_code"],
    },
];

const DISCLOSED_KEY: &[Column] = &[
    bytes("proof"),
    bytes("secret"),
    text("region"),
    number("scheme"),
    number("day"),
    number("accepted_window"),
    bytes("slots"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_by_columns_that_they_have() {
        for table in TABLES {
            assert_eq!(table.key_columns().count(), table.key.len(), "{table:?}");
            assert!(table.key_columns().all(|column| !column.nullable));
        }
    }
}
