//! A false positive is taken back: with real phones, by clients that say what no phone would, and after whatever sequence of
//! uploads, withdrawals and windows.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod believed;
mod phones;
mod server;
