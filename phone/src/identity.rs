//! This phone's own secrets: the IDs it broadcasts, and what it can disclose of each day.
//!
//! - bluezone: a base secret, moved forward with the retention so that earlier days cannot be derived any more. A clock
//!   that was ahead leaves the base ahead too: the days before it get a base of their own, so that no two days share IDs.
//! - gaen, dp3t: one random secret for each day, drawn when the day is first needed.
//!
//! Tables `base_id` and `day_secret`. Which days and slots are disclosed is decided by [`upload`](crate::upload).

use rand::CryptoRng;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use truyvet_crypto::{Day, EphemeralId, Scheme, Timestamp, schedule, sha256};
use zeroize::Zeroizing;

use crate::database::{Database, StoreError};

/// What a Bluezone phone derives its days from, until the next base.
struct Base {
    /// The daily key of `day`.
    secret: Zeroizing<[u8; 32]>,
    day: Day,
}

/// The ID to broadcast at `now`. Draws the day's secret if there is none yet, and keeps it before it is used.
pub(crate) fn id_at(
    database: &Database,
    scheme: Scheme,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<EphemeralId, StoreError> {
    let index = scheme.index_in_day(scheme.slot_at(now));
    Ok(ids_of_day(database, scheme, now.day(), rng)?[index as usize])
}

/// The IDs of a whole day, by slot; for a day that is to come as well.
pub(crate) fn ids_of_day(
    database: &Database,
    scheme: Scheme,
    day: Day,
    rng: &mut impl CryptoRng,
) -> Result<Vec<EphemeralId>, StoreError> {
    let secret = match database.read(|connection| day_secret(connection, scheme, day))? {
        Some(secret) => secret,
        None => database.write_durably(|transaction| {
            // Another task may have been quicker.
            match day_secret(transaction, scheme, day)? {
                Some(secret) => Ok(secret),
                None => draw(transaction, scheme, day, rng),
            }
        })?,
    };
    schedule::ids_of_day(scheme, day, &secret).map_err(|_| StoreError::Damaged("day_secret.secret"))
}

/// The secret behind a day's IDs, to broadcast or to disclose; `None` if none was drawn for it.
pub(crate) fn day_secret(
    connection: &Connection,
    scheme: Scheme,
    day: Day,
) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    if scheme == Scheme::Bluezone {
        return Ok(base_of(connection, day)?.map(|base| {
            let subkey = schedule::bluezone::day_secret(&base.secret, base.day, day);
            Zeroizing::new(subkey.to_vec())
        }));
    }
    let secret: Option<Vec<u8>> = connection
        .prepare_cached("SELECT secret FROM day_secret WHERE day = ?")?
        .query_row([day.number()], |row| row.get(0))
        .optional()?;
    match secret {
        Some(secret) if secret.len() != scheme.day_secret_bytes() => {
            Err(StoreError::Damaged("day_secret.secret"))
        }
        secret => Ok(secret.map(Zeroizing::new)),
    }
}

/// Starts anew from `today` on: the old secrets are deleted, IDs before and after have nothing in common.
pub(crate) fn rotate(
    transaction: &Transaction<'_>,
    scheme: Scheme,
    today: Day,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM base_id", [])?;
    transaction.execute("DELETE FROM day_secret", [])?;
    draw(transaction, scheme, today, rng)?;
    Ok(())
}

/// Makes all days before `oldest` impossible to derive. IDs of the days from `oldest` on stay as they are.
pub(crate) fn forget_before(transaction: &Transaction<'_>, oldest: Day) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM day_secret WHERE day < ?", [oldest.number()])?;
    if let Some(Base { mut secret, day }) = base_of(transaction, oldest)?
        && day < oldest
    {
        for _ in day.number()..oldest.number() {
            *secret = sha256(&[&*secret]);
        }
        keep_base(transaction, &secret, oldest)?;
    }
    transaction.execute("DELETE FROM base_id WHERE base_day < ?", [oldest.number()])?;
    Ok(())
}

/// Draws and keeps the secret of `day`.
fn draw(
    transaction: &Transaction<'_>,
    scheme: Scheme,
    day: Day,
    rng: &mut impl CryptoRng,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    if scheme == Scheme::Bluezone {
        let mut base = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *base);
        keep_base(transaction, &base, day)?;
        let subkey = schedule::bluezone::day_secret(&base, day, day);
        return Ok(Zeroizing::new(subkey.to_vec()));
    }
    let mut secret = Zeroizing::new(vec![0; scheme.day_secret_bytes()]);
    rng.fill_bytes(&mut secret);
    transaction.execute(
        "INSERT INTO day_secret (day, secret) VALUES (?, ?)",
        params![day.number(), *secret],
    )?;
    Ok(secret)
}

/// The base that `day` derives from: the last one not after it. The Bluezone schedule itself gives every day before a
/// base the base day's IDs, which would tie the days together, and disclosing one would give away the other.
fn base_of(connection: &Connection, day: Day) -> Result<Option<Base>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT secret, base_day FROM base_id WHERE base_day <= ? ORDER BY base_day DESC LIMIT 1",
        )?
        .query_row([day.number()], |row| {
            Ok(Base {
                secret: Zeroizing::new(row.get(0)?),
                day: Day::from_number(row.get(1)?),
            })
        })
        .optional()?)
}

fn keep_base(
    transaction: &Transaction<'_>,
    secret: &[u8; 32],
    base_day: Day,
) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT OR REPLACE INTO base_id (base_day, secret) VALUES (?, ?)",
        params![base_day.number(), secret],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    struct World {
        database: Database,
        scheme: Scheme,
        rng: StdRng,
    }

    fn day(offset: u32) -> Day {
        Day::from_number(20_000 + offset)
    }

    impl World {
        fn new(scheme: Scheme) -> Self {
            let mut world = Self {
                database: Database::in_memory(scheme).unwrap(),
                scheme,
                rng: StdRng::seed_from_u64(1),
            };
            world.ids(0);
            world
        }

        fn ids(&mut self, offset: u32) -> Vec<EphemeralId> {
            ids_of_day(&self.database, self.scheme, day(offset), &mut self.rng).unwrap()
        }

        fn secret(&self, offset: u32) -> Option<Zeroizing<Vec<u8>>> {
            self.database
                .read(|connection| day_secret(connection, self.scheme, day(offset)))
                .unwrap()
        }

        fn forget_before(&self, offset: u32) {
            self.database
                .write(|transaction| forget_before(transaction, day(offset)))
                .unwrap();
        }
    }

    #[test]
    fn ids_stay_the_same_within_a_day_and_change_with_slot_and_day() {
        for scheme in Scheme::ALL {
            let mut world = World::new(scheme);
            let ids = world.ids(0);
            assert_eq!(ids, world.ids(0));
            assert_ne!(ids, world.ids(1));
            assert_ne!(ids[0], ids[1]);
            let now = day(0).start().plus_seconds(86_399);
            let last = id_at(&world.database, scheme, now, &mut world.rng).unwrap();
            assert_eq!(last, *ids.last().unwrap());
        }
    }

    #[test]
    fn tasks_that_ask_at_once_get_the_same_ids() {
        for scheme in Scheme::ALL {
            let database = Database::in_memory(scheme).unwrap();
            // Backwards, so that every day needs a secret of its own.
            for offset in (0..300).rev() {
                let ready = std::sync::Barrier::new(2);
                let ask = |seed| {
                    let mut rng = StdRng::seed_from_u64(seed);
                    ready.wait();
                    ids_of_day(&database, scheme, day(offset), &mut rng).unwrap()
                };
                let [a, b] = std::thread::scope(|scope| {
                    let ask = &ask;
                    [1, 2]
                        .map(|seed| scope.spawn(move || ask(seed)))
                        .map(|thread| thread.join().unwrap())
                });
                assert_eq!(a, b, "{scheme}");
            }
        }
    }

    #[test]
    fn advancing_keeps_later_ids_and_loses_earlier_ones() {
        for scheme in Scheme::ALL {
            let mut world = World::new(scheme);
            let before: Vec<_> = (0..20).map(|offset| world.ids(offset)).collect();
            world.forget_before(6);
            for offset in 6..20 {
                assert_eq!(world.ids(offset), before[offset as usize], "{scheme}");
            }
            assert!((0..6).all(|offset| world.secret(offset).is_none()));
            // Going back is no way to get them again.
            world.forget_before(3);
            assert!(world.secret(5).is_none());
        }
    }

    #[test]
    fn a_day_before_the_base_day_discloses_nothing() {
        let world = World::new(Scheme::Bluezone);
        assert!(world.secret(0).is_some());
        let yesterday = Day::from_number(day(0).number() - 1);
        let secret = world
            .database
            .read(|connection| day_secret(connection, Scheme::Bluezone, yesterday))
            .unwrap();
        assert!(secret.is_none());
    }

    #[test]
    fn after_a_rotation_nothing_old_is_left() {
        for scheme in Scheme::ALL {
            let mut world = World::new(scheme);
            let before: Vec<_> = (0..4).map(|offset| world.ids(offset)).collect();
            let World { database, rng, .. } = &mut world;
            database
                .write(|transaction| rotate(transaction, scheme, day(2), rng))
                .unwrap();
            assert!(world.secret(0).is_none() && world.secret(1).is_none());
            assert_ne!(world.ids(2), before[2]);
            assert_ne!(world.ids(3), before[3]);
        }
    }

    #[test]
    fn days_before_the_base_day_have_ids_of_their_own_and_keep_them() {
        for scheme in Scheme::ALL {
            let mut world = World::new(scheme);
            // As a clock that ran ahead left it.
            world.forget_before(30);
            let ahead: Vec<_> = (30..33).map(|offset| world.ids(offset)).collect();
            // The clock is put right, then found to be off once more.
            let days: Vec<u32> = (10..30).chain(5..10).collect();
            let right: Vec<_> = days.iter().map(|offset| world.ids(*offset)).collect();
            let mut all: Vec<_> = ahead.iter().chain(&right).flatten().copied().collect();
            let ids = all.len();
            all.sort_unstable_by_key(|id| id.as_bytes().to_vec());
            all.dedup();
            assert_eq!(all.len(), ids, "{scheme}: no ID serves two slots");
            let again: Vec<_> = days.iter().map(|offset| world.ids(*offset)).collect();
            assert_eq!(again, right, "{scheme}");
            // Retention goes on from there, and over the later base.
            world.forget_before(12);
            assert!(world.secret(11).is_none(), "{scheme}");
            assert_eq!(world.ids(12), right[2], "{scheme}");
            world.forget_before(31);
            assert!(world.secret(29).is_none(), "{scheme}");
            assert_eq!(world.ids(32), ahead[2], "{scheme}");
        }
    }
}
