//! The shape of the code: who imports whom, what stands where, what the wire cannot say.
//!
//! Every failure says what to do. To change a rule, change the README's table and the list here in one commit, and
//! give the reason there.

mod imports;
mod sources;
mod wire;

use std::path::Path;

fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}
