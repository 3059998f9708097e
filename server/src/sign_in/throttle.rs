//! Slows guessing down without letting an outsider lock somebody out.
//!
//! Wrong tries are counted in buckets. Each browser that an account has signed in from before has a bucket of its own;
//! all other browsers share one. An outsider therefore fills the shared bucket and nobody else's: an officer goes on
//! signing in where they did before. On a new browser during an attack they need a fresh invitation, which passes no
//! bucket. No network addresses: they are not kept, and one hospital's network has one for all.
//!
//! In memory: a restart forgets it, which gives a guesser [`FREE_TRIES`] more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use truyvet_crypto::{Timestamp, sha256};

use super::device::DeviceId;

/// Wrong tries before the first delay.
const FREE_TRIES: u32 = 5;

/// The longest delay between two passwords.
const PASSWORD_DELAY_SECONDS: i64 = 60;

/// The longest delay between two second factors. Whoever gets there has the password: a minute would give them one of
/// the million codes within a year, an hour does not.
const FACTOR_DELAY_SECONDS: i64 = 3_600;

/// After this long without a wrong try a bucket is empty.
const FORGET_SECONDS: i64 = 86_400;

/// Buckets for names without an account, which anybody can invent: the oldest give way.
const MOST_NOBODIES: usize = 10_000;

/// Which tries are counted together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tries<'a> {
    /// Passwords of an account, from a browser that it knows or from all others.
    Password(&'a str, Option<DeviceId>),
    /// Passwords for a name without an account. Throttled all the same: else the delay would tell which names exist.
    Nobody(&'a str),
    /// The password that somebody who is signed in shows again.
    Own(&'a str),
    /// Second factors of an account, from a browser that it knows or from all others.
    Factor(&'a str, Option<DeviceId>),
}

impl Tries<'_> {
    fn key(self) -> [u8; 32] {
        let (kind, name, device) = match self {
            Tries::Password(officer_id, device) => (b'p', officer_id, device),
            Tries::Nobody(name) => (b'n', name, None),
            Tries::Own(officer_id) => (b'o', officer_id, None),
            Tries::Factor(officer_id, device) => (b'f', officer_id, device),
        };
        let device = device.as_ref().map_or(&[][..], DeviceId::as_bytes);
        sha256(&[&sha256(&[&[kind], name.as_bytes()]), device])
    }

    fn longest_delay_seconds(self) -> i64 {
        match self {
            Tries::Password(..) | Tries::Nobody(_) | Tries::Own(_) => PASSWORD_DELAY_SECONDS,
            Tries::Factor(..) => FACTOR_DELAY_SECONDS,
        }
    }

    /// Whether somebody who got in has emptied the bucket: only if nobody else's tries are in it.
    fn is_shared(self) -> bool {
        matches!(
            self,
            Tries::Password(_, None) | Tries::Nobody(_) | Tries::Factor(_, None)
        )
    }
}

#[derive(Clone, Copy)]
struct Bucket {
    wrong: u32,
    last: Timestamp,
}

impl Bucket {
    fn empty(now: Timestamp) -> Self {
        Self {
            wrong: 0,
            last: now,
        }
    }

    fn is_forgotten(self, now: Timestamp) -> bool {
        now.seconds_since(self.last) > FORGET_SECONDS
    }

    fn wait_seconds(self, now: Timestamp, longest: i64) -> i64 {
        let Some(doublings) = self.wrong.checked_sub(FREE_TRIES) else {
            return 0;
        };
        let delay = (1_i64 << doublings.min(30)).min(longest);
        // A clock that went back must not make the delay longer.
        delay - now.seconds_since(self.last).max(0)
    }
}

#[derive(Default)]
struct Buckets {
    of_accounts: HashMap<[u8; 32], Bucket>,
    of_nobodies: HashMap<[u8; 32], Bucket>,
}

impl Buckets {
    fn of(&mut self, tries: Tries<'_>) -> &mut HashMap<[u8; 32], Bucket> {
        match tries {
            Tries::Nobody(_) => &mut self.of_nobodies,
            Tries::Password(..) | Tries::Own(_) | Tries::Factor(..) => &mut self.of_accounts,
        }
    }
}

/// All buckets.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Buckets>);

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) seconds: u32,
}

/// A try under way. Counted as wrong from the start, and stays so when it is dropped: neither tries side by side nor
/// hanging up gain anything.
pub(super) struct Try<'a> {
    throttle: &'a Throttle,
    tries: Tries<'a>,
    wrong: u32,
}

impl Throttle {
    /// Begins a try, unless it comes too soon.
    pub(super) fn begin<'a>(&'a self, tries: Tries<'a>, now: Timestamp) -> Result<Try<'a>, Wait> {
        let mut all = self.lock();
        let buckets = all.of(tries);
        let key = tries.key();
        let kept = buckets.get(&key).copied();
        let mut bucket = kept
            .filter(|bucket| !bucket.is_forgotten(now))
            .unwrap_or(Bucket::empty(now));
        let wait = bucket.wait_seconds(now, tries.longest_delay_seconds());
        if wait > 0 {
            return Err(Wait {
                seconds: u32::try_from(wait).unwrap_or(u32::MAX),
            });
        }
        bucket.wrong = bucket.wrong.saturating_add(1);
        bucket.last = now;
        if buckets.len() >= MOST_NOBODIES && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| !bucket.is_forgotten(now));
            if matches!(tries, Tries::Nobody(_)) && buckets.len() >= MOST_NOBODIES {
                let oldest = buckets.iter().min_by_key(|(_, bucket)| bucket.last);
                let oldest = oldest.map(|(key, _)| *key);
                oldest.and_then(|key| buckets.remove(&key));
            }
        }
        buckets.insert(key, bucket);
        drop(all);
        Ok(Try {
            throttle: self,
            tries,
            wrong: bucket.wrong,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Buckets> {
        // Buckets are put in whole: a panic elsewhere cannot leave one half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Try<'_> {
    /// It was right, or was not made after all.
    pub(super) fn not_wrong(self, right: bool) {
        let mut all = self.throttle.lock();
        let buckets = all.of(self.tries);
        let key = self.tries.key();
        if right && !self.tries.is_shared() {
            buckets.remove(&key);
        } else if let Some(bucket) = buckets.get_mut(&key) {
            // In a shared bucket a guesser's tries stay.
            bucket.wrong = bucket.wrong.saturating_sub(1);
        }
    }

    /// Whether the audit should hear of this one: the 5th, 50th, 500th ... in a row, so that a guesser cannot fill it.
    pub(super) fn is_noteworthy(&self) -> bool {
        let mut noteworthy = FREE_TRIES;
        while noteworthy < self.wrong {
            noteworthy = noteworthy.saturating_mul(10);
        }
        noteworthy == self.wrong
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;
    use crate::sign_in::{device, portal_key::PortalKey};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_600_000_000 + seconds).unwrap()
    }

    fn a_device() -> Option<DeviceId> {
        let key = PortalKey::new(&[1; 32]);
        let cookie = device::remember(&key, "a", &[0; 16], None, &mut StdRng::seed_from_u64(1));
        device::recognise(&key, "a", &[0; 16], Some(&cookie))
    }

    fn wrong(throttle: &Throttle, tries: Tries<'_>, now: Timestamp) -> Result<(), Wait> {
        throttle.begin(tries, now).map(drop)
    }

    #[test]
    fn after_five_wrong_tries_the_delay_doubles_up_to_a_minute() {
        let throttle = Throttle::default();
        let tries = Tries::Password("a", None);
        for _ in 0..5 {
            wrong(&throttle, tries, at(0)).unwrap();
        }
        let mut now = 0;
        for delay in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(
                wrong(&throttle, tries, at(now)),
                Err(Wait { seconds: delay })
            );
            now += i64::from(delay);
            wrong(&throttle, tries, at(now)).unwrap();
        }
        // A clock that goes back does not lengthen it.
        assert_eq!(wrong(&throttle, tries, at(-500)), Err(Wait { seconds: 60 }));
        wrong(&throttle, tries, at(now + FORGET_SECONDS + 1)).unwrap();
        wrong(&throttle, tries, at(now + FORGET_SECONDS + 1)).unwrap();
    }

    #[test]
    fn an_outsider_fills_nobody_else_s_bucket() {
        let throttle = Throttle::default();
        let known = a_device();
        assert!(known.is_some());
        let mut refused = 0;
        for _ in 0..1_000 {
            refused += i32::from(wrong(&throttle, Tries::Password("a", None), at(0)).is_err());
        }
        assert_eq!(refused, 995);
        throttle
            .begin(Tries::Password("a", known), at(0))
            .unwrap()
            .not_wrong(true);
        throttle
            .begin(Tries::Factor("a", None), at(0))
            .unwrap()
            .not_wrong(true);
        wrong(&throttle, Tries::Password("b", None), at(0)).unwrap();
    }

    #[test]
    fn getting_in_empties_one_s_own_bucket_and_not_the_shared_one() {
        for (device, left) in [(a_device(), 0), (None, 5)] {
            let throttle = Throttle::default();
            let tries = Tries::Password("a", device);
            for _ in 0..5 {
                wrong(&throttle, tries, at(0)).unwrap();
            }
            throttle.begin(tries, at(1)).unwrap().not_wrong(true);
            let again = throttle.begin(tries, at(10)).unwrap();
            assert_eq!(again.wrong, left + 1);
        }
    }

    #[test]
    fn second_factors_wait_up_to_an_hour() {
        let throttle = Throttle::default();
        let tries = Tries::Factor("a", None);
        let mut now = 0;
        let mut tried = 0;
        while now < 86_400 {
            match wrong(&throttle, tries, at(now)) {
                Ok(()) => tried += 1,
                Err(Wait { seconds }) => now += i64::from(seconds),
            }
        }
        assert!(tried < 42, "{tried} guesses in a day");
    }

    #[test]
    fn invented_names_do_not_fill_the_memory() {
        let throttle = Throttle::default();
        for i in 0..MOST_NOBODIES + 50 {
            let now = at(i64::try_from(i).unwrap() / 1_000);
            wrong(&throttle, Tries::Nobody(&i.to_string()), now).unwrap();
        }
        assert_eq!(throttle.lock().of_nobodies.len(), MOST_NOBODIES);
    }

    #[test]
    fn the_audit_hears_of_few() {
        let throttle = Throttle::default();
        let mut now = 0;
        let mut heard = 0;
        for _ in 0..1_000 {
            now += 60;
            let one = throttle.begin(Tries::Password("a", None), at(now)).unwrap();
            heard += i32::from(one.is_noteworthy());
        }
        assert_eq!(heard, 3);
    }
}
