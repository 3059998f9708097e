//! The exposure engine on what others published: risk cases, and real sightings on their way through a phone's store.
//!
//! What is expected is reckoned from the raw rows by other means. Rules are tested beside the engine; these tests say
//! that real data does not upset it. Each skips where the data is not.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

#[path = "engine/cases.rs"]
mod cases;
#[path = "engine/rows.rs"]
mod rows;
#[path = "engine/store.rs"]
mod store;
#[path = "engine/windows.rs"]
mod windows;

use std::path::PathBuf;

use truyvet_tests::shared_data::shared_data;

/// A file of the shared data. Says so and gives `None` where this machine does not have it.
fn data_file(file: &str) -> Option<PathBuf> {
    let folder = shared_data();
    if folder.is_none() {
        println!("skipped: {file} is not on this machine");
    }
    folder.map(|folder| folder.join(file))
}
