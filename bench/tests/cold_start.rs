//! The cold-start bench runs, once, against whatever build of the server is at hand: the figures are for the bench.

use std::{path::Path, process::Command};

#[test]
fn cold_start_measures_a_real_server() {
    let bench = Path::new(env!("CARGO_BIN_EXE_truyvet-bench"));
    let server = bench.with_file_name("truyvet");
    if !server.exists() {
        println!(
            "not run: {} is built by a test of the whole workspace",
            server.display()
        );
        return;
    }
    let output = Command::new(bench)
        .args(["cold-start", "--runs", "1", "--json", "--binary"])
        .arg(server)
        .output()
        .expect("the bench starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures: serde_json::Value = serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("{error}: {printed:?}, {:?}", output.stderr));
    assert_eq!(figures["runs"], 1, "{figures}");
}
