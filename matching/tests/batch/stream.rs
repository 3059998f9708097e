//! A batch that is asked while it arrives gives the answers of one that is there, or refuses it as early as it can.

use std::collections::BTreeSet;

use proptest::prelude::*;
use truyvet_crypto::Tag;
use truyvet_matching::{BatchError, BatchStream, Codec, Matches, VerifiedBatch};

use super::common::{codecs, file, parameters, tags, trusted};

/// Feeds a file in parts of these lengths, over and over.
fn ask(file: &[u8], parts: &[usize], tags: &[Tag]) -> Result<Matches, BatchError> {
    let trusted = trusted();
    let mut stream = BatchStream::new(&trusted, tags);
    let mut rest = file;
    for length in parts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (part, later) = rest.split_at(rest.len().min(*length));
        stream.push(part)?;
        rest = later;
    }
    stream.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// In place, while it arrives, one at a time, and a plain set.
    #[test]
    fn all_ways_to_ask_have_one_answer(
        codec in codecs(),
        bits in 8_u8..=48,
        count in prop_oneof![0_usize..300, 3_000_usize..5_000, Just(70_000)],
        asked in 0_usize..500,
        parts in prop::collection::vec(1_usize..5_000, 1..6),
        seed in 0_u64..1 << 40,
    ) {
        let inside = tags(seed, count);
        let twin: BTreeSet<Tag> = inside.iter().copied().collect();
        let file = file(&parameters(codec, bits), inside.clone());
        let batch = VerifiedBatch::verify(&file, &trusted()).unwrap();
        let asked = [&inside[..count.min(asked)], &tags(seed + 1, asked), &inside[count / 2..][..count.min(3) / 2]].concat();
        let matches = batch.matches(&asked);
        prop_assert_eq!(&ask(&file, &parts, &asked).unwrap(), &matches);
        let one_by_one: Vec<usize> =
            (0..asked.len()).filter(|&i| batch.contains(&asked[i])).collect();
        prop_assert_eq!(matches.indices(), &one_by_one);
        for (i, tag) in asked.iter().enumerate() {
            let found = matches.indices().binary_search(&i).is_ok();
            prop_assert!(found || !twin.contains(tag), "a tag is lost");
            let exact = bits >= 30 && codec != Codec::PlainBloom;
            prop_assert!(!found || !exact || twin.contains(tag), "a chance of 2^-30 each");
        }
    }
}

#[test]
fn every_damaged_byte_is_refused() {
    for codec in Codec::ALL {
        let mut file = file(&parameters(codec, 16), tags(1, 40));
        let asked = tags(2, 10);
        for at in 0..file.len() {
            file[at] ^= 1;
            assert!(ask(&file, &[33], &asked).is_err(), "{codec}: byte {at}");
            file[at] ^= 1;
        }
        assert!(ask(&file, &[33], &asked).is_ok());
    }
}

#[test]
fn a_stream_cut_short_or_too_long_is_refused() {
    for codec in Codec::ALL {
        let mut file = file(&parameters(codec, 16), tags(1, 40));
        for length in 0..file.len() {
            let refusal = ask(&file[..length], &[100], &[]).unwrap_err();
            let BatchError::Truncated { expected, found } = refusal else {
                panic!("{codec}: {refusal}");
            };
            assert!(found == length as u64 && expected > found && expected <= file.len() as u64);
        }
        file.push(0);
        assert_eq!(
            ask(&file, &[7], &[]),
            Err(BatchError::TrailingBytes { extra: 1 })
        );
    }
}

/// Once refused, always refused, with the first reason.
#[test]
fn what_was_refused_stays_refused() {
    let trusted = trusted();
    let mut stream = BatchStream::new(&trusted, &[]);
    assert_eq!(stream.push(&[0; 200]), Err(BatchError::Magic));
    assert_eq!(stream.push(&[]), Err(BatchError::Magic));
    assert_eq!(stream.push(&[0; 5]), Err(BatchError::Magic));
    assert_eq!(stream.finish(), Err(BatchError::Magic));
}

#[test]
fn a_stream_of_100_000_tags_takes_less_than_a_megabyte() {
    let asked = tags(2, 100_000);
    let trusted = trusted();
    for codec in Codec::ALL {
        let file = file(&parameters(codec, 40), tags(1, 150_000));
        let mut stream = BatchStream::new(&trusted, &asked);
        let mut most = 0;
        for part in file.chunks(1_000) {
            stream.push(part).unwrap();
            most = most.max(stream.memory_bytes());
        }
        println!("{codec}: {most} bytes");
        assert!((400_000..1_000_000).contains(&most));
        assert!(stream.finish().unwrap().is_empty());
    }
}
