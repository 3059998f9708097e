//! Bodies that are watched: what comes in is counted, what goes out shows whether the caller takes it.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::body::Body;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};

use super::guard;

/// A request's body, its bytes counted for as long as the body is there. Ends with an error if all bodies together are too
/// much.
pub(crate) struct Counted {
    body: Incoming,
    bytes: guard::Bytes,
    too_much: Arc<AtomicBool>,
}

impl Counted {
    /// - `too_much`: set if the body ended for that reason.
    pub(crate) fn new(body: Incoming, bytes: guard::Bytes, too_much: Arc<AtomicBool>) -> Self {
        Self {
            body,
            bytes,
            too_much,
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("too many bodies at a time")]
struct TooMuch;

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && !self.bytes.add(data.len())
        {
            self.too_much.store(true, Ordering::Relaxed);
            return Poll::Ready(Some(Err(TooMuch.into())));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a connection gets on: its calls, and the answers that are on their way.
#[derive(Clone)]
pub(crate) struct Progress(Arc<State>);

struct State {
    began: Instant,
    /// Milliseconds from `began` to when last a call began, or a part of an answer was taken.
    last: AtomicU64,
    answers: AtomicUsize,
}

/// What a connection has done for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standstill {
    /// No call.
    Idle,
    /// Nothing of its answers was taken.
    Stalled,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            began: Instant::now(),
            last: AtomicU64::new(0),
            answers: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn made(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Relaxed);
    }

    /// Returns once nothing was done for that long. A call that is being answered is bounded elsewhere, and counts as an
    /// answer from its beginning.
    pub(crate) async fn none_within(&self, time: Duration) -> Standstill {
        loop {
            let last = Duration::from_millis(self.0.last.load(Ordering::Relaxed));
            let still = self.0.began.elapsed().saturating_sub(last);
            if still >= time {
                return match self.0.answers.load(Ordering::Relaxed) {
                    0 => Standstill::Idle,
                    _ => Standstill::Stalled,
                };
            }
            tokio::time::sleep(time - still).await;
        }
    }

    /// An answer is under way until what this gives is dropped.
    pub(crate) fn answer(&self) -> UnderWay {
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        self.made();
        UnderWay(self.clone())
    }
}

/// Counts an answer as under way.
pub(crate) struct UnderWay(Progress);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.made();
        self.0.0.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body, each part of which is progress. The connection asks for a part when it has room for it.
pub(crate) struct Watched {
    body: Body,
    under_way: UnderWay,
}

impl Watched {
    pub(crate) fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, under_way }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.under_way.0.made();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
