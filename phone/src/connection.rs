//! The way to one server: a gRPC channel, and HTTP for what a CDN may serve, under the same URL.
//!
//! One connection may serve many phones. It sends nothing about the phone: no cookie, no version, no language.

use std::{sync::Arc, time::Duration};

use reqwest::header::HeaderMap;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use url::{Host, Url};

/// The same for every phone and release, so that it tells none apart.
const USER_AGENT: &str = "truyvet-phone";

/// A server that sends nothing for so long is given up; a broken download is taken up again by the next sync.
const SILENCE_SECONDS: u64 = 20;

/// What a connection may need besides the URL.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Certificate authorities to trust instead of the system's, as PEM. For `https://` only.
    pub ca_pem: Option<Vec<u8>>,
    /// Allow `http://` to another machine: whoever is on the way reads the upload code, and the secrets that the phone
    /// discloses. For test networks, and where something else encrypts. To this machine it is always allowed.
    pub plaintext: bool,
    /// Longest wait for a connection.
    pub connect_timeout_seconds: u64,
    /// From one answer to the next call of an upload, a withdrawal or a decoy, in milliseconds: longer than anything that a
    /// phone computes or writes between them, so that this tells nothing.
    pub report_gap_ms: u64,
    /// Longest wait for the answer to one call; downloads of batches have ten times as long.
    pub request_timeout_seconds: u64,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            ca_pem: None,
            plaintext: false,
            connect_timeout_seconds: 10,
            report_gap_ms: 250,
            request_timeout_seconds: 30,
        }
    }
}

/// Why there can be no connection. A server that does not answer shows at the first call, not here.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Not `http://host[:port]` or `https://host[:port]`.
    #[error("server URL: {0}")]
    Url(&'static str),
    /// `http://` to another machine, which [`ConnectOptions::plaintext`] does not allow.
    #[error(
        "server URL: http:// to another machine would send codes and secrets in plain text; use https://, or allow plain text"
    )]
    PlainText,
    /// The certificate authority is not one, or the system has none.
    #[error("TLS: {0}")]
    Tls(String),
}

/// Why an HTTP request failed. Safe to print.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No connection, or it broke.
    #[error("{0}")]
    Connection(String),
    /// An answer that the request did not ask for.
    #[error("HTTP status {0}")]
    Status(u16),
    /// More bytes than there can be.
    #[error("more than {0} bytes")]
    TooLong(u64),
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        // Without its source, reqwest only says that something failed.
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::Connection(text)
    }
}

/// A connection to one server. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    base: Url,
    http: reqwest::Client,
    channel: Channel,
    options: Arc<ConnectOptions>,
}

impl Connection {
    /// Prepares a connection to `http://host:port` or `https://host:port`; connects at the first call.
    ///
    /// Call it within a tokio runtime. If no TLS provider was installed in this process, installs ring.
    ///
    /// # Errors
    /// [`ConnectError`] if the URL or the certificate authority cannot be used.
    pub fn open(url: &str, options: &ConnectOptions) -> Result<Self, ConnectError> {
        let base = parse_url(url)?;
        if base.scheme() == "http" && !options.plaintext && !is_loopback(&base) {
            return Err(ConnectError::PlainText);
        }
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Another task may have been quicker: the same result.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        Ok(Self {
            http: http_client(&base, options)?,
            channel: grpc_channel(&base, options)?,
            options: Arc::new(options.clone()),
            base,
        })
    }

    /// For gRPC clients.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// For one call that must not be tied to those before it: a connection of its own, on which no TLS session is taken
    /// up again.
    pub(crate) fn fresh_channel(&self) -> Result<Channel, ConnectError> {
        // Not a clone of an endpoint: clones share the cache of TLS sessions.
        grpc_channel(&self.base, &self.options)
    }

    /// [`ConnectOptions::report_gap_ms`].
    pub(crate) fn report_gap(&self) -> Duration {
        Duration::from_millis(self.options.report_gap_ms)
    }

    /// Sends a GET and gives the answer, whatever its status; the body is still to be read.
    ///
    /// - `path`: without leading slash.
    pub(crate) async fn get(
        &self,
        path: &str,
        headers: HeaderMap,
        timeouts: u32,
    ) -> Result<reqwest::Response, HttpError> {
        let mut url = self.base.clone();
        url.set_path(path);
        let request = self
            .http
            .get(url)
            .headers(headers)
            .timeout(Duration::from_secs(self.options.request_timeout_seconds) * timeouts);
        Ok(request.send().await?)
    }
}

/// The whole body, if it has no more than `max_bytes`.
pub(crate) async fn read_body(
    mut response: reqwest::Response,
    max_bytes: u64,
) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if (body.len() + piece.len()) as u64 > max_bytes {
            return Err(HttpError::TooLong(max_bytes));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn parse_url(url: &str) -> Result<Url, ConnectError> {
    let url = Url::parse(url).map_err(|_| ConnectError::Url("not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ConnectError::Url("must start with http:// or https://"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(ConnectError::Url("must end after host and port"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ConnectError::Url("must not hold a user name or password"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

fn http_client(base: &Url, options: &ConnectOptions) -> Result<reqwest::Client, ConnectError> {
    let tls = base.scheme() == "https";
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .no_proxy()
        // A redirect would carry the request to a server that nobody configured.
        .redirect(reqwest::redirect::Policy::none())
        .https_only(tls)
        .connect_timeout(Duration::from_secs(options.connect_timeout_seconds))
        .read_timeout(Duration::from_secs(SILENCE_SECONDS));
    if !tls {
        // Spares reading the system's certificates, which a plain connection does not use.
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = &options.ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|_| ConnectError::Tls("the certificate authority is not PEM".to_owned()))?;
        builder = builder.tls_certs_only(certificates);
    }
    builder
        .build()
        .map_err(|error| ConnectError::Tls(HttpError::from(error).to_string()))
}

fn grpc_channel(base: &Url, options: &ConnectOptions) -> Result<Channel, ConnectError> {
    let tls = |error: tonic::transport::Error| ConnectError::Tls(error.to_string());
    let mut endpoint = Endpoint::from_shared(base.to_string())
        .map_err(|_| ConnectError::Url("not a URL"))?
        .user_agent(USER_AGENT)
        .map_err(tls)?
        .connect_timeout(Duration::from_secs(options.connect_timeout_seconds))
        .timeout(Duration::from_secs(options.request_timeout_seconds));
    if base.scheme() == "https" {
        let config = match &options.ca_pem {
            Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
            None => ClientTlsConfig::new().with_native_roots(),
        };
        endpoint = endpoint.tls_config(config).map_err(tls)?;
    }
    Ok(endpoint.connect_lazy())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        Connection::open(url, &ConnectOptions::default())
            .unwrap_err()
            .to_string()
    }

    #[tokio::test]
    async fn only_plain_server_urls_are_taken() {
        for url in ["http://127.0.0.1:8080", "https://example.org/"] {
            Connection::open(url, &ConnectOptions::default()).unwrap();
        }
        assert!(refused("127.0.0.1:8080").contains("URL"));
        assert!(refused("ftp://example.org").contains("http://"));
        assert!(refused("http://example.org/v1").contains("host and port"));
        assert!(refused("http://user@example.org").contains("user name"));
    }

    #[tokio::test]
    async fn plain_text_goes_to_this_machine_alone_unless_it_is_allowed() {
        for here in ["127.0.0.1", "127.8.9.1", "localhost:8440", "[::1]:8440"] {
            Connection::open(&format!("http://{here}"), &ConnectOptions::default()).unwrap();
        }
        let allowed = ConnectOptions {
            plaintext: true,
            ..ConnectOptions::default()
        };
        for elsewhere in [
            "example.org",
            "10.0.0.1",
            "localhost.example.org",
            "[2001:db8::1]",
            "0.0.0.0",
        ] {
            let url = format!("http://{elsewhere}");
            assert!(refused(&url).contains("in plain text"), "{url}");
            Connection::open(&url, &allowed).unwrap();
        }
    }

    #[tokio::test]
    async fn a_certificate_authority_that_is_none_is_refused() {
        let options = ConnectOptions {
            ca_pem: Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".to_vec()),
            ..ConnectOptions::default()
        };
        Connection::open("https://example.org", &options).unwrap_err();
    }
}
