//! The example of a settings file: every setting is in it, with the default that the server takes without it.

use std::{collections::BTreeSet, fs, path::Path};

use clap::Args as _;
use truyvet_server::settings::{Settings, SettingsArgs};

use crate::text;

/// Begins a line that gives a setting its default.
const DEFAULT: &str = "# ";

/// Begins a line with an example of a setting that has no default.
const EXAMPLE: &str = "#! ";

/// The lines that begin so and are settings, without that.
fn settings(beginning: &str) -> Vec<String> {
    let text = text("truyvet.toml");
    let lines = text.lines().filter_map(|line| line.strip_prefix(beginning));
    lines
        .filter(|line| key(line).is_some())
        .map(str::to_owned)
        .collect()
}

/// The name in `name = value`; prose has none.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(" = ")?;
    let is_name = key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(key)
}

fn resolved(toml: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("truyvet.toml");
    fs::write(&file, toml).unwrap();
    let given = SettingsArgs {
        config: Some(file),
        ..SettingsArgs::default()
    };
    given.resolve().unwrap()
}

#[test]
fn the_example_changes_nothing_and_its_lines_are_the_defaults() {
    let defaults = format!("{:#?}", Settings::for_data_dir(Path::new("truyvet-data")));
    assert_eq!(format!("{:#?}", resolved(&text("truyvet.toml"))), defaults);
    let lines = settings(DEFAULT);
    assert!(lines.len() > 20, "{lines:?}");
    assert_eq!(format!("{:#?}", resolved(&lines.join("\n"))), defaults);
}

#[test]
fn a_line_that_is_not_the_default_is_seen() {
    let defaults = format!("{:#?}", Settings::for_data_dir(Path::new("truyvet-data")));
    let lines = settings(DEFAULT).join("\n");
    assert!(lines.contains("retention_days = 14"));
    let changed = lines.replace("retention_days = 14", "retention_days = 13");
    assert_ne!(format!("{:#?}", resolved(&changed)), defaults);
}

#[test]
fn examples_without_a_default_are_settings() {
    let lines = settings(EXAMPLE).join("\n");
    let given: SettingsArgs = toml::from_str(&lines).unwrap();
    assert!(given.tls_cert.is_some());
}

#[test]
fn every_setting_is_in_the_example() {
    let command = SettingsArgs::augment_args(clap::Command::new("truyvet"));
    let known: BTreeSet<String> = command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .filter(|id| id != "config")
        .collect();
    let lines = [settings(DEFAULT), settings(EXAMPLE)].concat();
    let in_example: BTreeSet<String> = lines
        .iter()
        .map(|line| key(line).unwrap().to_owned())
        .collect();
    assert_eq!(in_example, known);
    assert_eq!(lines.len(), known.len(), "one stands there twice");
}
