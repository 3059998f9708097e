//! The one thread that writes: it commits together whatever waits, and answers only when that is on disk.
//!
//! One fsync then serves up to [`GROUP`] uploads. Each piece of work runs in a savepoint, so that one that fails takes
//! nothing of the others with it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database_error;
use crate::store::{Result, StoreError};

/// Most pieces of work in one commit: beyond it, measured throughput does not grow and waiting does.
const GROUP: usize = 64;

/// Most pieces of work waiting; what comes then is told to come again.
const QUEUE: usize = 1_024;

/// A piece of work with somebody who waits for its outcome.
trait Job: Send {
    /// Does the work inside the open transaction; false: take it back.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the outcome; `failed` if the transaction around it did not commit.
    fn finish(self: Box<Self>, failed: Option<&StoreError>);
}

struct Work<F, T> {
    work: Option<F>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Work<F, T>
where
    F: FnOnce(&Connection) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, failed: Option<&StoreError>) {
        let outcome = match (failed, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(error), _) => Err(again(error)),
            (None, None) => Err(StoreError::Database("work was not run".into())),
        };
        // Whoever asked may have gone away; the work is done all the same.
        drop(self.reply.send(outcome));
    }
}

/// Hands work to the writing thread. The thread ends when it is closed or dropped, after what waits is done.
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_all(&connection, jobs))
            .map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Waits until all that was handed over is done and the connection is closed.
    pub(super) fn close(&self) {
        drop(lock(&self.jobs).take());
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the writing thread had panicked");
        }
    }

    /// Runs `work` in a transaction; returns when that is durable.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, outcome) = oneshot::channel();
        let job = Work {
            work: Some(work),
            outcome: None,
            reply,
        };
        let jobs = lock(&self.jobs).clone().ok_or_else(writer_gone)?;
        jobs.try_send(Box::new(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => writer_gone(),
        })?;
        outcome.await.unwrap_or_else(|_| Err(writer_gone()))
    }
}

/// What is behind these locks is taken or cloned whole: a panic cannot leave it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(connection: &Connection, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(GROUP);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        let failed = commit_group(connection, &mut group).err();
        if let Some(error) = &failed {
            tracing::error!(%error, "a group of {} writes was rolled back", group.len());
            if !connection.is_autocommit() {
                drop(connection.execute_batch("ROLLBACK"));
            }
        }
        for job in group.drain(..) {
            job.finish(failed.as_ref());
        }
    }
}

fn commit_group(connection: &Connection, group: &mut [Box<dyn Job>]) -> Result<()> {
    let execute = |sql| connection.execute_batch(sql).map_err(database_error);
    execute("BEGIN IMMEDIATE")?;
    for job in group {
        execute("SAVEPOINT work")?;
        if !job.run(connection) {
            // A full disk makes SQLite roll back everything by itself; then nothing here can be committed.
            if connection.is_autocommit() {
                return Err(StoreError::Disk("transaction was rolled back".into()));
            }
            execute("ROLLBACK TO work")?;
        }
        execute("RELEASE work")?;
    }
    execute("COMMIT")
}

fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Busy => StoreError::Busy,
        StoreError::Disk(text) => StoreError::Disk(text.clone()),
        StoreError::Database(text) => StoreError::Database(text.clone()),
        StoreError::Inconsistent(text) => StoreError::Inconsistent(text.clone()),
    }
}

fn writer_gone() -> StoreError {
    StoreError::Database("the writing thread has ended".into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn writer() -> Arc<Writer> {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
            .unwrap();
        Arc::new(Writer::start(connection).unwrap())
    }

    async fn insert(writer: &Writer, n: i64) -> Result<usize> {
        writer
            .write(move |connection| {
                connection
                    .execute("INSERT INTO n VALUES (?1)", [n])
                    .map_err(database_error)
            })
            .await
    }

    async fn count(writer: &Writer) -> i64 {
        writer
            .write(|connection| {
                connection
                    .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
                    .map_err(database_error)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn work_that_fails_takes_nothing_of_the_others_with_it() {
        let writer = writer();
        let tasks: Vec<_> = (0..200)
            .map(|i| {
                let writer = Arc::clone(&writer);
                // Every number twice: one of each pair fails.
                tokio::spawn(async move { insert(&writer, i / 2).await })
            })
            .collect();
        let mut stored = 0;
        for task in tasks {
            stored += i64::from(task.await.unwrap().is_ok());
        }
        assert_eq!(stored, 100);
        assert_eq!(count(&writer).await, 100);
    }

    #[tokio::test]
    async fn a_failed_piece_leaves_no_half_behind() {
        let writer = writer();
        let outcome: Result<()> = writer
            .write(|connection| {
                connection
                    .execute("INSERT INTO n VALUES (1)", [])
                    .map_err(database_error)?;
                Err(StoreError::Inconsistent("on purpose".into()))
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::Inconsistent(_))));
        assert_eq!(count(&writer).await, 0);
    }

    #[tokio::test]
    async fn a_queue_that_is_full_says_so() {
        let writer = writer();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        let first = Arc::clone(&writer);
        let holds_the_thread =
            tokio::spawn(async move { first.write(move |_| Ok(blocked.recv().is_ok())).await });
        let mut waiting = Vec::new();
        let busy = loop {
            let writer = Arc::clone(&writer);
            let mut task = Box::pin(async move { insert(&writer, 1).await });
            // One poll puts it into the queue, or not.
            match futures_util::poll!(&mut task) {
                std::task::Poll::Ready(Err(StoreError::Busy)) => break true,
                std::task::Poll::Ready(_) => break false,
                std::task::Poll::Pending => waiting.push(task),
            }
            tokio::task::yield_now().await;
        };
        assert!(busy);
        // The piece that holds the thread may not have left the queue yet.
        assert!(waiting.len() >= QUEUE - 1);
        release.send(()).unwrap();
        assert!(holds_the_thread.await.unwrap().unwrap());
    }

    #[tokio::test]
    async fn what_was_handed_over_is_done_before_it_closes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n.db");
        let connection = Connection::open(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY)")
            .unwrap();
        let writer = Arc::new(Writer::start(connection).unwrap());
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let writer = Arc::clone(&writer);
                tokio::spawn(async move { insert(&writer, n).await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        writer.close();
        assert!(insert(&writer, 100).await.is_err());
        let stored: i64 = Connection::open(&path)
            .unwrap()
            .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored, 50);
    }
}
