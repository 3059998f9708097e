//! A phone's folder: the phone itself, and which server it belongs to.
//!
//! `server.json` holds the URL, the pinned signing key and, if given, the certificate authority, so that nothing else
//! is needed later on.

use std::{
    fs,
    io::Write,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use truyvet_crypto::{
    Scheme, Timestamp,
    sign::{TrustedKeys, VerifyingKey},
};
use truyvet_matching::Region;
use truyvet_phone::{
    ConfigError, ConnectError, ConnectOptions, Connection, DeploymentConfig, Phone,
};

use crate::effects;

/// Which server the new phone belongs to.
#[derive(Args, Debug)]
pub(crate) struct InitArgs {
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The server's public address, for instance http://127.0.0.1:8440
    #[arg(long, value_name = "URL")]
    server: String,
    /// Public signing key that the phone trusts, PEM; `truyvet serve` says where it is
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Certificate authority to trust instead of the system's, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Speak http:// with a server on another machine, now and later: everybody on the way can read along, codes too.
    /// For networks that protect by themselves
    #[arg(long)]
    plaintext: bool,
}

/// `server.json`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    server: String,
    scheme: String,
    signing_key_pem: String,
    ca_pem: Option<String>,
    /// Phones made before there was such a choice have none.
    #[serde(default)]
    plaintext: bool,
}

/// A phone's folder.
pub(crate) struct Home {
    folder: PathBuf,
    server: String,
    scheme: Scheme,
    trusted: TrustedKeys,
    ca_pem: Option<Vec<u8>>,
    plaintext: bool,
}

/// Makes a phone; asks the server first whether key and address are right and which scheme it speaks.
pub(super) async fn init(
    args: &InitArgs,
    now: Timestamp,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let file = args.dir.join("server.json");
    ensure!(
        !file.exists(),
        "{}: a phone lives here already",
        args.dir.display()
    );
    let read =
        |path: &PathBuf| fs::read_to_string(path).with_context(|| path.display().to_string());
    let kept = ServerFile {
        server: args.server.clone(),
        scheme: Scheme::Bluezone.to_string(),
        signing_key_pem: read(&args.key)?,
        ca_pem: args.ca.as_ref().map(read).transpose()?,
        plaintext: args.plaintext,
    };
    let mut home =
        Home::from_file(args.dir.clone(), &kept).with_context(|| args.key.display().to_string())?;
    let config = home.ask_server(now).await?;
    home.scheme = config.scheme;

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&args.dir)
        .with_context(|| args.dir.display().to_string())?;
    home.phone(now)?;
    let kept = ServerFile {
        scheme: config.scheme.to_string(),
        ..kept
    };
    fs::write(&file, serde_json::to_vec_pretty(&kept)?)
        .with_context(|| file.display().to_string())?;
    let regions: Vec<&str> = config.regions.iter().map(Region::as_str).collect();
    writeln!(
        out,
        "a {} phone for {} (regions: {}) lives in {}",
        config.scheme,
        home.server,
        regions.join(", "),
        args.dir.display()
    )?;
    Ok(())
}

impl Home {
    /// The phone that [`init`] made here.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("server.json");
        let text = fs::read_to_string(&file).with_context(|| {
            format!(
                "{}: no phone lives here; make one with `truyvet phone init`",
                folder.display()
            )
        })?;
        let kept = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        Self::from_file(folder.to_owned(), &kept).with_context(|| file.display().to_string())
    }

    fn from_file(folder: PathBuf, kept: &ServerFile) -> anyhow::Result<Self> {
        let key = VerifyingKey::from_pem(&kept.signing_key_pem)
            .context("expected a public key (BEGIN PUBLIC KEY)")?;
        Ok(Self {
            folder,
            server: kept.server.clone(),
            scheme: kept.scheme.parse()?,
            trusted: TrustedKeys::new(vec![key]),
            ca_pem: kept.ca_pem.as_ref().map(|pem| pem.clone().into_bytes()),
            plaintext: kept.plaintext,
        })
    }

    /// The server's public address.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Opens the phone; only one process at a time can.
    pub(super) fn phone(&self, now: Timestamp) -> anyhow::Result<Phone> {
        let trusted = self.trusted.clone();
        Phone::open(
            &self.folder,
            self.scheme,
            trusted,
            now,
            &mut effects::rng()?,
        )
        .with_context(|| self.folder.display().to_string())
    }

    /// Prepares the connection to the server.
    ///
    /// - `plaintext`: allows `http://` to another machine this once, even if the phone was not made so.
    ///
    /// # Errors
    /// Says what is wrong with URL or certificate authority.
    pub(super) fn connection(&self, plaintext: bool) -> anyhow::Result<Connection> {
        let options = ConnectOptions {
            ca_pem: self.ca_pem.clone(),
            plaintext: self.plaintext || plaintext,
            ..ConnectOptions::default()
        };
        Connection::open(&self.server, &options).map_err(|error| match error {
            ConnectError::PlainText => anyhow!("{}: {error} with --plaintext", self.server),
            error => anyhow::Error::from(error).context(self.server.clone()),
        })
    }

    /// The region that was asked for, or the first one of the deployment.
    pub(super) async fn region(
        &self,
        phone: &Phone,
        connection: &Connection,
        given: Option<Region>,
        now: Timestamp,
    ) -> anyhow::Result<Region> {
        let config = match phone.config() {
            Some(config) => config,
            None => phone
                .refresh_config(connection, now)
                .await
                .with_context(|| self.server.clone())?,
        };
        match given {
            Some(region) if !config.regions.contains(&region) => {
                bail!("--region {region}: not one of this deployment's")
            }
            Some(region) => Ok(region),
            None => config
                .regions
                .first()
                .copied()
                .context("this deployment has no region"),
        }
    }

    /// The server's configuration, read by a phone of its scheme that is gone afterwards.
    async fn ask_server(&self, now: Timestamp) -> anyhow::Result<DeploymentConfig> {
        let connection = self.connection(false)?;
        let mut scheme = self.scheme;
        loop {
            let mut rng = effects::rng()?;
            let phone = Phone::in_memory(scheme, self.trusted.clone(), now, &mut rng)?;
            match phone.refresh_config(&connection, now).await {
                Ok(config) => return Ok((*config).clone()),
                Err(ConfigError::Scheme { found, .. }) if found != scheme => scheme = found,
                Err(error) => return Err(error).with_context(|| self.server.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::sign::SigningKey;

    use super::*;

    /// A phone's folder whose `server.json` was written with these fields besides scheme and key.
    fn home(server: &str, more: &str) -> anyhow::Result<Home> {
        let folder = tempfile::tempdir()?;
        let pem = SigningKey::from_seed(&[1; 32]).verifying_key().to_pem();
        let pem = serde_json::to_string(&pem)?;
        let text = format!(
            r#"{{"server":"{server}","scheme":"gaen","signing_key_pem":{pem},"ca_pem":null{more}}}"#
        );
        fs::write(folder.path().join("server.json"), text)?;
        Home::open(folder.path())
    }

    #[tokio::test]
    async fn plain_text_to_another_machine_is_a_choice_for_once_or_for_always() {
        let far = "http://192.0.2.1:8440";
        let never = home(far, "").unwrap();
        let error = never.connection(false).unwrap_err().to_string();
        assert!(
            error.contains(far) && error.contains("--plaintext"),
            "{error}"
        );
        never.connection(true).unwrap();
        home(far, r#","plaintext":true"#)
            .unwrap()
            .connection(false)
            .unwrap();
        home("http://127.0.0.1:8440", "")
            .unwrap()
            .connection(false)
            .unwrap();
    }
}
