//! What operators install, held against the server that it is for.
//!
//! The files are in `deploy/`. Names of metrics and settings come from the code itself, so that a change there fails here.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod alerts;
mod container;
mod dashboard;
mod example_settings;
mod metric_names;
mod package;
mod privacy;
mod promql;
mod scraped;
mod several_servers;
mod systemd;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// A file or folder of `deploy/`.
fn deploy(path: &str) -> PathBuf {
    workspace().join("deploy").join(path)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}

/// The text of a file of `deploy/`.
fn text(path: &str) -> String {
    let path = deploy(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A YAML file of `deploy/`.
fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// Names of the files in a folder of `deploy/` that end so, without the ending; sorted.
fn names(folder: &str, ending: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(deploy(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// Whether a program is there to test with. `cargo xtask test` installs it where it may, and fails under `CI=true` where
/// it cannot; elsewhere a test that needs it says that it did not run.
fn installed(program: &str, debian_package: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        eprintln!("NOT RUN: {program} is not installed (Debian: apt-get install {debian_package})");
    }
    found
}

/// Runs a program to its end. Returns whether it succeeded, and all that it said.
fn run(command: &mut Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}
