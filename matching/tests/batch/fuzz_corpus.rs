//! What fuzzing starts from and what it found, once more in every test run.
//!
//! To make the starting files anew after a change of the format, set `TRUYVET_WRITE_CORPUS`.

#[path = "../../../fuzz/src/checks.rs"]
#[expect(unreachable_pub, reason = "public in the crate that fuzzes")]
mod checks;

use std::{env, fs, path::PathBuf};

use truyvet_crypto::Tag;
use truyvet_matching::{BatchKind, Codec, Digest, VerifiedBatch};

use super::common::{file, parameters, trusted};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target)
}

fn replay(target: &str, check: fn(&[u8])) {
    let entries: Vec<_> = fs::read_dir(folder(target)).unwrap().collect();
    assert!(entries.len() >= 6, "{target} has a corpus");
    for entry in entries {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(path).unwrap());
    }
}

#[test]
fn the_corpus_of_parse_does_no_harm() {
    replay("parse", checks::parse);
}

#[test]
fn the_corpus_of_verify_does_no_harm() {
    replay("verify", checks::verify);
}

#[test]
fn the_corpus_of_query_does_no_harm() {
    replay("query", checks::query);
}

/// The files are sound, so that fuzzing starts behind the first bounds.
#[test]
fn the_corpus_starts_from_sound_files_of_every_codec() {
    for codec in Codec::ALL {
        for (name, count, bits) in [("none", 0_u128, 40), ("few", 20, 16), ("some", 400, 8)] {
            let tags = (0..count)
                .map(|i| Tag::from_bytes(i.to_le_bytes()))
                .collect();
            let mut parameters = parameters(codec, bits);
            if count == 20 {
                parameters.kind = BatchKind::RollUp;
                parameters.replaces = vec![Digest::of(b"a"), Digest::of(b"b")];
            }
            let expected = file(&parameters, tags);
            for target in ["parse", "verify", "query"] {
                let path = folder(target).join(format!("{codec}-{name}.tvb"));
                if env::var_os("TRUYVET_WRITE_CORPUS").is_some() {
                    fs::write(&path, &expected).unwrap();
                }
                assert_eq!(fs::read(&path).unwrap(), expected, "{}", path.display());
            }
            assert!(VerifiedBatch::verify(expected, &trusted()).is_ok());
        }
    }
}
