//! Holds the answers to one call back until a constant time after the request was there, so that time tells nothing.
//!
//! From the last byte of the request, not its first: a slow network must not push answers into the next period. What took
//! longer leaves at the next multiple. Since only calls that do all the work (a code granted, an upload stored) are ever that
//! slow, all others take as many periods as one of the latest of those did.
//!
//! A held answer is a timer and its own bytes; it takes no thread, and stays a call of its connection and counts as one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::telemetry::{Metric, Telemetry};

/// How many of the calls that did all the work are remembered.
const REMEMBERED: usize = 64;

/// How much there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// All that such a call can take.
    Full,
    /// Less: it was refused, or a decoy.
    Less,
}

/// Holds the answers to one call.
pub(super) struct Hold {
    call: &'static str,
    /// None: answers leave at once.
    period: Option<Duration>,
    recent: Mutex<Recent>,
}

/// How many periods the latest calls with [`Effort::Full`] took.
struct Recent {
    periods: Vec<u32>,
    /// Where the next is written once there are [`REMEMBERED`].
    oldest: usize,
    /// Whose turn it is to be imitated.
    next: usize,
}

impl Hold {
    /// - `call`: as metrics name it.
    pub(super) fn new(call: &'static str, answer_after_ms: u32) -> Self {
        let period = Duration::from_millis(answer_after_ms.into());
        Self {
            call,
            period: Some(period).filter(|period| !period.is_zero()),
            recent: Mutex::new(Recent {
                periods: Vec::new(),
                oldest: 0,
                next: 0,
            }),
        }
    }

    /// Returns when the answer may leave.
    ///
    /// - `arrived`: when the whole request was there.
    pub(super) async fn until_due(&self, arrived: Instant, effort: Effort, telemetry: &Telemetry) {
        let took = arrived.elapsed();
        telemetry.observe(Metric::CallSeconds, &[self.call], took.as_secs_f64());
        let Some(period) = self.period else {
            return;
        };
        let own = periods(took, period);
        if own > 1 {
            telemetry.count(Metric::LateAnswers, &[self.call]);
        }
        sleep_until(arrived + period * self.periods_of(own, effort)).await;
    }

    fn periods_of(&self, own: u32, effort: Effort) -> u32 {
        // Numbers alone: a panic elsewhere cannot leave them worse than one too few.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.periods_of(own, effort)
    }
}

/// The period in which something ends, from 1.
fn periods(took: Duration, period: Duration) -> u32 {
    let whole = took.as_nanos() / period.as_nanos();
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_add(1)
}

impl Recent {
    /// How many periods a call is held that was done in `own`.
    fn periods_of(&mut self, own: u32, effort: Effort) -> u32 {
        if effort == Effort::Less {
            // In turn, not at random: over 64 of them that is the same, and costs nothing.
            let imitated = self.periods.get(self.next).copied().unwrap_or(1);
            self.next = (self.next + 1) % self.periods.len().max(1);
            return own.max(imitated);
        }
        if self.periods.len() < REMEMBERED {
            self.periods.push(own);
        } else {
            self.periods[self.oldest] = own;
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(30);

    #[test]
    fn answers_leave_at_multiples_of_one_time() {
        for (work_ms, count) in [(0, 1), (1, 1), (29, 1), (30, 2), (59, 2), (75, 3)] {
            assert_eq!(periods(Duration::from_millis(work_ms), PERIOD), count);
        }
        let hold = Hold::new("upload", 30);
        for own in [1, 3, 2] {
            assert_eq!(hold.periods_of(own, Effort::Full), own);
        }
    }

    #[test]
    fn who_has_less_to_do_is_late_as_often_as_who_has_more() {
        let hold = Hold::new("upload", 30);
        assert_eq!(hold.periods_of(1, Effort::Less), 1);
        for own in [1, 1, 1, 2].repeat(REMEMBERED / 4) {
            hold.periods_of(own, Effort::Full);
        }
        let less = || (0..REMEMBERED).filter(|_| hold.periods_of(1, Effort::Less) == 2);
        assert_eq!(less().count(), REMEMBERED / 4);
        assert_eq!(hold.periods_of(3, Effort::Less), 3);
        // A disk that has recovered is forgotten.
        for _ in 0..REMEMBERED {
            hold.periods_of(1, Effort::Full);
        }
        assert_eq!(less().count(), 0);
    }

    #[tokio::test]
    async fn an_answer_waits_for_its_time_and_what_was_late_is_counted() {
        let (hold, telemetry) = (Hold::new("redeem", 30), Telemetry::new());
        for (earlier_ms, multiples) in [(5, 1), (50, 2)] {
            let arrived = Instant::now() - Duration::from_millis(earlier_ms);
            hold.until_due(arrived, Effort::Full, &telemetry).await;
            assert!(arrived.elapsed() >= PERIOD * multiples);
        }
        let count = |metric| telemetry.value(metric, &["redeem"]);
        assert!(count(Metric::LateAnswers) >= 1.0);
        assert!(count(Metric::CallSeconds) >= 2.0);
        let unheld = Hold::new("redeem", 0);
        unheld
            .until_due(Instant::now(), Effort::Full, &telemetry)
            .await;
    }
}
