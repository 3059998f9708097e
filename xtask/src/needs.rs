//! What the steps need of the machine, and how to get it.
//!
//! To add one, add it to [`all`]: nothing else knows the list.

use std::process::{Command, Stdio};

/// Something that must be on the machine.
struct Need {
    name: &'static str,
    /// What does not work without it.
    used_for: &'static str,
    /// Succeeds if and only if it is there.
    probe: Command,
    /// Gets it; `None` where that is not for us to do.
    install: Option<Command>,
    /// How a person gets it.
    by_hand: &'static str,
}

fn all() -> Vec<Need> {
    vec![
        Need {
            name: "rustfmt",
            used_for: "the step fmt",
            probe: command("cargo", &["fmt", "--version"]),
            install: Some(command("rustup", &["component", "add", "rustfmt"])),
            by_hand: "rustup component add rustfmt (without rustup: your distribution's package rustfmt)",
        },
        Need {
            name: "clippy",
            used_for: "the step lint",
            probe: command("cargo", &["clippy", "--version"]),
            install: Some(command("rustup", &["component", "add", "clippy"])),
            by_hand: "rustup component add clippy (without rustup: your distribution's package rust-clippy)",
        },
        Need {
            name: "Chromium with its driver",
            used_for: "the tests of the officers' portal",
            // One is of no use without the other of the same version.
            probe: command(
                "sh",
                &["-c", "chromium --version && chromedriver --version"],
            ),
            install: Some(command(
                "sh",
                &[
                    "-c",
                    "apt-get update && apt-get install -y chromium chromium-driver fonts-noto-core",
                ],
            )),
            by_hand: "apt-get install chromium chromium-driver fonts-noto-core (Debian)",
        },
        // aws-lc, protoc and cmake are not needed: Cargo.lock is tested to be without them.
        Need {
            name: "a C compiler",
            used_for: "building ring and SQLite",
            probe: command("cc", &["--version"]),
            install: None,
            by_hand: "apt-get install gcc libc6-dev (Debian, Ubuntu), xcode-select --install (macOS)",
        },
    ]
}

/// Installs what is missing where it may. Returns how much is missing still, each told in plain words.
pub(crate) fn provide() -> usize {
    all().into_iter().filter_map(missing).count()
}

fn missing(mut need: Need) -> Option<()> {
    if succeeds(&mut need.probe) {
        return None;
    }
    if let Some(install) = &mut need.install {
        eprintln!("{} is missing; trying {install:?}", need.name);
        if succeeds(install) && succeeds(&mut need.probe) {
            return None;
        }
    }
    eprintln!(
        "{} is missing. It is needed for {}. To get it: {}",
        need.name, need.used_for, need.by_hand
    );
    Some(())
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(probe: &str, install: Option<&str>) -> Need {
        Need {
            name: "a thing",
            used_for: "a step",
            probe: command(probe, &[]),
            install: install.map(|program| command(program, &[])),
            by_hand: "make it",
        }
    }

    #[test]
    fn a_need_is_missing_until_its_probe_succeeds() {
        assert!(missing(need("true", None)).is_none());
        assert!(missing(need("false", None)).is_some());
        assert!(missing(need("no-such-program", Some("no-such-installer"))).is_some());
        // An installer that claims success has not installed anything.
        assert!(missing(need("false", Some("true"))).is_some());
    }
}
