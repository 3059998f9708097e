//! The systemd unit: systemd understands it, and it reaches little of the machine.

use std::{fs, path::PathBuf, process::Command};

use tempfile::TempDir;

use crate::{installed, run, text};

/// Highest exposure that `systemd-analyze security` may find, in tenths: from 0 (nothing to reach) to 100. It is 11 by
/// systemd 252; later versions look at more.
const EXPOSURE_CEILING: u32 = 20;

const DROP_INS: &[&str] = &["tls-credentials.conf", "low-ports.conf"];

/// The unit in a folder of its own, naming a program that is there.
fn unit(folder: &TempDir, drop_in: Option<&str>) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let unit = text("systemd/truyvet.service");
    assert!(unit.contains("ExecStart=/usr/bin/truyvet "));
    let path = folder.path().join("truyvet.service");
    let program = program.to_str().unwrap();
    fs::write(&path, unit.replace("/usr/bin/truyvet", program)).unwrap();
    if let Some(name) = drop_in {
        let drop_ins = folder.path().join("truyvet.service.d");
        fs::create_dir(&drop_ins).unwrap();
        fs::write(drop_ins.join(name), text(&format!("systemd/{name}"))).unwrap();
    }
    path
}

fn security(unit: &PathBuf) -> (bool, String) {
    let mut analyze = Command::new("systemd-analyze");
    analyze
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_CEILING}"))
        .arg(unit);
    run(&mut analyze)
}

#[test]
fn systemd_has_nothing_to_say_against_the_unit() {
    if !installed("systemd-analyze", "systemd") {
        return;
    }
    for drop_in in DROP_INS.iter().copied().map(Some).chain([None]) {
        let folder = tempfile::tempdir().unwrap();
        let unit = unit(&folder, drop_in);
        // The manual page comes with the package.
        let mut analyze = Command::new("systemd-analyze");
        let (succeeded, said) = run(analyze.args(["verify", "--man=no"]).arg(unit));
        assert!(succeeded && said.is_empty(), "{drop_in:?}: {said}");
    }
}

#[test]
fn the_unit_reaches_little_of_the_machine() {
    if !installed("systemd-analyze", "systemd") {
        return;
    }
    for drop_in in DROP_INS.iter().copied().map(Some).chain([None]) {
        let folder = tempfile::tempdir().unwrap();
        let (below, said) = security(&unit(&folder, drop_in));
        assert!(below, "{drop_in:?}: above the ceiling:\n{said}");
    }
}

#[test]
fn a_unit_that_is_not_hardened_is_above_the_ceiling() {
    if !installed("systemd-analyze", "systemd") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = unit(&folder, None);
    let open: Vec<String> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .filter(|line| {
            !["Protect", "Private", "Restrict", "SystemCall"]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .map(str::to_owned)
        .collect();
    fs::write(&path, open.join("\n")).unwrap();
    let (below, said) = security(&path);
    assert!(!below, "{said}");
}

#[test]
fn the_unit_starts_what_the_package_installs() {
    let unit = text("systemd/truyvet.service");
    for line in [
        "Type=notify",
        "ExecStart=/usr/bin/truyvet serve --config /etc/truyvet/truyvet.toml --data-dir %S/truyvet",
        "StateDirectory=truyvet",
        "User=truyvet",
        "Restart=on-failure",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line}");
    }
    assert!(text("systemd/truyvet.sysusers").contains("u truyvet - "));
}
