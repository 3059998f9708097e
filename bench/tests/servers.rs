//! The comparison of one server with several runs, once, against whatever build of the server is at hand: the figures are
//! for the bench.

mod common;

use serde_json::Value;

use common::{bench, server};

#[test]
fn two_servers_are_held_against_one_on_a_postgresql_of_the_run_s_own() {
    let Some(server) = server() else {
        return;
    };
    let output = bench(
        "servers",
        &[
            "--connections",
            "4",
            "--seconds",
            "1",
            "--rounds",
            "1",
            "--json",
            "--binary",
            server.to_str().expect("a path that is text"),
        ],
    );
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("is not installed") {
        println!("not run: {said}");
        return;
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures: Value = serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("{error}: {printed:?}, {said}"));
    for name in [
        "one_per_second",
        "many_per_second",
        "ratio",
        "busy_share_one",
        "busy_share_many",
        "server_share",
        "postgres_share",
        "caller_share",
    ] {
        let figure = figures[name].as_f64();
        assert!(
            figure.is_some_and(|figure| figure > 0.0),
            "{name}: {figures}"
        );
    }
    assert_eq!(figures["errors"], 0, "{figures}");
    let runs = figures["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 2, "{figures}");
    for (run, servers) in runs.iter().zip([1, 2]) {
        assert_eq!(run["servers"], servers, "{figures}");
        let each = run["uploads_per_commit"].as_f64();
        assert!(each.is_some_and(|each| each >= 1.0), "{figures}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_starts() {
    for (arguments, said) in [
        (["--servers", "1"].as_slice(), "--servers"),
        (&["--servers", "100"], "--servers"),
        (&["--servers", "3", "--connections", "2"], "--connections"),
        (&["--rounds", "0"], "--rounds"),
        (&["--seconds", "0"], "--seconds"),
    ] {
        let output = bench("servers", arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}
