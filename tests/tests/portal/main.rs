//! The officers' portal as they see it: in a real browser, against a real server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod codes;
mod desk;
mod lists;
mod rights;
