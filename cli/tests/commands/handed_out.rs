//! Commands in what operators are handed (`deploy/`): the binary knows each, and each of its flags.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{stdout, truyvet};

/// The binary's first words.
const COMMANDS: &[&str] = &[
    "serve",
    "check-config",
    "demo",
    "phone",
    "officer",
    "batch",
    "admin",
];

/// A command line as far as it says what is called how.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    commands: Vec<String>,
    flags: Vec<String>,
}

/// Every call of the binary in a text, in code or in prose.
fn calls(text: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    for (at, _) in text.match_indices("truyvet ") {
        let line = text[at..]
            .split(['\n', '`', '|', ';', ')', '\'', '#'])
            .next();
        let mut words = line
            .unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .peekable();
        let mut commands = Vec::new();
        let is_command = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        while let Some(word) = words.next_if(|word| is_command(word) && !word.starts_with('-')) {
            commands.push(word.to_owned());
        }
        if !commands
            .first()
            .is_some_and(|first| COMMANDS.contains(&first.as_str()))
        {
            continue;
        }
        let flags = words.filter(|word| word.starts_with("--"));
        let flags = flags.map(|flag| flag.split('=').next().unwrap().to_owned());
        calls.push(Call {
            commands,
            flags: flags.collect(),
        });
    }
    calls
}

/// Texts under a folder, by their path.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(texts(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
    found
}

#[test]
fn operators_are_told_commands_that_exist() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let mut asked = BTreeSet::new();
    for (path, text) in texts(&folder) {
        for call in calls(&text) {
            let mut line: Vec<&str> = call.commands.iter().map(String::as_str).collect();
            line.push("--help");
            let output = truyvet(&line);
            assert!(output.status.success(), "{path}: there is no {line:?}");
            for flag in &call.flags {
                assert!(
                    stdout(&output).contains(flag.as_str()),
                    "{path}: {line:?} has no {flag}"
                );
            }
            asked.insert(call);
        }
    }
    assert!(asked.len() > 10, "{asked:?}");
}

#[test]
fn a_call_is_read_out_of_prose_and_scripts() {
    let text = "see `truyvet batch plan --help`; then\nsudo -u truyvet truyvet admin publish --region VN --json # now\n";
    let call = |commands: &[&str], flags: &[&str]| Call {
        commands: commands.iter().map(ToString::to_string).collect(),
        flags: flags.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        calls(text),
        [
            call(&["batch", "plan"], &["--help"]),
            call(&["admin", "publish"], &["--region", "--json"]),
        ]
    );
}
