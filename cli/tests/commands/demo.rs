//! `truyvet demo`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{fails, succeeds, text};

/// Two people an hour at one table on each of two days, a third far away.
fn contacts(folder: &Path) -> PathBuf {
    let mut table = String::from("time_step,user1_id,user2_id,distance_m\n");
    for step in (1..=12).chain(289..=300) {
        table += &format!("{step},1,2,1\n{step},2,3,9\n");
    }
    let path = folder.join("contacts.csv");
    fs::write(&path, table).unwrap();
    path
}

const DEMO_KEYS: [&str; 12] = [
    "alerted",
    "batch_bytes",
    "batches",
    "cases",
    "contacts",
    "expected",
    "false_alarms",
    "missed",
    "people",
    "seconds",
    "tags",
    "uploads",
];

fn demo(args: &[&str]) -> serde_json::Map<String, serde_json::Value> {
    let printed = succeeds(&[&["demo", "--json"], args].concat());
    let object: serde_json::Map<_, _> = serde_json::from_str(&printed).unwrap();
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, DEMO_KEYS);
    assert!(object.values().all(serde_json::Value::is_number));
    assert_eq!(
        (&object["missed"], &object["false_alarms"]),
        (&0.into(), &0.into())
    );
    assert_eq!(object["alerted"], object["expected"]);
    object
}

#[test]
fn the_demo_tells_exactly_the_right_people() {
    let folder = tempfile::tempdir().unwrap();
    let table = contacts(folder.path());
    let report = folder.path().join("report.html");
    let result = demo(&[
        "--contacts",
        text(&table),
        "--cases",
        "1",
        // Draws the first person, whom only the second one is near.
        "--seed",
        "2",
        "--report",
        text(&report),
    ]);
    assert_eq!(result["alerted"], 1);
    // One batch for each of the two days.
    assert_eq!(result["batches"], 2);
    assert_eq!(
        (&result["people"], &result["contacts"]),
        (&3.into(), &48.into())
    );
    assert_eq!(
        (&result["cases"], &result["uploads"]),
        (&1.into(), &1.into())
    );
    let page = fs::read_to_string(report).unwrap();
    assert!(page.contains("<svg") && page.ends_with("</html>\n") || page.ends_with("</html>"));
    // Self-contained: nothing is fetched from anywhere.
    for outside in ["src=", "href=\"http", "url(", "@import", "<script"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let town = demo(&[
        "--people", "60", "--days", "3", "--cases", "5", "--seed", "3",
    ]);
    assert_eq!((&town["people"], &town["cases"]), (&60.into(), &5.into()));
    assert_eq!((&town["uploads"], &town["batches"]), (&5.into(), &3.into()));
    assert!(town["alerted"].as_u64().unwrap() > 0);
    let again = demo(&[
        "--people", "60", "--days", "3", "--cases", "5", "--seed", "3",
    ]);
    assert_eq!(
        (&town["contacts"], &town["alerted"]),
        (&again["contacts"], &again["alerted"])
    );
}

/// Longer than anything is kept: batches, sightings and matches of the first days are gone at the end.
#[test]
fn the_demo_is_right_beyond_retention() {
    let town = demo(&[
        "--people", "20", "--days", "18", "--cases", "9", "--seed", "4",
    ]);
    assert_eq!(
        (&town["uploads"], &town["batches"]),
        (&9.into(), &18.into())
    );
    assert!(town["alerted"].as_u64().unwrap() > 0);
}

#[test]
fn a_report_that_cannot_be_written_stops_a_demo_before_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("none").join("report.html");
    let error = fails(&["demo", "--people", "20", "--report", text(&report)]);
    assert!(error.contains("report.html"), "{error}");
    assert!(!error.contains("day 1 of"), "{error}");
}

#[test]
fn a_contact_file_is_shown_with_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let table = contacts(folder.path());
    let report = folder.path().join("report.html");
    let line = "200 five-minute steps a day (16.7 hours) from 07:00: 300 steps = 2 days";
    let printed = succeeds(&[
        "demo",
        "--contacts",
        text(&table),
        "--steps-per-day",
        "200",
        "--report",
        text(&report),
    ]);
    assert!(printed.contains(line), "{printed}");
    assert!(fs::read_to_string(report).unwrap().contains(line));
}

/// The real contact table, where it is at hand.
#[test]
fn the_demo_is_right_about_haslemere() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/proximity-haslemere/HaslemereProximity.csv.gz");
    if !table.exists() {
        println!("not run: no contact table of Haslemere beside the project");
        return;
    }
    let result = demo(&["--contacts", text(&table)]);
    assert_eq!(
        (&result["people"], &result["contacts"]),
        (&469.into(), &102_831.into())
    );
    assert!(result["cases"].as_u64().unwrap() >= 20);
    assert!(result["alerted"].as_u64().unwrap() > 0);
}

#[test]
fn a_broken_contact_table_is_named_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.csv");
    for (line, said) in [
        ("1,2,3", "line 3"),
        ("1,2,x,4", "line 3"),
        ("0,2,3,4", "line 3"),
        ("1,2,3,-4", "line 3"),
        ("1,2,2,4", "line 3"),
    ] {
        let table = format!("time_step,user1_id,user2_id,distance_m\n1,1,2,3\n{line}\n");
        fs::write(&path, table).unwrap();
        let error = fails(&["demo", "--contacts", text(&path)]);
        assert!(
            error.contains("broken.csv") && error.contains(said),
            "{error}"
        );
    }
    fs::write(&path, "a,b\n").unwrap();
    assert!(fails(&["demo", "--contacts", text(&path)]).contains("line 1"));
}
