//! Holds the answers to one call back until a constant time after the request was there, so that time tells nothing.
//!
//! From the last byte of the request, not its first: a slow network must not push answers into the next period. What took
//! longer leaves at the next multiple. Since only calls that do all the work (a code granted, an upload stored) are ever that
//! slow, all others take as many periods as one of the latest of those did. (Where a server is so overloaded that even refusals
//! are late by themselves, those are late somewhat more often.)
//!
//! A held answer is a timer and its own bytes; it takes no thread, and stays a call of its connection and counts as one.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, RngExt as _};
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
            }),
        }
    }

    /// Returns when the answer may leave.
    ///
    /// - `arrived`: when the whole request was there.
    /// - `rng`: chooses which of the latest calls is imitated.
    pub(super) async fn until_due(
        &self,
        arrived: Instant,
        effort: Effort,
        telemetry: &Telemetry,
        rng: &mut impl Rng,
    ) {
        let took = arrived.elapsed();
        telemetry.observe(Metric::CallSeconds, &[self.call], took.as_secs_f64());
        let Some(period) = self.period else {
            return;
        };
        let own = periods(took, period);
        if own > 1 {
            telemetry.count(Metric::LateAnswers, &[self.call]);
        }
        sleep_until(arrived + period * self.periods_of(own, effort, rng)).await;
    }

    fn periods_of(&self, own: u32, effort: Effort, rng: &mut impl Rng) -> u32 {
        // Numbers alone: a panic elsewhere cannot leave them worse than one too few.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.periods_of(own, effort, rng)
    }
}

/// The period in which something ends, from 1.
fn periods(took: Duration, period: Duration) -> u32 {
    let whole = took.as_nanos() / period.as_nanos();
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_add(1)
}

impl Recent {
    /// How many periods a call is held that was done in `own`.
    fn periods_of(&mut self, own: u32, effort: Effort, rng: &mut impl Rng) -> u32 {
        if effort == Effort::Less {
            // At random: in turn, the order would repeat, and whatever breaks it would be an upload.
            let imitated = match self.periods.len() {
                0 => 1,
                count => self.periods[rng.random_range(0..count)],
            };
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
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    const PERIOD: Duration = Duration::from_millis(30);

    #[test]
    fn answers_leave_at_multiples_of_one_time() {
        for (work_ms, count) in [(0, 1), (1, 1), (29, 1), (30, 2), (59, 2), (75, 3)] {
            assert_eq!(periods(Duration::from_millis(work_ms), PERIOD), count);
        }
        let (hold, mut rng) = (Hold::new("upload", 30), rng());
        for own in [1, 3, 2] {
            assert_eq!(hold.periods_of(own, Effort::Full, &mut rng), own);
        }
    }

    #[test]
    fn who_has_less_to_do_is_late_as_often_as_who_has_more() {
        let (hold, mut rng) = (Hold::new("upload", 30), rng());
        let mut periods_of = |own, effort| hold.periods_of(own, effort, &mut rng);
        assert_eq!(periods_of(1, Effort::Less), 1);
        for own in [1, 1, 1, 2].repeat(REMEMBERED / 4) {
            periods_of(own, Effort::Full);
        }
        assert_eq!(periods_of(3, Effort::Less), 3);
        let late = (0..4_000).filter(|_| periods_of(1, Effort::Less) == 2);
        // 1,000 expected, deviation 27.
        let late = late.count();
        assert!((850..1_150).contains(&late), "{late}");
        // A disk that has recovered is forgotten.
        for _ in 0..REMEMBERED {
            periods_of(1, Effort::Full);
        }
        assert!((0..100).all(|_| periods_of(1, Effort::Less) == 1));
    }

    #[tokio::test]
    async fn an_answer_waits_for_its_time_and_what_was_late_is_counted() {
        let (hold, telemetry) = (Hold::new("redeem", 30), Telemetry::new());
        let mut rng = rng();
        for (earlier_ms, multiples) in [(5, 1), (50, 2)] {
            let arrived = Instant::now() - Duration::from_millis(earlier_ms);
            hold.until_due(arrived, Effort::Full, &telemetry, &mut rng)
                .await;
            assert!(arrived.elapsed() >= PERIOD * multiples);
        }
        let count = |metric| telemetry.value(metric, &["redeem"]);
        assert!(count(Metric::LateAnswers) >= 1.0);
        assert!(count(Metric::CallSeconds) >= 2.0);
        let unheld = Hold::new("redeem", 0);
        unheld
            .until_due(Instant::now(), Effort::Full, &telemetry, &mut rng)
            .await;
    }
}
