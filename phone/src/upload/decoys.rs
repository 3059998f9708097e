//! Decoys: calls that look like an upload, so that a real one does not stand out. When the next is due: table `decoy`.
//!
//! Decoys come as a Poisson process, independent of everything that the phone does or knows: the time from one to the next
//! is exponentially distributed. That a decoy was sent, or that none was for long, then says nothing about the next call
//! that looks like one. One that is due while the phone is off or has no network is sent when it can be; what failed on the
//! way is not made up for.

use rand::{CryptoRng, RngExt as _};
use rusqlite::{OptionalExtension as _, Transaction, params};
use truyvet_crypto::Timestamp;

use super::{UploadError, calls::Calls};
use crate::{config::DeploymentConfig, connection::Connection, database::StoreError};

const WEEK_SECONDS: f64 = 7.0 * 86_400.0;

/// Longest time to the next decoy, in means: one in 500 million would be longer. What lies further ahead was drawn by a clock
/// that was ahead.
const MOST_MEANS: f64 = 20.0;

/// Makes the calls of an upload without one. The configuration was fetched just now.
pub(crate) async fn send(
    connection: &Connection,
    config: &DeploymentConfig,
) -> Result<(), UploadError> {
    let mut calls = Calls::begin(connection);
    let redeemed = calls.decoy_redeem().await;
    let uploaded = calls.decoy_upload(config.upload_bytes).await;
    redeemed.and(uploaded)
}

/// Whether a decoy is due; if so, draws when the next one is. Before it is sent: one that fails is not tried again, so that a
/// server in trouble is not called by all phones at once.
pub(crate) fn take_due(
    transaction: &Transaction<'_>,
    per_week: u32,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<bool, StoreError> {
    if per_week == 0 {
        transaction.execute("DELETE FROM decoy", [])?;
        return Ok(false);
    }
    let mean = WEEK_SECONDS / f64::from(per_week);
    let drawn = transaction
        .query_row("SELECT due_at, per_week FROM decoy", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?))
        })
        .optional()?;
    // An exponential distribution has no memory: drawing anew, at another rate or for a clock that was set, spoils nothing.
    let still = drawn.filter(|&(due_at, at_rate)| {
        let ahead = due_at.saturating_sub(now.unix_seconds());
        at_rate == per_week && ahead <= seconds(mean * MOST_MEANS)
    });
    let due = still.is_some_and(|(due_at, _)| due_at <= now.unix_seconds());
    if due || still.is_none() {
        let next = now.plus_seconds(seconds_to_next(mean, rng));
        transaction.execute(
            "INSERT OR REPLACE INTO decoy (one, due_at, per_week) VALUES (1, ?, ?)",
            params![next.unix_seconds(), per_week],
        )?;
    }
    Ok(due)
}

/// Exponentially distributed.
fn seconds_to_next(mean: f64, rng: &mut impl CryptoRng) -> i64 {
    // In (0, 1].
    let uniform = 1.0 - rng.random::<f64>();
    seconds((-uniform.ln()).min(MOST_MEANS) * mean)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "at most twenty weeks and never negative"
)]
fn seconds(seconds: f64) -> i64 {
    seconds.ceil() as i64
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};
    use truyvet_crypto::Scheme;

    use super::*;
    use crate::database::Database;

    struct Schedule {
        database: Database,
        now: Timestamp,
        rng: StdRng,
    }

    impl Schedule {
        fn new() -> Self {
            Self {
                database: Database::in_memory(Scheme::Bluezone).unwrap(),
                now: Timestamp::from_unix_seconds(1_767_268_800).unwrap(),
                rng: StdRng::seed_from_u64(1),
            }
        }

        fn due(&mut self, per_week: u32) -> bool {
            let (now, rng) = (self.now, &mut self.rng);
            let due: Result<bool, StoreError> = self
                .database
                .write(|transaction| take_due(transaction, per_week, now, rng));
            due.unwrap()
        }

        /// Hours at which a decoy is sent, asked every hour.
        fn hours(&mut self, hours: i64, per_week: u32) -> Vec<i64> {
            (0..hours)
                .filter(|_| {
                    self.now = self.now.plus_seconds(3_600);
                    self.due(per_week)
                })
                .collect()
        }
    }

    #[test]
    fn decoys_come_at_the_deployments_rate_and_without_memory() {
        let weeks = 1_000;
        let sent = Schedule::new().hours(weeks * 168, 2);
        // 2,000 expected, deviation 45.
        assert!((1_800..2_200).contains(&sent.len()), "{}", sent.len());
        let gaps: Vec<i64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let longer_than = |hours| gaps.iter().filter(|gap| **gap > hours).count() as f64;
        let share = longer_than(84) / gaps.len() as f64;
        // Of an exponential distribution, 1/e is longer than the mean, and of these again 1/e longer than twice that.
        assert!((share - 0.368).abs() < 0.05, "{share}");
        let share = longer_than(168) / longer_than(84);
        assert!((share - 0.368).abs() < 0.07, "{share}");
    }

    #[test]
    fn a_phone_that_was_off_for_long_sends_one_decoy_and_no_more() {
        let mut schedule = Schedule::new();
        assert!(!schedule.due(70));
        schedule.now = schedule.now.plus_seconds(30 * 86_400);
        assert!(schedule.due(70));
        assert!(!schedule.due(70));
    }

    #[test]
    fn no_decoys_means_none() {
        let mut schedule = Schedule::new();
        assert!(schedule.hours(1_000, 0).is_empty());
    }

    #[test]
    fn a_changed_rate_or_a_clock_that_was_ahead_draws_anew() {
        let mut schedule = Schedule::new();
        schedule.due(1);
        assert!(!schedule.hours(500, 70).is_empty());
        schedule.now = schedule.now.plus_seconds(20 * 365 * 86_400);
        schedule.due(70);
        schedule.now = schedule.now.plus_seconds(-20 * 365 * 86_400);
        assert!(!schedule.hours(500, 70).is_empty());
    }
}
