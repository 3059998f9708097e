//! The file of FORMAT.md, byte for byte, and a second reader that was written from that page alone.

use aes::{
    Aes128,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use truyvet_crypto::{Tag, Timestamp};
use truyvet_matching::{
    BatchKind, Codec, Digest, VerifiedBatch,
    build::{BatchParameters, TagSet, build},
};

use super::common::{key, parameters, trusted};

const DIGEST: &str = "99337decc7ef3948b92269c4f16d143735be8a760d73d3a9454ef33919f2eaf8";
const DIGEST_OF_TWO_CHUNKS: &str =
    "80a365949c81107d022ccbf45363d2d09ffee7b2b7d066f47b5a9f3d837d6577";
const RIBBON_OF_ONE_LAYER: &str =
    "26340b9631e1e134b619f507cbd04ea730c2d789258c3cef16bcacea1e8ab5f4";
const RIBBON_OF_FRONTS: &str = "786dbaaaa08e13bd648af2a284b0051824a86a539e02e8f9eda39059c621725a";
const RIBBON_OF_TWO_CHUNKS: &str =
    "3feac8d5de396618478130a6637e5af0a16eae306f0f3c8709525568ab937dfc";
const BLOOM_OF_ONE_CHUNK: &str = "a08f7b053ad986a55568343614b9b7ae341253609e723bf82d15afc35516b971";
const BLOOM_OF_TWO_CHUNKS: &str =
    "34230fbd4d2f95ad113f7d5ecce75f81e4c32a3f4f49d58729157f8e96d4c675";

/// The indented hex block of the page's last section.
fn file_of_the_page() -> Vec<u8> {
    let page = include_str!("../../FORMAT.md");
    let (_, section) = page.split_once("## Known answer").unwrap();
    let hex: String = section
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

fn tag(i: u8) -> Tag {
    Tag::from_bytes([i; 16])
}

fn parameters_of_the_page(codec: Codec, bits: u8) -> BatchParameters {
    let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
    BatchParameters {
        kind: BatchKind::RollUp,
        region: "VN-SG".parse().unwrap(),
        sequence: 7,
        window_start: at(1_754_006_400),
        window_end: at(1_754_092_800),
        closed_at: at(1_754_093_100),
        salt: std::array::from_fn(|i| u8::try_from(i).unwrap()),
        previous: Digest::of(b"previous"),
        replaces: vec![Digest::of(b"replaced")],
        ..parameters(codec, bits)
    }
}

/// A Python implementation of FORMAT.md gave these bytes before this crate did.
#[test]
fn the_format_is_frozen() {
    let expected = file_of_the_page();
    let tags: TagSet = (0..20).map(tag).collect();
    let signed = build(&parameters_of_the_page(Codec::CompressedBloom, 12), &tags)
        .unwrap()
        .sign(&key());
    assert_eq!(signed.bytes(), expected);
    assert_eq!(signed.digest().to_string(), DIGEST);
    assert!(include_str!("../../FORMAT.md").contains(DIGEST));
}

/// Several chunks, and what the page says of the other codecs: also from Python.
#[test]
fn the_format_is_frozen_at_every_size() {
    let repeated: TagSet = (0..100).map(tag).collect();
    let numbered = |count: u128| {
        (0..count)
            .map(|i| Tag::from_bytes(i.to_le_bytes()))
            .collect()
    };
    for (codec, bits, tags, digest) in [
        (
            Codec::CompressedBloom,
            48,
            numbered(70_000),
            DIGEST_OF_TWO_CHUNKS,
        ),
        (Codec::SplitRibbon, 12, repeated, RIBBON_OF_ONE_LAYER),
        (Codec::SplitRibbon, 8, numbered(5_000), RIBBON_OF_FRONTS),
        (
            Codec::SplitRibbon,
            48,
            numbered(70_000),
            RIBBON_OF_TWO_CHUNKS,
        ),
        (
            Codec::PlainBloom,
            12,
            (0..100).map(tag).collect(),
            BLOOM_OF_ONE_CHUNK,
        ),
        (Codec::PlainBloom, 20, numbered(70_000), BLOOM_OF_TWO_CHUNKS),
    ] {
        let parameters = parameters_of_the_page(codec, bits);
        let signed = build(&parameters, &tags).unwrap().sign(&key());
        assert_eq!(signed.digest().to_string(), digest, "{codec}, R = {bits}");
        assert!(include_str!("../../FORMAT.md").contains(digest));
    }
}

#[test]
fn the_file_of_the_page_is_read() {
    let batch = VerifiedBatch::verify(file_of_the_page(), &trusted()).unwrap();
    let asked: Vec<Tag> = (0..40).map(tag).collect();
    let expected: Vec<usize> = (0..20).collect();
    assert_eq!(batch.matches(&asked).indices(), expected);
    assert_eq!(batch.header().previous, Digest::of(b"previous"));
}

/// Bits one by one, lowest of each byte first.
struct Bits<'a>(&'a [u8], usize);

impl Bits<'_> {
    fn next(&mut self) -> u64 {
        let bit = self.0[self.1 / 8] >> (self.1 % 8) & 1;
        self.1 += 1;
        bit.into()
    }
}

/// floor(a · b / 2^128), bit by bit.
fn high_product(a: u128, b: u64) -> u128 {
    let (mut high, mut low) = (0_u128, 0_u128);
    for i in (0..64).rev() {
        high = high << 1 | low >> 127;
        low <<= 1;
        if b >> i & 1 == 1 {
            let (sum, carry) = low.overflowing_add(a);
            low = sum;
            high += u128::from(carry);
        }
    }
    high
}

#[test]
fn a_naive_reader_finds_the_positions_of_all_tags() {
    let file = file_of_the_page();
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let (bits, chunks, replaces) = (file[7], u32_at(32), u32_at(36));
    assert_eq!((bits, chunks, replaces), (12, 1, 1));
    let (n, coded, section_bytes) = (u32_at(128), u32_at(132), u32_at(136));
    let body = &file[128 + 48 + 32 + 64..];
    assert_eq!(body.len(), section_bytes as usize);

    let mut stream = Bits(body, 0);
    let mut positions = vec![];
    let mut previous = -1_i64;
    for _ in 0..coded {
        let mut quotient = 0;
        while stream.next() == 0 {
            quotient += 1;
        }
        let remainder: u64 = (0..bits - 1).map(|i| stream.next() << i).sum();
        let gap = i64::try_from(quotient << (bits - 1) | remainder).unwrap();
        previous += 1 + gap;
        positions.push(previous);
    }
    // Only the last byte's filling is left.
    assert_eq!(stream.1.div_ceil(8), body.len());
    assert!((stream.1..body.len() * 8).all(|_| stream.next() == 0));

    let salt: [u8; 16] = file[64..80].try_into().unwrap();
    let mut expected: Vec<i64> = (0..20)
        .map(|i| {
            let mut block = [i; 16].into();
            Aes128::new(&salt.into()).encrypt_block(&mut block);
            let half = |at: usize| u64::from_le_bytes(block[at..at + 8].try_into().unwrap());
            // One chunk: the fraction inside it is the hash itself.
            let hash = u128::from(half(0)) << 64 | u128::from(half(8));
            i64::try_from(high_product(hash, u64::from(n) << bits)).unwrap()
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(positions, expected);
}
