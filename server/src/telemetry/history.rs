//! What chosen metrics said over the last day: samples in two bounded rings, from which rates and charts are made.
//!
//! Every [`EVERY`] for an hour, every minute for a day. All in memory: a restart begins anew, as the counters do. Places in
//! time are seconds since the server started, by no clock that could jump. Full, the rings hold [`MAX_BYTES`].

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Kind, Metric, Telemetry};

/// How often a sample is taken.
pub const EVERY: Duration = Duration::from_secs(5);

/// An hour of samples, and the one before.
const FINE: usize = 721;
/// A day of minutes, and the one before.
const COARSE: usize = 1_441;
const MINUTE_SECONDS: u64 = 60;

/// Points of a chart.
pub const POINTS: usize = 120;

/// A rate of now is that of so many seconds.
const NOW_SECONDS: u64 = 10;

/// What the full rings take.
pub const MAX_BYTES: usize = (FINE + COARSE) * size_of::<Sample>();

/// Declares what is sampled.
macro_rules! series {
    ($($(#[doc = $help:literal])+ $variant:ident = $metric:ident, $read:expr;)+) => {
        /// What is sampled.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Series {
            $($(#[doc = $help])+ $variant,)+
        }

        impl Series {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The metric behind it.
            #[must_use]
            pub fn metric(self) -> Metric {
                match self { $(Self::$variant => Metric::$metric,)+ }
            }

            /// What it says now.
            #[must_use]
            pub fn read(self, telemetry: &Telemetry) -> f64 {
                match self {
                    $(Self::$variant => {
                        let read: fn(&Telemetry, Metric) -> f64 = $read;
                        read(telemetry, Metric::$metric)
                    })+
                }
            }
        }
    };
}

series! {
    /// Uploads that were stored.
    Uploads = Uploads, |t, m| t.sum_where(m, "outcome", "accepted");
    /// Codes that became tokens.
    Redemptions = Redemptions, |t, m| t.sum_where(m, "outcome", "granted");
    /// Answers to requests for an index.
    IndexDownloads = Downloads, |t, m| t.sum_where(m, "what", "index");
    /// Answers to requests for a batch.
    BatchDownloads = Downloads, |t, m| t.sum_where(m, "what", "batch");
    /// Bytes of index and batches handed out.
    DownloadBytes = DownloadBytes, Telemetry::sum;
    /// Work waiting for the writing thread.
    WriterQueue = WriterQueue, Telemetry::sum;
    /// Connections of phones.
    PhoneConnections = Connections, |t, m| t.sum_where(m, "listener", "public");
    /// What a phone downloads a day, of the region that asks most.
    PhoneBytes = PhoneBytesPerDay, Telemetry::largest;
    /// False alarms a day that are to be expected.
    FalseAlarms = ExpectedFalseAlarms, Telemetry::sum;
    /// The database with its log.
    DatabaseBytes = DatabaseBytes, Telemetry::sum;
    /// Redeem and upload calls.
    Calls = CallSeconds, Telemetry::sum;
    /// Those answered late.
    LateAnswers = LateAnswers, Telemetry::sum;
    /// Work turned away.
    WriterBusy = WriterBusy, Telemetry::sum;
    /// Commits that failed.
    CommitFailures = CommitFailures, Telemetry::sum;
    /// Publications that failed.
    PublicationFailures = PublicationFailures, Telemetry::sum;
    /// Answers to all downloads.
    Downloads = Downloads, Telemetry::sum;
    /// Those that failed.
    FailedDownloads = Downloads, |t, m| t.sum_where(m, "answer", "failed");
    /// Self-checks that failed.
    FailedSelfChecks = SelfChecks, |t, m| t.sum_where(m, "outcome", "failed");
    /// Codes that nobody could redeem.
    WrongGuesses = WrongGuesses, Telemetry::sum;
    /// Jumps of the clock.
    ClockJumps = ClockJumps, Telemetry::sum;
}

impl Series {
    /// Whether its rate says something, not its level.
    #[must_use]
    pub fn is_counted(self) -> bool {
        self.metric().kind() != Kind::Gauge
    }
}

/// How far a chart looks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// An hour.
    Hour,
    /// Six hours.
    SixHours,
    /// A day.
    Day,
}

impl Span {
    /// All of them, shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::SixHours, Self::Day];

    /// Its length.
    #[must_use]
    pub fn seconds(self) -> u64 {
        match self {
            Self::Hour => 3_600,
            Self::SixHours => 6 * 3_600,
            Self::Day => 86_400,
        }
    }

    /// Of one of its [`POINTS`].
    #[must_use]
    pub fn step_seconds(self) -> u64 {
        self.seconds() / POINTS as u64
    }
}

#[derive(Clone, Copy)]
struct Sample {
    /// Since the server started.
    at_seconds: u64,
    values: [f64; Series::ALL.len()],
}

/// The samples.
#[derive(Default)]
pub struct History(Mutex<Rings>);

#[derive(Default)]
struct Rings {
    /// Oldest first.
    fine: VecDeque<Sample>,
    /// One a minute: of counters its last, of gauges its highest.
    coarse: VecDeque<Sample>,
}

impl History {
    /// Takes a sample.
    ///
    /// - `at_seconds`: since the server started; never less than the time before.
    pub fn take(&self, telemetry: &Telemetry, at_seconds: u64) {
        let mut values = [0.0; Series::ALL.len()];
        for (value, series) in values.iter_mut().zip(Series::ALL) {
            *value = series.read(telemetry);
        }
        let sample = Sample { at_seconds, values };
        let mut rings = self.lock();
        push(&mut rings.fine, FINE, sample);
        let minute = at_seconds / MINUTE_SECONDS;
        match rings.coarse.back_mut() {
            Some(last) if last.at_seconds / MINUTE_SECONDS == minute => last.merge(&sample),
            _ => push(&mut rings.coarse, COARSE, sample),
        }
    }

    /// How much a counter grew within the last seconds, at most an hour, up to what it says `now`.
    #[must_use]
    pub fn growth(&self, series: Series, within_seconds: u64, now: f64) -> f64 {
        let rings = self.lock();
        let Some(last) = rings.fine.back() else {
            return 0.0;
        };
        let earliest = last.at_seconds.saturating_sub(within_seconds);
        let before = rings
            .fine
            .iter()
            .find(|sample| sample.at_seconds >= earliest);
        before.map_or(0.0, |before| (now - before.value(series)).max(0.0))
    }

    /// What it says now: a counter's growth a second, lately; a gauge's level.
    #[must_use]
    pub fn now(&self, series: Series) -> f64 {
        let rings = self.lock();
        let Some(last) = rings.fine.back() else {
            return 0.0;
        };
        if !series.is_counted() {
            return last.value(series);
        }
        let earliest = last.at_seconds.saturating_sub(NOW_SECONDS);
        let before = rings
            .fine
            .iter()
            .find(|sample| sample.at_seconds >= earliest);
        before
            .and_then(|before| rate(series, before, last))
            .unwrap_or(0.0)
    }

    /// The [`POINTS`] of a chart, oldest first: growth a second of counters, the highest level of gauges. `None`: nothing
    /// was sampled then.
    #[must_use]
    pub fn chart(&self, series: Series, span: Span) -> Vec<Option<f64>> {
        let rings = self.lock();
        let samples = if span == Span::Hour {
            &rings.fine
        } else {
            &rings.coarse
        };
        let step = span.step_seconds();
        let Some(last) = samples.back() else {
            return vec![None; POINTS];
        };
        // At full steps, so that points stay what they are while time goes on.
        let end = (last.at_seconds + 1).div_ceil(step);
        (0..POINTS as u64)
            .map(|point| {
                let until = (end + point + 1).checked_sub(POINTS as u64)? * step;
                within(samples, until.checked_sub(step)?, until, series)
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Rings> {
        // Samples are pushed whole: a panic cannot leave one half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sample {
    fn value(&self, series: Series) -> f64 {
        self.values[series as usize]
    }

    fn merge(&mut self, later: &Self) {
        self.at_seconds = later.at_seconds;
        for ((value, later), series) in self.values.iter_mut().zip(later.values).zip(Series::ALL) {
            *value = if series.is_counted() {
                later
            } else {
                value.max(later)
            };
        }
    }
}

fn push(ring: &mut VecDeque<Sample>, most: usize, sample: Sample) {
    if ring.len() == most {
        ring.pop_front();
    }
    ring.push_back(sample);
}

/// Of the samples from `since` on and before `until`.
fn within(samples: &VecDeque<Sample>, since: u64, until: u64, series: Series) -> Option<f64> {
    let first = samples.partition_point(|sample| sample.at_seconds < since);
    let end = samples.partition_point(|sample| sample.at_seconds < until);
    let last = samples.get(end.checked_sub(1)?).filter(|_| first < end)?;
    if series.is_counted() {
        // From the sample before the step on: no growth falls between two steps.
        rate(series, &samples[first.saturating_sub(1)], last)
    } else {
        let levels = samples.range(first..end).map(|sample| sample.value(series));
        levels.reduce(f64::max)
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most a day of seconds")]
fn rate(series: Series, before: &Sample, after: &Sample) -> Option<f64> {
    let seconds = after.at_seconds - before.at_seconds;
    (seconds > 0).then(|| (after.value(series) - before.value(series)) / seconds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn rates_and_growth_are_of_the_time_asked_for() {
        let (telemetry, history) = (Telemetry::new(), History::default());
        for at in (0..=3_600).step_by(5) {
            history.take(&telemetry, at);
            // Ten in every five seconds, and nothing in the last minute.
            if at < 3_540 {
                telemetry.add(Metric::Uploads, &["accepted"], 10);
                telemetry.add(Metric::Uploads, &["refused"], 1_000);
            }
            telemetry.set(
                Metric::WriterQueue,
                &[],
                if at == 1_800 { 9.0 } else { 2.0 },
            );
        }
        let now = Series::Uploads.read(&telemetry);
        assert!(is(now, 7_080.0));
        assert!(is(history.growth(Series::Uploads, 60, now), 0.0));
        assert!(is(history.growth(Series::Uploads, 120, now), 120.0));
        assert!(is(history.growth(Series::Uploads, 60, now + 3.0), 3.0));
        assert!(is(history.now(Series::Uploads), 0.0));
        assert!(is(history.now(Series::WriterQueue), 2.0));
        for (span, growing) in [(Span::Hour, 118), (Span::SixHours, 19), (Span::Day, 5)] {
            let points = history.chart(Series::Uploads, span);
            assert_eq!(points.len(), POINTS);
            let rates: Vec<f64> = points.into_iter().flatten().collect();
            assert!(
                rates[1..growing - 1].iter().all(|rate| is(*rate, 2.0)),
                "{span:?} {rates:?}"
            );
            let levels = history.chart(Series::WriterQueue, span);
            let highest = levels.into_iter().flatten().fold(0.0, f64::max);
            assert!(is(highest, 9.0), "{span:?}");
        }
    }

    #[test]
    fn what_grew_between_two_points_is_in_one_of_them() {
        let (telemetry, history) = (Telemetry::new(), History::default());
        for at in (0..7_200).step_by(5) {
            telemetry.add(Metric::Uploads, &["accepted"], at % 7);
            history.take(&telemetry, at);
        }
        let points = history.chart(Series::Uploads, Span::SixHours);
        let first = points.iter().position(Option::is_some).unwrap();
        // The first sample of all has none before it.
        let total: f64 = points[first + 1..].iter().flatten().sum();
        let all = Series::Uploads.read(&telemetry);
        assert!((total * 180.0 - all).abs() < 0.05 * all, "{total} {all}");
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let (telemetry, history) = (Telemetry::new(), History::default());
        for at in (0..90_000).step_by(5) {
            history.take(&telemetry, at);
        }
        let rings = history.lock();
        assert_eq!((rings.fine.len(), rings.coarse.len()), (FINE, COARSE));
        drop(rings);
        for span in Span::ALL {
            let points = history.chart(Series::Uploads, span);
            assert!(points.iter().all(Option::is_some), "{span:?}");
        }
        const { assert!(MAX_BYTES < 400_000) };
    }

    #[test]
    fn before_the_first_sample_there_is_nothing() {
        let history = History::default();
        assert!(is(history.growth(Series::Uploads, 60, 5.0), 0.0));
        assert!(is(history.now(Series::Uploads), 0.0));
        assert_eq!(
            history.chart(Series::Uploads, Span::Day),
            vec![None; POINTS]
        );
        history.take(&Telemetry::new(), 0);
        let points = history.chart(Series::WriterQueue, Span::Hour);
        assert_eq!(points.iter().flatten().count(), 1);
    }
}
