//! Makes one kind of call for a while, so many at a time, and counts.
//!
//! A closed loop: whoever has an answer asks again at once. Percentiles are those of callers who wait, as many as there
//! are; a crowd that keeps coming while a server stands still would see worse. Or, with a rate, an open one: each call has
//! its time, and how long it took counts from then, also if nobody was free to make it.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{sync::Barrier, task::JoinSet};
use tonic::Status;

use crate::process;

/// For one call. Longer than the server's own limit for one.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);

/// After a call that failed, so that a server that is gone is not asked a million times.
const PAUSE: Duration = Duration::from_millis(5);

/// One kind of call to one server.
pub(super) trait Calls: Send + Sync + 'static {
    /// An open connection.
    type Line: Send;
    /// What is kept of an answer.
    type Answer: Send;

    /// How many calls there are to make.
    fn count(&self) -> usize {
        usize::MAX
    }

    /// For one more call at a time on the same connection; none where a connection has one at a time.
    fn share(_: &Self::Line) -> Option<Self::Line> {
        None
    }

    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Line, Failure>> + Send;

    /// Makes one call.
    ///
    /// - `number`: below [`Self::count`], each once.
    fn call(
        &self,
        line: &mut Self::Line,
        number: usize,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// Why a call failed, without anything that differs from one call to the next: they are counted by it.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self(format!("{:?}: {}", status.code(), status.message()))
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// Processor time of a server, all its processes together; nothing if they are not known.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(pub(super) Vec<u32>);

impl Meter {
    pub(super) fn seconds(&self) -> Option<f64> {
        if self.0.is_empty() {
            return None;
        }
        self.0
            .iter()
            .map(|&pid| process::cpu_seconds(pid).ok())
            .sum()
    }
}

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// At a time.
    pub(super) connections: usize,
    /// Calls at a time on each, where that can be.
    pub(super) calls_per_connection: usize,
    /// Each call on a new connection; opening it is part of the call.
    pub(super) new_connection_each: bool,
    /// Calls a second, if there are callers enough; none: as many as there can be.
    pub(super) rate: Option<f64>,
}

/// A call that was answered.
pub(super) struct Answered<A> {
    pub(super) number: usize,
    pub(super) took: Duration,
    pub(super) answer: A,
}

/// What became of the calls.
pub(super) struct Outcome<A> {
    /// From before the first call to after the last.
    pub(super) seconds: f64,
    /// Of the server, in that time.
    pub(super) cpu_seconds: Option<f64>,
    pub(super) answered: Vec<Answered<A>>,
    /// How many failed for which reason.
    pub(super) failed: BTreeMap<String, u64>,
}

/// Makes calls until `time` is over or there are no more.
///
/// # Errors
/// If the connections that are to be kept cannot be opened at all.
pub(super) async fn drive<C: Calls>(
    calls: &Arc<C>,
    manner: Manner,
    time: Duration,
    meter: &Meter,
) -> anyhow::Result<Outcome<C::Answer>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut lines = Vec::new();
    for _ in 0..manner.connections {
        if manner.new_connection_each {
            lines.extend((0..manner.calls_per_connection).map(|_| None));
            continue;
        }
        let line = calls.connect().await.map_err(|f| anyhow::anyhow!(f.0))?;
        lines.extend((1..manner.calls_per_connection).map(|_| C::share(&line)));
        lines.push(Some(line));
    }
    // Where a connection cannot be shared, it has one caller.
    lines.retain(|line| manner.new_connection_each || line.is_some());
    let ready = Arc::new(Barrier::new(lines.len() + 1));
    let mut callers = JoinSet::new();
    for line in lines {
        let (calls, next, ready) = (Arc::clone(calls), Arc::clone(&next), Arc::clone(&ready));
        callers.spawn(async move {
            ready.wait().await;
            let began = Instant::now();
            let pace = Pace {
                began,
                until: began + time,
                rate: manner.rate,
            };
            let keep = line.is_some();
            caller(&*calls, line, keep, &next, &pace).await
        });
    }
    let cpu = meter.seconds();
    let started = Instant::now();
    ready.wait().await;
    let mut outcome = Outcome {
        seconds: 0.0,
        cpu_seconds: None,
        answered: Vec::new(),
        failed: BTreeMap::new(),
    };
    while let Some(ended) = callers.join_next().await {
        let (answered, failed) = ended?;
        outcome.answered.extend(answered);
        for (reason, count) in failed {
            *outcome.failed.entry(reason).or_default() += count;
        }
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    outcome.cpu_seconds = meter
        .seconds()
        .zip(cpu)
        .map(|(after, before)| after - before);
    Ok(outcome)
}

/// When calls are made.
struct Pace {
    began: Instant,
    until: Instant,
    rate: Option<f64>,
}

impl Pace {
    /// Waits for the time of this call, if it has one; gives from when on it is waited for.
    async fn turn(&self, number: usize) -> Instant {
        let free = Instant::now();
        let Some(rate) = self.rate else {
            return free;
        };
        let due = self.began + Duration::from_secs_f64(number as f64 / rate);
        if due <= free {
            return due;
        }
        tokio::time::sleep_until(due.into()).await;
        // That the timer is late by up to a millisecond is nobody's waiting.
        Instant::now()
    }
}

async fn caller<C: Calls>(
    calls: &C,
    mut line: Option<C::Line>,
    keep: bool,
    next: &AtomicUsize,
    pace: &Pace,
) -> (Vec<Answered<C::Answer>>, BTreeMap<String, u64>) {
    let (mut answered, mut failed) = (Vec::new(), BTreeMap::new());
    while Instant::now() < pace.until {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= calls.count() {
            break;
        }
        let started = pace.turn(number).await;
        let call = async {
            let mut open = match line.take() {
                Some(line) => line,
                None => calls.connect().await?,
            };
            let answer = calls.call(&mut open, number).await?;
            Ok((answer, open))
        };
        let outcome = tokio::time::timeout(CALL_TIMEOUT, call)
            .await
            .unwrap_or_else(|_| Err(Failure::new("no answer in time")));
        match outcome {
            Ok((answer, open)) => {
                let took = started.elapsed();
                line = keep.then_some(open);
                answered.push(Answered {
                    number,
                    took,
                    answer,
                });
            }
            Err(Failure(reason)) => {
                *failed.entry(reason).or_default() += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    (answered, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every fifth call fails; counts its connections.
    #[derive(Default)]
    struct Fake(AtomicUsize);

    impl Calls for Fake {
        type Line = usize;
        type Answer = usize;

        fn count(&self) -> usize {
            20
        }

        async fn connect(&self) -> Result<usize, Failure> {
            Ok(self.0.fetch_add(1, Ordering::Relaxed))
        }

        async fn call(&self, line: &mut usize, number: usize) -> Result<usize, Failure> {
            match number % 5 {
                4 => Err(Status::permission_denied("no").into()),
                _ => Ok(*line),
            }
        }
    }

    async fn driven(new_connection_each: bool) -> (Outcome<usize>, usize) {
        let (calls, manner) = (
            Arc::new(Fake::default()),
            Manner {
                calls_per_connection: 1,
                rate: None,
                connections: 3,
                new_connection_each,
            },
        );
        let time = Duration::from_secs(30);
        let outcome = drive(&calls, manner, time, &Meter::default())
            .await
            .unwrap();
        (outcome, calls.0.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn every_call_is_made_once_and_failures_are_counted() {
        for new_connection_each in [false, true] {
            let (outcome, connections) = driven(new_connection_each).await;
            let mut numbers: Vec<_> = outcome.answered.iter().map(|a| a.number).collect();
            numbers.sort_unstable();
            let expected: Vec<_> = (0..20).filter(|number| number % 5 != 4).collect();
            assert_eq!(numbers, expected);
            assert_eq!(
                outcome.failed,
                BTreeMap::from([("PermissionDenied: no".to_owned(), 4)])
            );
            assert_eq!(outcome.cpu_seconds, None);
            match new_connection_each {
                true => assert_eq!(connections, 20),
                // A connection on which a call failed is not used again.
                false => assert!((3..=7).contains(&connections), "{connections}"),
            }
        }
    }

    #[tokio::test]
    async fn it_ends_in_time_though_there_are_calls_left() {
        let manner = Manner {
            connections: 2,
            calls_per_connection: 1,
            new_connection_each: false,
            rate: None,
        };
        let calls = Arc::new(Fake::default());
        let outcome = drive(&calls, manner, Duration::ZERO, &Meter::default()).await;
        assert!(outcome.unwrap().answered.is_empty());
    }
}
