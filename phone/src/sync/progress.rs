//! How far a region was followed. Table `region`.

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use truyvet_crypto::Timestamp;
use truyvet_matching::{Digest, Region};

use crate::database::StoreError;

/// What a phone remembers of a region between two syncs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Last batch matched; 0 before the first.
    pub(super) last_sequence: u64,
    /// Its digest.
    pub(super) last_digest: Option<Digest>,
    /// When it closed to uploads.
    pub(super) last_closed_at: Option<Timestamp>,
    /// Of the newest index seen.
    pub(super) generated_at: Timestamp,
    /// Of the newest index seen.
    pub(super) valid_until: Timestamp,
    /// Of that index, its SHA-256 in quotes; there once all of its batches are matched.
    pub(super) etag: Option<String>,
}

/// What is known of a region; the beginning of time if it was never synced.
pub(super) fn load(connection: &Connection, region: Region) -> Result<Progress, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT last_sequence, last_digest, last_closed_at, generated_at, valid_until, etag
             FROM region WHERE region = ?",
        )?
        .query_row([region.as_str()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Option<[u8; 32]>>(1)?,
                row.get::<_, Option<i64>>(2)?,
                row.get::<_, i64>(3)?,
                row.get::<_, i64>(4)?,
                row.get::<_, Option<String>>(5)?,
            ))
        })
        .optional()?;
    let Some((sequence, digest, closed_at, generated_at, valid_until, etag)) = row else {
        return Ok(Progress {
            last_sequence: 0,
            last_digest: None,
            last_closed_at: None,
            generated_at: Timestamp::MIN,
            valid_until: Timestamp::MIN,
            etag: None,
        });
    };
    Ok(Progress {
        last_sequence: u64::try_from(sequence).map_err(|_| StoreError::Damaged("region"))?,
        last_digest: digest.map(Digest::from_bytes),
        last_closed_at: closed_at.map(time).transpose()?,
        generated_at: time(generated_at)?,
        valid_until: time(valid_until)?,
        etag,
    })
}

/// Replaces what is known of a region.
pub(super) fn save(
    transaction: &Transaction<'_>,
    region: Region,
    progress: &Progress,
) -> Result<(), StoreError> {
    // No `..` here: a new field must find its column before this compiles again.
    let Progress {
        last_sequence,
        last_digest,
        last_closed_at,
        generated_at,
        valid_until,
        etag,
    } = progress;
    transaction.execute(
        "INSERT OR REPLACE INTO region (region, last_sequence, last_digest, last_closed_at, generated_at, valid_until, etag)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
        params![
            region.as_str(),
            i64::try_from(*last_sequence).map_err(|_| StoreError::Damaged("region"))?,
            last_digest.as_ref().map(Digest::as_bytes),
            last_closed_at.map(Timestamp::unix_seconds),
            generated_at.unix_seconds(),
            valid_until.unix_seconds(),
            etag,
        ],
    )?;
    Ok(())
}

/// Of the newest index of any region; `None` before the first.
pub(crate) fn newest_index(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    newest(connection, "SELECT max(generated_at) FROM region")
}

/// When the last batch applied closed to uploads, of all regions; `None` before the first.
pub(crate) fn last_closed_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    newest(connection, "SELECT max(last_closed_at) FROM region")
}

fn newest(connection: &Connection, query: &str) -> Result<Option<Timestamp>, StoreError> {
    let seconds: Option<i64> = connection
        .prepare_cached(query)?
        .query_row([], |row| row.get(0))?;
    seconds.map(time).transpose()
}

fn time(seconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_unix_seconds(seconds).ok_or(StoreError::Damaged("region"))
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::Scheme;

    use super::*;
    use crate::database::Database;

    #[test]
    fn progress_is_kept_for_each_region() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let [here, there] = ["VN", "VN-HN"].map(|name| Region::parse(name).unwrap());
        let progress = Progress {
            last_sequence: 7,
            last_digest: Some(Digest::of(b"seven")),
            last_closed_at: Some(Timestamp::MIN.plus_seconds(900)),
            generated_at: Timestamp::MIN.plus_seconds(1_000),
            valid_until: Timestamp::MIN.plus_seconds(2_000),
            etag: Some("\"abc\"".to_owned()),
        };
        database
            .write(|transaction| save(transaction, here, &progress))
            .unwrap();
        let loaded = |region| {
            database
                .read(|connection| load(connection, region))
                .unwrap()
        };
        assert_eq!(loaded(here), progress);
        assert_eq!(loaded(there).last_sequence, 0);
        let seconds = |newest: fn(&Connection) -> Result<Option<Timestamp>, StoreError>| {
            let time = database.read(newest).unwrap();
            time.map(Timestamp::unix_seconds)
        };
        assert_eq!(seconds(newest_index), Some(1_000));
        assert_eq!(seconds(last_closed_at), Some(900));
    }
}
