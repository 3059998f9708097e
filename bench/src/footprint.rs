//! What the matching library adds to a phone app: crates in its tree, bytes of a library.
//!
//! For the machine it runs on: another processor's code is as much larger or smaller as its instructions are.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};

/// As in the workspace's `Cargo.toml`, for the reader of the figures.
const PROFILE: &str = "opt-level \"s\", fat LTO, one codegen unit, panic abort, no debug info";

/// What to print.
#[derive(Args)]
pub(crate) struct Arguments {
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
}

/// A library's bytes.
struct Size {
    built: u64,
    stripped: u64,
}

/// Counts, builds, weighs and prints.
///
/// # Errors
/// If cargo fails, or `strip` of the C toolchain that links is missing.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    // Crates that run while it is built are no part of an app.
    let linked = tree("normal,no-proc-macro")?;
    let with_macros = tree("normal")?;
    let calls = weigh(&[])?;
    let empty = weigh(&["--no-default-features"])?;
    if arguments.json {
        let size = |size: &Size| json!({ "built": size.built, "stripped": size.stripped });
        let report = json!({
            "crates_linked": linked.len(),
            "crates_with_macros": with_macros.len(),
            "profile": PROFILE,
            "library_bytes": size(&calls),
            "empty_library_bytes": size(&empty),
            "added_stripped_bytes": calls.stripped.saturating_sub(empty.stripped),
        });
        println!("{report}");
    } else {
        println!(
            "truyvet-matching without `build`: {} crates linked, itself included; {} more only to compile it",
            linked.len(),
            with_macros.len() - linked.len()
        );
        println!("library of a phone's calls, kB          built  stripped");
        let kilobytes = |bytes: u64| bytes as f64 / 1e3;
        for (what, size) in [("with them", &calls), ("empty", &empty)] {
            let (built, stripped) = (kilobytes(size.built), kilobytes(size.stripped));
            println!("{what:<36}{built:>9.1}{stripped:>10.1}");
        }
        let added = calls.stripped.saturating_sub(empty.stripped);
        println!("{:<36}{:>19.1}", "what they add", kilobytes(added));
        println!("profile: {PROFILE}");
    }
    Ok(())
}

/// Names and versions of the crates that the matching library rests on, itself included.
fn tree(edges: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = cargo(&[
        "tree",
        "--locked",
        "--package",
        "truyvet-matching",
        "--edges",
        edges,
        "--prefix",
        "none",
    ])?;
    Ok(crates(&text))
}

/// A crate stands in the tree once for everyone who needs it.
fn crates(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .filter(|name| !name.is_empty())
        .collect()
}

fn weigh(features: &[&str]) -> anyhow::Result<Size> {
    let library = build(features)?;
    let folder = tempfile::tempdir()?;
    let stripped = folder.path().join("stripped");
    let status = Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(&library)
        .status()
        .context("strip")?;
    ensure!(status.success(), "strip: {status}");
    Ok(Size {
        built: fs::metadata(&library)?.len(),
        stripped: fs::metadata(&stripped)?.len(),
    })
}

/// The library, made if it is not up to date.
fn build(features: &[&str]) -> anyhow::Result<PathBuf> {
    let mut arguments = vec!["build", "--profile", "phone", "--locked"];
    arguments.extend(["--package", "truyvet-footprint"]);
    arguments.extend(["--message-format", "json-render-diagnostics"]);
    arguments.extend(features);
    cargo(&arguments)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "truyvet_footprint")
        .find_map(|message| message["filenames"][0].as_str().map(PathBuf::from))
        .context("cargo names no library")
}

/// What cargo prints.
fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("cargo");
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        .stderr(Stdio::inherit());
    // What `cargo run` tells us of our own package; ring's build script would see a change in it and run again.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    let output = command.output().context("cargo")?;
    ensure!(output.status.success(), "cargo {arguments:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once_and_two_versions_twice() {
        let tree = "a v1.0.0 (/x)\nb v1.2.3\nb v1.2.3 (*)\nb v2.0.0\nc v1.0.0 (proc-macro)\n";
        assert_eq!(
            crates(tree).into_iter().collect::<Vec<_>>(),
            ["a v1.0.0", "b v1.2.3", "b v2.0.0", "c v1.0.0"]
        );
    }

    #[test]
    fn the_builder_is_not_in_a_phone_s_tree() {
        let has = |crates: &BTreeSet<String>, name: &str| {
            crates.iter().any(|known| known.starts_with(name))
        };
        let linked = tree("normal,no-proc-macro").unwrap();
        assert!(has(&linked, "ring ") && has(&linked, "truyvet-matching "));
        assert!(!has(&linked, "bloomfilter ") && !has(&linked, "syn "));
        assert!(has(&tree("normal").unwrap(), "syn "));
    }
}
