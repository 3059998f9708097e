//! Brings the write-ahead log back into the database: most of it beside the writing thread, so that commits do not wait for it.
//!
//! What a checkpoint has copied, the log may overwrite only when all of it is copied and nobody reads it. Beside a writer that
//! goes on that is never so; therefore the writing thread itself copies what is left once the log has
//! [`LOG_PAGES`]: little, since the rest is done. The log is then written from its beginning. A long query delays that for
//! as long as it takes.

use std::{
    path::Path,
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::database_error;
use crate::store::{Result, StoreError};

/// Of the log, before the writing thread copies what is left of it: 32 MB.
pub(super) const LOG_PAGES: u32 = 8_192;

/// Shortest time between two checkpoints beside the writer.
const PAUSE: Duration = Duration::from_millis(100);

/// How long emptying the log is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// A thread that makes checkpoints after commits. It ends when this is closed or dropped.
pub(super) struct Checkpointer {
    open: Mutex<Option<mpsc::Sender<()>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Checkpointer {
    /// Starts the thread; gives what to call after each commit.
    pub(super) fn start(path: &Path) -> Result<(Self, impl Fn() + Send + use<>)> {
        let connection = Connection::open(path).map_err(database_error)?;
        // Holds one message: that there was a commit since the last checkpoint began.
        let (committed, commits) = mpsc::sync_channel(1);
        let (open, closed) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("sqlite-log".into())
            .spawn(move || keep_short(&connection, &commits, &closed))
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let checkpointer = Self {
            open: Mutex::new(Some(open)),
            thread: Mutex::new(Some(thread)),
        };
        let committed = move || {
            // Full: the thread knows already. Gone: the store closes.
            let _ = committed.try_send(());
        };
        Ok((checkpointer, committed))
    }

    /// Waits until the connection is closed. The writer, which holds the other end of the commits, is closed before.
    pub(super) fn close(&self) {
        drop(take(&self.open));
        if take(&self.thread).is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the write-ahead log had panicked");
        }
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn keep_short(connection: &Connection, commits: &mpsc::Receiver<()>, closed: &mpsc::Receiver<()>) {
    while commits.recv().is_ok() {
        // Copies what it can without waiting for anybody. What it cannot, the next one does, or the writer.
        let done = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = done {
            tracing::debug!(%error, "no checkpoint");
        }
        // Nothing is ever sent: a sleep that ends when the store closes.
        if closed.recv_timeout(PAUSE) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Empties the log into the database. What was deleted is still in the log until then, and so is the order in which uploads
/// came.
///
/// # Errors
/// [`StoreError::Busy`] if a reader in the middle of a query, or checkpoints beside it, do not let it for five seconds: the
/// next time does it.
pub(super) fn empty_log(path: &Path) -> Result<()> {
    let connection = Connection::open(path).map_err(database_error)?;
    // For readers; of another checkpoint SQLite says at once that it is busy, in the answer's first column.
    connection
        .execute_batch("PRAGMA busy_timeout = 1000;")
        .map_err(database_error)?;
    let until = Instant::now() + PATIENCE;
    loop {
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(database_error)?;
        if busy == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(StoreError::Busy);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Arc};

    use super::*;
    use crate::store::sqlite::writer::Writer;

    /// 6,000 commits of two pages each: 49 MB, through a log that begins anew after 1 MB where nothing is in the way.
    #[tokio::test]
    async fn the_log_stays_short_beside_a_writer_that_goes_on() {
        const PAGES: u64 = 256;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA page_size = 4096;
                 PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = OFF;
                 PRAGMA wal_autocheckpoint = {PAGES};
                 CREATE TABLE n (n INTEGER PRIMARY KEY, filling BLOB);"
            ))
            .unwrap();
        let (checkpointer, committed) = Checkpointer::start(&path).unwrap();
        let writer = Writer::start(connection, Arc::default(), committed).unwrap();
        let log = folder.path().join("n.db-wal");
        let mut longest = 0;
        for n in 0..6_000 {
            writer
                .write(move |connection| {
                    connection
                        .execute("INSERT INTO n VALUES (?1, zeroblob(4000))", [n])
                        .map_err(database_error)
                })
                .await
                .unwrap();
            longest = longest.max(fs::metadata(&log).unwrap().len());
        }
        // The writer's checkpoint that comes upon the other one leaves it to the next commit: as long as a slow disk takes.
        assert!(longest < 32 << 20, "{longest} bytes");
        writer.close();
        checkpointer.close();
        assert!(!log.exists(), "the last to close removes it");
    }
}
