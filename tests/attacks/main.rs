//! Attacks, each as somebody would try it: what they get, and what they cannot tell.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod forged;
mod guessing;
mod join;
mod privileges;
mod stats;
mod timing;
mod tokens;
