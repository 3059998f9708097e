//! Sums over the rounds of a run: calls, the time they took, what they cost.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::drive::Outcome;

/// Median, and what one in a hundred and one in a thousand waited longer for.
pub(super) const SHARES: [f64; 3] = [0.5, 0.99, 0.999];

/// Times, to three digits.
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are allowed"))
    }
}

impl Times {
    pub(super) fn record(&mut self, took: Duration) {
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.record(nanoseconds).expect("it grows as needed");
    }

    /// Milliseconds within which this share of the calls was answered; none without calls.
    pub(super) fn milliseconds(&self, share: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(share) as f64 / 1e6)
    }
}

/// One kind of call to one server, all rounds together.
#[derive(Default)]
pub(super) struct Kind {
    calls: u64,
    seconds: f64,
    /// Of the server; none if it is not known.
    cpu_seconds: Option<f64>,
    times: Times,
}

impl Kind {
    /// Counts a round's time, but not the server's part in it: that is for the calls beside which these stood.
    pub(super) fn add_seconds<A>(&mut self, outcome: &Outcome<A>) {
        self.seconds += outcome.seconds;
    }

    /// Counts a round's time. Its calls are for [`Self::record`].
    pub(super) fn add_time<A>(&mut self, outcome: &Outcome<A>) {
        self.add_seconds(outcome);
        if let Some(cpu) = outcome.cpu_seconds {
            *self.cpu_seconds.get_or_insert_default() += cpu;
        }
    }

    /// Counts a call.
    pub(super) fn record(&mut self, took: Duration) {
        self.calls += 1;
        self.times.record(took);
    }

    /// Counts a round's time and all its calls.
    pub(super) fn add<A>(&mut self, outcome: &Outcome<A>) {
        self.add_time(outcome);
        for answered in &outcome.answered {
            self.record(answered.took);
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    pub(super) fn per_second(&self) -> f64 {
        self.calls as f64 / self.seconds
    }

    pub(super) fn milliseconds(&self, share: f64) -> Option<f64> {
        self.times.milliseconds(share)
    }

    /// For each call.
    pub(super) fn cpu_microseconds(&self) -> Option<f64> {
        let cpu = self.cpu_seconds.filter(|_| self.calls > 0)?;
        Some(cpu * 1e6 / self.calls as f64)
    }

    pub(super) fn json(&self) -> Value {
        let [p50, p99, p999] = SHARES.map(|share| self.times.milliseconds(share));
        json!({
            "calls": self.calls,
            "per_second": self.per_second(),
            "p50_ms": p50,
            "p99_ms": p99,
            "p999_ms": p999,
            "cpu_us": self.cpu_microseconds(),
        })
    }
}

/// Redeem and upload, one after the other.
#[derive(Default)]
pub(super) struct Both {
    pub(super) redeem: Kind,
    pub(super) upload: Kind,
    /// How long one phone waited for both answers.
    pub(super) times: Times,
}

impl Both {
    /// 1 / (1 / redeems + 1 / uploads): the two are measured one after the other.
    pub(super) fn per_second(&self) -> f64 {
        1.0 / (1.0 / self.redeem.per_second() + 1.0 / self.upload.per_second())
    }

    pub(super) fn cpu_microseconds(&self) -> Option<f64> {
        Some(self.redeem.cpu_microseconds()? + self.upload.cpu_microseconds()?)
    }
}

/// A file from our server and the same from nginx.
#[derive(Default)]
pub(super) struct File {
    pub(super) bytes: usize,
    pub(super) ours: Kind,
    /// None: no nginx here.
    pub(super) nginx: Option<Kind>,
}

impl File {
    /// Ours, nginx's.
    pub(super) fn per_second(&self) -> (f64, Option<f64>) {
        (
            self.ours.per_second(),
            self.nginx.as_ref().map(Kind::per_second),
        )
    }

    pub(super) fn megabytes_per_second(&self) -> (f64, Option<f64>) {
        let megabytes = self.bytes as f64 / 1e6;
        let (ours, nginx) = self.per_second();
        (ours * megabytes, nginx.map(|rate| rate * megabytes))
    }

    pub(super) fn cpu_ratio(&self) -> Option<f64> {
        Some(self.ours.cpu_microseconds()? / self.nginx.as_ref()?.cpu_microseconds()?)
    }
}
