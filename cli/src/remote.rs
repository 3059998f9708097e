//! The connection to a server's staff address, with an officer's credential on every call.
//!
//! Also turns a server's refusal into words. What is called is for `officer` and `admin`.

use std::{env, fs, net::IpAddr, path::PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use tonic::{
    Code, Request, Status,
    codegen::http::Uri,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use truyvet_phone::{FieldRefusal, ServerRefusal};
use truyvet_proto::v1::{
    admin_service_client::AdminServiceClient, audit_service_client::AuditServiceClient,
    officer_service_client::OfficerServiceClient,
};

/// Name of the variable that may hold the credential.
const CREDENTIAL_VARIABLE: &str = "TRUYVET_CREDENTIAL";

/// Which server, and who calls.
#[derive(Args, Debug)]
pub(crate) struct StaffArgs {
    /// The server's staff address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8441")]
    server: String,
    /// Certificate authority to trust instead of the system's, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// File with the officer's credential; without it, the variable TRUYVET_CREDENTIAL holds the credential
    #[arg(long, value_name = "FILE")]
    credential_file: Option<PathBuf>,
    /// Send the credential over http:// to another machine: everybody on the way can read it. For networks that
    /// protect by themselves
    #[arg(long)]
    plaintext: bool,
}

impl StaffArgs {
    /// Reads the credential and prepares the connection, which is made at the first call.
    ///
    /// # Errors
    /// Names the file, the variable or the URL that cannot be used.
    pub(crate) fn connect(&self) -> anyhow::Result<Staff> {
        let ca = match &self.ca {
            Some(file) => Some(fs::read(file).with_context(|| file.display().to_string())?),
            None => None,
        };
        let server = StaffServer {
            url: &self.server,
            ca_pem: ca.as_deref(),
            plaintext: self.plaintext,
        };
        // Before the credential is read: it is not needed to see that it cannot be sent.
        let channel = server.channel()?;
        Staff::connect(channel, &self.credential()?)
    }

    fn credential(&self) -> anyhow::Result<String> {
        if let Some(file) = &self.credential_file {
            return fs::read_to_string(file).with_context(|| file.display().to_string());
        }
        env::var(CREDENTIAL_VARIABLE).map_err(|_| {
            anyhow!("no credential: give --credential-file or set {CREDENTIAL_VARIABLE}")
        })
    }
}

/// Where officers call.
pub(crate) struct StaffServer<'a> {
    /// `http://host:port` or `https://host:port`.
    pub(crate) url: &'a str,
    /// Certificate authority to trust instead of the system's.
    pub(crate) ca_pem: Option<&'a [u8]>,
    /// Allows `http://` beyond this machine.
    pub(crate) plaintext: bool,
}

impl StaffServer<'_> {
    /// Prepares a connection; it is made at the first call.
    ///
    /// # Errors
    /// Says what is wrong with the URL or the certificate authority.
    pub(crate) fn channel(&self) -> anyhow::Result<Channel> {
        let url = self.url;
        let mut endpoint = Endpoint::from_shared(url.to_owned())
            .with_context(|| format!("--server {url}: not a URL"))?;
        match endpoint.uri().scheme_str() {
            Some("http") => ensure!(
                self.plaintext || is_loopback(endpoint.uri()),
                "--server {url}: everybody on the way could read the credential; use https://, or give --plaintext if \
                 the network protects it"
            ),
            Some("https") => {
                let tls = match self.ca_pem {
                    Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                    None => ClientTlsConfig::new().with_native_roots(),
                };
                endpoint = endpoint.tls_config(tls).context("TLS")?;
            }
            _ => bail!("--server {url}: must start with http:// or https://"),
        }
        Ok(endpoint.connect_lazy())
    }
}

/// Whether what is sent there stays on this machine.
fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// What officers call, as [`Staff::officer`] gives it.
pub(crate) type OfficerClient = OfficerServiceClient<InterceptedService<Channel, Bearer>>;

/// A connection on which every call carries a credential. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Staff {
    channel: Channel,
    bearer: Bearer,
}

impl Staff {
    /// Puts the credential on every call over `channel`.
    ///
    /// # Errors
    /// If the text cannot be a credential; it is not repeated.
    pub(crate) fn connect(channel: Channel, credential: &str) -> anyhow::Result<Self> {
        let bearer = Bearer::new(credential)?;
        Ok(Self { channel, bearer })
    }

    /// What officers call.
    pub(crate) fn officer(&self) -> OfficerClient {
        OfficerServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// What administrators call.
    pub(crate) fn admin(&self) -> AdminServiceClient<InterceptedService<Channel, Bearer>> {
        AdminServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }

    /// What auditors call.
    pub(crate) fn audit(&self) -> AuditServiceClient<InterceptedService<Channel, Bearer>> {
        AuditServiceClient::with_interceptor(self.channel.clone(), self.bearer.clone())
    }
}

/// Puts `authorization: Bearer <credential>` on every call. Never printed.
#[derive(Clone)]
pub(crate) struct Bearer(MetadataValue<Ascii>);

impl Bearer {
    fn new(credential: &str) -> anyhow::Result<Self> {
        let credential = credential.trim();
        let mut value = MetadataValue::try_from(format!("Bearer {credential}"))
            .ok()
            .filter(|_| !credential.is_empty())
            .context("the credential is empty or has characters that none has")?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A server's refusal in words: what it says, the reason in capitals, the fields that are wrong, when to try again.
pub(crate) fn explain(status: &Status) -> anyhow::Error {
    // Takes control characters out of what a server says.
    let refusal = ServerRefusal::from(status.clone());
    // Only a status that was made on this side has a source.
    let ours = std::error::Error::source(status).is_some() || refusal.code == Code::Unavailable;
    if ours && refusal.reason.is_empty() {
        return anyhow!("cannot reach the server: {}", causes(status));
    }
    let reason = match refusal.reason.as_str() {
        "" => format!("{:?}", refusal.code),
        reason => reason.to_owned(),
    };
    let mut words = format!("the server refused: {} ({reason})", refusal.message);
    for FieldRefusal { field, description } in &refusal.fields {
        let description = description
            .strip_prefix(&format!("{field}: "))
            .unwrap_or(description);
        let line = format!("{field}: {description}");
        if line != refusal.message {
            words += &format!("\n  {line}");
        }
    }
    if let Some(seconds) = refusal.retry_after_seconds {
        words += &format!("\n  try again in {seconds} s");
    }
    anyhow!(words)
}

/// The last cause says most: "connection refused" rather than "transport error".
fn causes(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn a_refusal_is_told_with_reason_and_fields() {
        let mut details =
            ErrorDetails::with_error_info("FIELD_INVALID", "truyvet", [] as [(String, String); 0]);
        details.add_bad_request_violation("label", "1 to 64 printable characters");
        details.set_retry_info(Some(Duration::from_secs(30)));
        let status = Status::with_error_details(Code::InvalidArgument, "invalid request", details);
        assert_eq!(
            explain(&status).to_string(),
            "the server refused: invalid request (FIELD_INVALID)\n  label: 1 to 64 printable characters\n  \
             try again in 30 s"
        );
        let bare = explain(&Status::not_found("no such code")).to_string();
        assert_eq!(bare, "the server refused: no such code (NotFound)");
    }

    fn channel(url: &str, plaintext: bool) -> Result<Channel, String> {
        let server = StaffServer {
            url,
            ca_pem: None,
            plaintext,
        };
        server.channel().map_err(|error| error.to_string())
    }

    fn staff(credential: &str) -> Result<Staff, String> {
        let channel = channel("http://127.0.0.1:1", false).unwrap();
        Staff::connect(channel, credential).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn urls_and_credentials_that_cannot_be_are_refused() {
        assert!(channel("ftp://x", true).unwrap_err().contains("http://"));
        assert!(channel("x y", true).unwrap_err().contains("not a URL"));
        let refused = |credential| staff(credential).err().unwrap();
        assert!(refused(" \n").contains("credential"));
        assert!(refused("a\u{7}b").contains("credential"));
        assert!(!refused("secret\u{7}").contains("secret"));
        assert!(staff("tvo_x\n").is_ok());
    }

    #[tokio::test]
    async fn a_credential_leaves_the_machine_only_over_tls_or_if_told_so() {
        for url in [
            "http://127.0.0.1:8441",
            "http://127.8.9.10",
            "http://[::1]:8441",
            "http://[::ffff:127.0.0.1]:8441",
            "http://localhost:8441",
            "http://LocalHost",
            "https://example.org",
        ] {
            assert!(channel(url, false).is_ok(), "{url}");
        }
        for url in [
            "http://example.org:8441",
            "http://10.0.0.1:8441",
            "http://0.0.0.0:8441",
            "http://[2001:db8::1]:8441",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://127.0.0.1@example.org",
            "HTTP://example.org",
        ] {
            let error = channel(url, false).unwrap_err();
            assert!(error.contains("--plaintext"), "{url}: {error}");
            assert!(channel(url, true).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_told_with_the_cause() {
        let request = truyvet_proto::v1::ListUnitsRequest::default();
        let mut admin = staff("tvo_x").unwrap().admin();
        let status = admin.list_units(request).await.unwrap_err();
        let words = explain(&status).to_string();
        assert!(words.starts_with("cannot reach the server: "), "{words}");
        assert!(words.contains("refused"), "{words}");
    }
}
