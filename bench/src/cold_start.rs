//! From an empty folder to the first answer: time, and memory when idle.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use clap::{Args, value_parser};
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::process::{self, DEADLINE, Process, free_addresses};

/// What every run must keep to.
const MOST_MILLISECONDS: f64 = 1_000.0;
const MOST_MEGABYTES: f64 = 40.0;

/// After the first answer, until memory is read.
const IDLE: Duration = Duration::from_secs(2);

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
        None => process::release_binary()?,
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

async fn measure(binary: &Path) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("log");
    let addresses = free_addresses()?;
    let mut command = process::serve(binary, &folder.path().join("data"), addresses, &log)?;

    let started = Instant::now();
    let mut server = Process::spawn(&mut command)?;
    let result = async {
        answers(&mut server, addresses[0]).await?;
        let milliseconds = started.elapsed().as_secs_f64() * 1e3;
        tokio::time::sleep(IDLE).await;
        let megabytes = process::resident_megabytes(server.id())?;
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

/// Waits until a phone's first question, are you there, is answered with yes.
async fn answers(server: &mut Process, public: SocketAddr) -> anyhow::Result<()> {
    let started = Instant::now();
    while !is_serving(public).await {
        if let Some(status) = server.ended()? {
            bail!("it ended by itself: {status}");
        }
        ensure!(started.elapsed() < DEADLINE, "no answer in {DEADLINE:?}");
        // Far below what is measured.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
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
