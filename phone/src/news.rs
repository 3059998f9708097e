//! What the owner is to be told, held against what they were told: an exposure that is new, and one that is none any
//! more.
//!
//! Table `told`. Days go from it with the retention without a word: growing old is no news.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use truyvet_crypto::Timestamp;
use truyvet_matching::{Exposure, LocalDay};

use crate::{Phone, database::StoreError, exposure};

/// What is true now, and whether the owner knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The local days of exposure, oldest first.
    pub exposures: Vec<Exposure>,
    /// Days that the owner was told to be exposures and that are none any more, oldest first: what was reported was taken
    /// back (or the deployment's rule changed).
    pub no_longer: Vec<LocalDay>,
    /// Whether a day stands above of which the owner was told something else, or nothing.
    pub untold: bool,
}

impl Phone {
    /// What the owner is to be told. After it was shown: [`Self::owner_was_told`].
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn news(&self, now: Timestamp) -> Result<News, StoreError> {
        let Some(config) = self.config() else {
            return Ok(News::default());
        };
        let (rule, oldest) = (&config.exposure_rule, self.rules().oldest(now));
        self.database.read(|connection| {
            let exposures = exposure::exposures(connection, rule, oldest)?;
            // Of the oldest day a part is forgotten already: what it was cannot be said.
            let told = told_after(connection, LocalDay::of(oldest, rule.utc_offset_seconds))?;
            Ok(compare(exposures, &told))
        })
    }

    /// Notes that the owner was told this, so that it is no news any more.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    pub fn owner_was_told(&self, news: &News) -> Result<(), StoreError> {
        let exposed = news.exposures.iter().map(|exposure| (exposure.day, true));
        let no_longer = news.no_longer.iter().map(|day| (*day, false));
        // Not before it is shown, and not forgotten after: it would be told again.
        self.database.write_durably(|transaction| {
            exposed
                .chain(no_longer)
                .try_for_each(|(day, exposed)| tell(transaction, day, exposed))
        })
    }
}

fn compare(exposures: Vec<Exposure>, told: &BTreeMap<LocalDay, bool>) -> News {
    let is_exposed = |day: &LocalDay| exposures.iter().any(|exposure| exposure.day == *day);
    let no_longer: Vec<_> = told
        .keys()
        .copied()
        .filter(|day| !is_exposed(day))
        .collect();
    let untold = exposures
        .iter()
        .any(|exposure| told.get(&exposure.day) != Some(&true))
        || no_longer.iter().any(|day| told[day]);
    News {
        exposures,
        no_longer,
        untold,
    }
}

/// Days after `oldest` that the owner was told of, and whether as exposures.
fn told_after(
    connection: &Connection,
    oldest: LocalDay,
) -> Result<BTreeMap<LocalDay, bool>, StoreError> {
    connection
        .prepare_cached("SELECT day, exposed FROM told WHERE day > ?")?
        .query_map([oldest.number()], |row| {
            Ok((LocalDay::from_number(row.get(0)?), row.get(1)?))
        })?
        .map(|row| Ok(row?))
        .collect()
}

fn tell(transaction: &Transaction<'_>, day: LocalDay, exposed: bool) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT OR REPLACE INTO told (day, exposed) VALUES (?, ?)",
        params![day.number(), exposed],
    )?;
    Ok(())
}

/// Forgets days that `oldest` is not before.
pub(crate) fn purge(transaction: &Transaction<'_>, oldest: LocalDay) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM told WHERE day <= ?", [oldest.number()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::Scheme;

    use super::*;
    use crate::database::Database;

    fn exposure(day: i64) -> Exposure {
        Exposure {
            day: LocalDay::from_number(day),
            minutes: 20,
            strongest_rssi_dbm: -60,
            encounters: vec![],
        }
    }

    struct Owner(Database);

    impl Owner {
        fn news(&self, days: &[i64], oldest: i64) -> News {
            let oldest = LocalDay::from_number(oldest);
            let told = self.0.read(|c| told_after(c, oldest)).unwrap();
            compare(days.iter().map(|day| exposure(*day)).collect(), &told)
        }

        fn tell(&self, day: i64, exposed: bool) {
            let day = LocalDay::from_number(day);
            self.0.write(|t| tell(t, day, exposed)).unwrap();
        }
    }

    #[test]
    fn an_exposure_is_news_once_and_so_is_that_it_is_none() {
        let owner = Owner(Database::in_memory(Scheme::Bluezone).unwrap());
        assert!(!owner.news(&[], 0).untold);
        assert!(owner.news(&[7], 0).untold);
        owner.tell(7, true);
        assert!(!owner.news(&[7], 0).untold);
        assert!(owner.news(&[7, 8], 0).untold);

        let gone = owner.news(&[], 0);
        assert_eq!(gone.no_longer, [LocalDay::from_number(7)]);
        assert!(gone.untold);
        owner.tell(7, false);
        let known = owner.news(&[], 0);
        assert_eq!((known.no_longer, known.untold), (gone.no_longer, false));
        // And back.
        let back = owner.news(&[7], 0);
        assert!(back.untold && back.no_longer.is_empty());
    }

    #[test]
    fn a_day_that_grows_old_goes_without_a_word() {
        let owner = Owner(Database::in_memory(Scheme::Bluezone).unwrap());
        owner.tell(7, true);
        assert_eq!(owner.news(&[], 7), News::default());
        owner
            .0
            .write(|t| purge(t, LocalDay::from_number(7)))
            .unwrap();
        assert_eq!(owner.news(&[], 0), News::default());
    }
}
