//! `truyvet admin top`: how a server is, in a terminal; the same as its console, from `/console.json`.
//!
//! On a terminal it refreshes until `q` or Ctrl-C. Elsewhere, and with `--once`, it says it once in plain text.

mod screen;
mod terminal;

use std::{
    io::{IsTerminal as _, Write},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use truyvet_server::console::view::View;
use url::Url;

use self::terminal::{Terminal, Wish};

/// How often to ask.
const EVERY: Duration = Duration::from_secs(2);

/// A server that does not answer for so long is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Far more than the longest answer.
const MOST_BYTES: usize = 4 << 20;

/// Columns of plain text.
const PLAIN_WIDTH: usize = 100;

/// Which server, and how to show it.
#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    /// The server's ops address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8442")]
    ops: String,
    /// Say it once, as plain text
    #[arg(long)]
    once: bool,
    /// Say it once, as one JSON object
    #[arg(long)]
    json: bool,
}

/// Shows how the server is.
///
/// # Errors
/// If there is no answer, or none of a console; on a terminal only if that is so from the start.
pub(super) async fn run(args: &TopArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let server = OpsServer::new(&args.ops)?;
    let text = server.text().await?;
    let view = server.parse(&text)?;
    if args.json {
        return Ok(writeln!(out, "{}", text.trim_end())?);
    }
    if args.once || !std::io::stdout().is_terminal() {
        for line in screen::lines(&view, PLAIN_WIDTH) {
            writeln!(out, "{}", line.text)?;
        }
        return Ok(());
    }
    keep_showing(&server, view, out).await
}

async fn keep_showing(server: &OpsServer, view: View, out: &mut impl Write) -> anyhow::Result<()> {
    let mut terminal = Terminal::open(out)?;
    let (mut view, mut trouble) = (view, None);
    loop {
        terminal.draw(&screen::on_terminal(
            &view,
            trouble.as_deref(),
            terminal.width(),
        ))?;
        match terminal.wait(EVERY).await? {
            Wish::Leave => return Ok(()),
            Wish::Redraw => continue,
            Wish::Refresh => {}
        }
        // Asking may take long; whoever wants to leave must not wait for it.
        let asked = tokio::select! {
            asked = server.view() => asked,
            () = terminal.left() => return Ok(()),
        };
        match asked {
            Ok(fresh) => (view, trouble) = (fresh, None),
            Err(error) => trouble = Some(format!("{error:#}")),
        }
    }
}

/// A server's ops address.
struct OpsServer {
    url: Url,
    http: reqwest::Client,
}

impl OpsServer {
    fn new(ops: &str) -> anyhow::Result<Self> {
        let base = Url::parse(ops).with_context(|| format!("--ops {ops}: not a URL"))?;
        let known = ["http", "https"].contains(&base.scheme());
        ensure!(known, "--ops {ops}: must start with http:// or https://");
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another thread may have been quicker: the same result.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            // It is this machine, or one that is reached as told.
            .no_proxy()
            .build()
            .context("HTTP")?;
        let url = base.join("/console.json").context("--ops")?;
        Ok(Self { url, http })
    }

    async fn view(&self) -> anyhow::Result<View> {
        self.parse(&self.text().await?)
    }

    async fn text(&self) -> anyhow::Result<String> {
        let sent = self.http.get(self.url.clone()).send().await;
        let mut answer = sent.map_err(|error| {
            let at = self.url.origin().ascii_serialization();
            anyhow::Error::from(error.without_url()).context(format!(
                "no server answers at {at}: is it running, and is that its ops address?"
            ))
        })?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{}: answered {status}: is that the ops address?", self.url);
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.context("the answer broke off")? {
            text.extend_from_slice(&piece);
            ensure!(
                text.len() <= MOST_BYTES,
                "{}: an endless answer: no console",
                self.url
            );
        }
        String::from_utf8(text).with_context(|| format!("{}: no console", self.url))
    }

    fn parse(&self, text: &str) -> anyhow::Result<View> {
        serde_json::from_str(text)
            .with_context(|| format!("{}: not the console of a server of this version", self.url))
    }
}
