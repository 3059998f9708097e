//! The binary as a script sees it: exact output, exit codes, errors that name what is wrong.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

fn truyvet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(args)
        .output()
        .unwrap()
}

fn truyvet_with_input(args: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    process.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// The standard output of a command that must succeed.
fn succeeds(args: &[&str]) -> String {
    let output = truyvet(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    stdout(&output).to_owned()
}

/// The standard error of a command that must fail.
fn fails(args: &[&str]) -> String {
    let output = truyvet(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Lines of slots from 0 without gaps, as the IDs alone.
fn ids(args: &[&str]) -> Vec<String> {
    succeeds(args)
        .lines()
        .enumerate()
        .map(|(slot, line)| {
            let (number, id) = line.split_once('\t').unwrap();
            assert_eq!(number, slot.to_string());
            id.to_owned()
        })
        .collect()
}

/// Bluezone capture, GAEN and DP-3T vectors: sources in `tests/tests/known_answers.rs`.
#[test]
fn ids_are_printed_by_slot() {
    let base_id = "4C5224B397F8AB3896781D5AA0F3119F280513F1B592CA280EBDED6357E21084";
    let scheme = ["phone", "ids", "--scheme"];
    let of = |rest: &[&str]| ids(&[scheme.as_slice(), rest].concat());
    let bluezone = of(&["bluezone", "--secret", base_id, "--day", "2020-08-08"]);
    assert_eq!(bluezone.len(), 96);
    assert_eq!(bluezone[23], "b9a665d754fe65e665d76a45");
    let day_after = ["bluezone", "--secret", base_id, "--day", "2020-08-09"];
    let from_base = of(&[day_after.as_slice(), &["--base-day", "2020-08-08"]].concat());
    assert_ne!(from_base, bluezone);
    assert_eq!(of(&day_after), bluezone, "made on the day itself");
    let tek = "75c734c6dd1a782de7a965da5eb93125";
    let gaen = of(&["gaen", "--secret", tek, "--day", "2020-04-02"]);
    assert_eq!(gaen.len(), 144);
    assert_eq!(gaen[0], "8be6cd371c5c891604bfbe49df845096");
    let seed = "eaa2054637009757b9988b28998209d253eede69345f835bb91b3b333108d229";
    let dp3t = of(&["dp3t", "--secret", seed, "--day", "2020-04-10"]);
    assert_eq!(dp3t, ["b7b1d06cd81686669aeea51e9f4723b5"; 96]);
}

#[test]
fn secrets_and_days_that_are_none_are_refused() {
    for (scheme, secret, day) in [
        ("bluezone", "00", "2020-08-08"),
        ("gaen", "zz", "2020-08-08"),
        ("dp3t", "0011", "2020-08-08"),
        ("gaen", "75c734c6dd1a782de7a965da5eb93125", "2020-02-30"),
        ("gaen", "75c734c6dd1a782de7a965da5eb93125", "yesterday"),
    ] {
        let output = truyvet(&[
            "phone", "ids", "--scheme", scheme, "--secret", secret, "--day", day,
        ]);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.is_empty());
    }
}

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

/// A server process on free ports, stopped when dropped.
struct Serving {
    process: Child,
    public: String,
    staff: String,
    public_key: PathBuf,
    data_dir: PathBuf,
}

impl Serving {
    fn start(data_dir: &Path) -> Self {
        let free = "127.0.0.1:0";
        let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
            .args(["serve", "--data-dir", text(data_dir)])
            .args([
                "--public-listen",
                free,
                "--staff-listen",
                free,
                "--ops-listen",
                free,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (mut public, mut staff, mut public_key) = Default::default();
        for line in lines.map_while(Result::ok) {
            let mut words = line.split_whitespace();
            match (words.next(), words.next(), words.next()) {
                (Some("phones"), Some(url), _) => public = url.to_owned(),
                (Some("staff"), Some(url), _) => staff = url.to_owned(),
                (Some("public"), Some("key"), Some(file)) => public_key = PathBuf::from(file),
                (Some("Ctrl-C"), ..) => break,
                _ => {}
            }
        }
        Self {
            process,
            public,
            staff,
            public_key,
            data_dir: data_dir.to_owned(),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
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
