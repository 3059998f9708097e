//! Which crates import which, and which must not be there at all.

use std::{env, fs, process::Command};

use serde_json::Value;

use crate::workspace_root;

/// The README's import table: a crate may import these of ours, and no others.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("truyvet-proto", &[]),
    ("truyvet-crypto", &[]),
    ("truyvet-matching", &["truyvet-crypto"]),
    ("truyvet-server", LIBRARIES_BELOW),
    ("truyvet-phone", LIBRARIES_BELOW),
    ("truyvet", LIBRARIES),
    ("truyvet-bench", EVERYTHING),
    ("truyvet-footprint", &["truyvet-crypto", "truyvet-matching"]),
    ("truyvet-tests", EVERYTHING),
    ("truyvet-services", &[]),
    ("xtask", &[]),
];
const LIBRARIES_BELOW: &[&str] = &["truyvet-proto", "truyvet-crypto", "truyvet-matching"];
const LIBRARIES: &[&str] = &[
    "truyvet-proto",
    "truyvet-crypto",
    "truyvet-matching",
    "truyvet-server",
    "truyvet-phone",
];
const EVERYTHING: &[&str] = &[
    "truyvet-proto",
    "truyvet-crypto",
    "truyvet-matching",
    "truyvet-server",
    "truyvet-phone",
    "truyvet",
    // What they start, and nothing of the product.
    "truyvet-services",
];

/// Each needs cmake, clang or a system library to build, or is a second TLS beside rustls with ring.
const BANNED: [&str; 6] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "openssl-sys",
    "native-tls",
    "bindgen",
    "cmake",
];

#[test]
fn the_lock_file_names_no_banned_package() {
    let lock = fs::read_to_string(workspace_root().join("Cargo.lock")).unwrap();
    for banned in BANNED {
        assert!(
            !lock
                .lines()
                .any(|line| line == format!("name = \"{banned}\"")),
            "Cargo.lock names {banned}. See who brings it: cargo tree --workspace --all-features -i {banned}. Take \
             that crate with `default-features = false` and its `ring` feature, or another crate"
        );
    }
}

#[test]
fn crates_import_what_the_table_allows() {
    for package in workspace_packages() {
        let name = package["name"].as_str().unwrap();
        let (_, allowed) = MAY_IMPORT
            .iter()
            .find(|(package, _)| *package == name)
            .unwrap_or_else(|| panic!("{name} is new: give it a row here and in the README"));
        for import in normal_dependencies(&package) {
            let ours = MAY_IMPORT.iter().any(|(package, _)| *package == import);
            assert!(
                !ours || allowed.contains(&import.as_str()),
                "{name} imports {import}, which the README's table does not allow. Move the code to a crate that both \
                 may import, or change the table with a reason"
            );
        }
    }
}

#[test]
fn proto_and_crypto_have_no_runtime_store_or_web_server() {
    for package in workspace_packages() {
        let name = package["name"].as_str().unwrap();
        if ["truyvet-proto", "truyvet-crypto"].contains(&name) {
            for import in normal_dependencies(&package) {
                assert!(
                    !["tokio", "rusqlite", "axum"].contains(&import.as_str()),
                    "{name} imports {import}, but phones and servers share it: move the code that needs it"
                );
            }
        }
    }
}

#[test]
fn what_ships_into_phones_has_no_runtime_wire_or_store() {
    for package in ["truyvet-crypto", "truyvet-matching"] {
        let tree = cargo(&[
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ]);
        let names: Vec<&str> = tree.lines().filter_map(|l| l.split(' ').next()).collect();
        assert!(names.contains(&"ring"), "not a dependency tree: {tree}");
        for unwanted in ["tokio", "prost", "rusqlite", "tonic", "hyper"] {
            assert!(
                !names.contains(&unwanted),
                "{package} brings {unwanted} into every phone. See how: cargo tree -p {package} -e normal -i {unwanted}"
            );
        }
    }
}

fn workspace_packages() -> Vec<Value> {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let mut metadata: Value = serde_json::from_str(&text).expect("cargo writes JSON");
    match metadata["packages"].take() {
        Value::Array(packages) => packages,
        other => panic!("cargo metadata changed its form: {other}"),
    }
}

/// What is linked into the package, or runs while it is built; not what its tests use.
fn normal_dependencies(package: &Value) -> Vec<String> {
    package["dependencies"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|dependency| dependency["kind"] != "dev")
        .filter_map(|dependency| dependency["name"].as_str())
        .map(str::to_owned)
        .collect()
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(workspace_root())
        .args(arguments)
        .args(["--offline", "--locked"])
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
