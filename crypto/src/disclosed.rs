//! What a confirmed case gives away of one day: the secret behind its IDs, and which of them to publish.

use std::fmt;

use zeroize::Zeroizing;

use crate::{Day, Scheme, Slot, SlotSet, Tag, schedule};

/// Why a disclosed key is none. Safe to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret has the wrong length for its scheme (and, with dp3t, for its slots).
    #[error("secret of {found} bytes, expected {expected}")]
    SecretBytes {
        /// Length it must have.
        expected: usize,
        /// Length it has.
        found: usize,
    },
    /// A key that publishes nothing.
    #[error("no slot is set")]
    NoSlots,
}

/// One day's secret and the slots to publish. Uploading the secret, not IDs, is what keeps people from reporting IDs
/// that are not their own. Never printed by `Debug`; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct DisclosedKey {
    scheme: Scheme,
    day: Day,
    secret: Zeroizing<Vec<u8>>,
    slots: SlotSet,
}

impl DisclosedKey {
    /// A key as it comes in.
    ///
    /// - `secret`: 32 bytes (bluezone), 16 (gaen), 32 for each slot set (dp3t).
    ///
    /// # Errors
    /// [`KeyError`] if the secret has another length or no slot is set.
    pub fn new(
        scheme: Scheme,
        day: Day,
        secret: Vec<u8>,
        slots: SlotSet,
    ) -> Result<Self, KeyError> {
        let expected = scheme.disclosed_secret_bytes(slots.len());
        if slots.is_empty() {
            Err(KeyError::NoSlots)
        } else if secret.len() != expected {
            Err(KeyError::SecretBytes {
                expected,
                found: secret.len(),
            })
        } else {
            Ok(Self {
                scheme,
                day,
                secret: Zeroizing::new(secret),
                slots,
            })
        }
    }

    /// Takes from a whole day's secret what these slots need.
    ///
    /// # Errors
    /// [`KeyError`] if the day secret is not [`Scheme::day_secret_bytes`] long or no slot is set.
    pub fn disclose(
        scheme: Scheme,
        day: Day,
        day_secret: &[u8],
        slots: SlotSet,
    ) -> Result<Self, KeyError> {
        let expected = scheme.day_secret_bytes();
        if day_secret.len() != expected {
            return Err(KeyError::SecretBytes {
                expected,
                found: day_secret.len(),
            });
        }
        let secret = match scheme {
            Scheme::Bluezone | Scheme::Gaen => day_secret.to_vec(),
            Scheme::Dp3t => slots
                .iter()
                .flat_map(|slot| &day_secret[schedule::dp3t::SEED_BYTES * slot as usize..][..32])
                .copied()
                .collect(),
        };
        Self::new(scheme, day, secret, slots)
    }

    /// The same key as the smallest ones it consists of: with dp3t one for each slot, since each has its own seed.
    #[must_use]
    pub fn split(&self) -> Vec<Self> {
        match self.scheme {
            Scheme::Bluezone | Scheme::Gaen => vec![self.clone()],
            Scheme::Dp3t => self
                .slots
                .iter()
                .zip(self.secret.chunks_exact(schedule::dp3t::SEED_BYTES))
                .map(|(slot, seed)| {
                    let mut slots = SlotSet::empty(self.scheme);
                    slots.insert(slot);
                    Self {
                        scheme: self.scheme,
                        day: self.day,
                        secret: Zeroizing::new(seed.to_vec()),
                        slots,
                    }
                })
                .collect(),
        }
    }

    /// The key schedule.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The UTC day.
    #[must_use]
    pub fn day(&self) -> Day {
        self.day
    }

    /// The secret, as uploaded.
    #[must_use]
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The slots to publish; at least one.
    #[must_use]
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }

    /// The tags to publish, by slot.
    pub fn tags(&self) -> impl Iterator<Item = (Slot, Tag)> + use<> {
        let mut tags = Vec::with_capacity(self.slots.len() as usize);
        self.each_tag(|_| true, |slot, tag| tags.push((slot, tag)));
        tags.into_iter()
    }

    /// Hands out the tags of those slots to publish that are wanted, by slot.
    pub fn each_tag(&self, wanted: impl Fn(Slot) -> bool, mut take: impl FnMut(Slot, Tag)) {
        let slot = |index| self.scheme.slot(self.day, index);
        let done = schedule::each_tag(
            self.scheme,
            self.day,
            &self.secret,
            &self.slots,
            |index| wanted(slot(index)),
            |index, tag| take(slot(index), tag),
        );
        done.expect("checked when made");
    }
}

impl fmt::Debug for DisclosedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisclosedKey")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day() -> Day {
        Day::from_number(18_500)
    }

    /// One by one, in a row, with gaps: a tag may be hashed beside what comes after it.
    #[test]
    fn every_scheme_discloses_exactly_the_chosen_slots() {
        for scheme in Scheme::ALL {
            let day_secret: Vec<u8> = (0..scheme.day_secret_bytes())
                .map(|i| u8::try_from(i / 32 % 251).unwrap())
                .collect();
            let ids = schedule::ids_of_day(scheme, day(), &day_secret).unwrap();
            let last = scheme.slots_per_day() - 1;
            for chosen in [
                &[3, 70][..],
                &[0],
                &[last],
                &[0, 1, 2, 4, 5, last],
                &[1, 3, 4, 9, 10, 11],
                &(0..=last).collect::<Vec<_>>(),
            ] {
                let mut slots = SlotSet::empty(scheme);
                chosen.iter().for_each(|slot| slots.insert(*slot));
                let key = DisclosedKey::disclose(scheme, day(), &day_secret, slots).unwrap();
                let expected: Vec<_> = chosen
                    .iter()
                    .map(|&i| {
                        let slot = scheme.slot(day(), i);
                        (slot, Tag::new(scheme, slot, &ids[i as usize]))
                    })
                    .collect();
                assert_eq!(key.tags().collect::<Vec<_>>(), expected);

                let mut even = vec![];
                key.each_tag(
                    |slot| slot.number().is_multiple_of(2),
                    |slot, tag| even.push((slot, tag)),
                );
                let wanted = expected.iter().filter(|(slot, _)| slot.number() % 2 == 0);
                assert!(wanted.eq(&even), "{scheme}: {chosen:?}");

                let split = key.split();
                let parts = if scheme == Scheme::Dp3t {
                    chosen.len()
                } else {
                    1
                };
                assert_eq!(split.len(), parts);
                let tags: Vec<_> = split.iter().flat_map(DisclosedKey::tags).collect();
                assert_eq!(tags, expected);
            }
        }
    }

    #[test]
    fn wrong_secrets_and_empty_slot_sets_are_refused() {
        for scheme in Scheme::ALL {
            let slots = SlotSet::full(scheme);
            let bytes = scheme.day_secret_bytes();
            for found in [0, bytes - 1, bytes + 1] {
                let wrong = DisclosedKey::new(scheme, day(), vec![0; found], slots.clone());
                assert_eq!(
                    wrong,
                    Err(KeyError::SecretBytes {
                        expected: bytes,
                        found
                    })
                );
            }
            let empty = SlotSet::empty(scheme);
            let nothing = DisclosedKey::disclose(scheme, day(), &vec![0; bytes], empty);
            assert_eq!(nothing, Err(KeyError::NoSlots));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = DisclosedKey::new(
            Scheme::Gaen,
            day(),
            vec![171; 16],
            SlotSet::full(Scheme::Gaen),
        );
        assert!(!format!("{key:?}").contains("171"));
    }
}
