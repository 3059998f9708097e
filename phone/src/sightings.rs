//! The sighting store: what a phone keeps of the IDs it hears.
//!
//! Tags, never IDs; one row for each tag and five minutes; bounded in time and number. Table `sighting`. Which
//! sightings were of a case is left to [`sync`](crate::sync).

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, Transaction, params};
use truyvet_crypto::{EphemeralId, Scheme, Tag, Timestamp};
use truyvet_matching::Sighting;

use crate::database::StoreError;

/// Sightings of one tag within such a bin are one row, the strongest. Phones scan about once in five minutes
/// (Bluezone: 40 s on, 260 s off), so a row stands for the whole bin.
pub const BIN_SECONDS: u32 = 300;

/// Rows kept at most: 14 days of 16 waking hours with 55 people near by in every bin, two tags each, is 300,000. About
/// 15 MB. Beyond it the oldest go first: refusing new ones would let a flood of made-up IDs blind the phone for good.
pub const MAX_SIGHTINGS: usize = 300_000;

/// What Bluetooth hardware reports; 127, iOS's "not available", lies outside and must not pass for very near.
const RSSI_DBM: std::ops::RangeInclusive<i16> = -127..=20;

/// One broadcast as it was heard.
#[derive(Clone, Copy)]
pub struct Heard<'a> {
    /// The ID as it came over the air: [`Scheme::id_bytes`] long.
    pub id: &'a [u8],
    /// By this phone's clock. Times of Bluezone's apps: [`timestamp_from_app`](crate::timestamp_from_app).
    pub time: Timestamp,
    /// Signal strength in dBm, -127 to 20.
    pub rssi_dbm: i16,
}

/// Why a sighting is not kept. The text holds no ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HearError {
    /// Another app's broadcast, or one of another scheme.
    #[error("ID of {found} bytes, expected {expected}")]
    IdBytes {
        /// Length the scheme's IDs have.
        expected: usize,
        /// Length it has.
        found: usize,
    },
    /// Further ahead of the phone's clock than the clock tolerance.
    #[error("heard {seconds} s in the future")]
    Future {
        /// How far ahead.
        seconds: i64,
    },
    /// Would be purged at once.
    #[error("heard longer than {retention_days} days ago")]
    TooOld {
        /// How long sightings are kept.
        retention_days: u32,
    },
    /// Not a signal strength; 127 stands for "not available".
    #[error("signal strength {0} dBm is not between -127 and 20")]
    Rssi(i16),
}

/// What became of many sightings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HearReport {
    /// Sightings that are now in the store, on their own or within a row of the same tag and bin.
    pub kept: usize,
    /// Those of them that were over when the last batch applied closed: a sync has passed them by, and what the batches
    /// before it published of them is missed for good. They can still match later batches. Apps store before they sync.
    pub late: usize,
    /// The others: position in the input, and why.
    pub refused: Vec<(usize, HearError)>,
}

/// How long and how loosely sightings are kept; from the configuration once there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SightingRules {
    pub(crate) scheme: Scheme,
    pub(crate) retention_days: u32,
    pub(crate) clock_tolerance_seconds: u32,
    pub(crate) max_sightings: usize,
}

impl SightingRules {
    fn check(&self, heard: &Heard<'_>, now: Timestamp) -> Result<EphemeralId, HearError> {
        let id = EphemeralId::from_bytes(self.scheme, heard.id).ok_or(HearError::IdBytes {
            expected: self.scheme.id_bytes(),
            found: heard.id.len(),
        })?;
        let ahead = heard.time.seconds_since(now);
        if ahead > i64::from(self.clock_tolerance_seconds) {
            return Err(HearError::Future { seconds: ahead });
        }
        if heard.time < self.oldest(now) {
            return Err(HearError::TooOld {
                retention_days: self.retention_days,
            });
        }
        if !RSSI_DBM.contains(&heard.rssi_dbm) {
            return Err(HearError::Rssi(heard.rssi_dbm));
        }
        Ok(id)
    }

    /// What was heard before this is not kept.
    pub(crate) fn oldest(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-86_400 * i64::from(self.retention_days))
    }
}

/// Keeps what may be kept. One transaction is the caller's.
///
/// - `closed_at`: of the last batch applied, if any was.
pub(crate) fn store<'a>(
    transaction: &Transaction<'_>,
    rules: &SightingRules,
    heard: impl IntoIterator<Item = Heard<'a>>,
    closed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<HearReport, StoreError> {
    let mut report = HearReport::default();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO sighting (bin, tag, rssi_dbm) VALUES (?, ?, ?)
         ON CONFLICT (bin, tag) DO UPDATE SET rssi_dbm = max(rssi_dbm, excluded.rssi_dbm)",
    )?;
    for (position, heard) in heard.into_iter().enumerate() {
        let id = match rules.check(&heard, now) {
            Ok(id) => id,
            Err(reason) => {
                report.refused.push((position, reason));
                continue;
            }
        };
        let tolerance = rules.clock_tolerance_seconds;
        for slot in rules.scheme.slots_around(heard.time, tolerance) {
            let tag = Tag::new(rules.scheme, slot, &id);
            insert.execute(params![bin_of(heard.time), tag.as_bytes(), heard.rssi_dbm])?;
        }
        report.kept += 1;
        let bin_end = bin_start(bin_of(heard.time) + 1);
        report.late += usize::from(closed_at.is_some_and(|closed| bin_end <= closed));
    }
    drop_oldest_beyond(transaction, rules.max_sightings)?;
    Ok(report)
}

/// A row of bin, tag and signal, as the matcher takes it.
pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<Sighting> {
    Ok(Sighting {
        time: bin_start(row.get(0)?),
        tag: Tag::from_bytes(row.get(1)?),
        seconds: BIN_SECONDS,
        rssi_dbm: row.get(2)?,
    })
}

/// All sightings, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Sighting>, StoreError> {
    connection
        .prepare_cached("SELECT bin, tag, rssi_dbm FROM sighting ORDER BY bin")?
        .query_map([], from_row)?
        .map(|sighting| Ok(sighting?))
        .collect()
}

/// Number of rows.
pub(crate) fn count(connection: &Connection) -> Result<usize, StoreError> {
    let rows: i64 = connection
        .prepare_cached("SELECT count(*) FROM sighting")?
        .query_row([], |row| row.get(0))?;
    usize::try_from(rows).map_err(|_| StoreError::Damaged("sighting"))
}

/// Numbers of all slots in which anybody was heard.
pub(crate) fn slots_heard(
    connection: &Connection,
    scheme: Scheme,
) -> Result<BTreeSet<u32>, StoreError> {
    connection
        .prepare_cached("SELECT DISTINCT bin FROM sighting")?
        .query_map([], |row| row.get(0))?
        .map(|bin| Ok(scheme.slot_at(bin_start(bin?)).number()))
        .collect()
}

/// Deletes what is older than the retention.
pub(crate) fn purge(
    transaction: &Transaction<'_>,
    rules: &SightingRules,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let first_kept = bin_of(rules.oldest(now));
    let sightings = transaction.execute("DELETE FROM sighting WHERE bin < ?", [first_kept])?;
    Ok(sightings)
}

/// The bin of a time.
pub(crate) fn bin_of(time: Timestamp) -> i64 {
    time.unix_seconds() / i64::from(BIN_SECONDS)
}

/// First second of a bin.
pub(crate) fn bin_start(bin: i64) -> Timestamp {
    Timestamp::MIN.plus_seconds(bin.saturating_mul(i64::from(BIN_SECONDS)))
}

fn drop_oldest_beyond(transaction: &Transaction<'_>, rows: usize) -> Result<(), StoreError> {
    let excess = count(transaction)?.saturating_sub(rows);
    if excess > 0 {
        let limit = i64::try_from(excess).map_err(|_| StoreError::Damaged("sighting"))?;
        transaction.execute(
            "DELETE FROM sighting WHERE (bin, tag) IN
             (SELECT bin, tag FROM sighting ORDER BY bin, tag LIMIT ?)",
            [limit],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;

    const ID: [u8; 12] = *b"0123456789ab";

    fn rules() -> SightingRules {
        SightingRules {
            scheme: Scheme::Bluezone,
            retention_days: 14,
            clock_tolerance_seconds: 300,
            max_sightings: MAX_SIGHTINGS,
        }
    }

    /// A slot starts here: 2026-01-01 00:00 UTC.
    fn slot_start() -> Timestamp {
        Timestamp::from_unix_seconds(1_767_225_600).unwrap()
    }

    fn heard_at(seconds: i64, rssi_dbm: i16) -> Heard<'static> {
        Heard {
            id: &ID,
            time: slot_start().plus_seconds(seconds),
            rssi_dbm,
        }
    }

    /// Stores each with `now` an hour after the slot's start; gives the rows as (seconds, slot offset, rssi).
    fn rows_of(heard: &[Heard<'_>]) -> Vec<(i64, i64, i16)> {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let now = slot_start().plus_seconds(3_600);
        let report = database
            .write(|transaction| store(transaction, &rules(), heard.iter().copied(), None, now))
            .unwrap();
        assert_eq!(report.refused, []);
        let id = EphemeralId::from_bytes(Scheme::Bluezone, &ID).unwrap();
        let mut rows: Vec<_> = database
            .read(all)
            .unwrap()
            .into_iter()
            .map(|row| {
                let offset = (-3..=5)
                    .find(|offset| {
                        let start = slot_start().plus_seconds(900 * offset);
                        Tag::new(Scheme::Bluezone, Scheme::Bluezone.slot_at(start), &id) == row.tag
                    })
                    .unwrap();
                (row.time.seconds_since(slot_start()), offset, row.rssi_dbm)
            })
            .collect();
        rows.sort_unstable();
        rows
    }

    #[test]
    fn a_sighting_near_a_slot_boundary_gets_the_tags_of_both_slots() {
        assert_eq!(rows_of(&[heard_at(450, -70)]), [(300, 0, -70)]);
        assert_eq!(rows_of(&[heard_at(10, -70)]), [(0, -1, -70), (0, 0, -70)]);
        assert_eq!(
            rows_of(&[heard_at(890, -70)]),
            [(600, 0, -70), (600, 1, -70)]
        );
    }

    #[test]
    fn one_tag_has_one_row_for_five_minutes_with_the_strongest_signal() {
        let many = [(310, -90), (350, -60), (599, -75)].map(|(s, rssi)| heard_at(s, rssi));
        assert_eq!(rows_of(&many), [(300, 0, -60)]);
        let two_bins = [(599, -60), (600, -80)].map(|(s, rssi)| heard_at(s, rssi));
        assert_eq!(
            rows_of(&two_bins),
            [(300, 0, -60), (600, 0, -80), (600, 1, -80)]
        );
    }

    fn hear_one(heard: Heard<'_>, now: Timestamp) -> Result<(), HearError> {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let report = database
            .write(|transaction| store(transaction, &rules(), [heard], None, now))
            .unwrap();
        assert_eq!(report.kept + report.refused.len(), 1);
        report.refused.first().map_or(Ok(()), |(_, e)| Err(*e))
    }

    #[test]
    fn times_ahead_of_the_tolerance_or_beyond_the_retention_are_refused() {
        let at = |seconds| hear_one(heard_at(0, -70), slot_start().plus_seconds(seconds));
        assert_eq!(at(-300), Ok(()));
        assert_eq!(at(-301), Err(HearError::Future { seconds: 301 }));
        assert_eq!(at(14 * 86_400), Ok(()));
        assert_eq!(
            at(14 * 86_400 + 1),
            Err(HearError::TooOld { retention_days: 14 })
        );
    }

    #[test]
    fn wrong_lengths_and_impossible_signals_are_refused() {
        let refused = |id: &[u8], rssi_dbm| {
            let time = slot_start();
            hear_one(Heard { id, time, rssi_dbm }, time).unwrap_err()
        };
        for found in [0, 11, 13, 16] {
            let expected = 12;
            assert_eq!(
                refused(&vec![1; found], -70),
                HearError::IdBytes { expected, found }
            );
        }
        for rssi in [127, 21, -128] {
            assert_eq!(refused(&ID, rssi), HearError::Rssi(rssi));
        }
    }

    #[test]
    fn one_bad_sighting_does_not_cost_the_others() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let bad = Heard {
            id: b"short",
            ..heard_at(450, -70)
        };
        let report = database
            .write(|transaction| {
                let scan = [heard_at(450, -70), bad, heard_at(450, -60)];
                let now = slot_start().plus_seconds(600);
                store(transaction, &rules(), scan, None, now)
            })
            .unwrap();
        assert_eq!(report.kept, 2);
        assert!(matches!(
            report.refused[..],
            [(1, HearError::IdBytes { .. })]
        ));
    }

    #[test]
    fn what_was_over_when_the_last_batch_closed_is_late() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let now = slot_start().plus_seconds(3_600);
        let late = |closed_after: Option<i64>| {
            let closed_at = closed_after.map(|seconds| slot_start().plus_seconds(seconds));
            // Stands for the five minutes until 600.
            let scan = [heard_at(450, -70)];
            database
                .write(|transaction| store(transaction, &rules(), scan, closed_at, now))
                .unwrap()
                .late
        };
        assert_eq!([None, Some(599), Some(600)].map(late), [0, 0, 1]);
    }

    #[test]
    fn sightings_older_than_the_retention_are_purged() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let purged = |now| {
            database
                .write(|transaction| purge(transaction, &rules(), now))
                .unwrap()
        };
        database
            .write(|transaction| {
                let now = slot_start().plus_seconds(450);
                store(transaction, &rules(), [heard_at(450, -70)], None, now)
            })
            .unwrap();
        let bin_end = slot_start().plus_seconds(600);
        assert_eq!(purged(bin_end.plus_seconds(14 * 86_400 - 1)), 0);
        assert_eq!(purged(bin_end.plus_seconds(14 * 86_400)), 1);
        assert_eq!(database.read(count).unwrap(), 0);
    }

    #[test]
    fn beyond_the_bound_the_oldest_go_first() {
        let database = Database::in_memory(Scheme::Bluezone).unwrap();
        let rules = SightingRules {
            max_sightings: 3,
            ..rules()
        };
        let now = slot_start().plus_seconds(86_400);
        // The middle of a slot: one tag each.
        let scans: Vec<_> = (0..10)
            .map(|slot| heard_at(900 * slot + 450, -70))
            .collect();
        for half in scans.chunks(5) {
            database
                .write(|transaction| store(transaction, &rules, half.iter().copied(), None, now))
                .unwrap();
        }
        let kept: Vec<_> = database
            .read(all)
            .unwrap()
            .iter()
            .map(|row| row.time.seconds_since(slot_start()) / 900)
            .collect();
        assert_eq!(kept, [7, 8, 9]);
    }
}
