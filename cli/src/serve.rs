//! `truyvet serve`: runs the server until it is told to stop.
//!
//! Starts in an empty folder without any configuration. Says in plain words where everything is and who can listen in.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write},
    sync::Arc,
};

use anyhow::bail;
use rand::Rng as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};
use tracing::info;
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use truyvet_crypto::Timestamp;
use truyvet_server::{
    Clock, Effects, Entropy, Server, WalkOn,
    settings::{LogFormat, Settings, SettingsArgs},
    start,
};

use crate::{effects, supervisor};

/// The operating system's clock.
struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        effects::now()
    }
}

/// What somebody wants of a running server.
enum Wish {
    Stop(&'static str),
    Reload,
}

/// What the operating system tells the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wish::Stop("interrupted"),
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }

    /// Returns when told to stop; deaf to anything else.
    async fn stop(&mut self) {
        while !matches!(self.next().await, Wish::Stop(_)) {}
    }
}

/// Serves until Ctrl-C or SIGTERM; finishes what is in flight, then returns. The second one ends it at once. SIGHUP reads
/// the TLS certificate anew.
///
/// # Errors
/// Names the setting because of which the server cannot start; says what was left undone when it stopped.
pub(crate) async fn run(settings: SettingsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let traces = log_to_stderr(&settings)?;
    // Before the server starts, so that no signal is lost.
    let mut signals = Signals::listen()?;

    let mut seed = [0; 32];
    effects::rng()?.fill_bytes(&mut seed);
    let effects = Effects {
        clock: Arc::new(RealClock),
        entropy: Arc::new(Entropy::from_seed(seed)),
        steps: Arc::new(WalkOn),
    };
    let mut server = start(settings, effects).await?;
    introduce(&server, out)?;
    out.flush()?;

    supervisor::ready();
    let telling = tokio::spawn(supervisor::keep_telling(Arc::clone(server.context())));

    let failed = loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::Reload => {
                    supervisor::reloading();
                    server.reload().await;
                    supervisor::ready();
                }
                Wish::Stop(why) => {
                    info!("{why}: stopping; once more ends at once");
                    break false;
                }
            },
            // Half a server would take uploads that nobody publishes.
            () = server.failed() => break true,
        }
    };
    telling.abort();
    let limit = server.stop_limit();
    supervisor::stopping(limit);
    tokio::select! {
        stopped = timeout(limit, server.stop()) => if stopped.is_err() {
            bail!("not stopped within {} s; what was acknowledged is on disk", limit.as_secs());
        },
        () = signals.stop() => bail!("told to stop twice: ended at once; what was acknowledged is on disk"),
    }
    if failed {
        bail!("a part of the server ended that must not; the log says why");
    }
    info!("stopped");
    traces.stop().await;
    Ok(())
}

/// Traces that must be stopped before the program ends, if there are any.
struct Tracing {
    #[cfg(feature = "otel")]
    traces: Option<truyvet_server::telemetry::Traces>,
}

impl Tracing {
    async fn stop(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            // Waits for the collector.
            drop(tokio::task::spawn_blocking(move || traces.stop()).await);
        }
    }
}

/// Log lines to stderr and, where the settings name a collector, spans to there.
fn log_to_stderr(settings: &Settings) -> anyhow::Result<Tracing> {
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let subscriber = tracing_subscriber::registry();
    #[cfg(feature = "otel")]
    let traces = settings.otlp_endpoint.as_ref();
    #[cfg(feature = "otel")]
    let traces = traces
        .map(truyvet_server::telemetry::Traces::start)
        .transpose()?;
    #[cfg(feature = "otel")]
    let subscriber = subscriber.with(traces.as_ref().map(|traces| traces.layer()));
    let log = settings.log.clone();
    match settings.log_format {
        LogFormat::Text => subscriber.with(lines.with_filter(log)).init(),
        LogFormat::Json => subscriber.with(lines.json().with_filter(log)).init(),
    }
    Ok(Tracing {
        #[cfg(feature = "otel")]
        traces,
    })
}

/// Says where everything is, and what to know before phones come.
fn introduce(server: &Server, out: &mut impl Write) -> io::Result<()> {
    let context = server.context();
    let settings = &context.settings;
    let scheme = if settings.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let mut row = |name: &str, value: &dyn Display, note: &str| {
        writeln!(
            out,
            "{}",
            format!("  {name:<12}{value:<36}{note}").trim_end()
        )
    };
    row(
        "phones",
        &format!("{scheme}://{}", server.public_addr()),
        "gRPC, index and batches",
    )?;
    row(
        "staff",
        &format!("{scheme}://{}", server.staff_addr()),
        "officers and administrators, gRPC",
    )?;
    row(
        "operators",
        &format!("http://{}", server.ops_addr()),
        "console, health and metrics",
    )?;
    row("database", &settings.database, "")?;
    row("batches", &settings.batches, "")?;
    row(
        "keys",
        &settings.keys_dir().display(),
        "secret: back them up, show them to nobody",
    )?;
    row("public key", &context.keys.public_key_file().display(), "")?;
    writeln!(out)?;
    for line in warnings(settings) {
        writeln!(out, "{line}")?;
    }
    writeln!(
        out,
        "Phones trust the public key above. The first administrator is made by\n  truyvet admin create-officer --data-dir {}\nCtrl-C stops the server.",
        settings.data_dir.display()
    )
}

/// Who can listen in, in plain words.
fn warnings(settings: &Settings) -> Vec<String> {
    if settings.tls.is_some() {
        return Vec::new();
    }
    let on_network: Vec<String> = [settings.public_listen, settings.staff_listen]
        .into_iter()
        .filter(|address| !address.ip().is_loopback())
        .map(|address| address.to_string())
        .collect();
    if on_network.is_empty() {
        return vec![
            "Without TLS: only programs on this machine can connect, and any of them could listen in.".into(),
            "Set tls_cert and tls_key before phones on a network use this server.".into(),
        ];
    }
    vec![format!(
        "WARNING: {} without TLS on a network. Unless a proxy in front does TLS, anybody on the way reads upload codes \
         and officers' credentials.",
        on_network.join(" and ")
    )]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn plain_text_is_said_in_plain_words() {
        let mut settings = Settings::for_data_dir(Path::new("x"));
        assert!(warnings(&settings)[0].contains("only programs on this machine"));
        settings.staff_listen = ([0, 0, 0, 0], 8441).into();
        let warnings = warnings(&settings);
        assert!(
            warnings[0].starts_with("WARNING: 0.0.0.0:8441"),
            "{warnings:?}"
        );
    }
}
