//! The binary as a script sees it: exact output, exit codes, errors that name what is wrong.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod demo;
mod handed_out;
mod ids;
mod officer;
mod server;
mod top;
#[cfg(feature = "otel")]
mod traces;

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

pub(crate) fn truyvet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(args)
        .output()
        .unwrap()
}

pub(crate) fn truyvet_with_input(args: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    process.wait_with_output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// The standard output of a command that must succeed.
pub(crate) fn succeeds(args: &[&str]) -> String {
    let output = truyvet(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    stdout(&output).to_owned()
}

/// The standard error of a command that must fail.
pub(crate) fn fails(args: &[&str]) -> String {
    let output = truyvet(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server process on free ports, stopped when dropped.
pub(crate) struct Serving {
    process: Child,
    pub(crate) public: String,
    pub(crate) staff: String,
    pub(crate) ops: String,
    pub(crate) public_key: PathBuf,
    pub(crate) data_dir: PathBuf,
}

impl Serving {
    pub(crate) fn start(data_dir: &Path) -> Self {
        let free = "127.0.0.1:0";
        let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
            .args(["serve", "--data-dir", text(data_dir)])
            .args([
                "--public-listen",
                free,
                "--staff-listen",
                free,
                "--ops-listen",
                free,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut public, mut staff, mut ops, mut public_key) = Default::default();
        for line in lines.map_while(Result::ok) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("phones"), Some(url), _) => public = url.to_owned(),
                (Some("staff"), Some(url), _) => staff = url.to_owned(),
                (Some("operators"), Some(url), _) => ops = url.to_owned(),
                (Some("public"), Some("key"), Some(file)) => public_key = PathBuf::from(file),
                (Some("Ctrl-C"), ..) => break,
                _ => {}
            }
        }
        Self {
            process,
            public,
            staff,
            ops,
            public_key,
            data_dir: data_dir.to_owned(),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
