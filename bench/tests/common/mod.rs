//! Running the bench as its users do.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

const BENCH: &str = env!("CARGO_BIN_EXE_truyvet-bench");

/// Runs one of its commands to the end.
pub(crate) fn bench(command: &str, arguments: &[&str]) -> Output {
    Command::new(BENCH)
        .arg(command)
        .args(arguments)
        .output()
        .expect("the bench starts")
}

/// The server that was built beside it; `None`, after saying so, if there is none.
pub(crate) fn server() -> Option<PathBuf> {
    let server = Path::new(BENCH).with_file_name("truyvet");
    if server.exists() {
        return Some(server);
    }
    println!(
        "not run: {} is built by a test of the whole workspace",
        server.display()
    );
    None
}
