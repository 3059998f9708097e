//! Runs the command line of [`truyvet`].

use std::process::ExitCode;

fn main() -> ExitCode {
    truyvet::run(std::env::args_os())
}
