//! Real services for tests and benches: a PostgreSQL server, a bucket that speaks S3.
//!
//! Each is a process of its own on this machine, on ports and in a folder of its own. It ends with the value that stands
//! for it; one that all tests of a process share ends with the process, however that ends.

mod patroni;
mod postgres;
mod proxy;
mod seaweed;

pub use patroni::Patroni;
pub use postgres::Postgres;
pub use proxy::{Proxy, Weather};
pub use seaweed::Seaweed;

use std::{
    array, env, fs,
    io::Write as _,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use data_encoding::HEXLOWER;
use rand::{
    RngExt as _, SeedableRng as _,
    rngs::{StdRng, SysRng},
};

/// How long a service may take until it answers: on a machine that builds something else meanwhile.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What a service says, in its folder.
const LOG: &str = "log";

/// Runs a service and waits until it is told a signal to end it by, or until nobody is left who could tell: a pipe closes
/// with its last writer, whatever that died of. Then it ends the service and removes its folder, which is `$0`.
const SUPERVISOR: &str = r#"
"$@" </dev/null >>"$0/log" 2>&1 &
service=$!
read -r signal
kill -s "${signal:-$LAST_SIGNAL}" $service
wait
rm -f -- $SOCKETS
[ -n "$signal" ] || rm -rf -- "$0"
"#;

/// A service that runs under the supervisor. Dropping it ends the service and removes its folder.
struct Running {
    supervisor: Child,
}

/// How to run a service.
struct Service<'a> {
    command: &'a Command,
    /// For its log and all that it writes.
    folder: &'a Path,
    /// Ends it when nobody needs its folder any more.
    last_signal: &'a str,
    /// What it leaves behind elsewhere: names without spaces, with a space between.
    sockets: &'a str,
}

impl Running {
    fn start(service: &Service<'_>) -> Self {
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR])
            .arg(service.folder)
            .arg(service.command.get_program())
            .args(service.command.get_args())
            .env("LAST_SIGNAL", service.last_signal)
            .env("SOCKETS", service.sockets)
            .current_dir(service.folder)
            // Who interrupts a test at the terminal interrupts its process group: the supervisor has to outlive that.
            .process_group(0)
            .stdin(Stdio::piped())
            // Whoever reads what a test says must not wait for this.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        Self { supervisor }
    }

    /// Ends the service by a signal, and waits until it is gone. Its folder stays.
    fn end(mut self, signal: &str) {
        let mut pipe = self.supervisor.stdin.take().expect("piped");
        writeln!(pipe, "{signal}").expect("the supervisor reads");
        drop(pipe);
        self.supervisor.wait().expect("it was running");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // It may have ended before.
        let _ = self.supervisor.wait();
    }
}

/// Waits until a service answers.
///
/// # Panics
/// With what it said, if it takes too long.
fn wait_until(service: &str, folder: &Path, mut answers: impl FnMut() -> bool) {
    let started = Instant::now();
    while !answers() {
        if started.elapsed() > START_LIMIT {
            let log = fs::read(folder.join(LOG)).unwrap_or_default();
            panic!(
                "{service} does not answer:\n{}",
                String::from_utf8_lossy(&log)
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a program to its end.
///
/// # Panics
/// With what it said, if it fails.
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Says that a service is not installed. `cargo xtask test` installs it where it may; under `CI=true` a test that needs
/// it fails, elsewhere it says that it did not run.
fn absent<T>(service: &str, by_hand: &str) -> Option<T> {
    let message = format!("{service} is not installed (cargo xtask test gets it; or {by_hand})");
    assert!(
        env::var_os("CI").is_none_or(|value| value != "true"),
        "{message}"
    );
    eprintln!("NOT RUN: {message}");
    None
}

fn generator() -> StdRng {
    StdRng::try_from_rng(&mut SysRng).expect("the system has randomness")
}

/// A name or secret that nobody else has: 32 of `0`-`9` and `a`-`f`.
#[must_use]
pub fn random_name() -> String {
    HEXLOWER.encode(&generator().random::<[u8; 16]>())
}

/// Ports of this machine that are free now. None is of those that the system gives to whoever asks for any: a service
/// that is stopped finds its own again.
fn free_ports<const N: usize>() -> [u16; N] {
    let mut rng = generator();
    let mut held = Vec::new();
    array::from_fn(|_| {
        loop {
            let port = rng.random_range(15_000..32_000);
            if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
                held.push(listener);
                break port;
            }
        }
    })
}
