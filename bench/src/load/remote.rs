//! How a phone reaches a server: gRPC or HTTP/1.1, over TLS or not; loopback alone.
//!
//! No TLS session is ever taken up again: connections stand for phones that have never been here.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, RootCertStore,
        client::Resumption,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};

/// An HTTP/1.1 connection that is ready for a request.
pub(super) type Http = http1::SendRequest<String>;

/// Certificates that are trusted: nobody's but those of a run.
#[derive(Clone)]
pub(super) struct Trust(Arc<RootCertStore>);

impl Trust {
    /// - `pem`: one certificate or more.
    pub(super) fn new(pem: &[u8]) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        ensure!(!roots.is_empty(), "no certificate in it");
        Ok(Self(Arc::new(roots)))
    }

    fn connector(&self, protocol: &[u8]) -> anyhow::Result<TlsConnector> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// A server's address. Cheap to clone.
#[derive(Clone)]
pub(super) struct Remote {
    address: SocketAddr,
    /// As its certificate names it.
    name: ServerName<'static>,
    tls: Option<Tls>,
}

#[derive(Clone)]
struct Tls {
    h2: TlsConnector,
    http1: TlsConnector,
}

impl Remote {
    /// - `trust`: speak TLS.
    pub(super) fn new(address: SocketAddr, trust: Option<&Trust>) -> anyhow::Result<Self> {
        Self::named(address, ServerName::from(address.ip()), trust)
    }

    /// From `http://127.0.0.1:8440` and the like; `https://` needs `trust`.
    pub(super) fn from_url(url: &Uri, trust: Option<&Trust>) -> anyhow::Result<Self> {
        let host = url.host().with_context(|| format!("{url}: no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (address, name) = match host {
            "localhost" => (
                IpAddr::from(Ipv4Addr::LOCALHOST),
                host.to_owned().try_into()?,
            ),
            _ => {
                let address: IpAddr = host
                    .parse()
                    .with_context(|| format!("{url}: a loopback address and a port are needed"))?;
                (address, ServerName::from(address))
            }
        };
        ensure!(
            address.is_loopback(),
            "{url}: load is for servers on this machine"
        );
        let port = url.port_u16().with_context(|| format!("{url}: no port"))?;
        let trust = match (url.scheme_str(), trust) {
            (Some("http"), _) => None,
            (Some("https"), Some(trust)) => Some(trust),
            (Some("https"), None) => bail!("{url}: give the certificate to trust (--ca)"),
            _ => bail!("{url}: must start with http:// or https://"),
        };
        Self::named(SocketAddr::from((address, port)), name, trust)
    }

    fn named(
        address: SocketAddr,
        name: ServerName<'static>,
        trust: Option<&Trust>,
    ) -> anyhow::Result<Self> {
        let tls = match trust {
            Some(trust) => Some(Tls {
                h2: trust.connector(b"h2")?,
                http1: trust.connector(b"http/1.1")?,
            }),
            None => None,
        };
        Ok(Self { address, name, tls })
    }

    /// A new connection for gRPC.
    pub(super) async fn grpc(&self) -> anyhow::Result<Channel> {
        let remote = self.clone();
        let connector = tower::service_fn(move |_: Uri| {
            let remote = remote.clone();
            async move {
                let tls = remote.tls.as_ref().map(|tls| &tls.h2);
                remote.stream(tls).await
            }
        });
        // Not https: then tonic would want to do the TLS.
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        Ok(endpoint.connect_with_connector(connector).await?)
    }

    /// A new connection for HTTP/1.1.
    pub(super) async fn http(&self) -> anyhow::Result<Http> {
        let stream = self.stream(self.tls.as_ref().map(|tls| &tls.http1)).await?;
        let (sender, connection) = http1::handshake(stream).await?;
        // Ends with the sender; what goes wrong is said by the request.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// What HTTP/1.1 requests name in `Host`.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    async fn stream(&self, tls: Option<&TlsConnector>) -> io::Result<TokioIo<Box<dyn Stream>>> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        Ok(TokioIo::new(match tls {
            Some(tls) => Box::new(tls.connect(self.name.clone(), tcp).await?),
            None => Box::new(tcp),
        }))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        let url = url.parse().unwrap();
        Remote::from_url(&url, None).err().unwrap().to_string()
    }

    #[test]
    fn only_servers_on_this_machine_are_loaded() {
        for url in [
            "http://127.0.0.1:8440",
            "http://[::1]:8440",
            "http://localhost:8440",
        ] {
            Remote::from_url(&url.parse().unwrap(), None).unwrap();
        }
        assert!(refused("http://10.0.0.1:8440").contains("this machine"));
        assert!(refused("http://example.org:8440").contains("loopback"));
        assert!(refused("http://127.0.0.1").contains("no port"));
        assert!(refused("https://127.0.0.1:8440").contains("--ca"));
        assert!(refused("ftp://127.0.0.1:8440").contains("http://"));
    }

    #[test]
    fn what_holds_no_certificate_is_not_trusted() {
        assert!(Trust::new(b"nothing").is_err());
    }
}
