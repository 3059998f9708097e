//! Whether several servers on one PostgreSQL take more than one does, and what keeps them from it.
//!
//! All servers run all the time. In each round phones first call one of them alone, then all of them, as many callers at a
//! time either way: first many redeem, then those upload, as `load` does. What PostgreSQL, the servers and the callers take
//! of the processors is read from `/proc` in the same time, and what a commit is from the servers' own metrics.

mod dealt;
mod meters;
mod postgres;
mod report;

use std::{
    collections::BTreeMap,
    fs, mem,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::{Args, value_parser};

use self::{
    dealt::Dealt,
    meters::{Meters, Used},
    postgres::Database,
    report::{Commits, Report, Turn},
};
use super::{
    drive::{Calls, Manner, Meter, Outcome, drive},
    figures::Both,
    phones::{self, Deployment, Redeem, Redeems, Uploads, Whom},
    remote::Remote,
    rounds::{count, for_a_turn, granted, used},
    target::Target,
};
use crate::process;

/// Connections of one server to its database: `truyvet serve`'s own default.
const DATABASE_CONNECTIONS: u16 = 16;

/// Before anything is measured: so long for each kind of call, and at most so many.
const WARM_UP: Duration = Duration::from_secs(2);
const WARM_UP_CODES: usize = 1_000;

/// How to compare.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Servers on the one database
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u16).range(2..=16))]
    servers: u16,
    /// Connections at a time, all servers together
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Calls at a time on each. A server holds each answer for a constant time: with 30 ms, 256 callers make at most 8,533 calls
    /// a second
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..=64))]
    calls_per_connection: u16,
    /// Seconds of each kind of call in each turn; a run takes more than four times as long for each round
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = value_parser!(u32).range(1..=60))]
    seconds: u32,
    /// Turns of one server and of all of them; the figures are medians
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// The server to start; without it, this workspace's release build
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// An empty database, postgres://<user>@<host>:<port>/<name>; without it, one of a PostgreSQL that is started for the run. It
    /// is filled with uploads of people who do not exist: never one that people use
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// If PostgreSQL or a server cannot be started, or no upload is taken at all. Calls that fail are counted.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let report = super::until_told_to_stop(measure(arguments)).await?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    ensure!(
        arguments.connections >= arguments.servers,
        "--connections {}: fewer than servers",
        arguments.connections
    );
    super::allow_connections(arguments.connections)?;
    let binary = match &arguments.binary {
        Some(path) => path.clone(),
        None => process::release_binary()?,
    };
    // In this order: what is made first is dropped last.
    let folder = tempfile::tempdir()?;
    let database = match &arguments.database {
        Some(url) => Database::at(url),
        None => Database::start().await?,
    };
    let servers = start(&binary, folder.path(), &database.url, arguments.servers).await?;
    let measured = async {
        let mut phones = Phones::new(arguments, &servers, database.postmaster).await?;
        let [one, many] = phones.rounds(arguments).await?;
        anyhow::Ok(Report {
            servers: arguments.servers,
            processors: phones.meters.processors,
            connections: arguments.connections,
            calls_per_connection: arguments.calls_per_connection,
            seconds: arguments.seconds,
            one,
            many,
            failed: phones.failed,
        })
    };
    let report = match measured.await {
        Ok(report) => report,
        Err(error) => {
            let explained = servers
                .iter()
                .fold(error, |error, server| server.explain(error));
            return Err(explained);
        }
    };
    for server in servers {
        server.stop().await?;
    }
    Ok(report)
}

/// Servers of one country, on one database and with one folder for batches.
async fn start(
    binary: &Path,
    folder: &Path,
    database: &str,
    count: u16,
) -> anyhow::Result<Vec<Target>> {
    let batches = format!("file:{}", folder.join("batches").display());
    let connections = DATABASE_CONNECTIONS.to_string();
    let more = [
        "--database",
        database,
        "--database-connections",
        &connections,
        "--batches",
        &batches,
    ];
    let mut servers: Vec<Target> = Vec::new();
    for number in 1..=count {
        let own = folder.join(format!("server-{number}"));
        fs::create_dir(&own)?;
        let server = match servers.first() {
            None => Target::start(binary, &own, None, &more).await?,
            Some(first) => first.beside(binary, &own, &more).await?,
        };
        servers.push(server);
    }
    Ok(servers)
}

/// Phones and those who watch what their calls cost.
struct Phones<'a> {
    servers: &'a [Target],
    manner: Manner,
    meters: Meters,
    deployment: Deployment,
    /// Ready, and not made yet.
    redeems: Vec<Redeem>,
    failed: BTreeMap<String, u64>,
}

impl<'a> Phones<'a> {
    async fn new(
        arguments: &Arguments,
        servers: &'a [Target],
        postmaster: Option<u32>,
    ) -> anyhow::Result<Self> {
        let first = servers.first().context("there are servers")?;
        let pids = servers.iter().flat_map(|server| server.meter().0).collect();
        Ok(Self {
            servers,
            manner: Manner {
                connections: arguments.connections.into(),
                calls_per_connection: arguments.calls_per_connection.into(),
                new_connection_each: false,
                rate: None,
            },
            meters: Meters {
                servers: Meter(pids),
                postmaster,
                processors: thread::available_parallelism()?.get(),
            },
            deployment: first.deployment().await?,
            redeems: Vec::new(),
            failed: BTreeMap::new(),
        })
    }

    /// Turns of the first server alone, and of all servers.
    async fn rounds(&mut self, arguments: &Arguments) -> anyhow::Result<[Vec<Turn>; 2]> {
        let seconds = f64::from(arguments.seconds);
        let time = Duration::from_secs(arguments.seconds.into());
        let codes = |turn: &Turn| for_a_turn(turn.calls.redeem.per_second() * seconds);
        let servers = [1, self.servers.len()];
        let mut needed = [WARM_UP_CODES; 2];
        for (case, needed) in needed.iter_mut().enumerate() {
            let turn = self.turn(servers[case], *needed, WARM_UP).await?;
            *needed = codes(&turn);
        }
        let mut turns = [Vec::new(), Vec::new()];
        for _ in 0..arguments.rounds {
            for case in [0, 1] {
                let turn = self.turn(servers[case], needed[case], time).await?;
                needed[case] = codes(&turn);
                turns[case].push(turn);
            }
        }
        Ok(turns)
    }

    /// Phones redeem at so many of the servers, then upload there.
    async fn turn(&mut self, servers: usize, codes: usize, time: Duration) -> anyhow::Result<Turn> {
        let missing = codes.saturating_sub(self.redeems.len());
        if missing > 0 {
            let codes = self.servers[0].codes(&self.deployment, missing).await?;
            self.redeems.extend(phones::redeems(codes, 0.0)?);
        }
        let to: Vec<Remote> = self.servers[..servers]
            .iter()
            .map(|server| server.public.clone())
            .collect();
        let mut calls = Both::default();

        let redeems = Arc::new(Dealt::new(
            Redeems {
                to: to[0].clone(),
                whom: Whom::Server,
                redeems: mem::take(&mut self.redeems),
            },
            to.clone(),
        ));
        let redeeming = self.watched(&redeems, time).await?;
        let redeemed = redeeming.outcome;
        calls.redeem.add(&redeemed);
        count(&mut self.failed, "redeem", &redeemed);
        let made = used(&redeemed);
        let uploads = phones::uploads(&self.deployment, &redeems.of.redeems, granted(redeemed))?;
        ensure!(
            !uploads.is_empty(),
            "no code was redeemed: {:?}",
            self.failed
        );
        let redeems = Arc::into_inner(redeems).context("all callers are done")?;
        self.redeems = redeems.of.redeems;
        self.redeems.drain(..made.min(self.redeems.len()));

        let uploads = Arc::new(Dealt::new(
            Uploads {
                to: to[0].clone(),
                whom: Whom::Server,
                uploads,
            },
            to,
        ));
        let uploading = self.watched(&uploads, time).await?;
        calls.upload.add(&uploading.outcome);
        count(&mut self.failed, "upload", &uploading.outcome);
        ensure!(
            calls.upload.calls() > 0,
            "no upload was taken: {:?}",
            self.failed
        );
        Ok(Turn {
            servers,
            calls,
            used: Used::sum(&[redeeming.used, uploading.used]),
            commits: uploading.commits,
            uploading_seconds: uploading.outcome.seconds,
        })
    }

    async fn watched<C: Calls>(
        &self,
        calls: &Arc<C>,
        time: Duration,
    ) -> anyhow::Result<Watched<C::Answer>> {
        let committed = self.commits().await?;
        let before = self.meters.read()?;
        let started = Instant::now();
        let outcome = drive(calls, self.manner, time, &Meter::default()).await?;
        let seconds = started.elapsed().as_secs_f64();
        let after = self.meters.read()?;
        Ok(Watched {
            outcome,
            used: self.meters.used(&before, &after, seconds),
            commits: self.commits().await?.since(committed),
        })
    }

    /// Of all servers since they started.
    async fn commits(&self) -> anyhow::Result<Commits> {
        let mut all = Vec::new();
        for server in self.servers {
            all.push(Commits::read(&server.metrics().await?));
        }
        Ok(Commits::sum(&all))
    }
}

/// One kind of call, and what it cost.
struct Watched<A> {
    outcome: Outcome<A>,
    used: Used,
    commits: Commits,
}
