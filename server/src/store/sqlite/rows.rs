//! All rows of the tables, in the order of their keys, for a store that takes them over; nobody else writes meanwhile.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use super::{database_error, newest_schema, schema_version};
use crate::store::{
    Result, StoreError,
    migrate::{Cell, Cells, Column, Kind, Table},
    open::newer_schema,
};

/// A database from which is read what nobody changes.
pub(in crate::store) struct Source {
    connection: Connection,
}

impl Source {
    /// Opens a file that is there. Whoever else wants to write into it waits until this is dropped.
    pub(in crate::store) fn open(path: &Path) -> Result<Self> {
        // Reading alone would not keep others from writing.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(database_error)?;
        connection
            .execute_batch("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE;")
            .map_err(database_error)?;
        Ok(Self { connection })
    }

    /// Of the last migration.
    pub(in crate::store) fn schema(&self) -> Result<u32> {
        match schema_version(&self.connection)? {
            None => Err(StoreError::Database(
                "not a database of a server".to_owned(),
            )),
            Some(found) if found > newest_schema() => Err(newer_schema(found, newest_schema())),
            Some(found) => Ok(found),
        }
    }

    /// Whether a server has the right to publish.
    pub(in crate::store) fn is_published_from(&self) -> Result<bool> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM lease WHERE expires_at > unixepoch('subsec'))",
                [],
                |row| row.get(0),
            )
            .map_err(database_error)
    }

    /// Reads a table's rows until there are none or `take` wants no more.
    ///
    /// - `take`: is given as many as go into one statement; says whether it wants more.
    pub(in crate::store) fn read(
        &self,
        table: &Table,
        mut take: impl FnMut(Vec<Cells>) -> bool,
    ) -> Result<()> {
        let mut statement = self
            .connection
            .prepare(&select(table))
            .map_err(database_error)?;
        let mut rows = statement.query([]).map_err(database_error)?;
        let mut chunk = Vec::new();
        while let Some(row) = rows.next().map_err(database_error)? {
            let columns = table.columns.iter().enumerate();
            let cells = columns.map(|(place, column)| -> Result<Cell> {
                let value = row.get_ref(place).map_err(database_error)?;
                cell(column, value).map_err(|what| {
                    StoreError::Inconsistent(format!("{}.{}{what}", table.name, column.name))
                })
            });
            chunk.push(cells.collect::<Result<Cells>>()?);
            if chunk.len() == table.chunk_rows() && !take(std::mem::take(&mut chunk)) {
                return Ok(());
            }
        }
        if !chunk.is_empty() {
            take(chunk);
        }
        Ok(())
    }
}

fn select(table: &Table) -> String {
    format!(
        "SELECT {} FROM {} ORDER BY {}",
        names(table.columns),
        table.name,
        names(table.key_columns())
    )
}

fn names<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    let names: Vec<_> = columns.into_iter().map(|column| column.in_sqlite).collect();
    names.join(", ")
}

/// What is wrong with a value: nothing to say beyond its column, or what PostgreSQL has against it.
fn cell(column: &Column, value: ValueRef<'_>) -> std::result::Result<Cell, &'static str> {
    match (column.kind, value) {
        (_, ValueRef::Null) if column.nullable => Ok(Cell::Null),
        (Kind::Number, ValueRef::Integer(number)) => Ok(Cell::Number(number)),
        (Kind::Flag, ValueRef::Integer(flag @ (0 | 1))) => Ok(Cell::Flag(flag == 1)),
        (Kind::Text, ValueRef::Text(text)) => match str::from_utf8(text) {
            Ok(text) if text.contains('\0') => Err(" holds a NUL, which PostgreSQL keeps nowhere"),
            Ok(text) => Ok(Cell::Text(text.to_owned())),
            Err(_) => Err(""),
        },
        (Kind::Bytes, ValueRef::Blob(bytes)) => Ok(Cell::Bytes(bytes.to_owned())),
        _ => Err(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        migrate::{LEFT_BEHIND, TABLES},
        sqlite::open,
    };

    fn texts(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn the_list_has_every_table_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open::writer(&folder.path().join("truyvet.db")).unwrap();
        let tables = texts(
            &connection,
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'refinery_schema_history'
             ORDER BY name",
        );
        let mut listed: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        listed.extend(LEFT_BEHIND.iter().filter(|name| **name == "lease"));
        listed.sort_unstable();
        assert_eq!(tables, listed);
        for table in TABLES {
            let name = table.name;
            let columns = texts(
                &connection,
                &format!(
                    "SELECT name || ' ' || type || CASE WHEN \"notnull\" OR pk THEN ' NOT NULL' ELSE '' END
                     FROM pragma_table_info('{name}') ORDER BY name"
                ),
            );
            let its_own = |column: &&Column| {
                let first = column.in_sqlite.chars().next();
                first.is_some_and(char::is_alphabetic)
            };
            let mut listed: Vec<_> = table
                .columns
                .iter()
                .filter(its_own)
                .map(described)
                .collect();
            listed.sort();
            assert_eq!(columns, listed, "{name}");
            let key = texts(
                &connection,
                &format!("SELECT name FROM pragma_table_info('{name}') WHERE pk > 0 ORDER BY pk"),
            );
            let listed = table.key_columns().filter(its_own);
            let listed: Vec<_> = listed.map(|column| column.in_sqlite).collect();
            assert_eq!(key, listed, "{name}");
        }
    }

    fn described(column: &Column) -> String {
        let kind = match column.kind {
            Kind::Number | Kind::Flag => "INTEGER",
            Kind::Text => "TEXT",
            Kind::Bytes => "BLOB",
        };
        let or_null = if column.nullable { "" } else { " NOT NULL" };
        format!("{} {kind}{or_null}", column.in_sqlite)
    }

    #[test]
    fn rows_come_in_the_order_of_their_keys_and_nobody_writes_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truyvet.db");
        let other = open::writer(&path).unwrap();
        let insert = "INSERT INTO unit VALUES ('B', 'b', 'VN', 1, 0), ('A', 'a', 'B', 0, 1)";
        other.execute_batch(insert).unwrap();
        other.execute_batch("PRAGMA busy_timeout = 0").unwrap();
        let source = Source::open(&path).unwrap();
        assert_eq!(source.schema().unwrap(), newest_schema());
        assert!(!source.is_published_from().unwrap());
        other.execute_batch("DELETE FROM unit").unwrap_err();
        let mut codes = Vec::new();
        let unit = &TABLES[0];
        let take = |rows: Vec<Cells>| {
            codes.extend(rows.into_iter().map(|row| row[0].clone()));
            true
        };
        source.read(unit, take).unwrap();
        let expected = ["A", "B", "VN"].map(|code| Cell::Text(code.into()));
        assert_eq!(codes, expected);
        drop(source);
        other.execute_batch("DELETE FROM unit").unwrap();
    }

    #[test]
    fn what_a_column_cannot_hold_is_named() {
        let text = &TABLES[0].columns[0];
        assert_eq!(cell(text, ValueRef::Text(b"x")), Ok(Cell::Text("x".into())));
        for wrong in [
            ValueRef::Null,
            ValueRef::Integer(1),
            ValueRef::Text(b"\xff"),
        ] {
            assert_eq!(cell(text, wrong), Err(""));
        }
        assert!(cell(text, ValueRef::Text(b"a\0")).is_err_and(|what| what.contains("NUL")));
        let flag = &TABLES[0].columns[3];
        assert_eq!(cell(flag, ValueRef::Integer(1)), Ok(Cell::Flag(true)));
        assert_eq!(cell(flag, ValueRef::Integer(2)), Err(""));
    }
}
