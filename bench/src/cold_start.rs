//! From an empty folder to the first answer: time, and memory when idle.
//!
//! Linux only, because of `/proc`.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, value_parser};
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// What every run must keep to.
const MOST_MILLISECONDS: f64 = 1_000.0;
const MOST_MEGABYTES: f64 = 40.0;

/// After the first answer, until memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// A server that neither answers nor stops within this is broken, not slow.
const DEADLINE: Duration = Duration::from_secs(30);

/// How to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Starts, each in an empty folder of its own
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..))]
    runs: u32,
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
    /// The server to measure; without it, this workspace's release build
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// One start.
struct Run {
    /// From before the process is made to the answer `SERVING`.
    milliseconds: f64,
    /// Resident set when idle, in 10^6 bytes.
    megabytes: f64,
}

/// Measures, prints, and fails if any run took too long or too much.
///
/// # Errors
/// If the server cannot be built or started, does not answer or stop in time, or misses its targets.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let binary = match &arguments.binary {
        Some(path) => path.clone(),
        None => build()?,
    };
    let mut runs = Vec::new();
    for _ in 0..arguments.runs {
        runs.push(measure(&binary).await?);
    }
    let start = Spread::of(runs.iter().map(|run| run.milliseconds));
    let memory = Spread::of(runs.iter().map(|run| run.megabytes));
    if arguments.json {
        let report = json!({
            "runs": runs.len(),
            "start_milliseconds": start.json(MOST_MILLISECONDS),
            "idle_megabytes": memory.json(MOST_MEGABYTES),
        });
        println!("{report}");
    } else {
        println!(
            "{} starts in an empty folder        median     min     max  limit",
            runs.len()
        );
        start.print("spawn to first answer, ms", MOST_MILLISECONDS);
        memory.print("resident 2 s later, MB", MOST_MEGABYTES);
    }
    ensure!(
        start.max <= MOST_MILLISECONDS && memory.max <= MOST_MEGABYTES,
        "a limit is exceeded"
    );
    Ok(())
}

/// The release binary of this workspace, made if it is not up to date.
fn build() -> anyhow::Result<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["build", "--release", "--locked", "--package", "truyvet"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    // What `cargo run` tells us of our own package; ring's build script would see a change in it and run again.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    let output = command.output().context("cargo")?;
    ensure!(output.status.success(), "the release build failed");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "truyvet")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo names no binary `truyvet`")
}

async fn measure(binary: &Path) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let [public, staff, ops] = free_addresses()?;

    let started = Instant::now();
    let child = Command::new(binary)
        .arg("serve")
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .args(["--public-listen", &public.to_string()])
        .args(["--staff-listen", &staff.to_string()])
        .args(["--ops-listen", &ops.to_string()])
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()
        .with_context(|| binary.display().to_string())?;
    let mut server = Server(child);
    let result = async {
        server.answers(public).await?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        tokio::time::sleep(IDLE).await;
        let megabytes = server.resident_megabytes()?;
        server.stop().await?;
        Ok(Run {
            milliseconds,
            megabytes,
        })
    }
    .await;
    result.map_err(|error: anyhow::Error| {
        let log = fs::read_to_string(log).unwrap_or_default();
        error.context(format!("the server's log:\n{log}"))
    })
}

/// Loopback addresses that were free just now; all held at once, so that they differ.
fn free_addresses() -> anyhow::Result<[SocketAddr; 3]> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [free()?, free()?, free()?];
    let [a, b, c] = held.each_ref().map(TcpListener::local_addr);
    Ok([a?, b?, c?])
}

/// A server process; killed when dropped, so that no run leaves one behind.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It has usually stopped by itself, and then this says so and does nothing.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Waits until a phone's first question, are you there, is answered with yes.
    async fn answers(&mut self, public: SocketAddr) -> anyhow::Result<()> {
        let started = Instant::now();
        while !is_serving(public).await {
            if let Some(status) = self.0.try_wait()? {
                bail!("it ended by itself: {status}");
            }
            ensure!(started.elapsed() < DEADLINE, "no answer in {DEADLINE:?}");
            // Far below what is measured.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    fn resident_megabytes(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let kibibytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
            .context("no VmRSS")?
            .trim()
            .parse()?;
        Ok(kibibytes * 1_024.0 / 1e6)
    }

    /// Asks it to stop, and waits until it has, without an error.
    async fn stop(&mut self) -> anyhow::Result<()> {
        // Rust's own `kill` sends SIGKILL.
        let pid = self.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(asked.success(), "kill -TERM: {asked}");
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "after SIGTERM: {status}");
                return Ok(());
            }
            ensure!(started.elapsed() < DEADLINE, "SIGTERM did not stop it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whether the standard health service says so, over a new connection.
async fn is_serving(public: SocketAddr) -> bool {
    let Ok(address) = Endpoint::try_from(format!("http://{public}")) else {
        return false;
    };
    let Ok(connection) = address.connect().await else {
        return false;
    };
    HealthClient::new(connection)
        .check(HealthCheckRequest::default())
        .await
        .is_ok_and(|response| response.get_ref().status() == ServingStatus::Serving)
}

/// Median, least and most.
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    /// Of at least one value.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        Self {
            // Of an even number, the upper one: never better than it is.
            median: sorted[middle],
            min: sorted[0],
            max: sorted[sorted.len() - 1],
        }
    }

    fn verdict(&self, limit: f64) -> &'static str {
        if self.max <= limit { "pass" } else { "FAIL" }
    }

    fn json(&self, limit: f64) -> Value {
        json!({
            "median": self.median,
            "min": self.min,
            "max": self.max,
            "limit": limit,
            "verdict": self.verdict(limit),
        })
    }

    fn print(&self, what: &str, limit: f64) {
        let Self { median, min, max } = self;
        let verdict = self.verdict(limit);
        println!("{what:<32}{median:>9.1}{min:>8.1}{max:>8.1}{limit:>7.0}  {verdict}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_run_fails_the_limit() {
        let spread = Spread::of([3.0, 1.0, 50.0].into_iter());
        assert_eq!((spread.min, spread.median, spread.max), (1.0, 3.0, 50.0));
        assert_eq!(
            (spread.verdict(50.0), spread.verdict(49.9)),
            ("pass", "FAIL")
        );
    }
}
