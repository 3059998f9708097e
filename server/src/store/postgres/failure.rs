//! What can go wrong with a statement, and whether trying again may help.

use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// Why work on the database failed. Text of an error never holds a bound value: only what the database says of it is kept, and
/// not its detail, which names keys that clash.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database, or the way to it.
    Postgres(tokio_postgres::Error),
    /// No answer in time: nobody knows what became of the transaction.
    TimedOut,
    /// All connections are taken.
    Busy,
    /// Another server was quicker, in a way that the database does not call a failure.
    Overtaken,
    /// The node that answers lacks what the one that writes has confirmed: cut off from it, it may still read.
    Behind,
    /// The work itself says so.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Result of work on the database.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }

    /// Others were at the same rows: the transaction is gone, the same work may succeed now.
    pub(super) fn is_worth_another_try(&self) -> bool {
        let state = self.state();
        matches!(self, Self::Overtaken)
            || state == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
            || state == Some(&SqlState::T_R_DEADLOCK_DETECTED)
            || self.is_held_by_others()
    }

    /// Others hold what it wanted, for longer than it was to wait.
    pub(super) fn is_held_by_others(&self) -> bool {
        self.state() == Some(&SqlState::LOCK_NOT_AVAILABLE)
    }

    /// The server behind the connection is gone, going, or not the one that writes any more: no further work for it.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::TimedOut | Self::Behind => true,
            Self::Busy | Self::Overtaken | Self::Store(_) => false,
            Self::Postgres(error) => match error.code() {
                // Not an answer of the database: the way to it is what failed.
                None => true,
                Some(state) => is_away(state),
            },
        }
    }
}

fn is_away(state: &SqlState) -> bool {
    state.code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::READ_ONLY_SQL_TRANSACTION,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(state)
}

fn is_disk(state: &SqlState) -> bool {
    [SqlState::DISK_FULL, SqlState::IO_ERROR].contains(state)
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Store(error) => return error,
            Failure::Busy | Failure::Overtaken => return Self::Busy,
            Failure::TimedOut => return Self::Away("no answer in time".into()),
            Failure::Behind => return Self::Away("the node that answered fell behind".into()),
            Failure::Postgres(error) => error,
        };
        let Some(database) = error.as_db_error() else {
            // Chains of "error connecting to server: ..." say where the cause is; none of them holds a value.
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            return Self::Away(text);
        };
        let text = format!("{} ({})", database.message(), database.code().code());
        match database.code() {
            state if is_away(state) => Self::Away(text),
            state if is_disk(state) => Self::Disk(text),
            // The database's own limit, just below ours.
            &SqlState::QUERY_CANCELED => Self::Away("no answer in time".into()),
            &SqlState::TOO_MANY_CONNECTIONS
            | &SqlState::LOCK_NOT_AVAILABLE
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED => Self::Busy,
            _ => Self::Database(text),
        }
    }
}
