//! Tags in order, each once: sorting them, on several threads, and adding to what is sorted.
//!
//! Tags are hashes, so their first bits deal them out evenly: what is left to sort then fits the fastest cache.

use std::num::NonZero;

use truyvet_crypto::Tag;

use super::threads::on_threads;

/// Tags to a bucket, on average.
const BUCKET_TAGS: usize = 256;

/// More buckets than this and dealing out costs more than sorting.
const MOST_BUCKET_BITS: u32 = 13;

/// Repeats of eight bits in a bucket that are no accident: sorting by comparison then costs less.
const MOST_ALIKE: u32 = 32;

/// A tag as the number that it sorts like.
fn number(tag: &Tag) -> u128 {
    u128::from_be_bytes(*tag.as_bytes())
}

/// Sorts and takes out repeats. Takes memory for as many tags again.
pub(super) fn in_order(mut tags: Vec<Tag>) -> Vec<Tag> {
    let bits = bucket_bits(tags.len());
    if bits == 0 {
        tags.sort_unstable_by_key(number);
    } else {
        let (dealt, ends) = dealt(&tags, bits);
        let mut start = 0;
        for end in ends {
            sort_bucket(
                [&dealt[start..end]].into_iter(),
                &mut tags[start..end],
                bits,
            );
            start = end;
        }
    }
    tags.dedup();
    tags
}

/// The same of several runs together, on so many threads: each deals out a run, then sorts a share of the buckets.
pub(super) fn in_order_together(runs: Vec<Vec<Tag>>, threads: NonZero<usize>) -> Vec<Tag> {
    let count = runs.iter().map(Vec::len).sum();
    let bits = bucket_bits(count);
    if runs.len() < 2 || bits == 0 {
        let mut runs = runs.into_iter();
        let mut tags = runs.next().unwrap_or_default();
        runs.for_each(|run| tags.extend(run));
        return in_order(tags);
    }
    let hands = on_threads(runs.into_iter().map(|run| move || dealt(&run, bits)));
    let of_bucket = |bucket: usize| {
        hands.iter().map(move |(dealt, ends)| {
            let start = bucket.checked_sub(1).map_or(0, |before| ends[before]);
            &dealt[start..ends[bucket]]
        })
    };
    let mut tags = vec![Tag::from_bytes([0; 16]); count];
    let mut places = &mut *tags;
    let mut buckets: Vec<(usize, &mut [Tag])> = Vec::with_capacity(1 << bits);
    for bucket in 0..1 << bits {
        let count = of_bucket(bucket).map(<[Tag]>::len).sum();
        let (here, behind) = places.split_at_mut(count);
        buckets.push((bucket, here));
        places = behind;
    }
    let share = buckets.len().div_ceil(threads.get());
    on_threads(buckets.chunks_mut(share).map(|buckets| {
        || {
            for (bucket, sorted) in buckets {
                sort_bucket(of_bucket(*bucket), sorted, bits);
            }
        }
    }));
    tags.dedup();
    tags
}

/// How many first bits tell buckets apart; 0: too few tags.
fn bucket_bits(tags: usize) -> u32 {
    (tags / BUCKET_TAGS)
        .checked_ilog2()
        .unwrap_or(0)
        .min(MOST_BUCKET_BITS)
}

/// Sorts tags that agree in the first `bits` bits into another place, of their number: deals them out once more, by the next
/// eight bits, which leaves one or two of each to compare.
fn sort_bucket<'a>(dealt: impl Iterator<Item = &'a [Tag]> + Clone, sorted: &mut [Tag], bits: u32) {
    let digit = |tag: &Tag| (first_word(tag) << bits >> 24) as usize;
    let mut counts = [0_u32; 256];
    for tag in dealt.clone().flatten() {
        counts[digit(tag)] += 1;
    }
    if counts.iter().any(|count| *count > MOST_ALIKE) {
        for (place, tag) in sorted.iter_mut().zip(dealt.flatten()) {
            *place = *tag;
        }
        sorted.sort_unstable_by_key(number);
        return;
    }
    let mut next = counts;
    let mut start = 0;
    for next in &mut next {
        start += std::mem::replace(next, start);
    }
    for tag in dealt.flatten() {
        let at = &mut next[digit(tag)];
        sorted[*at as usize] = *tag;
        *at += 1;
    }
    insertion_sort(sorted, number);
}

/// Sorts what is nearly in order: moves each by a place or two.
pub(crate) fn insertion_sort<T: Copy, K: Ord>(items: &mut [T], rank: impl Fn(&T) -> K) {
    for i in 1..items.len() {
        let item = items[i];
        let mut at = i;
        while at > 0 && rank(&items[at - 1]) > rank(&item) {
            items[at] = items[at - 1];
            at -= 1;
        }
        items[at] = item;
    }
}

fn first_word(tag: &Tag) -> u32 {
    let [a, b, c, d, ..] = *tag.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// First bits of a tag, 1 to 32 of them.
fn bucket(tag: &Tag, bits: u32) -> usize {
    (first_word(tag) >> (32 - bits)) as usize
}

/// The same tags, bucket by bucket, and where each bucket ends.
fn dealt(tags: &[Tag], bits: u32) -> (Vec<Tag>, Vec<usize>) {
    // Where the next tag of a bucket goes: at last, where the bucket ends.
    let mut next = vec![0; 1 << bits];
    for tag in tags {
        next[bucket(tag, bits)] += 1;
    }
    let mut start = 0;
    for next in &mut next {
        let count = *next;
        *next = start;
        start += count;
    }
    let mut dealt = vec![Tag::from_bytes([0; 16]); tags.len()];
    for tag in tags {
        let at = &mut next[bucket(tag, bits)];
        dealt[*at] = *tag;
        *at += 1;
    }
    (dealt, next)
}

/// Those of the first that are not in the second, both in order.
pub(super) fn without(mut tags: Vec<Tag>, taken: &[Tag]) -> Vec<Tag> {
    tags.retain(|tag| taken.binary_search_by_key(&number(tag), number).is_err());
    tags
}

/// Adds tags that are in order, and none of which is there, to tags that are in order, in their place.
pub(super) fn insert(tags: &mut Vec<Tag>, new: &[Tag]) {
    // From the last on: what is behind `end` is where it belongs.
    let mut end = tags.len();
    tags.extend_from_slice(new);
    for (before, tag) in new.iter().enumerate().rev() {
        let at = tags[..end].partition_point(|other| number(other) < number(tag));
        tags.copy_within(at..end, at + before + 1);
        tags[at + before] = *tag;
        end = at;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    /// So many tags of only so many different first bytes, some more than once.
    fn some(count: usize, first_bytes: u8, seed: u64) -> Vec<Tag> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut tags: Vec<Tag> = (0..count)
            .map(|_| {
                let mut tag = [0; 16];
                rng.fill_bytes(&mut tag);
                tag[0] %= first_bytes.max(1);
                Tag::from_bytes(tag)
            })
            .collect();
        tags.extend_from_within(..count / 3);
        tags
    }

    fn naive(tags: &[Tag]) -> Vec<Tag> {
        let set: BTreeSet<Tag> = tags.iter().copied().collect();
        set.into_iter().collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn sorting_gives_what_a_tree_gives(
            counts in prop::collection::vec(0_usize..3_000, 0..5),
            first_bytes: u8,
            threads in 1_usize..5,
            seed: u64,
        ) {
            let all: Vec<Vec<Tag>> = (seed..).zip(&counts).map(|(seed, count)| some(*count, first_bytes, seed / 2)).collect();
            for tags in &all {
                prop_assert_eq!(in_order(tags.clone()), naive(tags));
            }
            let threads = NonZero::new(threads).unwrap();
            let together = all.concat();
            prop_assert_eq!(in_order_together(all, threads), naive(&together));
        }
    }

    #[test]
    fn new_ones_find_their_places() {
        for (many, few) in [(9_000, 50), (50, 9_000), (0, 10), (10, 0)] {
            let many = naive(&some(many, 255, 1));
            let new = without(naive(&some(few, 255, 2)), &many);
            let expected = naive(&[many.clone(), new.clone()].concat());
            let mut all = many;
            insert(&mut all, &new);
            assert_eq!(all, expected);
        }
    }

    /// More than accident would deal to one place.
    #[test]
    fn tags_that_agree_in_many_bits_are_sorted() {
        let mut tags = some(4_000, 255, 1);
        tags.iter_mut().step_by(3).for_each(|tag| {
            let mut bytes = *tag.as_bytes();
            bytes[..4].fill(7);
            *tag = Tag::from_bytes(bytes);
        });
        assert_eq!(in_order(tags.clone()), naive(&tags));
    }

    #[test]
    fn what_is_taken_is_left_out() {
        let (tags, taken) = (naive(&some(500, 255, 1)), naive(&some(300, 255, 2)));
        let both = naive(&[tags.clone(), taken.clone()].concat());
        assert_eq!(without(both, &taken), tags);
    }
}
