//! A batch holds the tags it was built from, few others, and no byte too many.

use std::collections::BTreeSet;

use proptest::prelude::*;
use truyvet_crypto::Tag;
use truyvet_matching::{
    BatchKind, Codec, Digest, MAX_REPLACES, VerifiedBatch,
    build::{BuildError, TagSet, build, build_with_threads},
    inspect,
};

use super::common::{batch, codecs, exact_codecs, file, key, parameters, tags, trusted};

fn some_tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::vec(any::<[u8; 16]>().prop_map(Tag::from_bytes), 0..200)
}

proptest! {
    /// Against a plain set. R is wide enough that no proptest run sees a false match.
    #[test]
    fn a_batch_answers_as_a_set_does(
        codec in exact_codecs(), inside in some_tags(), outside in some_tags(), bits in 36_u8..=48,
        salt: [u8; 16]
    ) {
        let twin: BTreeSet<Tag> = inside.iter().copied().collect();
        let mut parameters = parameters(codec, bits);
        parameters.salt = salt;
        let batch = batch(&parameters, inside.clone());
        prop_assert_eq!(batch.header().tags, twin.len() as u64);

        // Members, strangers and repeats in turn.
        let mut asked = vec![];
        for i in 0..inside.len().max(outside.len()) {
            asked.extend(inside.get(i));
            asked.extend(outside.get(i));
            asked.extend(inside.get(i / 2));
        }
        let expected: Vec<usize> =
            (0..asked.len()).filter(|&i| twin.contains(&asked[i])).collect();
        let matches = batch.matches(&asked);
        prop_assert_eq!(matches.indices(), expected);
        prop_assert_eq!(matches.closed_at(), parameters.closed_at);
        for tag in asked.iter().step_by(7) {
            prop_assert_eq!(batch.contains(tag), twin.contains(tag));
        }
    }

    /// Narrow fingerprints: tags share positions, and still none is lost.
    #[test]
    fn no_tag_is_lost_at_any_width(
        codec in codecs(), inside in some_tags(), bits in 8_u8..=48
    ) {
        let batch = batch(&parameters(codec, bits), inside.clone());
        prop_assert_eq!(batch.matches(&inside).len(), inside.len());
    }

    #[test]
    fn the_order_of_the_tags_does_not_show(
        codec in codecs(), inside in some_tags(), bits in 8_u8..=48
    ) {
        let parameters = parameters(codec, bits);
        let mut other = inside.clone();
        other.reverse();
        other.extend_from_slice(&inside[inside.len() / 2..]);
        prop_assert_eq!(file(&parameters, inside), file(&parameters, other));
    }
}

#[test]
fn an_empty_batch_matches_nothing() {
    for codec in Codec::ALL {
        let batch = batch(&parameters(codec, 40), vec![]);
        assert_eq!((batch.header().chunks, batch.header().body_bytes), (1, 0));
        assert!(batch.matches(&tags(1, 1_000)).is_empty());
        assert!(batch.matches(&[]).is_empty());
        assert_eq!(inspect(batch.bytes()).unwrap().bits_per_tag(), None);
    }
}

/// From less than a slot block on: every shape of one chunk.
#[test]
fn small_batches_of_every_size_find_their_tags_and_no_others() {
    for codec in Codec::ALL {
        for size in (1..300).chain([500, 1_000, 2_000, 4_096]) {
            let inside = tags(1, size);
            let batch = batch(&parameters(codec, 48), inside.clone());
            assert_eq!(batch.matches(&inside).len(), size);
            let strangers = batch.matches(&tags(2, 100)).len();
            assert!(
                strangers == 0 || codec == Codec::PlainBloom,
                "{codec}, {size}"
            );
        }
    }
}

#[test]
fn a_batch_of_many_chunks_finds_every_tag() {
    for codec in Codec::ALL {
        let inside = tags(1, 100_000);
        let batch = batch(&parameters(codec, 40), inside.clone());
        assert_eq!(batch.header().chunks, 3);
        let asked = [tags(2, 5_000), inside, tags(3, 5_000)].concat();
        let expected: Vec<usize> = (5_000..105_000).collect();
        assert_eq!(batch.matches(&asked).indices(), expected);
        assert!(batch.matches(&asked[..5_000]).is_empty());
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    for codec in Codec::ALL {
        let (parameters, tags) = (parameters(codec, 24), TagSet::new(tags(1, 200_000)));
        let on = |threads: usize| {
            let threads = threads.try_into().unwrap();
            build_with_threads(&parameters, &tags, threads)
                .unwrap()
                .sign(&key())
        };
        let one = on(1);
        for threads in [2, 3, 64] {
            assert_eq!(on(threads), one);
        }
    }
}

#[test]
fn a_borrowed_file_is_read_in_place() {
    for codec in Codec::ALL {
        // At every alignment that memory can have.
        for shift in 0..8 {
            let mut bytes = vec![0; shift];
            bytes.extend(file(&parameters(codec, 40), tags(1, 1_000)));
            let batch = VerifiedBatch::verify(&bytes[shift..], &trusted()).unwrap();
            assert_eq!(batch.matches(&tags(1, 1_000)).len(), 1_000);
            assert_eq!(batch.digest(), Digest::of(&bytes[shift..]));
        }
    }
}

#[test]
fn a_roll_up_names_the_deltas_it_replaces() {
    let replaces: Vec<Digest> = (0..3_u8).map(|i| Digest::of(&[i])).collect();
    let mut parameters = parameters(Codec::DEFAULT, 16);
    parameters.kind = BatchKind::RollUp;
    parameters.replaces.clone_from(&replaces);
    let batch = batch(&parameters, tags(1, 10));
    assert_eq!(batch.replaced().collect::<Vec<_>>(), replaces);
    assert_eq!(inspect(batch.bytes()).unwrap().replaced, replaces);
}

/// One standard deviation of a count of chance hits is its square root.
#[test]
fn strangers_match_as_seldom_as_the_fingerprint_says() {
    for codec in Codec::ALL {
        for (bits, inside) in [(8, 20_000), (9, 70_000), (10, 100_000), (12, 4_096)] {
            let batch = batch(&parameters(codec, bits), tags(1, inside));
            let asked = tags(2, 1 << 19);
            let expected = f64::from(1 << (19 - bits));
            let found = f64::from(u32::try_from(batch.matches(&asked).len()).unwrap());
            let deviations = (found - expected) / expected.sqrt();
            assert!(
                deviations.abs() < 5.0,
                "{codec}, R = {bits}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn a_tag_takes_little_more_than_its_fingerprint() {
    for (codec, count, most) in [
        (Codec::CompressedBloom, 100_000, 41.6),
        (Codec::SplitRibbon, 100_000, 40.0 * 1.006),
        (Codec::SplitRibbon, 10_000, 40.0 * 1.025),
    ] {
        let summary = inspect(&file(&parameters(codec, 40), tags(1, count))).unwrap();
        let bits = summary.bits_per_tag().unwrap();
        println!("{codec}: bits per tag at R = 40, n = {count}: {bits:.3}");
        assert!(bits <= most, "{codec}: {bits}");
        assert!(summary.largest_chunk_bytes < 180_000);
    }
}

#[test]
fn the_expected_size_is_near_the_real_one() {
    for codec in Codec::ALL {
        for (count, bits) in [(4_096, 40), (40_000, 20), (100_000, 32), (70_000, 10)] {
            let size = file(&parameters(codec, bits), tags(1, count)).len() as f64;
            let expected = codec.expected_file_bytes(count as u64, bits) as f64;
            let ratio = size / expected;
            let most = if count >= 40_000 { 1.01 } else { 1.04 };
            assert!(
                (0.99..most).contains(&ratio),
                "{codec}, {count}, {bits}: {ratio}"
            );
        }
    }
}

#[test]
fn impossible_parameters_are_refused() {
    let refused = |change: fn(&mut truyvet_matching::build::BatchParameters)| {
        let mut parameters = parameters(Codec::DEFAULT, 40);
        change(&mut parameters);
        match build(&parameters, &TagSet::default()) {
            Err(BuildError::Field { field }) => field,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|p| p.fingerprint_bits = 7), "fingerprint bits");
    assert_eq!(refused(|p| p.fingerprint_bits = 49), "fingerprint bits");
    assert_eq!(refused(|p| p.sequence = 0), "sequence");
    assert_eq!(
        refused(|p| p.window_end = p.window_start.plus_seconds(-1)),
        "window end"
    );
    assert_eq!(refused(|p| p.closed_at = p.window_start), "closing time");
    assert_eq!(refused(|p| p.replaces = vec![Digest::ZERO]), "replaces");
    assert_eq!(
        refused(|p| {
            p.kind = BatchKind::RollUp;
            p.replaces = vec![Digest::ZERO; MAX_REPLACES as usize + 1];
        }),
        "replaces"
    );
}

#[test]
fn signing_again_gives_the_same_file() {
    let batch = build(&parameters(Codec::DEFAULT, 40), &TagSet::new(tags(1, 50))).unwrap();
    let again = batch.clone().sign(&key());
    let signed = batch.sign(&key());
    assert_eq!(signed, again);
    assert_eq!(signed.digest(), Digest::of(signed.bytes()));
}
