//! Every engine against the safe twins, on bodies that end with the last byte that may be read.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

use super::{
    super::{chunk::xor_selected, code_bytes, search::LANES},
    *,
};

/// Miri, which checks every access, takes thousands of times as long.
const MIRI: bool = cfg!(miri);

/// Between the lanes that bad positions are put into.
const LANES_APART: usize = if MIRI { 7 } else { 1 };

/// Whether it panics.
fn refuses(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

fn random_bytes(rng: &mut StdRng, length: usize) -> Box<[u8]> {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    // No spare capacity behind it.
    bytes.into()
}

/// Places that may overlap, in a body that is as long as it must be. The last one ends with it.
fn random_places(rng: &mut StdRng, chunks: usize) -> (Vec<PlaceWord>, Box<[u8]>) {
    let largest = if rng.random() && !MIRI { 1_024 } else { 3 };
    let mut length = 0;
    let mut places: Vec<_> = (0..chunks)
        .map(|_| {
            let blocks = [(); 2].map(|()| rng.random_range(1..=largest));
            let at = rng.random_range(0..10_000);
            length = length.max(at + section_bytes(blocks));
            (at, blocks)
        })
        .collect();
    let (at, blocks) = places.last_mut().unwrap();
    *at = length - section_bytes(*blocks);
    let words = places
        .into_iter()
        .map(|(at, blocks)| PlaceWord::new(at, blocks));
    (words.collect(), random_bytes(rng, length))
}

/// Length of section 0, its second layer without slots: locating in layer 1 does not look at them.
fn section_bytes([first, second]: [u32; 2]) -> usize {
    (code_bytes(first) + code_bytes(second) + 64 * first) as usize
}

/// Random ones, and those that fall on the first and the last start of the first and the last chunk.
fn random_hashes(rng: &mut StdRng) -> Hashes {
    let mut hashes = Hashes([[0; 16]; LANES]);
    for hash in &mut hashes.0 {
        match rng.random_range(0..8) {
            0 => {}
            1 => *hash = [0xff; 16],
            2 => *hash = (1_u128 << rng.random_range(0..128)).to_le_bytes(),
            _ => rng.fill_bytes(hash),
        }
    }
    hashes.0[rng.random_range(0..LANES)] = [0xff; 16];
    hashes
}

/// Windows anywhere in the body, half of them with the sum that is expected, the others nearly.
fn random_block(rng: &mut StdRng, body: &[u8]) -> Block {
    let last = body.len() - BLOCK;
    let mut block = Block::EMPTY;
    block.bumped = Mask::from(rng.random::<u16>() & rng.random::<u16>());
    for lane in 0..LANES {
        let at = [0, last, rng.random_range(0..=last)][rng.random_range(0..3)];
        let row = [u64::MAX, 1 << rng.random_range(0..64), rng.random()][rng.random_range(0..3)];
        let sum = xor_selected(body[at..].first_chunk().unwrap(), row);
        let wrong = if rng.random() {
            0
        } else {
            1 << rng.random_range(0..8)
        };
        block.at[lane] = at as u64;
        block.rows[lane] = row;
        block.expected[lane] = (sum ^ wrong).into();
    }
    block
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if MIRI { 2 } else { 64 }))]
    #[test]
    fn every_engine_hashes_alike(
        seed: u64,
        salt in prop_oneof![Just([0; 16]), Just([0xff; 16]), any::<[u8; 16]>()],
        count in prop_oneof![Just(LANES), 1..=LANES],
    ) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let tags: Box<[Tag]> = (0..count).map(|_| Tag::from_bytes(rng.random())).collect();
        let hasher = TagHasher::new(&salt);
        let mut expected = [[0; 16]; LANES];
        hasher.hash_into(&tags, &mut expected);
        for engine in Engine::available() {
            let mut hashes = Hashes([[7; 16]; LANES]);
            engine.encryption(&hasher).hash(&tags, &mut hashes);
            prop_assert_eq!(&hashes.0[..count], &expected[..count], "{:?}", engine);
        }
    }

    #[test]
    fn every_engine_locates_alike(
        seed: u64, chunks in prop_oneof![1..=64_usize, 31..=34_usize, 1..=if MIRI { 100 } else { 131_072_usize }]
    ) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let (places, body) = random_places(rng, chunks);
        for _ in 0..4 {
            let hashes = random_hashes(rng);
            let mut expected = Block::EMPTY;
            expected.locate(&hashes, &places, &body);
            prop_assert!(expected.at.iter().all(|at| *at <= (body.len() - BLOCK) as u64));
            prop_assert!(expected.at.contains(&((body.len() - BLOCK) as u64)));
            for engine in Engine::available() {
                // What a block before it left does not show.
                let mut block = random_block(rng, &[0; BLOCK]);
                engine.locate(&mut block, &hashes, &places, &body);
                prop_assert_eq!(&block, &expected, "{:?}", engine);
            }
        }
    }

    #[test]
    fn every_engine_evaluates_alike(seed: u64, length in prop_oneof![Just(BLOCK), 64..1_000_usize]) {
        let rng = &mut StdRng::seed_from_u64(seed);
        let body = random_bytes(rng, length);
        let block = random_block(rng, &body);
        let expected = block.evaluate(&body);
        for engine in Engine::available() {
            prop_assert_eq!(engine.evaluate(&block, &body), expected, "{:?}", engine);
        }
    }
}

#[test]
fn no_engine_reads_a_window_past_the_body() {
    let rng = &mut StdRng::seed_from_u64(1);
    for engine in Engine::available() {
        for lane in (0..LANES).step_by(LANES_APART) {
            let body = random_bytes(rng, 200);
            let mut block = random_block(rng, &body);
            for at in [137, 200, 1 << 37, u64::MAX - 63, u64::MAX] {
                block.at[lane] = at;
                assert!(refuses(|| _ = engine.evaluate(&block, &body)), "{engine:?}");
            }
        }
        for length in [0, 1, 63] {
            let body = random_bytes(rng, length);
            assert!(refuses(|| _ = engine.evaluate(&Block::EMPTY, &body)));
        }
    }
}

#[test]
fn no_engine_reads_codes_past_the_body() {
    let rng = &mut StdRng::seed_from_u64(2);
    for chunks in [1, 32, 33, if MIRI { 34 } else { 1_000 }] {
        for engine in Engine::available() {
            for lane in (0..LANES).step_by(LANES_APART) {
                let mut places = vec![PlaceWord::new(0, [1, 1]); chunks];
                *places.last_mut().unwrap() = PlaceWord::new(130, [1, 1]);
                let body = random_bytes(rng, 130);
                let mut hashes = Hashes([[0; 16]; LANES]);
                hashes.0[lane] = [0xff; 16];
                let mut block = Block::EMPTY;
                let refused = refuses(|| engine.locate(&mut block, &hashes, &places, &body));
                assert!(refused, "{engine:?}, {chunks} chunks, lane {lane}");
            }
        }
    }
}
