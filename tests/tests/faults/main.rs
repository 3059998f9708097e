//! The server process is killed (SIGKILL) and started again: every acknowledged upload is in exactly one published window, and
//! nothing is published or taken back twice.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod country;
mod kills;
mod steps;
