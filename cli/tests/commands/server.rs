//! `truyvet serve`, and what works with a server: `admin`, `batch`, `phone`, `officer`.

use std::{fs, process::Command};

use super::{Serving, fails, stdout, succeeds, text, truyvet, truyvet_with_input};

/// Flag, variable and file say the same thing, and an error names it whichever way it came.
#[test]
fn a_setting_comes_as_flag_variable_or_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("truyvet.toml");
    fs::write(&file, "retention_days = 99\n").unwrap();
    let data_dir = folder.path().join("data");
    for (arguments, variable) in [
        (vec!["--retention-days", "99"], None),
        (vec!["--config", text(&file)], None),
        (vec![], Some(("TRUYVET_RETENTION_DAYS", "99"))),
        (vec![], Some(("TRUYVET_CONFIG", text(&file)))),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_truyvet"))
            .args(["serve", "--data-dir", text(&data_dir)])
            .args(&arguments)
            .envs(variable)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {variable:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("retention_days"), "{error}");
    }
    fs::write(&file, "retention_day = 9\n").unwrap();
    let error = fails(&[
        "serve",
        "--config",
        text(&file),
        "--data-dir",
        text(&data_dir),
    ]);
    assert!(error.contains("retention_day"), "{error}");
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let error = fails(&[
        "serve",
        "--data-dir",
        text(&data_dir),
        "--retention-days",
        "99",
    ]);
    assert!(error.contains("retention_days"), "{error}");
    assert!(!data_dir.exists(), "nothing was made");
}

#[test]
fn a_batch_file_can_be_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let data_dir = text(&server.data_dir).to_owned();
    let credential = folder.path().join("credential");
    fs::write(
        &credential,
        succeeds(&["admin", "create-officer", "--data-dir", &data_dir]),
    )
    .unwrap();
    let staff = [
        "--server",
        &server.staff,
        "--credential-file",
        text(&credential),
    ];
    succeeds(&[&["admin", "publish", "--region", "VN"], staff.as_slice()].concat());
    let refused = fails(&[&["admin", "publish", "--region", "XX"], staff.as_slice()].concat());
    assert!(refused.contains("UNKNOWN_REGION"), "{refused}");

    let file = fs::read_dir(server.data_dir.join("batches"))
        .unwrap()
        .next();
    let file = file.unwrap().unwrap().path();
    let key = text(&server.public_key);
    assert!(succeeds(&["batch", "inspect", text(&file)]).contains("4,096"));
    let summary = succeeds(&["batch", "inspect", "--json", text(&file)]);
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["tags"], 4_096);
    succeeds(&["batch", "verify", text(&file), "--key", key]);
    let tags = folder.path().join("tags");
    fs::write(&tags, "# none of these\n00112233445566778899aabbccddeeff\n").unwrap();
    for with_key in [[].as_slice(), &["--key", key]] {
        let query = ["batch", "query", text(&file), "--tags", text(&tags)];
        assert_eq!(succeeds(&[query.as_slice(), with_key].concat()), "");
    }
    fs::write(&tags, "00112233445566778899aabbccddeeff\n0011\n").unwrap();
    let error = fails(&["batch", "query", text(&file), "--tags", text(&tags)]);
    assert!(error.contains("line 2"), "{error}");

    let mut flipped = fs::read(&file).unwrap();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    let copy = folder.path().join("flipped.tvb");
    fs::write(&copy, &flipped).unwrap();
    fails(&["batch", "verify", text(&copy), "--key", key]);
    fails(&["batch", "inspect", text(&copy)]);
    fs::write(&copy, &flipped[..middle]).unwrap();
    fails(&["batch", "verify", text(&copy), "--key", key]);
    let other = Serving::start(&folder.path().join("other"));
    let error = fails(&[
        "batch",
        "verify",
        text(&file),
        "--key",
        text(&other.public_key),
    ]);
    assert!(error.contains("not trusted"), "{error}");
}

#[test]
fn a_phone_in_a_folder_syncs_with_a_real_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let home = folder.path().join("phone");
    let dir = ["--dir", text(&home)];
    let init = [
        "--server",
        &server.public,
        "--key",
        text(&server.public_key),
    ];
    succeeds(&[&["phone", "init"], dir.as_slice(), &init].concat());
    let id = succeeds(&[&["phone", "broadcast"], dir.as_slice()].concat());
    assert_eq!(id.trim().len(), 24);
    succeeds(
        &[
            &["phone", "hear", "--id", id.trim(), "--rssi", "-60"],
            dir.as_slice(),
        ]
        .concat(),
    );
    succeeds(&[&["phone", "sync"], dir.as_slice()].concat());
    let status = succeeds(&[&["phone", "status", "--json"], dir.as_slice()].concat());
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status["sightings"].as_u64().unwrap() >= 1);
    let error = fails(
        &[
            &["phone", "upload", "--code", "2222-222-222"],
            dir.as_slice(),
        ]
        .concat(),
    );
    assert!(error.contains("11 symbols"), "{error}");
    let typed = truyvet_with_input(
        &[&["phone", "upload", "--code", "-"], dir.as_slice()].concat(),
        "2222-222-222\n",
    );
    assert_eq!(typed.status.code(), Some(1));
    let error = String::from_utf8(typed.stderr).unwrap();
    assert!(error.contains("11 symbols"), "{error}");
}

#[test]
fn what_was_uploaded_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let credential = folder.path().join("credential");
    let data_dir = ["--data-dir", text(&server.data_dir)];
    let created = succeeds(&[&["admin", "create-officer"], data_dir.as_slice()].concat());
    fs::write(&credential, created).unwrap();
    let code = |report_type: &str| {
        let issued = succeeds(&[
            "officer",
            "issue",
            "--json",
            "--type",
            report_type,
            "--server",
            &server.staff,
            "--credential-file",
            text(&credential),
        ]);
        let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
        let field = |name: &str| issued[name].as_str().unwrap().to_owned();
        (field("upload_code"), field("serial"))
    };
    let home = folder.path().join("phone");
    let dir = text(&home);
    fn in_folder<'a>(dir: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["phone"], arguments, &["--dir", dir]].concat()
    }
    let key = text(&server.public_key);
    succeeds(&in_folder(
        dir,
        &["init", "--server", &server.public, "--key", key],
    ));
    succeeds(&in_folder(
        dir,
        &["hear", "--id", "000102030405060708090a0b", "--rssi", "-60"],
    ));
    let receipts = || {
        let status = succeeds(&in_folder(dir, &["status", "--json"]));
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["no_longer"], serde_json::json!([]));
        status["receipts"].as_u64().unwrap()
    };

    let (withdrawal, serial) = code("withdrawal");
    let error = fails(&in_folder(dir, &["withdraw", "--code", &withdrawal]));
    assert!(error.contains("nothing to take back"), "{error}");
    let said = succeeds(&in_folder(dir, &["upload", "--code", &code("confirmed").0]));
    assert!(said.starts_with("uploaded "), "{said}");
    assert_eq!(receipts(), 1);
    let (other, _) = code("clinical");
    let error = fails(&in_folder(dir, &["withdraw", "--code", &other]));
    assert!(error.contains("it is for an upload"), "{error}");
    succeeds(&in_folder(dir, &["abandon"]));
    let said = succeeds(&in_folder(dir, &["withdraw", "--code", &withdrawal]));
    assert!(said.starts_with("took back "), "{said}");
    assert_eq!(receipts(), 0);
    let error = fails(&in_folder(dir, &["withdraw"]));
    assert!(error.contains("nothing is on its way"), "{error}");
    let staff = [
        "--server",
        &server.staff,
        "--credential-file",
        text(&credential),
    ];
    let shown = succeeds(&[&["officer", "show", serial.as_str()], staff.as_slice()].concat());
    assert!(
        shown.contains("withdrawal") && shown.contains("redeemed"),
        "{shown}"
    );
}

#[test]
fn a_refused_sighting_fails_and_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::start(&folder.path().join("country"));
    let home = folder.path().join("phone");
    let dir = ["--dir", text(&home)];
    let init = [
        "--server",
        &server.public,
        "--key",
        text(&server.public_key),
        "--plaintext",
    ];
    succeeds(&[&["phone", "init"], dir.as_slice(), &init].concat());
    let kept = fs::read_to_string(home.join("server.json")).unwrap();
    assert!(kept.contains("\"plaintext\": true"), "{kept}");

    let heard = |lines: &str| {
        let file = folder.path().join("heard.tsv");
        fs::write(&file, lines).unwrap();
        truyvet(&[&["phone", "hear", "--file", text(&file)], dir.as_slice()].concat())
    };
    let id = "000102030405060708090a0b";
    let now = Command::new("date").arg("+%s").output();
    let now = String::from_utf8(now.unwrap().stdout).unwrap();
    let (good, long_ago) = (
        format!("{id}\t-60\t{now}"),
        format!("{id}\t-60\t1500000000\n"),
    );
    let mixed = heard(&format!("{long_ago}{good}"));
    assert_eq!(mixed.status.code(), Some(1), "{mixed:?}");
    assert_eq!(stdout(&mixed), "kept 1 sighting, refused 1\n");
    let error = String::from_utf8(mixed.stderr).unwrap();
    assert!(error.contains("line 1: refused"), "{error}");
    assert!(heard(&good).status.success());
    let status = succeeds(&[&["phone", "status", "--json"], dir.as_slice()].concat());
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(status["sightings"].as_u64().unwrap() >= 1);
}

/// 192.0.2.0/24 is for documentation: nobody is asked anything.
#[test]
fn plain_text_to_another_machine_is_refused_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let credential = folder.path().join("credential");
    fs::write(&credential, "tvo_x").unwrap();
    let staff = [
        "--server",
        "http://192.0.2.1:8441",
        "--credential-file",
        text(&credential),
    ];
    for command in [
        ["officer", "show", "1-1"].as_slice(),
        &["admin", "officers"],
    ] {
        let error = fails(&[command, staff.as_slice()].concat());
        assert!(error.contains("--plaintext"), "{error}");
    }
}
