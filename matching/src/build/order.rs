//! Tags in order, each once: sorting, and merging what is sorted.
//!
//! Tags are hashes, so their first bits deal them out evenly: what is left to sort then fits the fastest cache.

use std::num::NonZero;

use truyvet_crypto::Tag;

use super::threads::on_threads;

/// Tags to a bucket, on average.
const BUCKET_TAGS: usize = 256;

/// More buckets than this and dealing out costs more than sorting.
const MOST_BUCKET_BITS: u32 = 13;

/// One of so many is few: looking where they belong costs less than comparing all.
const FEW: usize = 64;

/// A tag as the number that it sorts like.
fn number(tag: &Tag) -> u128 {
    u128::from_be_bytes(*tag.as_bytes())
}

/// Sorts and takes out repeats. Takes memory for as many tags again.
pub(super) fn in_order(mut tags: Vec<Tag>) -> Vec<Tag> {
    let bits = (tags.len() / BUCKET_TAGS)
        .checked_ilog2()
        .unwrap_or(0)
        .min(MOST_BUCKET_BITS);
    if bits == 0 {
        tags.sort_unstable_by_key(number);
    } else {
        let ends;
        (tags, ends) = dealt(tags, bits);
        let mut start = 0;
        for end in ends {
            tags[start..end].sort_unstable_by_key(number);
            start = end;
        }
    }
    tags.dedup();
    tags
}

/// First bits of a tag, 1 to 32 of them.
fn bucket(tag: &Tag, bits: u32) -> usize {
    let [a, b, c, d, ..] = *tag.as_bytes();
    (u32::from_be_bytes([a, b, c, d]) >> (32 - bits)) as usize
}

/// The same tags, bucket by bucket, and where each bucket ends.
#[expect(
    clippy::needless_pass_by_value,
    reason = "its memory is free when this is done"
)]
fn dealt(tags: Vec<Tag>, bits: u32) -> (Vec<Tag>, Vec<usize>) {
    // Where the next tag of a bucket goes: at last, where the bucket ends.
    let mut next = vec![0; 1 << bits];
    for tag in &tags {
        next[bucket(tag, bits)] += 1;
    }
    let mut start = 0;
    for next in &mut next {
        let count = *next;
        *next = start;
        start += count;
    }
    let mut dealt = vec![Tag::from_bytes([0; 16]); tags.len()];
    for tag in &tags {
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

/// Merges runs that are in order, and takes out repeats.
pub(super) fn merged(mut runs: Vec<Vec<Tag>>, threads: NonZero<usize>) -> Vec<Tag> {
    runs.retain(|run| !run.is_empty());
    if runs.len() < 2 {
        return runs.pop().unwrap_or_default();
    }
    // Each thread merges what lies between two tags of the longest run.
    let longest = runs
        .iter()
        .max_by_key(|run| run.len())
        .expect("two at least");
    let threads = threads.get().min(longest.len());
    let cuts: Vec<&Tag> = (1..threads)
        .map(|part| &longest[part * longest.len() / threads])
        .collect();
    let mut left: Vec<&[Tag]> = runs.iter().map(Vec::as_slice).collect();
    let mut parts = Vec::with_capacity(threads);
    for part in 0..threads {
        let cut = cuts.get(part).map(|tag| number(tag));
        let heads = left.iter_mut().map(|run| {
            let end = cut.map_or(run.len(), |cut| {
                run.partition_point(|tag| number(tag) < cut)
            });
            let (head, tail) = run.split_at(end);
            *run = tail;
            head
        });
        parts.push(heads.collect::<Vec<_>>());
    }
    let mut parts = on_threads(parts.into_iter().map(|runs| move || merged_here(&runs)));
    drop(runs);
    match parts.len() {
        1 => parts.pop().expect("one"),
        _ => parts.concat(),
    }
}

/// The same, on this thread.
fn merged_here(runs: &[&[Tag]]) -> Vec<Tag> {
    let mut merged = Vec::with_capacity(runs.iter().map(|run| run.len()).sum());
    match runs {
        // Padding: most of the tags stay in a row.
        [many, few] if few.len() < many.len() / FEW => {
            let mut many = *many;
            for tag in *few {
                let before = many.partition_point(|other| number(other) < number(tag));
                let (head, tail) = many.split_at(before);
                merged.extend_from_slice(head);
                merged.push(*tag);
                many = tail;
            }
            merged.extend_from_slice(many);
        }
        // What two threads give.
        [a, b] => {
            let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
            while let (Some(&x), Some(&y)) = (a.peek(), b.peek()) {
                if number(x) <= number(y) {
                    merged.push(*x);
                    a.next();
                } else {
                    merged.push(*y);
                    b.next();
                }
            }
            merged.extend(a);
            merged.extend(b);
        }
        _ => {
            merged.extend(runs.iter().copied().flatten());
            merged.sort_unstable_by_key(number);
        }
    }
    merged.dedup();
    merged
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
        fn sorting_and_merging_give_what_a_tree_gives(
            counts in prop::collection::vec(0_usize..3_000, 0..5),
            first_bytes: u8,
            threads in 1_usize..5,
            seed: u64,
        ) {
            let all: Vec<Vec<Tag>> = (seed..).zip(&counts).map(|(seed, count)| some(*count, first_bytes, seed / 2)).collect();
            let runs: Vec<Vec<Tag>> = all.iter().map(|tags| in_order(tags.clone())).collect();
            for (run, tags) in runs.iter().zip(&all) {
                prop_assert_eq!(run, &naive(tags));
            }
            let threads = NonZero::new(threads).unwrap();
            prop_assert_eq!(merged(runs, threads), naive(&all.concat()));
        }
    }

    #[test]
    fn a_few_are_merged_into_many() {
        let (many, few) = (in_order(some(9_000, 255, 1)), in_order(some(50, 255, 2)));
        let few = in_order([few, many[3_000..3_005].to_vec()].concat());
        let expected = naive(&[many.clone(), few.clone()].concat());
        assert_eq!(merged(vec![many, few], NonZero::<usize>::MIN), expected);
    }

    #[test]
    fn what_is_taken_is_left_out() {
        let (tags, taken) = (naive(&some(500, 255, 1)), naive(&some(300, 255, 2)));
        let both = naive(&[tags.clone(), taken.clone()].concat());
        assert_eq!(without(both, &taken), tags);
    }
}
