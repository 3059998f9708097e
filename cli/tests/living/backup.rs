//! Backups by the command line: of a running server, cut short, damaged, restored.

use std::{fs, process::Command, thread, time::Duration};

use super::{Serving, administrator, fails, publish, succeeds, text};

#[test]
fn a_running_server_is_backed_up_verified_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (country, backup, again) = (
        folder.path().join("country"),
        folder.path().join("backup"),
        folder.path().join("again"),
    );
    let credential = folder.path().join("credential");
    let server = Serving::start(&country, &[], &[]);
    administrator(&country, &credential);
    publish(&server, &credential);
    let data_dir = ["--data-dir", text(&country)];
    let make = [
        &["admin", "backup", "--with-keys", "--to", text(&backup)],
        data_dir.as_slice(),
    ]
    .concat();
    let said = succeeds(&make);
    assert!(
        said.contains("with keys") && said.contains("Delete it by "),
        "{said}"
    );
    let noted = fs::read_to_string(country.join("last-backup")).unwrap();
    assert!(noted.parse::<i64>().unwrap() > 1_600_000_000, "{noted}");
    let error = fails(&make);
    assert!(error.contains("exists already"), "{error}");
    let verify = ["admin", "verify-backup", "--from", text(&backup)];
    succeeds(&verify);

    let restore = ["admin", "restore", "--from", text(&backup), "--data-dir"];
    let error = fails(&[restore.as_slice(), &[text(&country)]].concat());
    assert!(error.contains("a server works here"), "{error}");
    let said = succeeds(&[restore.as_slice(), &[text(&again)]].concat());
    for loss in [
        "Lost is what happened after",
        "--published",
        "signed out",
        "open again",
    ] {
        assert!(said.contains(loss), "{loss}: {said}");
    }
    let error = fails(&[restore.as_slice(), &[text(&again)]].concat());
    assert!(error.contains("not empty"), "{error}");
    // The restored one goes on: its administrator, its numbering.
    let restored = Serving::start(&again, &[], &[]);
    let staff = format!("http://{}", restored.staff);
    let said = succeeds(&[
        "admin",
        "publish",
        "--server",
        &staff,
        "--credential-file",
        text(&credential),
    ]);
    assert!(said.contains("published batch 2 of VN"), "{said}");

    let database = backup.join("truyvet.db");
    let mut damaged = fs::read(&database).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&database, damaged).unwrap();
    let error = fails(&verify);
    assert!(error.contains("truyvet.db"), "{error}");
}

/// Killed at whatever moment, there is either a whole backup or nothing of that name.
#[test]
fn a_backup_that_is_cut_short_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let country = folder.path().join("country");
    let server = Serving::start(&country, &[], &[]);
    let credential = folder.path().join("credential");
    administrator(&country, &credential);
    for _ in 0..5 {
        publish(&server, &credential);
    }
    let (mut whole, mut nothing) = (0, 0);
    for moment in 0..20 {
        let backup = folder.path().join(format!("backup-{moment}"));
        let mut making = Command::new(env!("CARGO_BIN_EXE_truyvet"))
            .args([
                "admin",
                "backup",
                "--data-dir",
                text(&country),
                "--to",
                text(&backup),
            ])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // From before it has begun to write until after it is done.
        thread::sleep(Duration::from_millis(moment * 25));
        drop(making.kill());
        making.wait().unwrap();
        if backup.exists() {
            succeeds(&["admin", "verify-backup", "--from", text(&backup)]);
            whole += 1;
        } else {
            nothing += 1;
        }
    }
    assert!(nothing > 0, "none was cut short");
    // What was left behind keeps nobody from the next one.
    let backup = folder.path().join("backup");
    succeeds(&[
        "admin",
        "backup",
        "--data-dir",
        text(&country),
        "--to",
        text(&backup),
    ]);
    succeeds(&["admin", "verify-backup", "--from", text(&backup)]);
    println!("{whole} whole, {nothing} cut short");
}
