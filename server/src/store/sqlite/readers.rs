//! Connections that read: a few, each with one query at a time, and a bounded number of callers who wait for one.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::{database_error, open::STATEMENTS};
use crate::store::{Result, StoreError};

/// Queries at a time on threads of their own; who comes then waits.
const READERS: usize = 4;

/// Most callers waiting; who comes then is told to come again.
const WAITING: usize = 256;

/// Reading connections of one database.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
    places: Semaphore,
}

impl Readers {
    /// None is opened before it is needed.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            idle: Arc::default(),
            turns: Arc::new(Semaphore::new(READERS)),
            places: Semaphore::new(READERS + WAITING),
        }
    }

    /// Runs a query off the async threads.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _place = self.places.try_acquire().map_err(|_| StoreError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            run(&path, &idle, query)
        })
        .await
        .map_err(|error| StoreError::Database(error.to_string()))?
    }

    /// Runs a query on this very thread: for a look-up by key, which touches three pages that are in memory but for the first
    /// time. Handing that to another thread and back costs three times the look-up.
    pub(super) fn look_up<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        run(&self.path, &self.idle, query)
    }

    /// Closes those that are idle.
    pub(super) fn close(&self) {
        lock(&self.idle).clear();
    }
}

fn run<T>(
    path: &Path,
    idle: &Mutex<Vec<Connection>>,
    query: impl FnOnce(&Connection) -> Result<T>,
) -> Result<T> {
    // Apart, so that the lock is not held for the query.
    let connection = lock(idle).pop();
    let connection = match connection {
        Some(connection) => connection,
        None => open_reader(path)?,
    };
    let outcome = query(&connection);
    lock(idle).push(connection);
    outcome
}

/// Connections go in and out whole: a panic elsewhere cannot leave the list half-changed.
fn lock(idle: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(database_error)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection
        .execute_batch("PRAGMA busy_timeout = 5000;")
        .map_err(database_error)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use std::{pin::Pin, sync::mpsc, task::Poll};

    use super::*;

    fn readers() -> (tempfile::TempDir, Readers) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
            .unwrap();
        (folder, Readers::new(&path))
    }

    fn count(connection: &Connection) -> Result<i64> {
        connection
            .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
            .map_err(database_error)
    }

    #[tokio::test]
    async fn who_comes_when_all_places_are_taken_is_told_to_come_again() {
        let (_folder, readers) = readers();
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Arc::new(Mutex::new(blocked));
        let mut waiting: Vec<Pin<Box<dyn Future<Output = Result<i64>>>>> = Vec::new();
        let busy = loop {
            let blocked = Arc::clone(&blocked);
            let mut query = Box::pin(readers.read(move |connection| {
                // Released, or the test is over.
                let _ = blocked.lock().unwrap().recv();
                count(connection)
            }));
            match futures_util::poll!(&mut query) {
                Poll::Pending => waiting.push(query),
                Poll::Ready(outcome) => break outcome,
            }
        };
        assert!(matches!(busy, Err(StoreError::Busy)), "{busy:?}");
        assert_eq!(waiting.len(), READERS + WAITING);
        // A look-up by key waits for nobody.
        assert_eq!(readers.look_up(count).unwrap(), 0);
        drop(release);
        for query in waiting {
            assert_eq!(query.await.unwrap(), 0);
        }
        assert_eq!(readers.read(count).await.unwrap(), 0);
    }
}
