//! What a case's phone keeps of a disclosed key, to take it back by: a proof that it knew the secret, without the secret.
//!
//! Whoever finds a receipt derives no ID from it. It is as long as the secret it stands for, so that a request that takes
//! back looks on the wire like one that discloses.

use std::fmt;

use crate::{Day, DisclosedKey, KeyError, Scheme, SlotSet, schedule, sha256};

/// Proof of one day's disclosed secret, and the slots that are meant. Never printed by `Debug`: who has it can take back.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    scheme: Scheme,
    day: Day,
    proof: Vec<u8>,
    slots: SlotSet,
}

impl Receipt {
    /// The receipt of a key, all of its slots.
    #[must_use]
    pub fn of(key: &DisclosedKey) -> Self {
        Self {
            scheme: key.scheme(),
            day: key.day(),
            // With dp3t each slot has a seed of its own, and each seed its proof.
            proof: key
                .split()
                .iter()
                .flat_map(|part| proof_of(part.scheme(), part.secret()))
                .collect(),
            slots: key.slots().clone(),
        }
    }

    /// A receipt as it comes in, or was kept.
    ///
    /// - `proof`: as long as the secret: 32 bytes (bluezone), 16 (gaen), 32 for each slot set (dp3t).
    ///
    /// # Errors
    /// [`KeyError`] if the proof has another length or no slot is set.
    pub fn new(scheme: Scheme, day: Day, proof: Vec<u8>, slots: SlotSet) -> Result<Self, KeyError> {
        let expected = scheme.disclosed_secret_bytes(slots.len());
        if slots.is_empty() {
            Err(KeyError::NoSlots)
        } else if proof.len() != expected {
            Err(KeyError::SecretBytes {
                expected,
                found: proof.len(),
            })
        } else {
            Ok(Self {
                scheme,
                day,
                proof,
                slots,
            })
        }
    }

    /// The receipts of the smallest keys that the key consisted of: see [`DisclosedKey::split`].
    #[must_use]
    pub fn split(&self) -> Vec<Self> {
        match self.scheme {
            Scheme::Bluezone | Scheme::Gaen => vec![self.clone()],
            Scheme::Dp3t => self
                .slots
                .iter()
                .zip(self.proof.chunks_exact(schedule::dp3t::SEED_BYTES))
                .map(|(slot, proof)| {
                    let mut slots = SlotSet::empty(self.scheme);
                    slots.insert(slot);
                    Self {
                        proof: proof.to_vec(),
                        slots,
                        ..*self
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

    /// What goes where the secret stood.
    #[must_use]
    pub fn proof(&self) -> &[u8] {
        &self.proof
    }

    /// The slots that are meant; at least one.
    #[must_use]
    pub fn slots(&self) -> &SlotSet {
        &self.slots
    }
}

/// SHA-256("truyvet receipt v1" ‖ scheme byte ‖ secret), cut to the secret's length.
fn proof_of(scheme: Scheme, secret: &[u8]) -> Vec<u8> {
    let digest = sha256(&[b"truyvet receipt v1", &[scheme.byte()], secret]);
    digest[..secret.len().min(digest.len())].to_vec()
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scheme: Scheme, slots: &[u32]) -> DisclosedKey {
        let day_secret: Vec<u8> = (0..scheme.day_secret_bytes())
            .map(|i| u8::try_from(i / 32 % 251).unwrap())
            .collect();
        let mut set = SlotSet::empty(scheme);
        slots.iter().for_each(|slot| set.insert(*slot));
        DisclosedKey::disclose(scheme, Day::from_number(18_500), &day_secret, set).unwrap()
    }

    #[test]
    fn a_receipt_is_as_long_as_the_secret_and_another_thing() {
        for scheme in Scheme::ALL {
            let key = key(scheme, &[3, 70]);
            let receipt = Receipt::of(&key);
            assert_eq!(receipt.proof().len(), key.secret().len(), "{scheme}");
            for (proof, secret) in receipt.proof().chunks(16).zip(key.secret().chunks(16)) {
                assert_ne!(proof, secret, "{scheme}");
            }
            let read = Receipt::new(
                scheme,
                receipt.day(),
                receipt.proof().to_vec(),
                receipt.slots().clone(),
            );
            assert_eq!(read.unwrap(), receipt);
        }
    }

    #[test]
    fn the_parts_of_a_receipt_are_the_receipts_of_the_parts() {
        for scheme in Scheme::ALL {
            let key = key(scheme, &[3, 70]);
            let of_parts: Vec<_> = key.split().iter().map(Receipt::of).collect();
            assert_eq!(Receipt::of(&key).split(), of_parts, "{scheme}");
        }
    }

    #[test]
    fn known_answers() {
        let hex = |scheme| {
            let receipt = Receipt::of(&key(scheme, &[3]));
            data_encoding::HEXLOWER.encode(receipt.proof())
        };
        // Computed with Python's hashlib.
        assert_eq!(
            hex(Scheme::Bluezone),
            "e368b8ee8c91cf84b1a1c23fe2fc41b9f38c4108fa431a2b3e8ec2375102e1b5"
        );
        assert_eq!(hex(Scheme::Gaen), "654d68ff7859f20665cb3d01c18295e6");
        assert_eq!(
            hex(Scheme::Dp3t),
            "6e5fc1adf0b0d1b828784615266c3d2c3906d67962c4a67af9e64dd1c673b75a"
        );
    }

    #[test]
    fn wrong_lengths_and_empty_slot_sets_are_refused() {
        let day = Day::from_number(18_500);
        for scheme in Scheme::ALL {
            let mut slots = SlotSet::empty(scheme);
            let bytes = scheme.disclosed_secret_bytes(1);
            let refused = Receipt::new(scheme, day, vec![0; bytes], slots.clone());
            assert_eq!(refused, Err(KeyError::NoSlots));
            slots.insert(1);
            for found in [0, bytes - 1, bytes + 1] {
                assert!(Receipt::new(scheme, day, vec![0; found], slots.clone()).is_err());
            }
        }
    }
}
