//! The officers' portal in a real browser.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod audit;
mod figures;
mod reports;
mod staff;
