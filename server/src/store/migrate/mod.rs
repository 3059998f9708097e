//! Takes all rows of a SQLite file into an empty PostgreSQL database: copies, compares, then makes them visible.
//!
//! One transaction: whatever goes wrong, nothing is there. That no server works on the file, and that none does afterwards, is
//! for the caller to see to; this keeps others from writing into it for as long as it reads.

mod sum;
mod tables;

use std::path::{Path, PathBuf};

use tokio::{sync::mpsc, task::spawn_blocking};

use self::sum::{Adding, Sum};
#[cfg(test)]
pub(in crate::store) use self::tables::LEFT_BEHIND;
pub(in crate::store) use self::tables::{Cell, Cells, Column, Kind, TABLES, Table};
use super::{
    StoreError,
    postgres::{Taking, Target},
    sqlite::{self, Source},
};
use crate::settings::PostgresPlace;

/// Chunks that are read ahead of those that are written.
const AHEAD: usize = 2;

/// What was taken along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// How many rows of each table, in the order in which they were written.
    pub rows: Vec<(&'static str, u64)>,
}

/// Why a store was not taken along.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// There is no file.
    #[error("from: {0}: no database here")]
    NoSource(PathBuf),
    /// An earlier version wrote the file last.
    #[error(
        "from: its schema is version {found}, this program's is {newest}: let a server of this version start on it once, then stop it"
    )]
    OldSource {
        /// The file's.
        found: u32,
        /// Ours.
        newest: u32,
    },
    /// A server of another data folder.
    #[error("from: a server publishes from it, or was killed less than a minute ago")]
    SourceInUse,
    /// The file cannot be read.
    #[error("from: {0}")]
    Source(StoreError),
    /// There is something already.
    #[error("to: table {table} has rows: only an empty database is moved into")]
    TargetNotEmpty {
        /// The first that has any.
        table: &'static str,
    },
    /// Others wrote there at the same time.
    #[error("to: somebody else is at work there; nothing was kept of what was copied")]
    TargetInUse,
    /// The database cannot be reached or written.
    #[error("to: {0}; nothing was kept of what was copied")]
    Target(StoreError),
    /// What is read there is not what was written.
    #[error(
        "to: table {table} reads otherwise than it was written; nothing was kept of what was copied"
    )]
    Differs {
        /// The first that does.
        table: &'static str,
    },
    /// The database went away in the moment that counts.
    #[error(
        "to: {0}; nobody knows whether the copy was kept. Nothing has changed here: make the database anew and begin again"
    )]
    Unclear(StoreError),
}

impl MigrateError {
    fn target(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::TargetInUse,
            error => Self::Target(error),
        }
    }
}

/// Result of taking a store along.
pub type Result<T> = std::result::Result<T, MigrateError>;

/// Takes all rows along. Durable when this returns.
///
/// # Errors
/// [`MigrateError`]; the target is as it was then, but for a schema where there was none, unless the error is
/// [`MigrateError::Unclear`]. The source is never changed.
pub async fn migrate(from: &Path, to: &PostgresPlace) -> Result<Migrated> {
    let mut source = open_source(from)?;
    let mut target = Target::open(to).await.map_err(MigrateError::target)?;
    let taking = begin(&mut target).await?;
    taking.clear().await.map_err(MigrateError::target)?;
    let mut written = Vec::new();
    for table in TABLES {
        let sum;
        (source, sum) = copy(source, &taking, table).await?;
        written.push((table, sum));
    }
    for &(table, sum) in &written {
        if sum != read_back(&taking, table).await? {
            return Err(MigrateError::Differs { table: table.name });
        }
    }
    taking.commit().await.map_err(|error| match error {
        StoreError::Away(_) => MigrateError::Unclear(error),
        error => MigrateError::target(error),
    })?;
    // Others may write again from here on.
    drop(source);
    let rows = written.iter().map(|(table, sum)| (table.name, sum.rows));
    Ok(Migrated {
        rows: rows.collect(),
    })
}

/// Refuses what [`migrate`] would refuse before it copies anything.
///
/// # Errors
/// [`MigrateError`]; the target is as it was then, but for a schema where there was none.
pub async fn check(from: &Path, to: &PostgresPlace) -> Result<()> {
    drop(open_source(from)?);
    let mut target = Target::open(to).await.map_err(MigrateError::target)?;
    begin(&mut target).await.map(drop)
}

async fn begin(target: &mut Target) -> Result<Taking<'_>> {
    let taking = target.begin().await.map_err(MigrateError::target)?;
    match taking.first_filled().await.map_err(MigrateError::target)? {
        None => Ok(taking),
        Some(table) => Err(MigrateError::TargetNotEmpty { table }),
    }
}

fn open_source(from: &Path) -> Result<Source> {
    if !from.is_file() {
        return Err(MigrateError::NoSource(from.to_owned()));
    }
    let source = Source::open(from).map_err(MigrateError::Source)?;
    let found = source.schema().map_err(MigrateError::Source)?;
    let newest = sqlite::newest_schema();
    if found < newest {
        return Err(MigrateError::OldSource { found, newest });
    }
    if source.is_published_from().map_err(MigrateError::Source)? {
        return Err(MigrateError::SourceInUse);
    }
    Ok(source)
}

/// Copies a table. Returns the source, which is read on a thread of its own, and what was read.
async fn copy(source: Source, taking: &Taking<'_>, table: &'static Table) -> Result<(Source, Sum)> {
    let (sender, mut chunks) = mpsc::channel(AHEAD);
    let reading = spawn_blocking(move || {
        // Ends early if nobody takes what is read: writing failed then.
        let read = source.read(table, |rows| sender.blocking_send(rows).is_ok());
        read.map(|()| source)
    });
    let mut adding = Adding::new();
    while let Some(rows) = chunks.recv().await {
        adding.add(&rows);
        let written = taking.insert(table, &rows).await;
        written.map_err(MigrateError::target)?;
    }
    let read = reading.await;
    let read = read.map_err(|error| StoreError::Database(error.to_string()));
    let source = read.and_then(|read| read).map_err(MigrateError::Source)?;
    Ok((source, adding.finish()))
}

async fn read_back(taking: &Taking<'_>, table: &Table) -> Result<Sum> {
    let mut adding = Adding::new();
    let read = taking.read(table, |rows| adding.add(rows)).await;
    read.map_err(MigrateError::target)?;
    Ok(adding.finish())
}
