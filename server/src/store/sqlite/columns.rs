//! Between SQLite's values and errors and ours.

use rusqlite::ErrorCode;
use truyvet_crypto::Timestamp;

use crate::store::{Result, StoreError};

/// Text of an error never holds a bound value: SQLite does not put them there.
pub(super) fn database_error(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen,
        ) => StoreError::Disk(error.to_string()),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        _ => StoreError::Database(error.to_string()),
    }
}

pub(super) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// A value that no writer of ours puts into that column.
pub(super) fn inconsistent(column: &'static str) -> StoreError {
    StoreError::Inconsistent(column.into())
}

pub(super) fn timestamp(column: &'static str, seconds: i64) -> Result<Timestamp> {
    Timestamp::from_unix_seconds(seconds).ok_or_else(|| inconsistent(column))
}

pub(super) fn bytes<const N: usize>(column: &'static str, blob: &[u8]) -> Result<[u8; N]> {
    blob.try_into().map_err(|_| inconsistent(column))
}

pub(super) fn number(column: &'static str, value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| inconsistent(column))
}

/// Counts and sizes of ours stay far below 2^63.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
