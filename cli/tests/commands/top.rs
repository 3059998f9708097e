//! `truyvet admin top` against a real server, and against none.

use super::{Serving, fails, succeeds, truyvet};

#[test]
fn how_a_server_is_can_be_read_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let top = ["admin", "top", "--ops", &server.ops];
    let said = succeeds(&[top.as_slice(), &["--once"]].concat());
    assert!(said.starts_with("Truyvet "), "{said}");
    for shown in [
        "Ready.",
        "No backup is known.",
        "uploads  ",
        "region VN",
        "The last hour",
        "Expected false alarms a day",
    ] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
    assert!(!said.contains('\u{1b}'), "no codes for terminals: {said:?}");
    // Not a terminal: the same without being told.
    assert!(succeeds(&top).contains("region VN"));

    let json = succeeds(&[top.as_slice(), &["--json"]].concat());
    assert_eq!(json.lines().count(), 1);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ready"], true);
    assert!(said.contains(json["verdict"].as_str().unwrap()));
}

#[test]
fn a_server_that_is_away_is_said_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let error = fails(&["admin", "top", "--once", "--ops", &server.public]);
    assert!(error.contains("is that the ops address?"), "{error}");
    let ops = server.ops.clone();
    drop(server);
    let error = fails(&["admin", "top", "--once", "--ops", &ops]);
    assert!(
        error.contains("no server answers at http://127.0.0.1:"),
        "{error}"
    );
    for (ops, said) in [
        ("localhost:8442", "must start with http"),
        ("nonsense", "not a URL"),
    ] {
        let error = fails(&["admin", "top", "--ops", ops]);
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(
        truyvet(&["admin", "top", "--every", "2"]).status.code(),
        Some(2)
    );
}
