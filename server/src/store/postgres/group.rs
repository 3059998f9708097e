//! Uploads that wait are stored together: a commit, and the round trips before it, serve all of them.

use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::{Client, Pool};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinSet,
};

use super::{
    connect, failure,
    transaction::transaction,
    uploads::{Together, store_alone, store_together},
};
use crate::{
    context::Steps,
    store::{Result, StoreError, Stored, uploads::Prepared},
    telemetry::{Metric, Telemetry},
};

/// Most uploads in one commit.
const GROUP: usize = 64;

/// Groups under way at a time: while one waits for its commit, the next one is written.
const GROUPS: usize = 2;

/// Most uploads waiting; what comes then is told to come again.
const QUEUE: usize = 1_024;

struct Job {
    upload: Prepared,
    reply: oneshot::Sender<Result<Stored>>,
}

/// Hands uploads to those who store them.
pub(super) struct Uploads {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    writers: AsyncMutex<JoinSet<()>>,
    telemetry: Arc<Telemetry>,
}

impl Uploads {
    /// Starts the writers.
    ///
    /// - `run`: names this run of the server.
    pub(super) fn start(
        pool: &Pool,
        run: &str,
        steps: &Arc<dyn Steps>,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(AsyncMutex::new(jobs));
        let mut writers = JoinSet::new();
        for number in 1..=GROUPS {
            let writer = Writer {
                pool: pool.clone(),
                name: format!("{run}-{number}"),
                steps: Arc::clone(steps),
                telemetry: Arc::clone(telemetry),
            };
            writers.spawn(writer.work_off(Arc::clone(&jobs)));
        }
        Self {
            jobs: Mutex::new(Some(sender)),
            writers: AsyncMutex::new(writers),
            telemetry: Arc::clone(telemetry),
        }
    }

    /// Stores an upload; returns when that is durable.
    pub(super) async fn store(&self, upload: Prepared) -> Result<Stored> {
        let (reply, outcome) = oneshot::channel();
        // Taken and cloned whole: a panic cannot leave it half-changed.
        let jobs = self
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let jobs = jobs.ok_or_else(closed)?;
        jobs.try_send(Job { upload, reply })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => {
                    self.telemetry.count(Metric::WriterBusy, &[]);
                    StoreError::Busy
                }
                mpsc::error::TrySendError::Closed(_) => closed(),
            })?;
        waiting(&self.telemetry, jobs.max_capacity() - jobs.capacity());
        drop(jobs);
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits until all that was handed over is done.
    pub(super) async fn close(&self) {
        drop(
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut writers = self.writers.lock().await;
        while writers.join_next().await.is_some() {}
    }
}

fn closed() -> StoreError {
    StoreError::Database("the store is closed".into())
}

fn waiting(telemetry: &Telemetry, uploads: usize) {
    telemetry.set(Metric::WriterQueue, &[], uploads as f64);
}

struct Writer {
    pool: Pool,
    name: String,
    steps: Arc<dyn Steps>,
    telemetry: Arc<Telemetry>,
}

impl Writer {
    async fn work_off(self, jobs: Arc<AsyncMutex<mpsc::Receiver<Job>>>) {
        loop {
            let mut group = Vec::with_capacity(GROUP);
            let mut waits = jobs.lock().await;
            let taken = waits.recv_many(&mut group, GROUP).await;
            let left = waits.len();
            drop(waits);
            if taken == 0 {
                return;
            }
            waiting(&self.telemetry, left);
            self.store(group).await;
        }
    }

    async fn store(&self, group: Vec<Job>) {
        let began = std::time::Instant::now();
        let (uploads, replies): (Vec<_>, Vec<_>) =
            group.into_iter().map(|job| (job.upload, job.reply)).unzip();
        let outcome = self.together(&uploads).await;
        match &outcome {
            Ok(_) => {
                let seconds = began.elapsed().as_secs_f64();
                self.telemetry.observe(Metric::CommitSeconds, &[], seconds);
                self.telemetry
                    .observe(Metric::CommitGroup, &[], uploads.len() as f64);
            }
            Err(error) => {
                tracing::error!(%error, "a group of {} uploads was rolled back", uploads.len());
                self.telemetry
                    .count(Metric::CommitFailures, &[error.cause()]);
            }
        }
        for (i, (upload, reply)) in uploads.iter().zip(replies).enumerate() {
            let answer = match &outcome {
                Ok(answers) => match answers.get(i) {
                    Some(Together::Done(stored)) => Ok(*stored),
                    _ => self.alone(upload).await,
                },
                // What is wrong with one must not be the others' fault; what is wrong with the database is everybody's.
                Err(StoreError::Database(_) | StoreError::Inconsistent(_)) if uploads.len() > 1 => {
                    self.alone(upload).await
                }
                Err(error) => Err(error.clone()),
            };
            // Whoever asked may have gone away; the upload is stored all the same.
            drop(reply.send(answer));
        }
    }

    async fn together(&self, uploads: &[Prepared]) -> Result<Vec<Together>> {
        transaction!(self, ReadCommitted, |sql| store_together(
            sql,
            uploads,
            &self.name,
            &*self.steps
        ))
    }

    async fn alone(&self, upload: &Prepared) -> Result<Stored> {
        transaction!(self, ReadCommitted, |sql| store_alone(
            sql,
            upload,
            &self.name,
            &*self.steps
        ))
    }

    async fn connection(&self) -> failure::Result<Client> {
        connect::connection(&self.pool).await
    }
}
