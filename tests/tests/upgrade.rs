//! Databases of earlier versions are opened with every row they have; those of later ones are left alone.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{collections::BTreeMap, fs, io::Read as _, path::Path, sync::Arc};

use rusqlite::{Connection, types::Value};
use truyvet_server::{
    WalkOn,
    store::{
        Store as _, StoreError,
        sqlite::{SqliteStore, newest_schema, schema_of},
    },
};

/// Every schema that was released, with a database of its time.
const RELEASED: &[(u32, &[u8])] = &[
    (1, include_bytes!("../fixtures/schema-1.db.gz")),
    (2, include_bytes!("../fixtures/schema-2.db.gz")),
    (3, include_bytes!("../fixtures/schema-3.db.gz")),
];

fn unpack(packed: &[u8], to: &Path) {
    let mut database = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut database)
        .unwrap();
    fs::write(to, database).unwrap();
}

fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, Arc::new(WalkOn), Arc::default())
}

/// Table and column names, and the rows by these, in some order.
type Content = BTreeMap<String, (Vec<String>, Vec<Vec<Value>>)>;

/// All rows, of the columns of `like` where that has the table.
fn content(path: &Path, like: Option<&Content>) -> Content {
    let database = Connection::open(path).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'refinery%'";
    let mut tables = database.prepare(sql).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut content = Content::new();
    for table in tables.map(Result::unwrap) {
        let columns = match like.and_then(|like| like.get(&table)) {
            Some((columns, _)) => columns.clone(),
            None => {
                let all = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
                all.column_names().map(str::to_owned).collect()
            }
        };
        let sql = format!("SELECT {0} FROM {table} ORDER BY {0}", columns.join(", "));
        let mut statement = database.prepare(&sql).unwrap();
        let rows = statement
            .query_map([], |row| (0..columns.len()).map(|i| row.get(i)).collect())
            .unwrap();
        let rows = rows.map(Result::unwrap).collect();
        content.insert(table, (columns, rows));
    }
    content
}

/// A schema that drops or changes rows says so here, by name.
#[tokio::test]
async fn every_released_schema_is_opened_with_all_its_rows() {
    let released: Vec<u32> = RELEASED.iter().map(|(schema, _)| *schema).collect();
    assert_eq!(
        released,
        (1..=newest_schema()).collect::<Vec<_>>(),
        "a new schema needs a database of its time here"
    );
    for (schema, packed) in RELEASED {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truyvet.db");
        unpack(packed, &path);
        assert_eq!(schema_of(&path).unwrap(), Some(*schema));
        let before = content(&path, None);
        for (table, (_, rows)) in &before {
            assert!(
                !rows.is_empty(),
                "schema {schema}: {table} has no row to lose"
            );
        }
        let store = open(&path).unwrap();
        store.ready().await.unwrap();
        store.close().await;
        assert_eq!(schema_of(&path).unwrap(), Some(newest_schema()));
        let after = content(&path, Some(&before));
        for (table, (_, rows)) in &before {
            assert_eq!(rows, &after[table].1, "schema {schema}: {table}");
        }
    }
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truyvet.db");
    unpack(RELEASED[0].1, &path);
    let database = Connection::open(&path).unwrap();
    database
        .execute(
            "INSERT INTO refinery_schema_history SELECT 999, 'later', applied_on, checksum
             FROM refinery_schema_history WHERE version = 1",
            [],
        )
        .unwrap();
    drop(database);
    let before = fs::read(&path).unwrap();
    let error = open(&path).err().unwrap().to_string();
    assert!(error.contains("schema is version 999"), "{error}");
    assert!(error.contains("use the version that wrote it"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A migration runs in a transaction with the note that it ran: what a crash leaves is the state before it.
#[tokio::test]
async fn a_migration_that_was_cut_short_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.db");
    open(&whole).unwrap().close().await;
    let path = folder.path().join("truyvet.db");
    let history: String = Connection::open(&whole)
        .unwrap()
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    // The list of what ran is there, and nothing in it; then the process was gone in the middle of the first.
    let database = Connection::open(&path).unwrap();
    database.execute_batch(&history).unwrap();
    database
        .execute_batch("BEGIN; CREATE TABLE unit (half TEXT);")
        .unwrap();
    drop(database);
    open(&path).unwrap().close().await;
    assert_eq!(content(&path, None), content(&whole, None));
}
