//! What the batch file is measured against: a plain Bloom filter by the crate `bloomfilter`, as a reader can get it.

use std::hash::{Hash, Hasher};

use bloomfilter::Bloom;
use truyvet_crypto::{Tag, sha256};

/// Hashes its bytes and nothing else: `[u8; 16]` would mix in its length as a `usize`, so that phones of 32 bits would
/// see other bits than servers of 64.
struct Key([u8; 16]);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// A plain Bloom filter of tags.
pub struct PlainBloom(Bloom<Key>);

impl PlainBloom {
    /// Of `tags`, finding an absent one with chance 2^-`fingerprint_bits`.
    ///
    /// # Panics
    /// Without tags.
    #[must_use]
    pub fn build(salt: &[u8; 16], fingerprint_bits: u8, tags: &[Tag]) -> Self {
        // Hashed, because a seed with equal halves makes both hash functions one: a salt repeated twice would find
        // absent tags thousands of times as often.
        let seed = sha256(&[b"truyvet plain bloom v1", salt]);
        assert_ne!(seed[..16], seed[16..]);
        let rate = (-f64::from(fingerprint_bits)).exp2();
        let bytes = Bloom::<Key>::compute_bitmap_size(tags.len(), rate);
        let mut bloom =
            Bloom::new_with_seed(bytes, tags.len(), &seed).expect("a size and a seed are given");
        for tag in tags {
            bloom.set(&Key(*tag.as_bytes()));
        }
        Self(bloom)
    }

    /// Length of its bits in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        usize::try_from(self.0.len().div_ceil(8)).expect("it is in memory")
    }

    /// How many of `tags` it finds.
    #[must_use]
    pub fn count(&self, tags: &[Tag]) -> usize {
        tags.iter()
            .filter(|tag| self.0.check(&Key(*tag.as_bytes())))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    #[test]
    fn it_finds_its_tags_and_absent_ones_as_rarely_as_computed() {
        let tags = workload::tags(1_000, 0);
        let bloom = PlainBloom::build(&[7; 16], 8, &tags);
        assert_eq!(bloom.count(&tags), tags.len());
        // 100,000 / 2^8 = 391 expected, standard deviation 20.
        let found = bloom.count(&workload::tags(100_000, 1));
        assert!((290..490).contains(&found), "{found}");
    }
}
