//! Running work until it is done: in a transaction that is tried again where others were at the same rows.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};

use deadpool_postgres::{Client, Object};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    failure::{Failure, Result},
    sql::Isolation,
};

/// Most tries of one piece of work. With the pauses between them, some two seconds.
const TRIES: u32 = 12;

/// Most who wait for a turn; who comes then is told to come again.
const WAITING: usize = 1_024;

/// The tries of one piece of work.
pub(super) struct Tries(u32);

impl Tries {
    pub(super) fn new() -> Self {
        Self(0)
    }

    /// What came of a try; `None` after a pause if there is to be another.
    pub(super) async fn judge<T>(&mut self, outcome: Result<T>) -> Option<Result<T>> {
        self.0 += 1;
        match outcome {
            Err(failure) if failure.is_worth_another_try() && self.0 < TRIES => {
                tokio::time::sleep(pause(self.0)).await;
                None
            }
            outcome => Some(outcome),
        }
    }
}

/// Doubles up to a quarter of a second; half of it by chance, so that those who met do not meet again.
fn pause(tries: u32) -> Duration {
    let most = 1_u64 << tries.min(8);
    // A hasher's keys are random: the standard library's only randomness, and good enough to spread.
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_millis(most / 2 + chance % (most / 2 + 1))
}

/// A line of those who wait for their turn, one at a time.
pub(super) struct Line {
    places: Semaphore,
    turn: Semaphore,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            places: Semaphore::new(WAITING),
            turn: Semaphore::new(1),
        }
    }

    /// Waits for a turn, unless too many do already.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        let _place = self.places.try_acquire().map_err(|_| Failure::Busy)?;
        let turn = self.turn.acquire().await;
        Ok(turn.expect("it is never closed"))
    }
}

/// Waits for work, but not for ever: the other end may have fallen silent.
pub(super) async fn in_time<T>(
    isolation: Isolation,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let outcome = tokio::time::timeout(isolation.limit(), work).await;
    outcome.unwrap_or(Err(Failure::TimedOut))
}

/// Gives a connection back, unless what happened on it says that it must not be used again.
pub(super) fn give_back<T>(connection: Client, outcome: &Result<T>) {
    if outcome.as_ref().is_err_and(Failure::ends_connection) {
        drop(Object::take(connection));
    }
}

/// Runs work until it is done, or fails for another reason than that others were at the same rows. Gives
/// `crate::store::Result`.
///
/// Macros, because of the futures' lifetimes: a closure whose future borrows from its argument and its surroundings, and is
/// `Send`, cannot be written as a parameter of a function.
macro_rules! until_done {
    ($store:expr, $isolation:ident, |$connection:ident| $work:expr) => {{
        let isolation = $crate::store::postgres::sql::Isolation::$isolation;
        let mut tries = $crate::store::postgres::transaction::Tries::new();
        let outcome = loop {
            let outcome = match $store.connection().await {
                Err(failure) => Err(failure),
                Ok(mut $connection) => {
                    let work = async { $work };
                    let outcome =
                        $crate::store::postgres::transaction::in_time(isolation, work).await;
                    $crate::store::postgres::transaction::give_back($connection, &outcome);
                    outcome
                }
            };
            if let Some(outcome) = tries.judge(outcome).await {
                break outcome;
            }
        };
        outcome.map_err($crate::store::StoreError::from)
    }};
}

/// Runs work in a transaction of its own.
///
/// - the isolation: a variant of `Isolation`.
/// - the work: a future of `failure::Result`, of the transaction `sql`. Made anew for every try.
macro_rules! transaction {
    ($store:expr, $isolation:ident, |$sql:ident| $work:expr) => {
        $crate::store::postgres::transaction::until_done!($store, $isolation, |connection| {
            use $crate::store::postgres::sql::{Isolation, Sql};
            let sql = Sql::begin(&mut connection, Isolation::$isolation).await?;
            let value = {
                let $sql = &sql;
                $work.await?
            };
            sql.commit().await?;
            $crate::store::postgres::failure::Result::Ok(value)
        })
    };
}

/// Runs what officers and administrators do, when its turn comes.
macro_rules! officers {
    ($store:expr, |$sql:ident| $work:expr) => {{
        let turn = $store.officers.turn().await?;
        let outcome =
            $crate::store::postgres::transaction::transaction!($store, Serializable, |$sql| $work);
        drop(turn);
        outcome
    }};
}

/// Runs statements that are a transaction each.
macro_rules! query {
    ($store:expr, |$sql:ident| $work:expr) => {
        $crate::store::postgres::transaction::until_done!($store, ReadCommitted, |connection| {
            // Used like one that begins a transaction.
            let connection = &mut connection;
            let sql = $crate::store::postgres::sql::Sql::Single(connection);
            let $sql = &sql;
            $work.await
        })
    };
}

pub(super) use {officers, query, transaction, until_done};
