//! What a listener bounds: how long anything on a connection may take, how many calls it has in hand, how much of their bodies.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::telemetry::{Metric, Telemetry};

/// For what is in flight when a connection takes no more calls, or the server stops.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// The bounds of one listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For a TLS handshake, for the first byte of a connection, for its first call to begin, and for the head of an HTTP/1.1
    /// request.
    pub(crate) handshake: Duration,
    /// For one call, from its head to the head of its answer: so for its body, too.
    pub(crate) call: Duration,
    /// For a caller to take the next part of an answer. After so long without any call, a connection takes no more.
    pub(crate) progress: Duration,
    /// After this long a connection takes no more calls. Phones need seconds; downloads go on with a range.
    pub(crate) age: Duration,
    /// For what is in flight when a connection takes no more calls, or the server stops.
    pub(crate) drain: Duration,
    /// Calls in hand at a time, on all connections.
    pub(crate) calls: usize,
    /// Bytes of requests' bodies that are in memory at a time, of all calls.
    pub(crate) body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            call: Duration::from_secs(30),
            progress: Duration::from_secs(60),
            age: Duration::from_secs(600),
            drain: DRAIN_TIMEOUT,
            // Answers may be held to a common time: at half a second, ten thousand a second.
            calls: 8_192,
            // Uploads are far smaller than the largest message that is decoded at all.
            body_bytes: 64 << 20,
        }
    }
}

/// Counts against the limits of one listener. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Counts>);

struct Counts {
    limits: Limits,
    /// "public", "staff" or "ops".
    listener: &'static str,
    telemetry: Arc<Telemetry>,
    calls: AtomicUsize,
    body_bytes: AtomicUsize,
}

impl Guard {
    pub(crate) fn new(listener: &'static str, limits: Limits, telemetry: Arc<Telemetry>) -> Self {
        Self(Arc::new(Counts {
            limits,
            listener,
            telemetry,
            calls: AtomicUsize::new(0),
            body_bytes: AtomicUsize::new(0),
        }))
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// A connection is there until what this gives is dropped.
    pub(crate) fn open_connection(&self) -> OpenConnection {
        let guard = self.clone();
        guard
            .0
            .telemetry
            .add(Metric::Connections, &[self.0.listener], 1);
        OpenConnection(guard)
    }

    /// - `began`: "plain", "tls" or "resumed".
    pub(crate) fn count_accepted(&self, began: &str) {
        let labels = [self.0.listener, began];
        self.0.telemetry.count(Metric::ConnectionsAccepted, &labels);
    }

    /// A connection was closed because its peer was too slow.
    pub(crate) fn count_cut(&self, reason: &str) {
        let labels = [self.0.listener, reason];
        self.0.telemetry.count(Metric::ConnectionsCut, &labels);
    }

    /// A call begins; none if there are too many.
    pub(crate) fn begin_call(&self) -> Option<Call> {
        let call = Call(self.clone());
        // Dropped when refused: it takes back what it counted.
        let before = self.0.calls.fetch_add(1, Ordering::Relaxed);
        (before < self.0.limits.calls).then_some(call)
    }

    /// Whether no call is in hand and no byte of a body.
    #[cfg(test)]
    pub(crate) fn is_at_rest(&self) -> bool {
        let counts = [&self.0.calls, &self.0.body_bytes];
        counts
            .iter()
            .all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// None of a body is in memory yet.
    pub(crate) fn no_bytes(&self) -> Bytes {
        Bytes(self.clone(), 0)
    }
}

/// Counts a connection as open.
pub(crate) struct OpenConnection(Guard);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let counts = &self.0.0;
        counts
            .telemetry
            .subtract_one(Metric::Connections, &[counts.listener]);
    }
}

/// Counts a call as in hand.
pub(crate) struct Call(Guard);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes of one request's body that are counted.
pub(crate) struct Bytes(Guard, usize);

impl Bytes {
    /// Counts more; false if that is too much of all calls together.
    pub(crate) fn add(&mut self, more: usize) -> bool {
        let counts = &self.0.0;
        self.1 += more;
        let before = counts.body_bytes.fetch_add(more, Ordering::Relaxed);
        before + more <= counts.limits.body_bytes
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.0.0.body_bytes.fetch_sub(self.1, Ordering::Relaxed);
    }
}
