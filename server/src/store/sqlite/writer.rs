//! The one thread that writes: it commits together whatever waits, and answers only when that is on disk.
//!
//! One fsync then serves up to [`GROUP`] uploads. Work that fails takes nothing of the others with it: see [`commit_group`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::database_error;
use crate::{
    store::{Result, StoreError},
    telemetry::{Metric, Telemetry},
};

/// Most pieces of work in one commit. Keys lie at random, and the more there are the more of them share a page: with 256
/// uploads in a commit a fifth to a third more a second are stored than with 64, with 512 no more than that.
const GROUP: usize = 256;

/// After so long in one transaction it is committed: one upload can be a thousand rows, and the first of many such should not
/// wait for the last.
const WORK: Duration = Duration::from_millis(50);

/// Most pieces of work waiting; what comes then is told to come again.
const QUEUE: usize = 1_024;

/// A piece of work with somebody who waits for its outcome.
trait Job: Send {
    /// Does the work inside the open transaction; false: take it back. Run again, it does all of it again.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Tells the outcome; `failed` if the transaction around it did not commit.
    fn finish(self: Box<Self>, failed: Option<&StoreError>);
}

struct Work<F, T> {
    work: F,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<F, T> Job for Work<F, T>
where
    F: Fn(&Connection) -> Result<T> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = Some((self.work)(connection));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, failed: Option<&StoreError>) {
        let outcome = match (failed, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(error), _) => Err(error.clone()),
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
    telemetry: Arc<Telemetry>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, telemetry: Arc<Telemetry>) -> Result<Self> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let counting = Arc::clone(&telemetry);
        let thread = thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || write_all(&connection, jobs, &counting))
            .map_err(|error| StoreError::Database(error.to_string()))?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            telemetry,
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
    ///
    /// - `work`: may run twice, the first time in vain.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, outcome) = oneshot::channel();
        let job = Work {
            work,
            outcome: None,
            reply,
        };
        let jobs = lock(&self.jobs).clone().ok_or_else(writer_gone)?;
        jobs.try_send(Box::new(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                self.telemetry.count(Metric::WriterBusy, &[]);
                StoreError::Busy
            }
            mpsc::error::TrySendError::Closed(_) => writer_gone(),
        })?;
        // Also while the thread stands still: that is when it is looked at.
        waiting(&self.telemetry, jobs.max_capacity() - jobs.capacity());
        drop(jobs);
        outcome.await.unwrap_or_else(|_| Err(writer_gone()))
    }
}

/// What is behind these locks is taken or cloned whole: a panic cannot leave it half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_all(
    connection: &Connection,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
    telemetry: &Telemetry,
) {
    let mut group = Vec::with_capacity(GROUP);
    while let Some(first) = jobs.blocking_recv() {
        group.push(first);
        let began = Instant::now();
        let failed = commit_group(connection, &mut group, &mut jobs, WORK).err();
        waiting(telemetry, jobs.len());
        if let Some(error) = &failed {
            tracing::error!(%error, "a group of {} writes was rolled back", group.len());
            telemetry.count(Metric::CommitFailures, &[error.cause()]);
            if !connection.is_autocommit() {
                drop(connection.execute_batch("ROLLBACK"));
            }
        } else {
            let seconds = began.elapsed().as_secs_f64();
            telemetry.observe(Metric::CommitSeconds, &[], seconds);
            telemetry.observe(Metric::CommitGroup, &[], group.len() as f64);
        }
        for job in group.drain(..) {
            job.finish(failed.as_ref());
        }
    }
}

fn waiting(telemetry: &Telemetry, pieces: usize) {
    telemetry.set(Metric::WriterQueue, &[], pieces as f64);
}

/// Commits the first piece with what waits behind it, as much of that as can be done in `work`, if all of it succeeds. If a
/// piece fails, which is rare, all of it is taken back and done again piece by piece, each in a savepoint of its own: those cost
/// as much as the work itself, because SQLite keeps a copy of every page that a piece touches.
///
/// - `group`: holds the first piece, and afterwards all those that this says the outcome of.
fn commit_group(
    connection: &Connection,
    group: &mut Vec<Box<dyn Job>>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
    work: Duration,
) -> Result<()> {
    // What comes meanwhile is the next group's: the first piece does not wait for it.
    let most = GROUP.min(group.len() + jobs.len());
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        // It waited for seconds before it failed: those behind it need not do that one after the other.
        while group.len() < most
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        return Err(error);
    }
    let began = Instant::now();
    let mut good = group.iter_mut().all(|job| job.run(connection));
    while good
        && group.len() < most
        && began.elapsed() < work
        && let Ok(mut job) = jobs.try_recv()
    {
        good = job.run(connection);
        group.push(job);
    }
    if good {
        return execute(connection, "COMMIT");
    }
    // A full disk makes SQLite roll back everything by itself.
    if !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    execute(connection, "BEGIN IMMEDIATE")?;
    for job in group {
        execute(connection, "SAVEPOINT work")?;
        if !job.run(connection) {
            // Then nothing here can be committed.
            if connection.is_autocommit() {
                return Err(StoreError::Disk("transaction was rolled back".into()));
            }
            execute(connection, "ROLLBACK TO work")?;
        }
        execute(connection, "RELEASE work")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> Result<()> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(database_error)
}

fn writer_gone() -> StoreError {
    StoreError::Database("the writing thread has ended".into())
}

#[cfg(test)]
pub(super) mod tests;
