//! Where outside data lies that is too large, or too foreign, to be in the repository.

use std::path::{Path, PathBuf};

/// The folder `../shared/data` beside the repository, if this machine has it.
///
/// A test that uses it also checks values of its own, so that it says something on every machine.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    folder.is_dir().then_some(folder)
}
