//! `check-config`: says before a start what a start would say, and touches nothing.

use std::fs;

use super::{Serving, fails, succeeds, text};

#[test]
fn what_a_start_would_refuse_is_named_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("country");
    let check = ["check-config", "--data-dir", text(&data_dir)];
    let said = succeeds(&check);
    assert!(said.contains("none yet"), "{said}");
    assert!(!data_dir.exists(), "nothing was made");

    let server = Serving::start(&data_dir, &[], &[]);
    let said = succeeds(&check);
    assert!(
        said.contains("1 signing key") && said.contains("schema 3"),
        "{said}"
    );
    drop(server);

    let certificate = folder.path().join("cert.pem");
    fs::write(&certificate, "none").unwrap();
    let tls = [
        "--tls-cert",
        text(&certificate),
        "--tls-key",
        text(&certificate),
    ];
    let error = fails(&[check.as_slice(), &tls].concat());
    assert!(error.contains("tls_"), "{error}");
    let error = fails(&[check.as_slice(), &["--drain-seconds", "999"]].concat());
    assert!(error.contains("drain_seconds"), "{error}");
    let key = data_dir.join("keys/token.key");
    fs::write(&key, "no key").unwrap();
    let error = fails(&check);
    assert!(error.contains("token.key"), "{error}");
}

#[test]
fn a_key_in_use_is_not_retired() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("country");
    let retire = |id: &str| fails(&["admin", "retire-key", "--data-dir", text(&data_dir), id]);
    let server = Serving::start(&data_dir, &[], &[]);
    assert!(retire("0011223344556677").contains("another server works here"));
    drop(server);
    assert!(retire("0011223344556677").contains("no signing key"));
    assert!(retire("key").contains("16 hexadecimal digits"));
    let pem = fs::read_dir(data_dir.join("keys")).unwrap();
    let names = pem.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut ids = names.filter_map(|name| {
        let stem = name.strip_prefix("signing-")?.strip_suffix(".pub.pem")?;
        Some(stem.split('-').nth(1)?.to_owned())
    });
    let error = retire(&ids.next().unwrap());
    assert!(error.contains("make a new key first"), "{error}");
}
