//! SQL of backups: a copy of the database as it is at one moment, and what is in such a copy.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, params};
use truyvet_crypto::{Day, Timestamp, sign::KeyId};
use truyvet_matching::{Digest, Header, Region};

use super::{
    bytes, database_error, inconsistent, integer, newest_schema, number, open, publications,
    readers::open_reader, schema::refuse_newer, schema_version,
};
use crate::store::{PublishedBatch, Result, StoreError, open::newer_schema};

/// What a backup's database holds, as far as the backup needs to know.
#[derive(Debug)]
pub struct Contents {
    /// Of the last migration.
    pub schema_version: u32,
    /// All that are published, by region and age.
    pub batches: Vec<(Region, PublishedBatch)>,
    /// Of the oldest key.
    pub oldest_day: Option<Day>,
}

/// A batch that was published after the backup.
#[derive(Debug)]
pub struct LaterBatch {
    /// What it says of itself.
    pub header: Header,
    /// Names it.
    pub digest: Digest,
    /// Length.
    pub file_bytes: u64,
    /// Until when its window took slots.
    pub slots_until: Timestamp,
    /// Where a copy of it is.
    pub path: PathBuf,
}

/// Copies the database at one moment into a new file, while others may go on writing.
///
/// # Errors
/// [`StoreError`] if it cannot be read or the copy not be written.
pub fn snapshot(database: &Path, to: &Path) -> Result<()> {
    // Empty and for its owner alone: SQLite writes into it as it is.
    open::make_private(to)?;
    let name = to
        .to_str()
        .ok_or_else(|| StoreError::Disk("a path that is not UTF-8".into()))?;
    open_reader(database)?
        .execute("VACUUM INTO ?1", [name])
        .map_err(database_error)?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(|error| StoreError::Disk(error.to_string()))
}

/// The schema of a server's database, which may be in use; `None`: there is none yet.
///
/// # Errors
/// [`StoreError`] if it is no database, or of a newer schema.
pub fn schema_of(database: &Path) -> Result<Option<u32>> {
    if !database.exists() {
        return Ok(None);
    }
    let connection = open_reader(database)?;
    refuse_newer(&connection)?;
    schema_version(&connection)
}

/// How many batches of any region's index a key signed, or is to sign.
///
/// # Errors
/// [`StoreError`] if the database cannot be read.
pub fn batches_signed_by(database: &Path, key: KeyId) -> Result<u64> {
    let count: i64 = open_reader(database)?
        .query_row(
            "SELECT count(*) FROM publication WHERE key_id = ?1",
            [key.as_bytes()],
            |row| row.get(0),
        )
        .map_err(database_error)?;
    number("count", count)
}

/// Every file that any region's index may name.
///
/// # Errors
/// [`StoreError`] if the database cannot be read.
pub fn published_digests(database: &Path) -> Result<Vec<Digest>> {
    publications::published_digests(&open_reader(database)?)
}

/// Looks into a copy, changing nothing.
///
/// # Errors
/// [`StoreError`] if it is no database of ours, or of a newer schema.
pub fn contents(copy: &Path) -> Result<Contents> {
    let connection = open_untouched(copy)?;
    let schema_version = schema_version(&connection)?
        .ok_or_else(|| StoreError::Database("not a database of a server".into()))?;
    if schema_version > newest_schema() {
        return Err(newer_schema(schema_version, newest_schema()));
    }
    let regions: Vec<String> = connection
        .prepare("SELECT DISTINCT region FROM publication ORDER BY region")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(database_error)?;
    let mut batches = Vec::new();
    for region in regions {
        let region = Region::parse(&region).map_err(|_| inconsistent("publication.region"))?;
        let published = publications::published(&connection, region)?;
        batches.extend(published.into_iter().map(|batch| (region, batch)));
    }
    let oldest: Option<u32> = connection
        .query_row("SELECT min(day) FROM disclosed_key", [], |row| row.get(0))
        .map_err(database_error)?;
    Ok(Contents {
        schema_version,
        batches,
        oldest_day: oldest.map(Day::from_number),
    })
}

/// Reads every page of a copy.
///
/// # Errors
/// [`StoreError::Inconsistent`] with what SQLite says is wrong.
pub fn check_integrity(copy: &Path) -> Result<()> {
    let connection = open_untouched(copy)?;
    let verdict: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(database_error)?;
    if verdict != "ok" {
        return Err(StoreError::Inconsistent(verdict));
    }
    let orphans: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .map_err(database_error)?;
    match orphans {
        0 => Ok(()),
        _ => Err(StoreError::Inconsistent(format!(
            "{orphans} rows without what they belong to"
        ))),
    }
}

/// Makes a copy the database of a server: brings its schema up to date, ends all sign-ins, and continues the numbering
/// behind what was published later.
///
/// # Errors
/// [`StoreError`]; nothing of the later batches is in it then.
pub fn adopt(database: &Path, later: &[LaterBatch]) -> Result<()> {
    let mut connection = open::writer(database)?;
    let transaction = connection.transaction().map_err(database_error)?;
    // Whoever stole a cookie before the backup must not find it good again.
    transaction
        .execute_batch("DELETE FROM session; DELETE FROM pending_sign_in;")
        .map_err(database_error)?;
    for batch in later {
        adopt_batch(&transaction, batch)?;
    }
    transaction.commit().map_err(database_error)?;
    // Empties and removes the write-ahead log.
    connection
        .close()
        .map_err(|(_, error)| database_error(error))
}

fn adopt_batch(connection: &Connection, batch: &LaterBatch) -> Result<()> {
    let header = &batch.header;
    let sequence = integer(header.sequence);
    let closed: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT salt FROM publication WHERE region = ?1 AND sequence = ?2 AND kind = ?3",
        )
        .and_then(|mut statement| {
            let mut rows = statement.query(params![
                header.region.as_str(),
                sequence,
                header.kind.number()
            ])?;
            rows.next()?.map(|row| row.get(0)).transpose()
        })
        .map_err(database_error)?;
    match closed {
        // Closed before the backup, published after it.
        Some(salt) if bytes::<16>("publication.salt", &salt)? == header.salt => {}
        Some(_) => {
            return Err(inconsistent(
                "publication: another file than the backup would have made",
            ));
        }
        None => insert(connection, batch)?,
    }
    let published = PublishedBatch {
        sequence: header.sequence,
        digest: batch.digest,
        file_bytes: batch.file_bytes,
        tags: header.tags,
        closed_at: header.closed_at,
    };
    publications::record(connection, header.region, &published)
}

/// As closing would have written it. What only building needs stays empty: this one is built.
fn insert(connection: &Connection, batch: &LaterBatch) -> Result<()> {
    let header = &batch.header;
    connection
        .execute(
            "INSERT INTO publication
                 (region, sequence, kind, closed_at, window_start, salt, padding_seed, key_id, codec,
                  fingerprint_bits, pad_floor_tags, pad_step_tags, slots_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, zeroblob(32), ?7, ?8, ?9, 0, 1,
                     max(?10, (SELECT coalesce(max(slots_until), 0) FROM publication WHERE region = ?1)))",
            params![
                header.region.as_str(),
                integer(header.sequence),
                header.kind.number(),
                header.closed_at.unix_seconds(),
                header.window_start.unix_seconds(),
                header.salt,
                header.key_id.as_bytes(),
                header.codec.number(),
                header.fingerprint_bits,
                batch.slots_until.unix_seconds(),
            ],
        )
        .map(drop)
        .map_err(database_error)
}

/// As it lies there: no side file appears beside it.
fn open_untouched(copy: &Path) -> Result<Connection> {
    let path = copy
        .to_str()
        .ok_or_else(|| StoreError::Disk("a path that is not UTF-8".into()))?;
    // What a URI would take for its own.
    let path = path
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(format!("file:{path}?immutable=1"), flags).map_err(database_error)
}
