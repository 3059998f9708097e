//! The steps of `cargo xtask test`, in order, and running them.
//!
//! All but `arm` select the whole workspace with all features. Cargo unites features over what is selected, so a step
//! for one package alone would compile half of the dependencies a second time.

use std::{
    env,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::needs::{self, Need};

/// One cargo command.
pub(crate) struct Step {
    /// As typed after `cargo xtask`.
    pub(crate) name: &'static str,
    /// What it needs and no other step; where that cannot be had, `test` leaves it out.
    needs: Option<fn() -> Vec<Need>>,
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

impl Step {
    /// Installs what it needs alone, where it may. Returns whether that is there.
    pub(crate) fn provide(&self) -> bool {
        self.needs
            .is_none_or(|needs| needs::provide_in_turn(needs()))
    }
}

/// Cheapest first.
pub(crate) const ALL: &[Step] = &[
    Step {
        name: "fmt",
        needs: None,
        arguments: &["fmt", "--all", "--", "--check"],
        environment: &[],
    },
    Step {
        name: "lint",
        needs: None,
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
        needs: None,
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
        name: "arm",
        needs: Some(needs::arm),
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
            // Static: the emulator needs no folder of libraries. And clippy does not come here. Of all variables for flags
            // cargo takes this one, whatever else is set.
            (
                "CARGO_ENCODED_RUSTFLAGS",
                "-Ctarget-feature=+crt-static\x1f-Dwarnings",
            ),
            // Emulated, the tests gain more than compiling loses.
            ("CARGO_PROFILE_TEST_OPT_LEVEL", "1"),
        ],
    },
    Step {
        name: "unit",
        needs: None,
        arguments: &["test", "--locked", "--workspace", "--all-features"],
        environment: &[],
    },
    // What users see, once more on the store that several servers share. Tests that look into SQLite's own file are left out.
    Step {
        name: "postgres",
        needs: None,
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
        needs: None,
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
/// - `left_out`: no part of them, but the table names them too.
pub(crate) fn run(steps: &[&Step], left_out: &[&Step], ci: bool) -> bool {
    let mut table = String::new();
    for step in left_out {
        table += &row(step.name, None, "LEFT OUT");
    }
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
