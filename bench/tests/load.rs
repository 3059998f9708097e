//! The load generator runs, once, against whatever build of the server is at hand: the figures are for the bench.

mod common;

use serde_json::Value;

use common::{bench, server};

/// Over TLS with new connections and decoys: whatever a run can do beyond what every run does.
#[test]
fn load_goes_all_the_way_through_a_real_server() {
    let Some(server) = server() else {
        return;
    };
    let output = bench(
        "load",
        &[
            "--seconds",
            "1",
            "--connections",
            "2",
            "--new-connection-each",
            "--tls",
            "--decoys",
            "0.25",
            "--batch-uploads",
            "20",
            "--json",
            "--binary",
            server.to_str().expect("a path that is text"),
        ],
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(&printed).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("{error}: {printed:?}, {said}")
    });
    for name in [
        "uploads_per_second",
        "echo_per_second",
        "ratio_to_echo",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "server_cpu_us_per_upload",
        "server_rss_mb",
        "index_per_second",
        "batch_mb_per_second",
    ] {
        let figure = figures[name].as_f64();
        assert!(
            figure.is_some_and(|figure| figure > 0.0),
            "{name}: {figures}"
        );
    }
    for nginx in ["nginx_index_per_second", "nginx_batch_mb_per_second"] {
        assert!(
            figures
                .as_object()
                .is_some_and(|all| all.contains_key(nginx))
        );
    }
    assert_eq!(figures["errors"], 0, "{figures}");
    assert_eq!(figures["peers_failed"], serde_json::json!({}), "{figures}");
    let calls = |kind: &str| figures[kind]["calls"].as_f64().expect("a count");
    // Of both calls.
    let share = calls("decoy") / (calls("decoy") + calls("redeem") + calls("upload"));
    assert!((0.2..0.3).contains(&share), "{share} are decoys");
}

#[test]
fn load_that_cannot_be_is_refused_before_anything_starts() {
    for (arguments, said) in [
        (["--connections", "0"].as_slice(), "--connections"),
        (&["--connections", "100000"], "--connections"),
        (&["--seconds", "0"], "--seconds"),
        (&["--decoys", "1"], "--decoys"),
        (&["--decoys", "many"], "--decoys"),
        (&["--pid", "1"], "--server"),
        (&["--server", "http://127.0.0.1:1"], "--staff"),
        (
            &["--tls", "--server", "http://127.0.0.1:1"],
            "cannot be used with",
        ),
    ] {
        let output = bench("load", arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}
