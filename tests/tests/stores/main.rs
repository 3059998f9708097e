//! What a store promises to several servers at once, and what several servers make of it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod away;
mod bucket;
mod leases;
mod parity;
mod races;
mod records;
mod secured;
mod servers;
