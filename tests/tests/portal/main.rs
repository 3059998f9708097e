//! The officers' portal: who gets which page, and a real browser that does what officers do.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod accounts;
mod audit;
mod codes;
mod entrance;
mod figures;
mod lists;
mod own_account;
mod reports;
mod rights;
mod routes;
mod staff;
