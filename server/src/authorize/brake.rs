//! The brake on wrong guesses of upload codes: counts them by source and in all, keeps no address, forgets every hour.
//!
//! It knows a source only as a hash under a random key that lives for one hour, in a sketch of fixed size from which no
//! hash can be read back. What a source is, is for [`Source`] to say.
//!
//! # How many guesses are too many
//!
//! A code has 10 free symbols of 23: 23^10 = 4.14 · 10^13 (the check symbol is computed, an attacker computes it too).
//! With L codes alive one guess finds one with chance L / 23^10. Vietnam's record day had fewer than 40,000 cases; at
//! the default life of 24 hours (25 at most, from the next full hour) L ≤ 41,667, so one guess succeeds with 1.0 · 10^-9,
//! and 10^-3 successes a day are expected of 41,426 guesses an hour. The default budget is a quarter of that, 10,356 an
//! hour: 2.5 · 10^-4 a day. The other three quarters are for what comes through once it is spent, one guess for each
//! address and hour: 31,000 addresses around the clock. Longer lives make the budget smaller in proportion:
//! [`default_wrong_guesses_per_hour`].
//!
//! Honest people rarely guess wrong: a typo fails the check symbol and never reaches the brake. What does are codes that
//! ran out, were used or revoked: a few in a hundred redemptions, 40 an hour on the record day in the whole country.
//!
//! # Why 10 a source, and what a source is
//!
//! The budget alone bounds the attack; the limit for each source only keeps one attacker from spending it for all. An
//! IPv4 source is one address, not a /24: mobile carriers put thousands of phones behind one address, and a /24 would
//! let one troll stop a city; a botnet has addresses in many /24 anyhow. An IPv6 source is a /48: the least that a
//! hosting customer gets for nothing, with 65,536 subnets of their own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use siphasher::sip128::SipHasher24;
use tracing::warn;
use truyvet_crypto::Timestamp;

use super::Source;

/// Wrong guesses of one source in an hour; after them it gets no answers.
pub const WRONG_GUESSES_A_SOURCE: u8 = 10;

/// Codes that an attacker chooses among.
const CODES: u64 = 23_u64.pow(10);

/// More than Vietnam issued codes on its record day.
const CODES_ON_A_RECORD_DAY: u64 = 40_000;

/// Rows of the sketch: a source is held for another only if all of its cells are shared.
const ROWS: usize = 4;

/// Cells in a row. With 100,000 guessing sources in one hour an innocent one is held for a guesser with 1 %, with 10,000
/// with 2 in a million.
const CELLS: usize = 1 << 18;

/// To wait for other guesses of the same source to be judged.
const IN_FLIGHT_SECONDS: u32 = 1;

/// A budget with which, at this life of codes, a quarter of a thousandth success a day is expected: see above.
#[must_use]
pub fn default_wrong_guesses_per_hour(code_valid_hours: u32) -> u32 {
    let live = CODES_ON_A_RECORD_DAY * (u64::from(code_valid_hours) + 1) / 24;
    // successes a day = 24 · guesses · live / CODES, and a quarter of a thousandth is wanted.
    u32::try_from(CODES / (4_000 * 24 * live)).unwrap_or(u32::MAX)
}

/// A guess was not even looked at, whether right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Braked {
    /// When to come again.
    pub retry_after_seconds: u32,
}

/// What the brake does now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrakeState {
    /// Wrong guesses in the running hour, all sources together.
    pub wrong_guesses: u64,
    /// How many there may be before only sources without any are served.
    pub budget: u64,
}

impl BrakeState {
    /// Whether the budget is spent.
    #[must_use]
    pub fn braking(self) -> bool {
        self.wrong_guesses >= self.budget
    }
}

/// Counts wrong guesses.
pub struct Brake {
    budget: u64,
    hour: Mutex<Hour>,
}

/// A guess that is being judged. Wrong unless [`Guess::was_no_guess`] says otherwise.
#[must_use]
pub struct Guess<'a> {
    brake: &'a Brake,
    cells: [usize; ROWS],
    /// Of the hour that it came in.
    generation: u64,
    wrong: bool,
}

/// What is known of the running hour.
struct Hour {
    start: Timestamp,
    /// Counts hours, also those that a clock set back begins again.
    generation: u64,
    /// Makes hashes of sources useless outside this hour, and cells unpredictable to an attacker.
    key: [u8; 16],
    /// Rows one after the other. Empty until the first guess: an idle server has no use for the memory.
    sketch: Vec<Cell>,
    wrong_guesses: u64,
    rng: StdRng,
}

/// Upper bounds of the counts of every source that shares it.
#[derive(Clone, Copy, Default)]
struct Cell {
    wrong: u8,
    in_flight: u8,
}

impl Brake {
    /// - `budget`: wrong guesses in an hour, all sources together, before only sources without any are served.
    #[must_use]
    pub fn new(budget: u32, rng: &mut StdRng) -> Self {
        let mut hour = Hour {
            start: Timestamp::MIN,
            generation: 0,
            key: [0; 16],
            sketch: Vec::new(),
            wrong_guesses: 0,
            rng: StdRng::from_rng(rng),
        };
        hour.begin(Timestamp::MIN);
        Self {
            budget: budget.into(),
            hour: Mutex::new(hour),
        }
    }

    /// Lets a guess through to be judged, or not. It counts from now on, so that guesses at the same time cannot
    /// outnumber the limit.
    ///
    /// # Errors
    /// [`Braked`], the same for right and wrong codes.
    pub fn admit(&self, source: &Source, now: Timestamp) -> Result<Guess<'_>, Braked> {
        let mut hour = self.hour(now);
        let cells = hour.cells(source);
        let (wrong, in_flight) = hour.counts(&cells);
        let spent = hour.wrong_guesses >= self.budget;
        let limit = if spent { 1 } else { WRONG_GUESSES_A_SOURCE };
        if wrong >= limit {
            let next_hour = hour.start.plus_seconds(3_600).seconds_since(now);
            return Err(Braked {
                retry_after_seconds: u32::try_from(next_hour).unwrap_or(0).max(1),
            });
        }
        if wrong.saturating_add(in_flight) >= limit {
            return Err(Braked {
                retry_after_seconds: IN_FLIGHT_SECONDS,
            });
        }
        for cell in cells {
            let in_flight = &mut hour.sketch[cell].in_flight;
            *in_flight = in_flight.saturating_add(1);
        }
        Ok(Guess {
            brake: self,
            cells,
            generation: hour.generation,
            wrong: true,
        })
    }

    /// What the brake does now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> BrakeState {
        BrakeState {
            wrong_guesses: self.hour(now).wrong_guesses,
            budget: self.budget,
        }
    }

    fn hour(&self, now: Timestamp) -> MutexGuard<'_, Hour> {
        // Counts go up one by one: a panic elsewhere cannot leave them worse than one too low.
        let mut hour = self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        // Also when the clock goes back.
        if hour.start != now.hour_start() {
            hour.begin(now.hour_start());
        }
        hour
    }
}

impl Guess<'_> {
    /// The code was good, or nobody could tell: it does not count.
    pub fn was_no_guess(mut self) {
        self.wrong = false;
    }
}

impl Drop for Guess<'_> {
    /// Also when the caller hangs up in the middle: what is not known to be right was a guess.
    fn drop(&mut self) {
        let brake = self.brake;
        let mut hour = brake.hour.lock().unwrap_or_else(PoisonError::into_inner);
        // What came in an hour ago is forgotten with that hour.
        if hour.generation != self.generation {
            return;
        }
        for cell in self.cells {
            let Cell { wrong, in_flight } = &mut hour.sketch[cell];
            *in_flight = in_flight.saturating_sub(1);
            *wrong = wrong.saturating_add(self.wrong.into());
        }
        hour.wrong_guesses += u64::from(self.wrong);
        if self.wrong && hour.wrong_guesses == brake.budget {
            warn!(
                wrong_guesses = brake.budget,
                "too many wrong upload codes: for the rest of the hour only sources without any are served"
            );
        }
    }
}

impl Hour {
    fn begin(&mut self, start: Timestamp) {
        self.start = start;
        self.generation += 1;
        self.rng.fill_bytes(&mut self.key);
        self.sketch = Vec::new();
        self.wrong_guesses = 0;
    }

    /// Where the source is counted, a cell in each row.
    fn cells(&mut self, source: &Source) -> [usize; ROWS] {
        if self.sketch.is_empty() {
            self.sketch = vec![Cell::default(); ROWS * CELLS];
        }
        let hash = SipHasher24::new_with_key(&self.key).hash(source.bytes());
        let bits = hash.as_u128();
        std::array::from_fn(|row| {
            let cell = (bits >> (32 * row)) as usize % CELLS;
            row * CELLS + cell
        })
    }

    /// The source's wrong guesses and those being judged, or more: other sources may share a cell, not all of them.
    fn counts(&self, cells: &[usize; ROWS]) -> (u8, u8) {
        let least = |count: fn(&Cell) -> u8| {
            let counts = cells.iter().map(|&cell| count(&self.sketch[cell]));
            counts.min().unwrap_or(0)
        };
        (least(|cell| cell.wrong), least(|cell| cell.in_flight))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn brake(budget: u32) -> Brake {
        Brake::new(budget, &mut StdRng::seed_from_u64(1))
    }

    fn source(number: u32) -> Source {
        Source::of(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    fn noon() -> Timestamp {
        Timestamp::from_unix_seconds(1_630_040_400).unwrap()
    }

    fn guess_wrong(brake: &Brake, source: &Source, now: Timestamp) -> bool {
        brake.admit(source, now).map(drop).is_ok()
    }

    #[test]
    fn a_source_has_ten_wrong_guesses_an_hour() {
        let brake = brake(1_000);
        let (troll, phone) = (source(1), source(2));
        for _ in 0..WRONG_GUESSES_A_SOURCE {
            assert!(guess_wrong(&brake, &troll, noon()));
        }
        let later = noon().plus_seconds(600);
        let braked = brake.admit(&troll, later).err().unwrap();
        assert_eq!(braked.retry_after_seconds, 3_000);
        assert!(brake.admit(&phone, later).is_ok());
        // The next hour knows nothing of it.
        assert!(guess_wrong(&brake, &troll, noon().plus_seconds(3_600)));
        assert_eq!(brake.state(noon().plus_seconds(3_600)).wrong_guesses, 1);
    }

    #[test]
    fn good_codes_do_not_count() {
        let brake = brake(1_000);
        for _ in 0..1_000 {
            brake.admit(&source(1), noon()).ok().unwrap().was_no_guess();
        }
        assert_eq!(brake.state(noon()).wrong_guesses, 0);
        assert!(guess_wrong(&brake, &source(1), noon()));
    }

    #[test]
    fn guesses_at_the_same_time_do_not_outnumber_the_limit() {
        let brake = brake(1_000);
        let held: Vec<_> = (0..64)
            .filter_map(|_| brake.admit(&source(1), noon()).ok())
            .collect();
        assert_eq!(held.len(), usize::from(WRONG_GUESSES_A_SOURCE));
        let braked = brake.admit(&source(1), noon()).err().unwrap();
        assert_eq!(braked.retry_after_seconds, IN_FLIGHT_SECONDS);
        drop(held);
        assert!(brake.admit(&source(1), noon()).is_err());
        assert_eq!(brake.state(noon()).wrong_guesses, 10);
    }

    #[test]
    fn when_the_budget_is_spent_only_the_innocent_are_served() {
        let brake = brake(1_000);
        for number in 0..1_000 {
            assert!(guess_wrong(&brake, &source(number), noon()));
        }
        assert!(brake.state(noon()).braking());
        for number in 0..1_000 {
            assert!(!guess_wrong(&brake, &source(number), noon()), "{number}");
        }
        // A botnet's next address gets one guess; an honest phone any number of good codes.
        let (bot, phone) = (source(5_000), source(6_000));
        assert!(guess_wrong(&brake, &bot, noon()));
        assert!(!guess_wrong(&brake, &bot, noon()));
        for _ in 0..20 {
            brake.admit(&phone, noon()).ok().unwrap().was_no_guess();
        }
        assert!(!brake.state(noon().plus_seconds(3_600)).braking());
    }

    /// The sketch holds few innocents for guessers, also under a botnet.
    #[test]
    fn a_botnet_of_100_000_leaves_99_of_100_phones_alone() {
        let brake = brake(1_000);
        for number in 0..100_000 {
            guess_wrong(&brake, &source(number), noon());
        }
        let refused = (1_000_000..1_010_000)
            .filter(|&number| brake.admit(&source(number), noon()).is_err())
            .count();
        assert!(refused < 200, "{refused} of 10,000");
    }

    #[test]
    fn the_default_budget_expects_a_quarter_of_a_thousandth_success_a_day() {
        assert_eq!(default_wrong_guesses_per_hour(24), 10_356);
        for hours in [1, 24, 72, 168] {
            let live = 40_000.0 * f64::from(hours + 1) / 24.0;
            let guesses = 24.0 * f64::from(default_wrong_guesses_per_hour(hours));
            let successes = guesses * live / 23_f64.powi(10);
            assert!((2.4e-4..2.6e-4).contains(&successes), "{successes}");
        }
    }

    #[test]
    fn a_guess_that_is_judged_in_the_next_hour_harms_nobody() {
        let brake = brake(1_000);
        let guess = brake.admit(&source(1), noon()).ok().unwrap();
        let next = noon().plus_seconds(3_600);
        assert_eq!(brake.state(next).wrong_guesses, 0);
        drop(guess);
        assert_eq!(brake.state(next).wrong_guesses, 0);
        // Nor one that a clock carries into the next hour and back.
        let guess = brake.admit(&source(1), next).ok().unwrap();
        assert_eq!(brake.state(noon()).wrong_guesses, 0);
        assert_eq!(brake.state(next).wrong_guesses, 0);
        drop(guess);
        assert_eq!(brake.state(next).wrong_guesses, 0);
    }
}
