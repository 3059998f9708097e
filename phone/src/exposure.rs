//! The sightings that were of a case, and the days on which they amount to an exposure.
//!
//! Table `match`. The rule comes from the configuration; the reckoning is `truyvet_matching`'s.

use rusqlite::{Connection, Transaction, params};
use truyvet_crypto::Timestamp;
use truyvet_matching::{Exposure, ExposureRule, Region, Sighting, encounters};

use crate::{
    database::StoreError,
    sightings::{self, bin_of},
};

/// Keeps sightings that matched a batch of `region`; those that matched before stay as they are. Returns how many are new.
pub(crate) fn keep_matches(
    transaction: &Transaction<'_>,
    matched: &[Sighting],
    region: Region,
) -> Result<usize, StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO match (bin, tag, rssi_dbm, region) VALUES (?, ?, ?, ?)
         ON CONFLICT (bin, tag, region) DO NOTHING",
    )?;
    let before = count(transaction)?;
    for sighting in matched {
        insert.execute(params![
            bin_of(sighting.time),
            sighting.tag.as_bytes(),
            sighting.rssi_dbm,
            region.as_str(),
        ])?;
    }
    Ok(count(transaction)?.saturating_sub(before))
}

/// Deletes what matched in `region` and should not have been published there. Returns how many are gone: not those that
/// another region published too.
pub(crate) fn withdraw_matches(
    transaction: &Transaction<'_>,
    withdrawn: &[Sighting],
    region: Region,
) -> Result<usize, StoreError> {
    let mut delete =
        transaction.prepare_cached("DELETE FROM match WHERE bin = ? AND tag = ? AND region = ?")?;
    let before = count(transaction)?;
    for sighting in withdrawn {
        delete.execute(params![
            bin_of(sighting.time),
            sighting.tag.as_bytes(),
            region.as_str()
        ])?;
    }
    Ok(before.saturating_sub(count(transaction)?))
}

/// All matched sightings, each once, oldest first.
pub(crate) fn matched(connection: &Connection) -> Result<Vec<Sighting>, StoreError> {
    connection
        .prepare_cached("SELECT bin, tag, max(rssi_dbm) FROM match GROUP BY bin, tag ORDER BY bin")?
        .query_map([], sightings::from_row)?
        .map(|sighting| Ok(sighting?))
        .collect()
}

/// The local days that reach the rule, oldest first; of matches not older than `oldest`.
pub(crate) fn exposures(
    connection: &Connection,
    rule: &ExposureRule,
    oldest: Timestamp,
) -> Result<Vec<Exposure>, StoreError> {
    let mut matched = matched(connection)?;
    matched.retain(|sighting| sighting.time >= oldest);
    Ok(truyvet_matching::exposures(&encounters(&matched), rule))
}

/// Deletes matches from before `oldest`.
pub(crate) fn purge(transaction: &Transaction<'_>, oldest: Timestamp) -> Result<usize, StoreError> {
    Ok(transaction.execute("DELETE FROM match WHERE bin < ?", [bin_of(oldest)])?)
}

/// How many sightings matched, in whatever region.
fn count(connection: &Connection) -> Result<usize, StoreError> {
    let rows: i64 = connection
        .prepare_cached("SELECT count(*) FROM (SELECT DISTINCT bin, tag FROM match)")?
        .query_row([], |row| row.get(0))?;
    usize::try_from(rows).map_err(|_| StoreError::Damaged("match"))
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::{Scheme, Tag};

    use super::*;
    use crate::{database::Database, sightings::BIN_SECONDS};

    fn noon() -> Timestamp {
        Timestamp::from_unix_seconds(1_767_268_800).unwrap()
    }

    fn sighting(minutes: i64) -> Sighting {
        Sighting {
            time: noon().plus_seconds(60 * minutes),
            seconds: BIN_SECONDS,
            rssi_dbm: -60,
            tag: Tag::from_bytes([1; 16]),
        }
    }

    const RULE: ExposureRule = ExposureRule {
        minutes: 15,
        rssi_dbm: -80,
        utc_offset_seconds: 25_200,
    };

    fn keep(database: &Database, minutes: &[i64]) -> usize {
        keep_of(database, minutes, "VN")
    }

    fn keep_of(database: &Database, minutes: &[i64], region: &str) -> usize {
        let matched: Vec<_> = minutes.iter().map(|m| sighting(*m)).collect();
        let region = Region::parse(region).unwrap();
        database
            .write(|transaction| keep_matches(transaction, &matched, region))
            .unwrap()
    }

    fn days(database: &Database) -> usize {
        database
            .read(|connection| exposures(connection, &RULE, noon()))
            .unwrap()
            .len()
    }

    #[test]
    fn a_quarter_of_an_hour_over_several_batches_is_an_exposure() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        assert_eq!(keep(&database, &[0, 5]), 2);
        assert_eq!(days(&database), 0);
        assert_eq!(keep(&database, &[5, 10]), 1);
        assert_eq!(days(&database), 1);
    }

    #[test]
    fn withdrawn_matches_are_none_any_more() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        keep(&database, &[0, 5, 10]);
        assert_eq!(withdraw(&database, &[5, 20], "VN"), 1);
        assert_eq!(days(&database), 0);
    }

    fn withdraw(database: &Database, minutes: &[i64], region: &str) -> usize {
        let withdrawn: Vec<_> = minutes.iter().map(|m| sighting(*m)).collect();
        let region = Region::parse(region).unwrap();
        database
            .write(|transaction| withdraw_matches(transaction, &withdrawn, region))
            .unwrap()
    }

    #[test]
    fn a_withdrawal_takes_back_what_its_own_region_said() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        assert_eq!(keep_of(&database, &[0, 5, 10], "VN"), 3);
        assert_eq!(keep_of(&database, &[5, 10, 15], "VN-HN"), 1);
        assert_eq!(database.read(matched).unwrap().len(), 4, "each once");
        assert_eq!(withdraw(&database, &[0, 5, 10, 15], "VN"), 1);
        assert_eq!(days(&database), 1);
        assert_eq!(withdraw(&database, &[5, 10, 15], "VN-HN"), 3);
        assert_eq!(days(&database), 0);
    }

    #[test]
    fn old_matches_are_purged() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        keep(&database, &[0, 5, 10]);
        let oldest = noon().plus_seconds(600);
        let gone = database
            .write(|transaction| purge(transaction, oldest))
            .unwrap();
        assert_eq!(gone, 2);
    }
}
