//! Load: what phones call, against a server process; and the same messages against a bare echo, the same files from nginx.
//!
//! A durable upload is two calls, redeem and upload: a code becomes a token, the token is spent and the keys are stored.
//! What a phone computes between them is as dear as what the server computes, so they are measured apart: within each
//! round first many redeem, then, when all have unblinded their tokens, those upload. Rounds of a second take turns with
//! the echo and with nginx, so that whatever else the machine does falls on all of them. Callers and server share the
//! processors: rates are those of this machine with both on it, and the ratios are what can be compared.
//!
//! The server's database lies in the temporary folder, and an upload waits for its disk: `TMPDIR` chooses another.

mod downloads;
mod drive;
mod echo;
mod figures;
mod nginx;
mod phones;
mod remote;
mod report;
mod rounds;
pub(crate) mod servers;
pub(crate) mod soak;
mod target;
mod tls;

use std::{fs, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, value_parser};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tonic::codegen::http::Uri;

pub(crate) use echo::{EchoArguments, serve as serve_echo};

use self::{
    downloads::Published, drive::Manner, echo::EchoProcess, nginx::Nginx, remote::Trust,
    report::Report, rounds::Load, target::Target, tls::Certificate,
};
use crate::process;

/// Files and sockets besides the connections.
const OTHER_FILES: u64 = 128;

/// How to load.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Connections at a time. A server holds each answer to a redeem or upload call for a constant time (`truyvet serve --help`,
    /// --answer-after-ms): with 30 ms, 8 callers make at most 266 calls a second
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// Redeem and upload calls at a time on each: where answers are held to a common time, it takes many to keep a server busy
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=64))]
    calls_per_connection: u16,
    /// Calls a second of each kind, whether they are answered or not; without it, whoever has an answer calls again at once.
    /// Times then count from when a call was due. Ratios of rates say nothing
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// A new connection for each call, as phones do; opening it is part of the call's time
    #[arg(long)]
    new_connection_each: bool,
    /// Over TLS 1.3, with a certificate made for the run; no session is taken up again
    #[arg(long)]
    tls: bool,
    /// Seconds of each kind of call; a run takes about ten times as long
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Share of the redeem and upload calls that are decoys, as phones send them that have nothing to upload, 0 to 0.9
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    decoys: f64,
    /// Uploads in the batch that is downloaded; 1,000 make about 5 MB
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=20_000))]
    batch_uploads: u32,
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
    /// The server to start; without it, this workspace's release build
    #[arg(long, value_name = "PATH", conflicts_with = "server")]
    binary: Option<PathBuf>,
    /// A server on this machine that runs already, where its phones call. It gets uploads of people who do not exist, and
    /// publishes them: never one that people use
    #[arg(long, value_name = "URL", requires_all = ["staff", "credential_file"], conflicts_with = "tls")]
    server: Option<Uri>,
    /// Where its officers call
    #[arg(long, value_name = "URL", requires = "server")]
    staff: Option<Uri>,
    /// File with the credential of one of its administrators
    #[arg(long, value_name = "FILE", requires = "server")]
    credential_file: Option<PathBuf>,
    /// Its certificate, or that of its authority, PEM
    #[arg(long, value_name = "FILE", requires = "server")]
    ca: Option<PathBuf>,
    /// Its process, for processor time and memory
    #[arg(long, value_name = "PID", requires = "server")]
    pid: Option<u32>,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=0.9).contains(share))
        .ok_or_else(|| "a share from 0 to 0.9".to_owned())
}

/// Measures and prints.
///
/// # Errors
/// If a server cannot be started or reached, or the server takes no uploads at all. Calls that fail are counted.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let report = until_told_to_stop(measure(arguments)).await?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(())
}

/// Does it, unless SIGTERM or Ctrl-C comes: what it started is stopped when it is dropped.
async fn until_told_to_stop<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => bail!("SIGTERM: stopped"),
        _ = interrupt.recv() => bail!("interrupted: stopped"),
    }
}

/// Where the system lets a process have few files by default and more if it asks. Processes that are started have it too.
fn allow_connections(count: u16) -> anyhow::Result<()> {
    let wanted = u64::from(count) + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let raised = Rlimit {
        current: Some(wanted),
        ..limit
    };
    setrlimit(Resource::Nofile, raised)
        .with_context(|| format!("{count} connections: this system allows no {wanted} open files"))
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    allow_connections(arguments.connections)?;
    let folder = tempfile::tempdir()?;
    let over_tls = match &arguments.server {
        Some(url) => url.scheme_str() == Some("https"),
        None => arguments.tls,
    };
    let tls = match over_tls {
        true => {
            let certificate = Certificate::make(folder.path())?;
            let mut trusted = certificate.cert_pem.clone().into_bytes();
            if let Some(ca) = &arguments.ca {
                trusted.extend(fs::read(ca).with_context(|| ca.display().to_string())?);
            }
            Some((certificate, Trust::new(&trusted)?))
        }
        false => None,
    };
    let tls = tls
        .as_ref()
        .map(|(certificate, trust)| (certificate, trust));
    let trust = tls.map(|(_, trust)| trust);
    let target = match (
        &arguments.server,
        &arguments.staff,
        &arguments.credential_file,
    ) {
        (Some(server), Some(staff), Some(file)) => {
            let credential =
                fs::read_to_string(file).with_context(|| file.display().to_string())?;
            Target::at(server, staff, &credential, arguments.pid, trust)?
        }
        _ => {
            let binary = match &arguments.binary {
                Some(path) => path.clone(),
                None => process::release_binary()?,
            };
            Target::start(&binary, folder.path(), tls, &[]).await?
        }
    };
    let echo = EchoProcess::start(tls)?;
    let manner = Manner {
        connections: arguments.connections.into(),
        calls_per_connection: arguments.calls_per_connection.into(),
        new_connection_each: arguments.new_connection_each,
        rate: arguments.rate.map(f64::from),
    };
    let rounds = async {
        let mut load = Load::prepare(manner, arguments, &target, &echo).await?;
        let files: Vec<&Published> = [&load.index].into_iter().chain(&load.batch).collect();
        let nginx = Nginx::start(&folder.path().join("nginx"), &files, tls).await?;
        for _ in 0..arguments.seconds {
            load.round(nginx.as_ref()).await?;
        }
        anyhow::Ok(load.report)
    };
    let report = match rounds.await {
        Ok(report) => report,
        Err(error) => return Err(target.explain(error)),
    };
    let report = Report {
        connections: manner.connections,
        calls_per_connection: manner.calls_per_connection,
        rate: manner.rate,
        new_connection_each: manner.new_connection_each,
        tls: over_tls,
        seconds: arguments.seconds,
        decoy_share: arguments.decoys,
        server_rss_mb: target.resident_megabytes()?,
        echo_rss_mb: Some(echo.resident_megabytes()?),
        ..report
    };
    target.stop().await?;
    ensure!(
        report.server.upload.calls() > 0,
        "no upload was taken: {:?}",
        report.failed
    );
    Ok(report)
}
