//! A server process that stops at a given step and waits there to be killed.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use truyvet_crypto::Timestamp;
use truyvet_server::{create_first_officer, officers::Role, settings::Settings};

use crate::{
    places::Places,
    world::{NOON, rng},
};

/// How long anything that must happen may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// The server in a process of its own. Killed (SIGKILL) when dropped.
pub struct ServerProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// For phones.
    pub public: SocketAddr,
    /// For staff.
    pub staff: SocketAddr,
}

impl ServerProcess {
    /// Starts `binary` (`src/bin/halting-server.rs`) on a folder and these places, by a clock that goes on from `now`. If it is to halt,
    /// it does so once it reaches the step of that name.
    pub async fn start(
        binary: &str,
        data_dir: &Path,
        places: &Places,
        now: i64,
        halt_at: Option<&str>,
    ) -> Self {
        let mut child = Command::new(binary)
            .arg(data_dir)
            .arg(now.to_string())
            .args(halt_at)
            .envs(places.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server process starts");
        let stdout = child.stdout.take().expect("piped");
        let mut lines = BufReader::new(stdout).lines();
        let ready = next_line(&mut lines).await;
        let mut addresses = ready
            .strip_prefix("ready ")
            .unwrap_or_else(|| panic!("not ready but {ready:?}"))
            .split(' ')
            .map(|address| address.parse().expect("an address"));
        Self {
            child,
            lines,
            public: addresses.next().expect("the public address"),
            staff: addresses.next().expect("the staff address"),
        }
    }

    /// Waits until it halts at the step it was given.
    pub async fn halted(&mut self) {
        assert_eq!(next_line(&mut self.lines).await, "halted");
    }

    /// Kills it without any warning, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it was running");
    }
}

async fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    timeout(DEADLINE, lines.next_line())
        .await
        .expect("a line in time")
        .expect("readable output")
        .expect("a line, not the end")
}

/// Makes an administrator and an officer of the country where these settings keep accounts; their credentials.
///
/// # Panics
/// If the database cannot be opened, or has them already.
pub async fn staff(settings: &Settings) -> [String; 2] {
    let noon = Timestamp::from_unix_seconds(NOON).expect("a test's time");
    let mut credentials = Vec::new();
    for (seed, role) in [(1, Role::Administrator), (2, Role::Officer)] {
        let (label, mut rng) = (format!("{role:?}"), rng(seed));
        let created = create_first_officer(settings, &label, "VN", role, noon, &mut rng).await;
        let (_, credential, _) = created
            .expect("a database")
            .expect("the country is a unit from the start");
        credentials.push(credential.reveal().to_owned());
    }
    credentials.try_into().expect("two roles")
}

/// Waits until `ready` gives something, asking again and again.
///
/// # Panics
/// If it takes longer than [`DEADLINE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut ready: impl FnMut() -> F) -> T {
    timeout(DEADLINE, async {
        loop {
            if let Some(value) = ready().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it happens in time")
}
