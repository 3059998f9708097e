//! Sets of tags that can be asked: ours in every codec, and the peers.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use aes::{
    Aes128, Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use fastbloom::BloomFilter;
use truyvet_bench::{bloom::PlainBloom, workload};
use truyvet_crypto::{
    Tag,
    sign::{SigningKey, TrustedKeys},
};
use truyvet_matching::{
    Codec, VerifiedBatch,
    build::{TagSet, build_with_threads},
};
use xorf::{BinaryFuse32, Filter};

/// Key of all hashes, and nobody's secret.
const SALT: [u8; 16] = *b"truyvet  compare";

/// What takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Batch(Codec),
    Bloomfilter,
    Fastbloom,
    /// As its documentation shows it: one 64-bit hash by the standard library for each tag.
    Xorf,
    /// With our hash, many tags at once.
    XorfOurHash,
    /// Sorted tags, and where each of 65,536 prefixes starts: the matcher in Google's phones.
    PrefixTable,
}

/// The codec that the others are compared with.
pub(super) const OUR_CODEC: Codec = Codec::DEFAULT;
pub(super) const OURS: Kind = Kind::Batch(OUR_CODEC);

/// Ours first.
pub(super) const ALL: [Kind; 8] = [
    OURS,
    Kind::Batch(Codec::CompressedBloom),
    Kind::Batch(Codec::PlainBloom),
    Kind::Bloomfilter,
    Kind::Fastbloom,
    Kind::Xorf,
    Kind::XorfOurHash,
    Kind::PrefixTable,
];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Batch(Codec::CompressedBloom) => "codec_0",
            Self::Batch(Codec::SplitRibbon) => "codec_1",
            Self::Batch(Codec::PlainBloom) => "codec_2",
            Self::Bloomfilter => "bloomfilter",
            Self::Fastbloom => "fastbloom",
            Self::Xorf => "xorf",
            Self::XorfOurHash => "xorf_our_hash",
            Self::PrefixTable => "prefix_table",
        }
    }

    /// Whether its false-positive rate can be 2^-`bits`.
    pub(super) fn has_width(self, bits: u8) -> bool {
        match self {
            Self::Batch(_) | Self::Bloomfilter | Self::Fastbloom => true,
            Self::Xorf | Self::XorfOurHash => bits == 32,
            Self::PrefixTable => false,
        }
    }
}

/// A set of tags.
pub(super) struct Contender {
    pub(super) kind: Kind,
    set: Set,
}

enum Set {
    Batch(Box<VerifiedBatch<Vec<u8>>>, TrustedKeys),
    Bloomfilter(PlainBloom),
    Fastbloom(BloomFilter),
    Xorf(BinaryFuse32),
    PrefixTable(PrefixTable),
}

impl Contender {
    /// On one thread, from tags that are sorted and differ.
    pub(super) fn build(kind: Kind, bits: u8, tags: &TagSet) -> Self {
        let set = match kind {
            Kind::Batch(codec) => {
                let parameters = workload::batch_parameters(codec, bits);
                let key = SigningKey::from_seed(&[7; 32]);
                let one = 1.try_into().expect("not zero");
                let file = build_with_threads(&parameters, tags, one)
                    .expect("valid")
                    .sign(&key);
                let trusted = TrustedKeys::new(vec![key.verifying_key()]);
                let batch = VerifiedBatch::verify(file.into_bytes(), &trusted);
                Set::Batch(Box::new(batch.expect("just signed")), trusted)
            }
            Kind::Bloomfilter => Set::Bloomfilter(PlainBloom::build(&SALT, bits, tags.as_slice())),
            Kind::Fastbloom => {
                let rate = (-f64::from(bits)).exp2();
                let seed = u128::from_le_bytes(SALT);
                let mut filter = BloomFilter::with_false_pos(rate)
                    .seed(&seed)
                    .expected_items(tags.len());
                for tag in tags.iter() {
                    filter.insert(tag.as_bytes());
                }
                Set::Fastbloom(filter)
            }
            Kind::Xorf | Kind::XorfOurHash => {
                let mut keys = Vec::with_capacity(tags.len());
                for_each_hash(kind, tags.as_slice(), |hash| keys.push(hash));
                Set::Xorf(BinaryFuse32::try_from(&keys).expect("hashes differ"))
            }
            Kind::PrefixTable => Set::PrefixTable(PrefixTable::new(tags.as_slice().to_vec())),
        };
        Self { kind, set }
    }

    /// Length of what a phone downloads.
    pub(super) fn bytes(&self) -> usize {
        match &self.set {
            Set::Batch(batch, _) => batch.bytes().len(),
            Set::Bloomfilter(filter) => filter.bytes(),
            Set::Fastbloom(filter) => filter.num_bits() / 8,
            // Fingerprints, seed, and three lengths.
            Set::Xorf(filter) => filter.len() * 4 + 8 + 12,
            Set::PrefixTable(table) => table.tags.len() * 16,
        }
    }

    /// False-positive rate 2^-this; `None` for what makes no error.
    pub(super) fn bound_bits(&self, wanted: u8) -> Option<u8> {
        match self.set {
            Set::Xorf(_) => Some(32),
            Set::PrefixTable(_) => None,
            _ => Some(wanted),
        }
    }

    /// How many of `tags` it finds.
    pub(super) fn count(&self, tags: &[Tag]) -> usize {
        match &self.set {
            Set::Batch(batch, _) => batch.matches(tags).len(),
            Set::Bloomfilter(filter) => filter.count(tags),
            Set::Fastbloom(filter) => tags
                .iter()
                .filter(|tag| filter.contains(tag.as_bytes()))
                .count(),
            Set::Xorf(filter) => {
                let mut count = 0;
                for_each_hash(self.kind, tags, |hash| {
                    count += usize::from(filter.contains(&hash))
                });
                count
            }
            Set::PrefixTable(table) => tags.iter().filter(|tag| table.contains(tag)).count(),
        }
    }

    /// Signature and digests once more, where there are any.
    pub(super) fn verify(&self) -> Option<()> {
        let Set::Batch(batch, trusted) = &self.set else {
            return None;
        };
        VerifiedBatch::verify(batch.bytes(), trusted).expect("verified before");
        Some(())
    }
}

/// 64 bits of each tag, by the hash of this kind.
fn for_each_hash(kind: Kind, tags: &[Tag], mut take: impl FnMut(u64)) {
    if kind == Kind::Xorf {
        let hasher = BuildHasherDefault::<DefaultHasher>::new();
        return tags
            .iter()
            .for_each(|tag| take(hasher.hash_one(tag.as_bytes())));
    }
    let aes = Aes128::new(&SALT.into());
    let mut blocks = [Block::default(); 128];
    for tags in tags.chunks(blocks.len()) {
        let blocks = &mut blocks[..tags.len()];
        for (block, tag) in blocks.iter_mut().zip(tags) {
            *block = (*tag.as_bytes()).into();
        }
        aes.encrypt_blocks(blocks);
        for block in blocks {
            take(u64::from_le_bytes(*block.first_chunk().expect("16 bytes")));
        }
    }
}

struct PrefixTable {
    tags: Vec<Tag>,
    /// Where the tags of each prefix start, and where the last ones end.
    starts: Vec<u32>,
}

impl PrefixTable {
    /// - `tags`: ascending.
    fn new(tags: Vec<Tag>) -> Self {
        let mut starts = vec![0; 65_537];
        for tag in &tags {
            starts[prefix(tag) + 1] += 1;
        }
        for i in 0..65_536 {
            starts[i + 1] += starts[i];
        }
        Self { tags, starts }
    }

    fn contains(&self, tag: &Tag) -> bool {
        let prefix = prefix(tag);
        let range = self.starts[prefix] as usize..self.starts[prefix + 1] as usize;
        self.tags[range].binary_search(tag).is_ok()
    }
}

fn prefix(tag: &Tag) -> usize {
    let [high, low, ..] = tag.as_bytes();
    usize::from(*high) << 8 | usize::from(*low)
}
