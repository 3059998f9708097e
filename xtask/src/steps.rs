//! The steps of `cargo xtask test`, in order, and running them.
//!
//! All but [`ARM`] select the whole workspace with all features. Cargo unites features over what is selected, so a step
//! for one package alone would compile half of the dependencies a second time.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// One cargo command.
pub(crate) struct Step {
    /// As typed after `cargo xtask`.
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// The one step that is left out where its means cannot be had: they come by rustup and from Debian.
pub(crate) const ARM: &str = "arm";

/// Cheapest first.
pub(crate) const ALL: &[Step] = &[
    Step {
        name: "fmt",
        arguments: &["fmt", "--all", "--", "--check"],
        environment: &[],
    },
    Step {
        name: "lint",
        arguments: &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-features",
            "--all-targets",
            "--",
            "-Dwarnings",
        ],
        environment: &[],
    },
    Step {
        name: "docs",
        arguments: &[
            "doc",
            "--locked",
            "--workspace",
            "--all-features",
            "--no-deps",
        ],
        environment: &[("RUSTDOCFLAGS", "-Dwarnings")],
    },
    // What ships into phones, on their processor: code that is not compiled for this one.
    Step {
        name: ARM,
        arguments: &[
            "test",
            "--locked",
            "--package",
            "truyvet-crypto",
            "--package",
            "truyvet-matching",
            "--all-features",
            // Not doc tests: they are examples.
            "--lib",
            "--tests",
            "--target",
            "aarch64-unknown-linux-gnu",
            "--",
            // Millions of queries, which say the same of the format on every processor.
            "--skip=strangers_match_as_seldom_as_the_fingerprint_says",
        ],
        environment: &[
            (
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                "aarch64-linux-gnu-gcc",
            ),
            // An emulated program that waits for itself would wait forever.
            (
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
                "timeout 600 qemu-aarch64",
            ),
            // Static: the emulator needs no folder of libraries. And clippy does not come here. In this variable, since
            // one that is set already would drive out those of any other.
            ("RUSTFLAGS", "-Ctarget-feature=+crt-static -Dwarnings"),
            // Emulated, the tests gain more than compiling loses.
            ("CARGO_PROFILE_TEST_OPT_LEVEL", "1"),
        ],
    },
    Step {
        name: "unit",
        arguments: &["test", "--locked", "--workspace", "--all-features"],
        environment: &[],
    },
    // What users see, once more on the store that several servers share. Tests that look into SQLite's own file are left out.
    Step {
        name: "postgres",
        arguments: &[
            "test",
            "--locked",
            "--workspace",
            "--all-features",
            "--test",
            "client_keys",
            "--test",
            "clock",
            "--test",
            "downloads",
            "--test",
            "faults",
            "--test",
            "figures",
            "--test",
            "imports",
            "--test",
            "journey",
            "--test",
            "officers",
            "--test",
            "refusals",
            "--test",
            "self_check",
            "--test",
            "services",
            "--test",
            "sign_in",
            "--test",
            "units",
            "--test",
            "withdrawals",
            "--",
            "--skip=what_has_outlived_its_purpose_is_forgotten_and_numbering_goes_on",
            "--skip=the_country_sees_uploads_and_how_far_behind_phones_are",
            "--skip=nothing_personal_is_accepted_kept_or_repeated",
            "--skip=nothing_that_signs_in_is_in_the_database",
            "--skip=nothing_of_a_false_positive_stays_on_disk",
        ],
        environment: &[
            ("TRUYVET_TEST_STORE", "postgres"),
            // A hundred of them are in the step before.
            ("TRUYVET_TEST_KILLS", "20"),
        ],
    },
    Step {
        name: "bench-once",
        // The pattern means bench targets alone; `--benches` would run every library's unit tests again.
        arguments: &[
            "test",
            "--locked",
            "--workspace",
            "--all-features",
            "--bench",
            "*",
        ],
        environment: &[],
    },
];

/// Runs the steps up to the first that fails, then prints how long each took. Returns whether all passed.
///
/// - `left_out`: a step that is not among them, and that the table names all the same.
pub(crate) fn run(steps: &[&Step], left_out: Option<&str>, ci: bool) -> bool {
    let mut table = left_out.map_or_else(String::new, |name| row(name, None, "LEFT OUT"));
    let mut total = Duration::ZERO;
    let mut passed = true;
    for step in steps {
        if !passed {
            table += &row(step.name, None, "not run");
            continue;
        }
        println!("\n== {}: cargo {}", step.name, step.arguments.join(" "));
        let started = Instant::now();
        passed = succeeds(step, ci);
        let took = started.elapsed();
        total += took;
        let outcome = if passed { "passed" } else { "FAILED" };
        println!("== {}: {outcome}, {:.1} s", step.name, took.as_secs_f64());
        table += &row(step.name, Some(took), outcome);
    }
    let outcome = if passed { "passed" } else { "FAILED" };
    print!("\n{table}{}", row("all", Some(total), outcome));
    passed
}

fn row(name: &str, took: Option<Duration>, outcome: &str) -> String {
    let seconds = took.map_or("-".into(), |took| format!("{:.1} s", took.as_secs_f64()));
    format!("{name:<12}{seconds:>10}  {outcome}\n")
}

fn succeeds(step: &Step, ci: bool) -> bool {
    // The cargo that runs us, so that a toolchain named on the command line holds for the steps too.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let mut command = Command::new(cargo);
    command
        .current_dir(root.expect("xtask lies in the workspace"))
        .args(step.arguments)
        .envs(step.environment.iter().copied());
    // What `cargo run` tells us of xtask's own package. ring's build script watches these: handed on, every switch
    // between `cargo xtask` and plain cargo would build ring and all that rests on it again.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    if step.name == ARM {
        // Would drive out RUSTFLAGS.
        command.env_remove("CARGO_ENCODED_RUSTFLAGS");
    }
    if ci {
        command.env("CARGO_INCREMENTAL", "0");
    }
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cannot start cargo: {error}");
            false
        }
    }
}
