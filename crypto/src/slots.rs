//! A set of slots of one day, as the bitmap that goes over the wire.

use crate::scheme::Scheme;

/// Which slots of one UTC day are meant. Lowest bit of the first byte = slot 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSet {
    /// `slots_per_day / 8` bytes: no bit can lie outside the day.
    bytes: Vec<u8>,
}

/// The bitmap has bits outside the day, or too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("slot bitmap of {found} bytes, a day has {expected}")]
pub struct SlotSetError {
    expected: usize,
    found: usize,
}

impl SlotSet {
    /// No slot.
    #[must_use]
    pub fn empty(scheme: Scheme) -> Self {
        Self {
            bytes: vec![0; bitmap_bytes(scheme)],
        }
    }

    /// Every slot of the day.
    #[must_use]
    pub fn full(scheme: Scheme) -> Self {
        Self {
            bytes: vec![0xff; bitmap_bytes(scheme)],
        }
    }

    /// Reads a bitmap from the wire.
    ///
    /// # Errors
    /// [`SlotSetError`] if it is not exactly as long as a day has slots.
    pub fn parse(scheme: Scheme, bytes: &[u8]) -> Result<Self, SlotSetError> {
        let expected = bitmap_bytes(scheme);
        if bytes.len() == expected {
            Ok(Self {
                bytes: bytes.to_vec(),
            })
        } else {
            Err(SlotSetError {
                expected,
                found: bytes.len(),
            })
        }
    }

    /// The bitmap: one bit a slot, lowest bit first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds a slot.
    ///
    /// # Panics
    /// If `index` is not within the day.
    pub fn insert(&mut self, index: u32) {
        self.bytes[index as usize / 8] |= 1 << (index % 8);
    }

    /// Whether the slot is in the set; false outside the day.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        self.bytes
            .get(index as usize / 8)
            .is_some_and(|byte| byte >> (index % 8) & 1 == 1)
    }

    /// Adds every slot that `other` has.
    pub fn insert_all(&mut self, other: &Self) {
        for (byte, insert) in self.bytes.iter_mut().zip(&other.bytes) {
            *byte |= insert;
        }
    }

    /// Takes out every slot that `other` has.
    pub fn remove_all(&mut self, other: &Self) {
        for (byte, remove) in self.bytes.iter_mut().zip(&other.bytes) {
            *byte &= !remove;
        }
    }

    /// Keeps the slots that `other` has too.
    pub fn keep_only(&mut self, other: &Self) {
        for (byte, keep) in self.bytes.iter_mut().zip(&other.bytes) {
            *byte &= keep;
        }
    }

    /// How many slots it has.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.bytes.iter().map(|byte| byte.count_ones()).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.iter().all(|&byte| byte == 0)
    }

    /// Its slots as positions within the day, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        (0..8 * u32::try_from(self.bytes.len()).expect("a day has few slots"))
            .filter(|&index| self.contains(index))
    }

    /// The highest slot in the set.
    #[must_use]
    pub fn last(&self) -> Option<u32> {
        self.iter().last()
    }
}

fn bitmap_bytes(scheme: Scheme) -> usize {
    scheme.slots_per_day() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_is_exactly_one_day_long() {
        assert!(SlotSet::parse(Scheme::Bluezone, &[0; 12]).is_ok());
        assert!(SlotSet::parse(Scheme::Gaen, &[0; 18]).is_ok());
        for (scheme, bytes) in [
            (Scheme::Bluezone, 11),
            (Scheme::Bluezone, 13),
            (Scheme::Gaen, 12),
            (Scheme::Dp3t, 18),
        ] {
            assert!(SlotSet::parse(scheme, &vec![0; bytes]).is_err());
        }
    }

    #[test]
    fn bits_are_lowest_first() {
        let set = SlotSet::parse(
            Scheme::Bluezone,
            &[0b101, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80],
        )
        .unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 2, 15, 95]);
        assert_eq!((set.len(), set.last()), (4, Some(95)));
        let mut rest = SlotSet::full(Scheme::Bluezone);
        rest.remove_all(&set);
        assert_eq!(rest.len(), 92);
        assert!(!rest.contains(15) && !rest.contains(96));
        let mut both = SlotSet::full(Scheme::Bluezone);
        both.keep_only(&set);
        assert_eq!(both, set);
        both.keep_only(&rest);
        assert!(both.is_empty());
    }
}
