//! The Debian package: what its metadata in `cli/Cargo.toml` names is there, and everything of `deploy/` that an operator
//! needs is in it.

use std::{collections::BTreeSet, fs};

use toml::{Table, Value};

use crate::{names, text, workspace};

fn metadata() -> Table {
    let manifest = fs::read_to_string(workspace().join("cli/Cargo.toml")).unwrap();
    let manifest: Table = manifest.parse().unwrap();
    manifest["package"]["metadata"]["deb"]
        .as_table()
        .unwrap()
        .clone()
}

/// Source from `cli/`, destination and mode of each file.
fn assets() -> Vec<[String; 3]> {
    let metadata = metadata();
    let assets = metadata["assets"].as_array().unwrap();
    let strings = |asset: &Value| asset.clone().try_into::<[String; 3]>().unwrap();
    assets.iter().map(strings).collect()
}

/// Whether any file is meant: a name, or a folder and `*` with an ending.
fn found(source: &str) -> bool {
    let source = source.strip_prefix("../").unwrap();
    match source.split_once("/*.") {
        None => workspace().join(source).is_file(),
        Some((folder, ending)) => fs::read_dir(workspace().join(folder)).unwrap().any(|file| {
            file.unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == ending)
        }),
    }
}

#[test]
fn the_package_is_made_of_files_that_exist() {
    for [source, destination, mode] in assets() {
        if source == "target/release/truyvet" {
            assert_eq!((&*destination, &*mode), ("usr/bin/", "755"));
        } else {
            assert!(found(&source), "{source}");
        }
    }
    let metadata = metadata();
    for path in [&metadata["changelog"], &metadata["license-file"][0]] {
        assert!(found(path.as_str().unwrap()), "{path}");
    }
    let scripts = metadata["maintainer-scripts"].as_str();
    assert_eq!(scripts, Some("../deploy/debian/"));
    let units = metadata["systemd-units"]["unit-scripts"].as_str();
    assert_eq!(units, Some("../deploy/systemd/"));
    let profile = metadata["profile"].as_str().unwrap();
    let root = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    assert!(root.contains(&format!("[profile.{profile}]")));
}

#[test]
fn the_package_has_what_operators_need() {
    let sources: BTreeSet<String> = assets().into_iter().map(|[source, ..]| source).collect();
    for wanted in [
        "../deploy/truyvet.toml",
        "../deploy/runbooks/*.md",
        "../deploy/prometheus/*.yaml",
        "../deploy/grafana/truyvet.json",
        "../deploy/privacy.md",
        "../deploy/privacy.vi.md",
        "../deploy/systemd/*.conf",
        "../deploy/debian/truyvet.1",
        "../CHANGELOG.md",
    ] {
        assert!(sources.contains(wanted), "{wanted}");
    }
    // The unit and the user come by the unit's folder.
    assert_eq!(names("systemd", ".service"), ["truyvet"]);
    assert_eq!(names("systemd", ".sysusers"), ["truyvet"]);
}

#[test]
fn runbooks_and_settings_lie_where_others_say() {
    let by_source = |wanted: &str| {
        let assets = assets();
        let asset = assets.iter().find(|[source, ..]| source == wanted);
        asset.unwrap().clone()
    };
    let [_, runbooks, _] = by_source("../deploy/runbooks/*.md");
    assert!(text("prometheus/truyvet.rules.yaml").contains(&format!("file:///{runbooks}")));
    let [_, settings, mode] = by_source("../deploy/truyvet.toml");
    assert!(text("systemd/truyvet.service").contains(&format!("--config /{settings} ")));
    // It may come to name files of secrets; the server reads it by its group.
    assert_eq!(mode, "640");
}

#[test]
fn purging_leaves_what_people_entrusted() {
    let script = text("debian/postrm");
    assert!(!script.contains("rm -"), "{script}");
    for name in ["postinst", "postrm"] {
        let script = text(&format!("debian/{name}"));
        assert!(script.starts_with("#!/bin/sh\nset -e\n"));
        assert!(script.contains("\n#DEBHELPER#\n"), "{name}");
    }
}

#[test]
fn the_changelog_of_the_package_is_of_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let first = text("debian/changelog");
    assert!(
        first.starts_with(&format!("truyvet ({version}-")),
        "{version}"
    );
}
