//! The bench of a window's way runs, once, with few tags: the figures are for the bench.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_window_goes_all_the_way_whatever_the_scheme_and_the_threads() {
    for (scheme, threads, slots_a_day) in
        [("bluezone", "1", 96), ("gaen", "2", 144), ("dp3t", "2", 96)]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_truyvet-bench"))
            .args(["window", "--tags", "20000", "--rounds", "1", "--json"])
            .args(["--scheme", scheme, "--threads", threads])
            .output()
            .expect("the bench starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        let figures: Value = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("{error}: {printed:?}, {:?}", output.stderr));
        // Whole days.
        let tags = figures["tags"].as_u64().expect("a count");
        assert!((20_000..20_000 + slots_a_day).contains(&tags), "{figures}");
        for figure in [
            "tags_per_second",
            "tags_per_cpu_second",
            "peak_bytes_per_tag",
        ] {
            let figure = figures[figure].as_f64();
            assert!(figure.is_some_and(|figure| figure > 0.0), "{figures}");
        }
        for step in ["select", "pad", "build", "sign", "publish"] {
            assert!(figures["steps"][step]["wall_ms"].is_number(), "{figures}");
        }
    }
}
