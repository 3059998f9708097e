//! Brings the write-ahead log back into the database: most of it beside the writing thread, so that commits do not wait for it.
//!
//! What a checkpoint has copied, the log may overwrite only when all of it is copied and nobody reads it. Beside a writer that
//! goes on that is never so; therefore the writing thread itself copies what is left once the log has
//! [`LOG_PAGES`]: little, since the rest is done. The log is then written from its beginning. A long query delays that for
//! as long as it takes.
//!
//! SQLite lets one checkpoint at a time and turns a second one away instead of letting it wait. So that none is left out, they
//! wait for each other here.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, hooks::Wal};

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
    path: PathBuf,
    /// Held by whoever makes a checkpoint.
    turn: Arc<Mutex<()>>,
    /// The thread's two reasons to go on. The second also keeps it from ending when the writer's connection does: both would
    /// close at once, neither as the last, and the log would stay.
    open: Mutex<Option<(mpsc::Sender<()>, mpsc::SyncSender<()>)>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Checkpointer {
    /// Starts the thread, and has the writer do its part.
    ///
    /// - `log_pages`: with more in the log, the writer copies what is left after its commit.
    pub(super) fn start(path: &Path, writer: &mut Connection, log_pages: u32) -> Result<Self> {
        let connection = Connection::open(path).map_err(database_error)?;
        let turn = Arc::new(Mutex::new(()));
        // Holds one message: that there was a commit since the last checkpoint began.
        let (committed, commits) = mpsc::sync_channel(1);
        let (open, closed) = mpsc::channel();
        let turns = Arc::clone(&turn);
        let thread = thread::Builder::new()
            .name("sqlite-log".into())
            .spawn(move || keep_short(&connection, &turns, &commits, &closed))
            .map_err(|error| StoreError::Database(error.to_string()))?;
        let (turns, open) = (Arc::clone(&turn), (open, committed.clone()));
        let after_commit = move |log: &mut Wal, pages: i32| {
            // Full: the thread knows already. Gone: the store closes.
            let _ = committed.try_send(());
            if u32::try_from(pages).is_ok_and(|pages| pages >= log_pages) {
                let _turn = lock(&turns);
                note(log.checkpoint());
            }
            // The commit is done, whatever became of the log.
            Ok(())
        };
        writer
            .wal_hook(Some(after_commit))
            .map_err(database_error)?;
        Ok(Self {
            path: path.to_owned(),
            turn,
            open: Mutex::new(Some(open)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Empties the log into the database. What was deleted is still in the log until then, and so is the order in which
    /// uploads came.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if a reader in the middle of a query, or a checkpoint of another process, do not let it for five
    /// seconds: the next time does it.
    pub(super) fn empty_log(&self) -> Result<()> {
        let connection = Connection::open(&self.path).map_err(database_error)?;
        // Short: whoever empties the log keeps the writer waiting, and a query that reads it may take long. Of another
        // checkpoint SQLite says at once that it is busy, in the answer's first column.
        connection
            .execute_batch("PRAGMA busy_timeout = 50;")
            .map_err(database_error)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let turn = lock(&self.turn);
            // Most of it without keeping the writer waiting.
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .map_err(database_error)?;
            let busy: i64 = connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                .map_err(database_error)?;
            if busy == 0 {
                return Ok(());
            }
            drop(turn);
            if Instant::now() > until {
                return Err(StoreError::Busy);
            }
            thread::sleep(Duration::from_millis(150));
        }
    }

    /// Waits until the connection is closed, as the last one: the writer's before.
    pub(super) fn close(&self) {
        drop(lock(&self.open).take());
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the write-ahead log had panicked");
        }
    }
}

/// Nothing behind these locks is half-changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_short(
    connection: &Connection,
    turn: &Mutex<()>,
    commits: &mpsc::Receiver<()>,
    closed: &mpsc::Receiver<()>,
) {
    while commits.recv().is_ok() {
        // Copies what it can without waiting for readers or the writer. What it cannot, the next one does, or the writer.
        let turn = lock(turn);
        note(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
        drop(turn);
        // Nothing is ever sent: a sleep that ends when the store closes.
        if closed.recv_timeout(PAUSE) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// A checkpoint that failed is made up for by the next one.
fn note(checkpoint: rusqlite::Result<()>) {
    if let Err(error) = checkpoint {
        tracing::debug!(%error, "no checkpoint");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::store::sqlite::writer::{
        Writer,
        tests::{insert, start},
    };

    struct Store {
        folder: TempDir,
        checkpointer: Arc<Checkpointer>,
        writer: Arc<Writer>,
    }

    impl Store {
        /// Of rows that take a page each.
        fn new(settings: &str, log_pages: u32) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("n.db");
            let mut connection = Connection::open(&path).unwrap();
            connection
                .execute_batch(&format!(
                    "PRAGMA page_size = 4096;
                     PRAGMA journal_mode = WAL;
                     {settings}
                     CREATE TABLE n (n INTEGER PRIMARY KEY, filling BLOB DEFAULT (zeroblob(4000)));"
                ))
                .unwrap();
            let checkpointer = Checkpointer::start(&path, &mut connection, log_pages).unwrap();
            Self {
                folder,
                checkpointer: Arc::new(checkpointer),
                writer: start(connection),
            }
        }

        fn log(&self) -> PathBuf {
            self.folder.path().join("n.db-wal")
        }

        /// As the store does.
        fn close(&self) {
            self.writer.close();
            self.checkpointer.close();
            assert!(!self.log().exists(), "the last to close removes it");
        }
    }

    /// 3,000 commits of two pages each: 25 MB, through a log that begins anew after 1 MB.
    #[tokio::test]
    async fn the_log_stays_short_beside_a_writer_that_goes_on() {
        const PAGES: u32 = 256;
        let store = Store::new("PRAGMA synchronous = OFF;", PAGES);
        let mut longest = 0;
        for n in 0..3_000 {
            insert(&store.writer, n).await.unwrap();
            longest = longest.max(fs::metadata(store.log()).unwrap().len());
        }
        // And the last commit's: a row, at most as many pages above it, a new page for each. In frames of 4,120 bytes.
        let most = 32 + u64::from(PAGES + 8) * 4_120;
        assert!(longest <= most, "{longest} bytes, {most} at most");
        store.close();
    }

    /// The thread that waits for commits must not close at the same time as the writer.
    #[tokio::test]
    async fn an_idle_store_leaves_no_log_when_it_closes() {
        for _ in 0..20 {
            let store = Store::new("", LOG_PAGES);
            insert(&store.writer, 1).await.unwrap();
            // Long enough for the thread to be waiting for a commit again.
            tokio::time::sleep(PAUSE * 3 / 2).await;
            store.close();
        }
    }

    /// A query that goes on delays the emptying, and nobody who writes: a writer of little patience never has to lose it.
    #[tokio::test]
    async fn a_reader_delays_the_emptying_alone() {
        let store = Store::new("PRAGMA busy_timeout = 500;", LOG_PAGES);
        insert(&store.writer, 0).await.unwrap();
        let reader = Connection::open(store.folder.path().join("n.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM n;").unwrap();
        insert(&store.writer, 1).await.unwrap();
        let emptying = Arc::clone(&store.checkpointer);
        let emptied = tokio::task::spawn_blocking(move || emptying.empty_log());
        for n in 2..200 {
            insert(&store.writer, n).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(!emptied.is_finished(), "a reader is still there");
        drop(reader);
        emptied.await.unwrap().unwrap();
        store.close();
    }
}
