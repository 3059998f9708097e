//! `truyvet officer` with a server: lists, quotas, and a list of codes that is cut short.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::{Serving, fails, succeeds, text};

/// A server, and the flags by which an officer reaches it.
fn officer(folder: &Path) -> (Serving, Vec<String>) {
    let server = Serving::start(&folder.join("country"));
    let credential = folder.join("credential");
    let data_dir = text(&server.data_dir);
    fs::write(
        &credential,
        succeeds(&["admin", "create-officer", "--data-dir", data_dir]),
    )
    .unwrap();
    let flags = [
        "--server",
        &server.staff,
        "--credential-file",
        text(&credential),
    ];
    let flags = flags.map(str::to_owned).to_vec();
    (server, flags)
}

fn with<'a>(command: &[&'a str], flags: &'a [String]) -> Vec<&'a str> {
    let flags = flags.iter().map(String::as_str);
    ["officer"]
        .into_iter()
        .chain(command.iter().copied())
        .chain(flags)
        .collect()
}

/// Days as people in Vietnam write them, of a list that is good today.
fn list(folder: &Path, lines: usize) -> String {
    let seconds = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let today = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap();
    let today = today.to_zoned(jiff::tz::TimeZone::UTC);
    let file = folder.join("list.csv");
    let onset = today.strftime("%d/%m/%Y");
    let lines = format!("xác nhận;{onset}\r\n").repeat(lines);
    let text = format!("\u{feff}report_type;onset_day\r\n{lines}not sure;{onset}\r\n");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_list_is_issued_and_goes_on_where_it_was_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, flags) = officer(folder.path());
    let list = list(folder.path(), 150);
    let slips = folder.path().join("slips.csv");
    let said = succeeds(&with(&["import", &list, "--slips", text(&slips)], &flags));
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("line 152: report_type REPORT_TYPE"));
    let import = lines.next().unwrap();
    assert!(import.ends_with(": 150 lines in 2 sheets"), "{import}");
    let import_id = import.split([' ', ':']).nth(1).unwrap();
    let whole = fs::read_to_string(&slips).unwrap();
    assert_eq!(whole.lines().count(), 151);
    assert!(whole.starts_with("line,serial,upload_code,expires,region\r\n2,"));
    let mode = fs::metadata(&slips).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    // Nothing is left to do.
    let resume = ["import", "--resume", import_id, "--slips", text(&slips)];
    succeeds(&with(&resume, &flags));
    assert_eq!(fs::read_to_string(&slips).unwrap(), whole);
    // The second sheet's answer was lost: it never came into the file.
    let first: Vec<&str> = whole.lines().take(101).collect();
    fs::write(&slips, format!("{}\r\n", first.join("\r\n"))).unwrap();
    succeeds(&with(&resume, &flags));
    let again = fs::read_to_string(&slips).unwrap();
    assert_eq!(again.lines().count(), 151);
    assert_eq!(again.lines().take(101).collect::<Vec<_>>(), first);
    assert!(again.lines().skip(101).all(|slip| !whole.contains(slip)));
    let counts = succeeds(&with(&["list", "--limit", "0"], &flags));
    assert_eq!(counts, "150 issued, 0 redeemed, 0 expired, 50 revoked\n");
    let alerts = succeeds(&with(&["alerts"], &flags));
    assert!(
        alerts.starts_with("this account  200 of 300 codes issued today\n"),
        "{alerts}"
    );

    // Slips that are there are not written over.
    let refused = fails(&with(&["import", &list, "--slips", text(&slips)], &flags));
    assert!(refused.contains("--slips"), "{refused}");
    assert_eq!(fs::read_to_string(&slips).unwrap(), again);
    // Beyond the quota: what is done is kept, and how to go on is said.
    let more = folder.path().join("more.csv");
    let refused = fails(&with(&["import", &list, "--slips", text(&more)], &flags));
    assert!(
        refused.contains("QUOTA_OFFICER") && refused.contains("--resume"),
        "{refused}"
    );
    assert_eq!(fs::read_to_string(&more).unwrap().lines().count(), 101);
}

#[test]
fn a_list_with_anything_personal_is_refused_without_a_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, flags) = officer(folder.path());
    let file = folder.path().join("list.csv");
    fs::write(
        &file,
        "report_type,onset_day,NguyenVanAn\nconfirmed,2021-08-01,0912345678\n",
    )
    .unwrap();
    let slips = folder.path().join("slips.csv");
    let refused = fails(&with(
        &["import", text(&file), "--slips", text(&slips)],
        &flags,
    ));
    assert!(
        refused.contains("CSV_UNKNOWN_COLUMN") && refused.contains("column 3"),
        "{refused}"
    );
    assert!(!refused.contains("NguyenVanAn") && !refused.contains("0912345678"));
    assert!(!slips.exists());
}

#[test]
fn codes_are_listed_as_lines_and_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let (_server, flags) = officer(folder.path());
    succeeds(&with(&["issue-many", "--count", "3"], &flags));
    let lines = succeeds(&with(
        &["list", "--state", "issued", "--limit", "2"],
        &flags,
    ));
    assert_eq!(lines.lines().count(), 3);
    assert!(lines.ends_with("3 issued, 0 redeemed, 0 expired, 0 revoked\n"));
    let json = succeeds(&with(&["list", "--json"], &flags));
    let objects: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 4);
    assert_eq!(
        (&objects[0]["region"], &objects[0]["unit"]),
        (&"VN".into(), &"VN".into())
    );
    assert_eq!(objects[3]["counts"]["issued"], 3);
    let refused = fails(&with(&["list", "--unit", "999"], &flags));
    assert!(refused.contains("NO_SUCH_UNIT"), "{refused}");
}
