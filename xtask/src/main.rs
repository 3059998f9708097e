//! Everything a developer or CI runs: `cargo xtask test` and its single steps.
//!
//! What the steps are stands in [`steps`], what they need of the machine in [`needs`].

mod needs;
mod steps;

use std::{env, process::ExitCode};

const USAGE: &str = "\
usage: cargo xtask <command>

  test        install what is missing, then every step below, up to the first failure
  fmt         formatting, checked and not changed
  lint        clippy, warnings are errors
  docs        rustdoc, warnings are errors
  arm         tests of what ships into phones, on emulated 64-bit ARM; `test` leaves it out where that cannot be had
  unit        tests and doc tests of the whole workspace
  postgres    tests of what users see, with PostgreSQL and a bucket in place of the folder
  bench-once  every bench once: it runs and its answer is right
";

fn main() -> ExitCode {
    // CI has no second build to save work for, and must not pass with a tool missing; but not everywhere can there be a
    // standard library for ARM: the table says if there was none.
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let arguments: Vec<String> = env::args().skip(1).collect();
    let wanted = match arguments.as_slice() {
        [one] => one.as_str(),
        _ => "",
    };
    let (chosen, left_out): (Vec<_>, Vec<_>) = match wanted {
        "test" => {
            let missing = needs::provide(needs::test());
            if ci && missing > 0 {
                eprintln!("CI must not pass without them");
                return ExitCode::FAILURE;
            }
            steps::ALL.iter().partition(|step| step.provide())
        }
        name => match steps::ALL.iter().find(|step| step.name == name) {
            Some(step) if step.provide() => (vec![step], vec![]),
            Some(_) => return ExitCode::FAILURE,
            None => {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }
        },
    };
    if steps::run(&chosen, &left_out, ci) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
