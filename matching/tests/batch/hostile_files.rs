//! What is not exactly a signed batch is refused, and what a trusted key signed in error does no harm.

use proptest::prelude::*;
use truyvet_crypto::{
    sha256,
    sign::{Purpose, SignError, SigningKey, TrustedKeys},
};
use truyvet_matching::{
    BatchError, BatchKind, BatchStream, Codec, Digest, HEADER_BYTES, Header, VerifiedBatch, inspect,
};

use super::common::{file, key, parameters, tags, trusted};

const ENTRY: usize = HEADER_BYTES;

/// A small roll-up: every part of a file is there.
fn small() -> Vec<u8> {
    let mut parameters = parameters(Codec::CompressedBloom, 16);
    parameters.kind = BatchKind::RollUp;
    parameters.replaces = vec![Digest::of(b"a"), Digest::of(b"b")];
    file(&parameters, tags(1, 20))
}

/// Signs a changed file anew, as if the server had written it so. The layout is that of `small`.
fn sign_again(mut file: Vec<u8>) -> Vec<u8> {
    let signed = HEADER_BYTES + 48 + 2 * 32;
    let signature = key().sign(Purpose::Batch, &file[..signed]);
    file[signed..signed + 64].copy_from_slice(&signature);
    file
}

/// Makes the digest of the only chunk fit its changed bytes.
fn digest_again(mut file: Vec<u8>) -> Vec<u8> {
    let body = HEADER_BYTES + 48 + 2 * 32 + 64;
    let digest = sha256(&[&file[body..]]);
    file[ENTRY + 16..ENTRY + 32].copy_from_slice(&digest[..16]);
    sign_again(file)
}

/// The same for a delta of one chunk and any codec: both sections.
fn both_digests_again(mut file: Vec<u8>, codec: Codec, fingerprint_bits: u8) -> Vec<u8> {
    let body = HEADER_BYTES + 48 + 64;
    let field = |index: usize| {
        let at = ENTRY + 4 * index;
        u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
    };
    // FORMAT.md: a ribbon's section 1 has 8 bytes for each block and column after the front, and for each tag of the tail.
    let second = match codec {
        Codec::SplitRibbon => {
            let columns = usize::from(fingerprint_bits) - 8;
            8 * ((field(1) + field(2)) * columns + field(3))
        }
        Codec::CompressedBloom | Codec::PlainBloom => 0,
    };
    let split = file.len() - second;
    for (at, section) in [(16, body..split), (32, split..file.len())] {
        let mut digest = [0; 16];
        // That of a section 1 that is empty is zero.
        if at == 16 || !section.is_empty() {
            digest.copy_from_slice(&sha256(&[&file[section]])[..16]);
        }
        file[ENTRY + at..ENTRY + at + 16].copy_from_slice(&digest);
    }
    let signature = key().sign(Purpose::Batch, &file[..body - 64]);
    file[body - 64..body].copy_from_slice(&signature);
    file
}

fn refusal(file: impl AsRef<[u8]>) -> BatchError {
    VerifiedBatch::verify(file, &trusted())
        .map(|_| ())
        .unwrap_err()
}

/// `small` with some bytes replaced, signed again.
fn refusal_of_signed(at: usize, bytes: &[u8]) -> BatchError {
    let mut file = small();
    file[at..at + bytes.len()].copy_from_slice(bytes);
    let refusal = refusal(sign_again(file.clone()));
    assert_eq!(inspect(&file).unwrap_err(), refusal);
    refusal
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let file = small();
    for length in 0..file.len() {
        let found = length as u64;
        let expected = if length < HEADER_BYTES {
            HEADER_BYTES
        } else {
            file.len()
        } as u64;
        assert_eq!(
            refusal(&file[..length]),
            BatchError::Truncated { expected, found }
        );
    }
}

#[test]
fn every_single_flipped_bit_is_noticed() {
    let mut file = small();
    for bit in 0..file.len() * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        refusal(&file);
        file[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(VerifiedBatch::verify(&file, &trusted()).is_ok());
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut file = small();
    file.extend([0; 3]);
    assert_eq!(refusal(&file), BatchError::TrailingBytes { extra: 3 });
}

#[test]
fn a_key_that_is_not_trusted_is_refused() {
    let other = TrustedKeys::new(vec![SigningKey::from_seed(&[8; 32]).verifying_key()]);
    let id = key().verifying_key().id();
    assert_eq!(
        VerifiedBatch::verify(small(), &other).unwrap_err(),
        BatchError::Signature(SignError::UnknownKey(id))
    );
    let mut file = small();
    file[20] ^= 1;
    assert_eq!(refusal(&file), BatchError::Signature(SignError::Signature));
    assert!(inspect(&file).is_ok(), "inspect needs no key");
}

#[test]
fn a_damaged_chunk_is_named() {
    let mut file = file(&parameters(Codec::CompressedBloom, 16), tags(1, 70_000));
    *file.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&file), BatchError::ChunkDigest { chunk: 1 });
    assert_eq!(inspect(&file), Err(BatchError::ChunkDigest { chunk: 1 }));
}

/// No length from the file is believed before it was compared with the bytes that are there.
#[test]
fn huge_lengths_are_refused_before_anything_is_allocated() {
    let huge = Header {
        tags: 1 << 32,
        chunks: 131_072,
        body_bytes: 131_072 << 20,
        ..Header::parse(&small()).unwrap()
    };
    let mut file = small();
    file[..HEADER_BYTES].copy_from_slice(&huge.encode());
    assert_eq!(
        refusal(&file),
        BatchError::Truncated {
            expected: huge.file_bytes(),
            found: file.len() as u64
        }
    );
    for (at, field) in [
        (24, "tags"),
        (32, "chunks"),
        (36, "replaces"),
        (120, "body bytes"),
    ] {
        let width = if field == "chunks" || field == "replaces" {
            4
        } else {
            8
        };
        assert_eq!(
            refusal_of_signed(at, &[0xff; 8][..width]),
            BatchError::Field { field }
        );
    }
}

#[test]
fn directory_numbers_have_bounds_even_when_signed() {
    let chunk = |field| BatchError::ChunkField { chunk: 0, field };
    let header = |field| BatchError::Field { field };
    let with =
        |field: usize, value: u32| refusal_of_signed(ENTRY + 4 * field, &value.to_le_bytes());
    // More positions than tags; none at all; more or fewer tags than the header says; more than a chunk can hold.
    assert_eq!(with(1, 21), chunk("positions"));
    assert_eq!(with(1, 0), chunk("positions"));
    assert_eq!(with(0, 0), chunk("positions"));
    assert_eq!(with(0, 21), header("tags"));
    assert_eq!(with(0, 65_536), chunk("tags"));
    assert_eq!(with(0, u32::MAX), chunk("tags"));
    // Shorter or longer than any coding of 20 positions; not as long as the body.
    assert_eq!(with(2, 39), chunk("section bytes"));
    assert_eq!(with(2, 46), chunk("section bytes"));
    assert_eq!(with(2, u32::MAX), chunk("section bytes"));
    let there = u32::from_le_bytes(small()[ENTRY + 8..ENTRY + 12].try_into().unwrap());
    assert_eq!(with(2, there + 1), header("body bytes"));
    assert_eq!(with(2, there - 1), header("body bytes"));
    assert_eq!(with(3, 1), chunk("reserved field"));
    // A digest of a section that does not exist.
    assert_eq!(
        refusal_of_signed(ENTRY + 32, &[1]),
        BatchError::ChunkDigest { chunk: 0 }
    );
}

#[test]
fn errors_print_numbers_and_names_only() {
    let errors = [
        refusal(&small()[..200]).to_string(),
        refusal_of_signed(ENTRY + 4, &[21]).to_string(),
    ];
    assert_eq!(
        errors,
        [
            format!(
                "cut short: 200 bytes, at least {} are needed",
                small().len()
            ),
            "chunk 0: positions out of bounds".into()
        ]
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>, tail in prop::collection::vec(any::<u8>(), 0..400)) {
        refusal(&bytes);
        // Behind a sound header, too.
        let file = [&small()[..HEADER_BYTES], &tail].concat();
        refusal(&file);
    }

    /// Whatever a trusted key signs, a search ends and does not panic.
    #[test]
    fn signed_nonsense_does_no_harm(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        filled: Option<u8>,
    ) {
        let mut file = small();
        let body = HEADER_BYTES + 48 + 2 * 32 + 64;
        if let Some(byte) = filled {
            file[body..].fill(byte);
        }
        let length = file.len();
        for (at, byte) in changes {
            file[body + at.index(length - body)] = byte;
        }
        let batch = VerifiedBatch::verify(digest_again(file), &trusted()).unwrap();
        let asked = [tags(1, 20), tags(2, 200)].concat();
        let found = batch.matches(&asked);
        prop_assert!(found.indices().is_sorted_by(|a, b| a < b));
        prop_assert!(found.indices().last().is_none_or(|&last| last < asked.len()));
    }

    /// The same for every codec, with both layers of a ribbon, asked in each way.
    #[test]
    fn signed_nonsense_of_any_codec_does_no_harm(
        codec in prop::sample::select(&Codec::ALL),
        fingerprint_bits in 8_u8..=48,
        count in prop::sample::select(&[1_usize, 40, 2_000]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        filled: Option<u8>,
    ) {
        let mut file = file(&parameters(codec, fingerprint_bits), tags(1, count));
        let body = HEADER_BYTES + 48 + 64;
        if let Some(byte) = filled {
            file[body..].fill(byte);
        }
        let length = file.len();
        for (at, byte) in changes {
            file[body + at.index(length - body)] = byte;
        }
        let file = both_digests_again(file, codec, fingerprint_bits);
        let asked = [tags(1, count), tags(2, 200)].concat();
        let batch = VerifiedBatch::verify(&file, &trusted()).unwrap();
        let found = batch.matches(&asked);
        prop_assert!(found.indices().is_sorted_by(|a, b| a < b));
        let trusted = trusted();
        let mut stream = BatchStream::new(&trusted, &asked);
        stream.push(&file).unwrap();
        prop_assert_eq!(&stream.finish().unwrap(), &found);
        for (index, tag) in asked.iter().enumerate().step_by(97) {
            prop_assert_eq!(batch.contains(tag), found.indices().contains(&index));
        }
    }

    /// The same for header and directory, most of which is refused.
    #[test]
    fn signed_nonsense_in_the_directory_does_no_harm(
        at in 0_usize..HEADER_BYTES + 48, byte: u8, second in 0_usize..HEADER_BYTES + 48, other: u8
    ) {
        let mut file = small();
        file[at] = byte;
        file[second] = other;
        if let Ok(batch) = VerifiedBatch::verify(digest_again(file), &trusted()) {
            prop_assert!(batch.matches(&tags(1, 20)).len() <= 20);
        }
    }
}
