//! Takes rows of another store over into an empty database: all of them in one transaction, or none.

use deadpool_postgres::Client;
use tokio_postgres::{Row, types::Type};

use super::{
    connect,
    failure::{self, Failure},
    schema,
    sql::{FromRow, Isolation, Sql, Value},
};
use crate::{
    settings::PostgresPlace,
    store::{
        Result, StoreError,
        migrate::{Cell, Cells, Column, Kind, TABLES, Table},
    },
};

/// Rows that are read at a time.
const FETCH_ROWS: usize = 4_000;

/// A database to take rows into.
pub(in crate::store) struct Target {
    connection: Client,
}

impl Target {
    /// Connects, making the schema where there is none.
    pub(in crate::store) async fn open(place: &PostgresPlace) -> Result<Self> {
        let pool = connect::pool(place)?;
        let mut connection = connect::connection(&pool).await?;
        let found = schema::schema_version(&connection).await?;
        match found {
            None => schema::migrate(&mut connection).await?,
            Some(found) if found == schema::newest_schema() => {}
            // Somebody's of another version: it is to stay as it is.
            Some(found) => {
                schema::refuse_newer(Some(found))?;
                return Err(StoreError::Database(format!(
                    "its schema is version {found}, of an earlier server"
                )));
            }
        }
        Ok(Self { connection })
    }

    /// Begins. Nothing is there for others until [`Taking::commit`].
    pub(in crate::store) async fn begin(&mut self) -> Result<Taking<'_>> {
        let sql = Sql::begin(&mut self.connection, Isolation::Serializable).await?;
        Ok(Taking { sql })
    }
}

/// A database that is being filled.
pub(in crate::store) struct Taking<'a> {
    sql: Sql<'a>,
}

impl Taking<'_> {
    /// The first table that has rows beyond those that the schema begins with.
    pub(in crate::store) async fn first_filled(&self) -> Result<Option<&'static str>> {
        for table in TABLES {
            let name = table.name;
            let beyond = match name {
                "unit" => "WHERE unit_code <> 'VN'",
                _ => "",
            };
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {name} {beyond})");
            let (filled,): (bool,) = self.sql.row(&sql, &[]).await?;
            if filled {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Deletes what the schema begins with, and windows that were opened over nothing.
    pub(in crate::store) async fn clear(&self) -> Result<()> {
        for table in ["unit", "open_window", "deployment"] {
            let sql = format!("DELETE FROM {table}");
            self.sql.execute(&sql, &[]).await?;
        }
        Ok(())
    }

    /// Adds rows, in one statement.
    pub(in crate::store) async fn insert(&self, table: &Table, rows: &[Cells]) -> Result<()> {
        let places: Vec<_> = (1..=table.columns.len())
            .map(|place| format!("${place}"))
            .collect();
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({})",
            table.name,
            names(table.columns),
            places.join(", ")
        );
        let columns = table.columns.iter().enumerate();
        let values: Vec<_> = columns
            .map(|(place, column)| values_of(column, place, rows))
            .collect();
        self.sql.execute(&sql, &values).await?;
        Ok(())
    }

    /// Reads a table's rows in the order of their keys, as the transaction sees them.
    pub(in crate::store) async fn read(
        &self,
        table: &Table,
        mut take: impl FnMut(&[Cells]),
    ) -> Result<()> {
        let declare = format!(
            "DECLARE whole_table CURSOR FOR SELECT {} FROM {} ORDER BY {}",
            names(table.columns),
            table.name,
            names(table.key_columns())
        );
        self.sql.execute(&declare, &[]).await?;
        let fetch = format!("FETCH {FETCH_ROWS} FROM whole_table");
        loop {
            let rows: Vec<Cells> = self.sql.rows(&fetch, &[]).await?;
            if rows.is_empty() {
                break;
            }
            take(&rows);
        }
        self.sql.execute("CLOSE whole_table", &[]).await?;
        Ok(())
    }

    /// Makes all of it visible. Durable when this returns.
    pub(in crate::store) async fn commit(self) -> Result<()> {
        Ok(self.sql.commit().await?)
    }
}

fn names<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    let names: Vec<_> = columns.into_iter().map(|column| column.name).collect();
    names.join(", ")
}

/// All rows' values of one column.
fn values_of<'r>(column: &Column, place: usize, rows: &'r [Cells]) -> Value<'r> {
    let cells = rows.iter().map(|row| &row[place]);
    match column.kind {
        Kind::Number => Value::OptionalNumbers(cells.map(Cell::number).collect()),
        Kind::Flag => Value::OptionalFlags(cells.map(Cell::flag).collect()),
        Kind::Text => Value::OptionalTexts(cells.map(Cell::text).collect()),
        Kind::Bytes => Value::OptionalBlobs(cells.map(Cell::bytes).collect()),
    }
}

/// Whatever the columns are, of the types that our schema has.
impl FromRow for Cells {
    fn from_row(row: &Row) -> failure::Result<Self> {
        let columns = row.columns().iter().enumerate();
        let cells = columns.map(|(place, column)| -> failure::Result<Cell> {
            let cell = match *column.type_() {
                Type::INT8 => row.try_get::<_, Option<i64>>(place)?.map(Cell::Number),
                Type::BOOL => row.try_get::<_, Option<bool>>(place)?.map(Cell::Flag),
                Type::TEXT => row.try_get::<_, Option<String>>(place)?.map(Cell::Text),
                Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Cell::Bytes),
                _ => {
                    return Err(Failure::from(StoreError::Inconsistent(
                        column.name().into(),
                    )));
                }
            };
            Ok(cell.unwrap_or(Cell::Null))
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::migrate::LEFT_BEHIND;

    /// Lines of all migrations, without comments.
    fn migrations() -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/postgres/migrations");
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let texts: Vec<_> = files
            .iter()
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        let texts = texts.concat();
        let lines = texts
            .lines()
            .map(|line| line.split("--").next().unwrap().trim_end());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What is between `CREATE TABLE name (` and `);`, a line each, by the table's name.
    fn tables(schema: &str) -> Vec<(&str, Vec<&str>)> {
        let after = schema.split("\nCREATE TABLE ").skip(1);
        let tables = after.map(|text| {
            let (name, rest) = text.split_once(" (\n").unwrap();
            let (body, _) = rest.split_once("\n);").unwrap();
            let lines = body.lines().map(|line| line.trim().trim_end_matches(','));
            (name, lines.filter(|line| !line.is_empty()).collect())
        });
        tables.collect()
    }

    /// The columns as `name TYPE` and whether they may be NULL, and the primary key.
    fn columns_and_key<'s>(lines: &[&'s str]) -> (Vec<(String, bool)>, Vec<&'s str>) {
        let (mut columns, mut key) = (Vec::new(), Vec::new());
        for line in lines {
            if let Some(names) = line.strip_prefix("PRIMARY KEY (") {
                key = names.trim_end_matches(')').split(", ").collect();
                continue;
            }
            if ["UNIQUE (", "CHECK (", "FOREIGN KEY ("]
                .iter()
                .any(|constraint| line.starts_with(constraint))
            {
                continue;
            }
            let mut words = line.split_whitespace();
            let (name, kind) = (words.next().unwrap(), words.next().unwrap());
            let is_key = line.contains(" PRIMARY KEY");
            if is_key {
                key = vec![name];
            }
            let nullable = !is_key && !line.contains(" NOT NULL");
            columns.push((format!("{name} {kind}"), nullable));
        }
        (columns, key)
    }

    #[test]
    fn the_list_has_every_table_and_column() {
        let schema = migrations();
        assert!(
            !schema.contains("ALTER TABLE") && !schema.contains("DROP TABLE"),
            "read columns that come later here too"
        );
        let mut found: Vec<_> = tables(&schema);
        found.retain(|(name, _)| !LEFT_BEHIND.contains(name));
        let mut names: Vec<_> = found.iter().map(|(name, _)| *name).collect();
        let mut listed: Vec<_> = TABLES.iter().map(|table| table.name).collect();
        names.sort_unstable();
        listed.sort_unstable();
        assert_eq!(names, listed);
        for table in TABLES {
            let (_, lines) = found.iter().find(|(name, _)| *name == table.name).unwrap();
            let (columns, key) = columns_and_key(lines);
            let listed: Vec<_> = table.columns.iter().map(described).collect();
            let sorted = |mut columns: Vec<(String, bool)>| {
                columns.sort();
                columns
            };
            assert_eq!(sorted(columns), sorted(listed), "{}", table.name);
            assert_eq!(key, table.key, "{}", table.name);
        }
    }

    /// Rows come after those that they refer to.
    #[test]
    fn the_list_is_in_the_order_of_references() {
        let schema = migrations();
        let place = |name: &str| TABLES.iter().position(|table| table.name == name);
        for (name, lines) in tables(&schema) {
            for line in lines {
                if let Some((_, to)) = line.split_once("REFERENCES ") {
                    let to = to.split([' ', ',']).next().unwrap();
                    assert!(place(to) <= place(name), "{name} refers to {to}");
                    assert!(to != name || name == "unit", "{name} refers to itself");
                }
            }
        }
    }

    fn described(column: &Column) -> (String, bool) {
        let kind = match column.kind {
            Kind::Number => "BIGINT",
            Kind::Flag => "BOOLEAN",
            Kind::Text => "TEXT",
            Kind::Bytes => "BYTEA",
        };
        (format!("{} {kind}", column.name), column.nullable)
    }
}
