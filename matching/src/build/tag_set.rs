//! The tags of one batch, and the padding that hides how many there are.

use std::num::NonZero;

use truyvet_crypto::{Tag, sha256};

use super::{
    order::{in_order, in_order_together, insert, without},
    threads::on_threads,
};

/// Tags, each once. Never printed by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TagSet {
    /// Ascending, without repeats.
    sorted: Vec<Tag>,
}

impl TagSet {
    /// Sorts and takes out repeats.
    #[must_use]
    pub fn new(tags: Vec<Tag>) -> Self {
        Self {
            sorted: in_order(tags),
        }
    }

    /// The tags of many sources, on so many threads. The set does not depend on how many.
    ///
    /// - `most`: how many tags a source has, or more; room is made for so many.
    /// - `each`: hands out the tags of a source, in any order, repeats allowed.
    #[must_use]
    pub fn gather<S: Sync>(
        sources: &[S],
        threads: NonZero<usize>,
        most: impl Fn(&S) -> usize + Sync,
        each: impl Fn(&S, &mut dyn FnMut(Tag)) + Sync,
    ) -> Self {
        let share = sources.len().div_ceil(threads.get()).max(1);
        let (most, each) = (&most, &each);
        let runs = on_threads(sources.chunks(share).map(|sources| {
            move || {
                let mut tags = Vec::with_capacity(sources.iter().map(most).sum());
                for source in sources {
                    each(source, &mut |tag| tags.push(tag));
                }
                tags
            }
        }));
        Self {
            sorted: in_order_together(runs, threads),
        }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The tags, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Tag> {
        self.sorted.iter()
    }

    /// The tags, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[Tag] {
        &self.sorted
    }

    /// Whether `tag` is one of them.
    #[must_use]
    pub fn contains(&self, tag: &Tag) -> bool {
        self.sorted.binary_search(tag).is_ok()
    }

    /// Adds tags that nobody broadcast, up to `floor` or the next multiple of `step`, whichever is more.
    ///
    /// Padding i = first 16 bytes of SHA-256("truyvet padding v1" ‖ seed ‖ i as u64 big-endian), from 0 on; a tag that
    /// is there already is passed over. So the count says little of the number of cases, and who does not know the seed
    /// cannot tell padding from tags.
    ///
    /// - `seed`: secret, random, fresh for each batch.
    /// - `step`: at least 1; 0 is taken as 1.
    #[must_use]
    pub fn padded(mut self, seed: &[u8; 32], floor: u64, step: u64) -> Self {
        let len = self.len() as u64;
        let target = len.next_multiple_of(step.max(1)).max(floor);
        let mut counter = 0_u64;
        // Twice only if a padding tag was there already.
        while (self.len() as u64) < target {
            let missing = target - self.len() as u64;
            let tags = (counter..counter + missing).map(|i| padding(seed, i));
            counter += missing;
            let new = without(in_order(tags.collect()), &self.sorted);
            insert(&mut self.sorted, &new);
        }
        self
    }
}

fn padding(seed: &[u8; 32], counter: u64) -> Tag {
    let digest = sha256(&[b"truyvet padding v1", seed, &counter.to_be_bytes()]);
    Tag::from_bytes(*digest.first_chunk().expect("32 bytes"))
}

impl FromIterator<Tag> for TagSet {
    fn from_iter<I: IntoIterator<Item = Tag>>(tags: I) -> Self {
        Self::new(tags.into_iter().collect())
    }
}

impl std::fmt::Debug for TagSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TagSet({} tags)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(count: u8) -> TagSet {
        (0..count).map(|i| Tag::from_bytes([i; 16])).collect()
    }

    #[test]
    fn a_tag_set_holds_each_tag_once() {
        let one = Tag::from_bytes([1; 16]);
        let set = TagSet::new(vec![one, Tag::from_bytes([0; 16]), one]);
        assert_eq!(set, tags(2));
        assert_eq!(set.iter().count(), set.len());
        assert!(set.contains(&one) && !set.contains(&Tag::from_bytes([2; 16])));
        assert!(TagSet::default().is_empty());
        assert_eq!(format!("{set:?}"), "TagSet(2 tags)");
    }

    #[test]
    fn padding_fills_up_to_the_floor_or_the_step() {
        let padded = |count, floor, step| tags(count).padded(&[9; 32], floor, step).len();
        assert_eq!(padded(0, 0, 100), 0);
        assert_eq!(padded(0, 50, 100), 50);
        assert_eq!(padded(1, 50, 100), 100);
        assert_eq!(padded(100, 50, 100), 100);
        assert_eq!(padded(101, 50, 100), 200);
        assert_eq!(padded(3, 5, 1), 5);
        assert_eq!(padded(7, 5, 0), 7);
    }

    /// Computed with Python's hashlib from the formula in the doc comment, seed 00 01 .. 1f.
    #[test]
    fn the_padding_formula_is_frozen() {
        let seed = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let padded = TagSet::default().padded(&seed, 2, 1);
        let expected = [
            0x7d28_e448_4c1a_29e0_db38_46d8_8139_d7a4,
            0x1f1f_6427_1a3b_d86d_cb40_4d68_a34e_5737,
        ];
        assert_eq!(
            padded,
            expected
                .map(|tag: u128| Tag::from_bytes(tag.to_be_bytes()))
                .into_iter()
                .collect()
        );
    }

    /// The seed's owner may publish a padding tag again: the count is still reached.
    #[test]
    fn padding_that_is_there_already_is_passed_over() {
        let seed = [3; 32];
        let first = TagSet::default().padded(&seed, 4, 1);
        let again = first.clone().padded(&seed, 6, 1);
        assert_eq!(again, TagSet::default().padded(&seed, 6, 1));
    }

    proptest! {
        #[test]
        fn padding_keeps_the_tags_and_depends_on_the_seed_alone(
            count: u8, floor in 0_u64..300, step in 1_u64..300, seed: [u8; 32]
        ) {
            let padded = tags(count).padded(&seed, floor, step);
            prop_assert_eq!(padded.len() as u64, u64::from(count).next_multiple_of(step).max(floor));
            prop_assert!(tags(count).iter().all(|tag| padded.contains(tag)));
            prop_assert!(padded.as_slice().is_sorted_by(|a, b| a < b));
            prop_assert_eq!(&tags(count).padded(&seed, floor, step), &padded);
            if padded.len() > usize::from(count) {
                let other = seed.map(|byte| !byte);
                prop_assert_ne!(tags(count).padded(&other, floor, step), padded);
            }
        }
    }
}
