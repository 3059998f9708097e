//! `truyvet batch`: looks into batch files and plans them, for operators and for people who write readers.
//!
//! Files only, no server. All judgement about the format is `truyvet-matching`'s.

mod inspect;
mod plan;
mod query;
mod verify;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Subcommand;
use truyvet_crypto::sign::{TrustedKeys, VerifyingKey};

/// What to do with a batch file.
#[derive(Debug, Subcommand)]
pub(crate) enum BatchCommand {
    /// Tell what a batch file says about itself, and whether it is whole; needs no key
    Inspect {
        /// Batch file
        file: PathBuf,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check signature and every byte; fails if anything is wrong
    Verify {
        /// Batch file
        file: PathBuf,
        /// Public signing key, PEM
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Print which tags of a list are in a batch file
    Query {
        /// Batch file
        file: PathBuf,
        /// Tags to look for, 32 hex digits a line; "#" starts a comment
        #[arg(long, value_name = "FILE")]
        tags: PathBuf,
        /// Public signing key, PEM; without it the signature is not checked
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Work out the fingerprint bits that keep a budget of false alarms, the bytes they cost, and with --cases-per-day what
    /// servers, network, database and bucket have to carry
    Plan(plan::PlanArgs),
}

/// Runs the command; results go to `out`.
///
/// # Errors
/// Names the file and what is wrong with it.
pub(crate) fn run(command: &BatchCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        BatchCommand::Inspect { file, json } => {
            inspect::run(&read(file)?, *json, out).with_context(|| file.display().to_string())
        }
        BatchCommand::Verify { file, key } => {
            let (bytes, trusted) = (read(file)?, trusted_key(key)?);
            verify::run(bytes, &trusted, out).with_context(|| file.display().to_string())
        }
        BatchCommand::Query { file, tags, key } => {
            let trusted = key.as_deref().map(trusted_key).transpose()?;
            let tags = query::read_tags(tags)?;
            query::run(read(file)?, &tags, trusted, out).with_context(|| file.display().to_string())
        }
        BatchCommand::Plan(args) => plan::run(args, out),
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).with_context(|| file.display().to_string())
}

/// Trusts the one key of a PEM file.
pub(crate) fn trusted_key(file: &Path) -> anyhow::Result<TrustedKeys> {
    let pem = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let key = VerifyingKey::from_pem(&pem).with_context(|| {
        format!(
            "{}: expected a public key (BEGIN PUBLIC KEY)",
            file.display()
        )
    })?;
    Ok(TrustedKeys::new(vec![key]))
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::{Tag, Timestamp, sign::SigningKey};
    use truyvet_matching::{
        BatchKind, Codec, Digest,
        build::{BatchParameters, TagSet, build},
    };

    use super::*;

    /// A folder with a batch of tags 00.. to 09.., its key, and another key.
    struct World {
        folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let noon = Timestamp::from_unix_seconds(1_596_456_000).unwrap();
            let parameters = BatchParameters {
                codec: Codec::CompressedBloom,
                kind: BatchKind::Delta,
                region: "VN".parse().unwrap(),
                sequence: 7,
                window_start: noon,
                window_end: noon.plus_seconds(14_400),
                closed_at: noon.plus_seconds(14_400),
                salt: [1; 16],
                fingerprint_bits: 40,
                previous: Digest::ZERO,
                replaces: vec![],
            };
            let tags = (0..10).map(|n| Tag::from_bytes([n; 16])).collect();
            let key = SigningKey::from_seed(&[1; 32]);
            let batch = build(&parameters, &TagSet::new(tags)).unwrap().sign(&key);
            let other = SigningKey::from_seed(&[2; 32]);
            let world = Self { folder };
            fs::write(world.path("b.tvb"), batch.bytes()).unwrap();
            fs::write(world.path("key.pem"), key.verifying_key().to_pem()).unwrap();
            fs::write(world.path("other.pem"), other.verifying_key().to_pem()).unwrap();
            world
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn run(&self, command: &BatchCommand) -> Result<String, String> {
            let mut out = Vec::new();
            match run(command, &mut out) {
                Ok(()) => Ok(String::from_utf8(out).unwrap()),
                Err(error) => Err(format!("{error:#}")),
            }
        }

        fn verify(&self, key: &str) -> Result<String, String> {
            self.run(&BatchCommand::Verify {
                file: self.path("b.tvb"),
                key: self.path(key),
            })
        }

        fn query(&self, tags: &str, key: Option<&str>) -> Result<String, String> {
            fs::write(self.path("tags"), tags).unwrap();
            self.run(&BatchCommand::Query {
                file: self.path("b.tvb"),
                tags: self.path("tags"),
                key: key.map(|key| self.path(key)),
            })
        }

        fn inspect(&self, json: bool) -> Result<String, String> {
            self.run(&BatchCommand::Inspect {
                file: self.path("b.tvb"),
                json,
            })
        }

        fn damage(&self, change: impl FnOnce(&mut Vec<u8>)) {
            let mut bytes = fs::read(self.path("b.tvb")).unwrap();
            change(&mut bytes);
            fs::write(self.path("b.tvb"), bytes).unwrap();
        }
    }

    #[test]
    fn inspect_needs_no_key() {
        let world = World::new();
        let text = world.inspect(false).unwrap();
        for part in [
            "delta",
            "VN",
            "number 7",
            "2020-08-03T12:00:00Z",
            "bits a tag",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json: serde_json::Value = serde_json::from_str(&world.inspect(true).unwrap()).unwrap();
        assert_eq!(json["tags"], 10);
        assert_eq!(json["sequence"], 7);
        assert_eq!(json["kind"], "delta");
        assert_eq!(json["window_start"], 1_596_456_000);
        let file_bytes = fs::metadata(world.path("b.tvb")).unwrap().len();
        assert_eq!(json["file_bytes"], file_bytes);
    }

    #[test]
    fn verify_tells_a_good_file_from_a_damaged_one_and_from_another_ones() {
        let world = World::new();
        assert!(world.verify("key.pem").unwrap().contains("good"));
        let error = world.verify("other.pem").unwrap_err();
        assert!(error.contains("not trusted"), "{error}");
        let error = world.verify("tags-that-are-not-there").unwrap_err();
        assert!(error.contains("tags-that-are-not-there"), "{error}");
        let error = world.verify("b.tvb").unwrap_err();
        assert!(error.contains("b.tvb"), "{error}");
        world.damage(|bytes| *bytes.last_mut().unwrap() ^= 1);
        let error = world.verify("key.pem").unwrap_err();
        assert!(error.contains("b.tvb: chunk 0 is damaged"), "{error}");
    }

    #[test]
    fn query_prints_the_tags_that_match_in_their_order() {
        let world = World::new();
        let tag = |n: u8| format!("{n:02x}").repeat(16);
        let list = format!("# list\n{}\n\n  {} # seven\n{}\n", tag(3), tag(7), tag(99));
        let expected = format!("{}\n{}\n", tag(3), tag(7));
        assert_eq!(world.query(&list, None).unwrap(), expected);
        assert_eq!(world.query(&list, Some("key.pem")).unwrap(), expected);
        assert!(world.query(&list, Some("other.pem")).is_err());
        assert_eq!(world.query("", None).unwrap(), "");
    }

    #[test]
    fn a_broken_tag_line_is_named() {
        let world = World::new();
        for (line, expected) in [
            ("abc", "tags: line 2: 3 characters"),
            (&"g".repeat(32), "tags: line 2: character 1"),
            (&"0".repeat(33), "tags: line 2: 33 characters"),
        ] {
            let error = world.query(&format!("# x\n{line}\n"), None).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn query_without_a_key_still_refuses_a_damaged_file() {
        let world = World::new();
        world.damage(|bytes| *bytes.last_mut().unwrap() ^= 1);
        assert!(world.query("", None).unwrap_err().contains("damaged"));
        world.damage(|bytes| bytes.truncate(100));
        assert!(world.query("", None).unwrap_err().contains("b.tvb"));
        assert!(world.inspect(false).unwrap_err().contains("b.tvb"));
    }
}
