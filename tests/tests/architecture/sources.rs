//! What stands in which source file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::workspace_root;

/// Where we think again at 400, this is too much.
const MOST_LINES: usize = 600;

/// A library of the server's, and the places under `server/src` that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("tonic", &["grpc"]),
    ("axum", &["console/web", "grpc", "http", "portal/web"]),
    ("hyper", &["http"]),
    ("rusqlite", &["store/sqlite"]),
    ("maud", &["charts", "console", "portal"]),
    ("fluent_bundle", &["portal/texts"]),
    ("qrcode", &["portal/qr"]),
    ("openidconnect", &["sign_in/oidc"]),
    ("reqwest", &["sign_in/oidc"]),
    ("prometheus", &["telemetry"]),
    ("opentelemetry", &["telemetry/otel"]),
    ("tracing_opentelemetry", &["telemetry/otel"]),
    ("x509_parser", &["telemetry/certificate"]),
];

struct Source {
    /// From the workspace root.
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.components().any(|part| {
            ["tests", "tests.rs"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        })
    }
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines = source.text.lines().count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines: make it a folder with one job to a file",
            source.path.display()
        );
    }
}

#[test]
fn every_file_says_its_job_first() {
    for source in sources() {
        assert!(
            source.text.starts_with("//! "),
            "{} does not begin with `//!` and its job in one sentence",
            source.path.display()
        );
    }
}

#[test]
fn nothing_is_left_for_later_or_skipped() {
    // Put together, so that this file does not find itself.
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
    ];
    for source in sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            for word in words {
                assert!(
                    !line.contains(word),
                    "{}:{number}: `{word}`: finish it or take it out",
                    source.path.display()
                );
            }
        }
    }
}

#[test]
fn the_server_s_libraries_stay_in_their_modules() {
    for source in sources() {
        let Ok(module) = source.path.strip_prefix("server/src") else {
            continue;
        };
        for (library, homes) in HOMES {
            if homes.iter().any(|home| is_within(module, home)) {
                continue;
            }
            for (number, line) in (1..).zip(source.text.lines()) {
                assert!(
                    !names(line, library),
                    "{}:{number} names {library}, which belongs in {homes:?} of server/src. Translate there, and give \
                     the domain a type of its own",
                    source.path.display()
                );
            }
        }
    }
}

/// Whether the module is that one (`store/sqlite.rs`) or inside it (`store/sqlite/write.rs`).
fn is_within(module: &Path, home: &str) -> bool {
    module.starts_with(home) || module == Path::new(&format!("{home}.rs"))
}

/// Whether a line of code has a path that begins with the library's name; prose in comments may speak of it.
fn names(line: &str, library: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(library).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + library.len()..];
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && (after.starts_with("::") || after.starts_with(';') || after.starts_with('_'))
    })
}

#[test]
fn a_library_is_recognised_in_code_and_not_in_prose() {
    for code in [
        "use tonic::Status;",
        "fn f() -> Result<(), tonic::Status> {",
        "use tonic_types::StatusExt;",
    ] {
        assert!(names(code, "tonic"), "{code}");
    }
    for other in [
        "//! Knows no tonic::Status.",
        "architectonic::x()",
        "let tonics = 1;",
    ] {
        assert!(!names(other, "tonic"), "{other}");
    }
}

/// All Rust files of the workspace.
fn sources() -> Vec<Source> {
    let root = workspace_root();
    let mut sources = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                // Hidden folders and build output hold code of others.
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                sources.push(Source {
                    text: fs::read_to_string(&path).expect("source is UTF-8"),
                    path: path.strip_prefix(root).expect("below the root").to_owned(),
                });
            }
        }
    }
    assert!(sources.len() > 20, "found the workspace");
    sources
}
