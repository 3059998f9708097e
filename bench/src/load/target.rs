//! The server under load: a new one in an empty folder, or one that runs already.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tonic::{Request, codegen::http::Uri, metadata::MetadataValue, transport::Channel};
use truyvet_crypto::token::ReportType;
use truyvet_proto::v1::{
    CodeOrder, GetConfigRequest, IssueCodesRequest, PublishNowRequest,
    admin_service_client::AdminServiceClient, exposure_service_client::ExposureServiceClient,
    officer_service_client::OfficerServiceClient,
};

use super::{
    downloads::fetch,
    drive::Meter,
    phones::Deployment,
    remote::{Remote, Trust},
    tls::Certificate,
};
use crate::process::{self, DEADLINE, Process, free_addresses};

/// In the folder of a server that is ours.
const DATA: &str = "data";
const LOG: &str = "server.log";

/// Most codes that the server issues in one call.
const CODES_A_CALL: usize = 500;

/// A server, and an administrator of it.
pub(super) struct Target {
    pub(super) public: Remote,
    staff: Remote,
    /// None: a server that ran already.
    ops: Option<Remote>,
    credential: String,
    pid: Option<u32>,
    /// Last: stopped when the rest is gone.
    started: Option<(Process, PathBuf)>,
}

impl Target {
    /// A new server with its default settings, but that it publishes on demand only: a window that closed in the middle
    /// would be measured too.
    ///
    /// - `more`: further settings.
    pub(super) async fn start(
        binary: &Path,
        folder: &Path,
        tls: Option<(&Certificate, &Trust)>,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let mut target = Self::serve(binary, folder, tls, more).await?;
        target.credential = create_administrator(binary, &folder.join(DATA), more)?;
        Ok(target)
    }

    /// Another server of the same country: with the keys of this one, which is ours, and on its database. Codes, tokens
    /// and officers of one are good at the other.
    ///
    /// - `folder`: its own.
    /// - `more`: as for the first, `--database` among it.
    pub(super) async fn beside(
        &self,
        binary: &Path,
        folder: &Path,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let (_, first) = self.started.as_ref().context("its keys are not known")?;
        copy_keys(&first.join(DATA), &folder.join(DATA))?;
        let mut target = Self::serve(binary, folder, None, more).await?;
        target.credential.clone_from(&self.credential);
        Ok(target)
    }

    /// A new server that answers; it has no administrator that we know of.
    async fn serve(
        binary: &Path,
        folder: &Path,
        tls: Option<(&Certificate, &Trust)>,
        more: &[&str],
    ) -> anyhow::Result<Self> {
        let addresses = free_addresses()?;
        let (data_dir, log) = (folder.join(DATA), folder.join(LOG));
        let mut command = process::serve(binary, &data_dir, addresses, &log)?;
        command
            .args(["--publish-every-seconds", "0"])
            // One officer stands for a country's, one host for all phones: see `phones::source`.
            .args(["--officer-codes-per-day", "1000000"])
            .args(["--unit-codes-per-day", "1000000"])
            .args(["--wrong-guesses-per-hour", "1000000"])
            .args(["--trusted-proxies", "127.0.0.1"])
            .args(more);
        if let Some((certificate, _)) = tls {
            command.arg("--tls-cert").arg(&certificate.cert);
            command.arg("--tls-key").arg(&certificate.key);
        }
        let trust = tls.map(|(_, trust)| trust);
        let process = Process::spawn(&mut command)?;
        let mut target = Self {
            public: Remote::new(addresses[0], trust)?,
            staff: Remote::new(addresses[1], trust)?,
            ops: Some(Remote::new(addresses[2], None)?),
            credential: String::new(),
            pid: Some(process.id()),
            started: Some((process, folder.to_owned())),
        };
        if let Err(error) = target.answers().await {
            return Err(target.explain(error));
        }
        Ok(target)
    }

    /// A server that runs already.
    ///
    /// - `credential`: an administrator's.
    /// - `pid`: for its processor time and memory.
    pub(super) fn at(
        public: &Uri,
        staff: &Uri,
        credential: &str,
        pid: Option<u32>,
        trust: Option<&Trust>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            public: Remote::from_url(public, trust)?,
            staff: Remote::from_url(staff, trust)?,
            ops: None,
            credential: credential.trim().to_owned(),
            pid,
            started: None,
        })
    }

    async fn answers(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        while let Err(error) = self.deployment().await {
            if let Some((process, _)) = &mut self.started
                && let Some(status) = process.ended()?
            {
                bail!("the server ended by itself: {status}");
            }
            if started.elapsed() > DEADLINE {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Adds what the server said, where we have it.
    pub(super) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        let Some((_, folder)) = &self.started else {
            return error;
        };
        let log = fs::read_to_string(folder.join(LOG)).unwrap_or_default();
        let last = log.len().saturating_sub(4_000);
        let last = log.get(last..).unwrap_or(&log);
        error.context(format!("the server's log ends:\n{last}"))
    }

    pub(super) async fn deployment(&self) -> anyhow::Result<Deployment> {
        let mut phones = ExposureServiceClient::new(self.public.grpc().await?);
        let answer = phones.get_config(GetConfigRequest {}).await?.into_inner();
        Deployment::new(&answer.config.context("no configuration")?)
    }

    pub(super) fn meter(&self) -> Meter {
        Meter(self.pid.into_iter().collect())
    }

    pub(super) fn resident_megabytes(&self) -> anyhow::Result<Option<f64>> {
        self.pid.map(process::resident_megabytes).transpose()
    }

    /// What it counts, as Prometheus would read it.
    pub(super) async fn metrics(&self) -> anyhow::Result<String> {
        let ops = self.ops.as_ref().context("its ops address is not known")?;
        let page = fetch(ops, "/metrics".to_owned()).await?;
        Ok(String::from_utf8(page.bytes.to_vec())?)
    }

    /// Codes as officers hand them out, in bulk.
    pub(super) async fn codes(
        &self,
        deployment: &Deployment,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let mut officer = OfficerServiceClient::new(self.staff.grpc().await?);
        let mut codes = Vec::with_capacity(count);
        while codes.len() < count {
            let order = CodeOrder {
                report_type: ReportType::ConfirmedTest.byte().into(),
                onset_day: deployment.onset_day.number(),
                region: String::new(),
            };
            let orders = vec![order; CODES_A_CALL.min(count - codes.len())];
            let request = self.bearer(IssueCodesRequest { orders })?;
            let issued = officer.issue_codes(request).await?.into_inner().codes;
            ensure!(!issued.is_empty(), "no codes");
            codes.extend(issued.into_iter().map(|code| code.upload_code));
        }
        Ok(codes)
    }

    /// Publishes what was uploaded so far.
    pub(super) async fn publish(&self, region: &str) -> anyhow::Result<()> {
        let mut admin: AdminServiceClient<Channel> =
            AdminServiceClient::new(self.staff.grpc().await?);
        let region = region.to_owned();
        admin
            .publish_now(self.bearer(PublishNowRequest { region })?)
            .await?;
        Ok(())
    }

    fn bearer<T>(&self, message: T) -> anyhow::Result<Request<T>> {
        let mut request = Request::new(message);
        let value: MetadataValue<_> = format!("Bearer {}", self.credential)
            .parse()
            .ok()
            .context("the credential has characters that none has")?;
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }

    /// Stops the server if it is ours.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        match &mut self.started {
            Some((process, _)) => process.stop().await,
            None => Ok(()),
        }
    }
}

/// - `settings`: those beside its data folder.
fn create_administrator(
    binary: &Path,
    data_dir: &Path,
    settings: &[&str],
) -> anyhow::Result<String> {
    let mut command = process::truyvet(binary, &["admin", "create-officer"], data_dir);
    let output = command.args(settings).output()?;
    ensure!(
        output.status.success(),
        "admin create-officer: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// From one data folder into another, which is made.
fn copy_keys(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (from, to) = (from.join("keys"), to.join("keys"));
    fs::create_dir_all(&to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        // With its permissions: a key that others may read is refused.
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
