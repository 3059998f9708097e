//! Every engine against the plain reader of one key, and every bound of the directory.

use proptest::prelude::*;
use truyvet_crypto::Tag;

use super::{search::search_front, simd::Engine, *};
use crate::batch::TagHasher;

/// Chunks of tags under a salt, as they stand in a body, with something behind them.
struct World {
    hasher: TagHasher,
    chunks: Vec<([u32; 4], usize)>,
    body: Vec<u8>,
}

impl World {
    fn new(salt: [u8; 16], chunks: u64, tags: &[Tag]) -> Self {
        let hasher = TagHasher::new(&salt);
        let mut keys = vec![vec![]; usize::try_from(chunks).unwrap()];
        hasher.hash_each(tags, |hash| {
            let (chunk, key) = Key::locate(hash, chunks);
            keys[usize::try_from(chunk).unwrap()].push(key);
        });
        let (mut chunks, mut body) = (vec![], vec![0xff; 3]);
        for keys in keys {
            let [encoded] = encode(8, [&keys]);
            chunks.push((encoded.fields, body.len()));
            body.extend(&encoded.sections[0]);
        }
        Self {
            hasher,
            chunks,
            body,
        }
    }

    fn places(&self) -> Places {
        Places::new(self.chunks.iter().copied())
    }

    /// One key at a time.
    fn naive(&self, tags: &[Tag]) -> Vec<usize> {
        let mut passed = vec![];
        let mut index = 0;
        self.hasher.hash_each(tags, |hash| {
            let (chunk, key) = Key::locate(hash, self.chunks.len() as u64);
            let (fields, at) = self.chunks[usize::try_from(chunk).unwrap()];
            let length = shape(8, fields).unwrap().section_bytes[0] as usize;
            let section = &self.body[at..at + length];
            if Codes::new(fields, section).passes_front(section, key) {
                passed.push(index);
            }
            index += 1;
        });
        passed
    }
}

fn numbered(numbers: impl Iterator<Item = u128>) -> Vec<Tag> {
    numbers.map(|i| Tag::from_bytes(i.to_le_bytes())).collect()
}

/// Around every end of a block, from none to more than are on their way at once.
#[test]
fn however_many_are_asked_every_one_is_answered_once() {
    let world = World::new([7; 16], 1, &numbered(0..4_000));
    let places = world.places();
    for &engine in Engine::available() {
        for count in 0..=100 {
            let tags = numbered(0..count);
            let mut passed = vec![];
            search_front(
                engine,
                &world.hasher,
                &places,
                &world.body,
                &tags,
                |index| passed.push(index),
            );
            let all: Vec<usize> = (0..tags.len()).collect();
            assert_eq!(passed, all, "{engine:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_engine_does_what_the_plain_reader_does(
        salt: [u8; 16], chunks in 1_u64..20, per_chunk in 3_000_u64..5_000, asked in 0_u128..2_000
    ) {
        let count = u128::from(chunks * per_chunk);
        let world = World::new(salt, chunks, &numbered(0..count));
        // Members and strangers in turn.
        let tags = numbered((0..asked).map(|i| if i % 3 == 0 { i } else { count + i }));
        let expected = world.naive(&tags);
        prop_assert!(expected.len() >= tags.len() / 3);
        let places = world.places();
        for &engine in Engine::available() {
            let mut passed = vec![];
            search_front(engine, &world.hasher, &places, &world.body, &tags, |index| {
                passed.push(index);
            });
            prop_assert_eq!(&passed, &expected, "{:?}", engine);
        }
    }

    #[test]
    fn a_row_selects_the_slots_of_its_bits(window in prop::collection::vec(any::<u8>(), 64), row: u64) {
        let expected = (0..64).filter(|i| row >> i & 1 == 1).fold(0, |sum, i| sum ^ window[i]);
        let window = window.first_chunk().unwrap();
        prop_assert_eq!(chunk::xor_selected(window, row), expected);
    }
}

#[test]
fn every_field_of_the_directory_has_bounds() {
    let refused = |fields| shape(40, fields).map(|_| ()).unwrap_err();
    assert_eq!(refused([65_536, 0, 0, 0]), "tags");
    assert_eq!(refused([640, 12, 0, 0]), "slots of layer 1");
    assert_eq!(refused([65_535, 1_025, 0, 0]), "slots of layer 1");
    assert_eq!(refused([0, 1, 0, 0]), "slots of layer 1");
    assert_eq!(refused([640, 0, 12, 0]), "slots of layer 2");
    assert_eq!(refused([0, 0, u32::MAX, 0]), "slots of layer 2");
    assert_eq!(refused([640, 11, 11, 641]), "tail");
    assert_eq!(refused([0, 0, 0, 1]), "tail");
    let widest = shape(48, [65_535, 1_024, 1_024, 65_535]).unwrap();
    assert_eq!(
        widest.section_bytes,
        [2 * (65_536 + 128), 2 * 65_536 * 5 + 8 * 65_535]
    );
}
