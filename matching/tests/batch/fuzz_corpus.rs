//! What fuzzing starts from and what it found, once more in every test run.
//!
//! To make the starting files anew after a change of the format, set `TRUYVET_WRITE_CORPUS`.

#[path = "../../../fuzz/src/checks.rs"]
#[expect(unreachable_pub, reason = "public in the crate that fuzzes")]
mod checks;

use std::{env, fs, path::PathBuf};

use truyvet_crypto::Tag;
use truyvet_matching::{BatchKind, Codec, Digest, VerifiedBatch, risk::RiskParameters};

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

#[test]
fn the_corpus_of_parameters_does_no_harm() {
    replay("parameters", checks::parameters);
}

/// A file that fuzzing starts from is as it should be.
fn hold(target: &str, name: &str, expected: &[u8]) {
    let path = folder(target).join(name);
    if env::var_os("TRUYVET_WRITE_CORPUS").is_some() {
        fs::write(&path, expected).unwrap();
    }
    assert_eq!(fs::read(&path).unwrap(), expected, "{}", path.display());
}

fn hold_batch(name: &str, expected: &[u8]) {
    for target in ["parse", "verify", "query"] {
        hold(target, &format!("{name}.tvb"), expected);
    }
    assert!(VerifiedBatch::verify(expected, &trusted()).is_ok());
}

fn numbered(count: u128) -> Vec<Tag> {
    (0..count)
        .map(|i| Tag::from_bytes(i.to_le_bytes()))
        .collect()
}

/// The files are sound, so that fuzzing starts behind the first bounds.
#[test]
fn the_corpus_starts_from_sound_files_of_every_codec() {
    for codec in Codec::ALL {
        for (name, count, bits) in [("none", 0_u128, 40), ("few", 20, 16), ("some", 400, 8)] {
            let mut parameters = parameters(codec, bits);
            if count == 20 {
                parameters.kind = BatchKind::RollUp;
                parameters.replaces = vec![Digest::of(b"a"), Digest::of(b"b")];
            }
            hold_batch(
                &format!("{codec}-{name}"),
                &file(&parameters, numbered(count)),
            );
        }
    }
}

/// Every part that a chunk of a ribbon filter can have or lack, with columns in section 1.
#[test]
fn the_corpus_starts_from_ribbons_of_every_shape() {
    for (name, count, [has_first, has_second, has_tail]) in [
        ("layers", 150, [true, true, false]),
        ("layer-tail", 250, [true, false, true]),
        ("layers-tail", 200, [true, true, true]),
    ] {
        let expected = file(&parameters(Codec::SplitRibbon, 16), numbered(count));
        let field = |i: usize| u32::from_le_bytes(*expected[128 + 4 * i..].first_chunk().unwrap());
        let has = [1, 2, 3].map(|i| field(i) > 0);
        assert_eq!(has, [has_first, has_second, has_tail], "{name}");
        hold_batch(&format!("{}-{name}", Codec::SplitRibbon), &expected);
    }
}

/// The sets that come with the library, and the least that says everything once.
#[test]
fn the_corpus_starts_from_sound_parameters() {
    const LEAST: &str = "name=\"x\"\nnearness=[[\"ios\",\"unknown\",-88]]\nmeasure=\"typical\"\nbuckets=[[256,1000]]\n\
        classes=[[\"any\",\"none\",0,0],[\"any\",\"standard\",1,1]]\nonset=[[-2,3,\"high\"]]\n\
        onset_unknown=\"standard\"\ndrop_rules=[[0,73,1,600]]\ndrop_levels=[0]\nmin_matched_tags=0\n\
        min_window_seconds=0\nbucket_step_seconds=0\nday_step_seconds=0\nwindow_seconds=[0,1]\nday_seconds=[0,0]\n\
        days_back=0\n";
    let sets = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("parameters");
    let mut texts = vec![("least".to_owned(), LEAST.to_owned())];
    for name in RiskParameters::built_in_names() {
        let text = fs::read_to_string(sets.join(format!("{name}.toml"))).unwrap();
        texts.push((name.to_owned(), text));
    }
    for (name, text) in texts {
        assert!(RiskParameters::parse(&text).is_ok(), "{name}");
        hold("parameters", &format!("{name}.toml"), text.as_bytes());
    }
}
