//! A connection to this server's own listener, for the self-check.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::settings::TlsFiles;

/// For the connection and for the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes both ways, encrypted or not.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where to connect, and how.
#[derive(Clone)]
pub(crate) struct Dialer {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Dialer {
    /// - `listener`: where it is bound; if to every address, this machine's own is taken.
    /// - `tls`: what it serves: that very certificate is expected, whatever names stand in it.
    pub(crate) fn new(listener: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, String> {
        let mut address = listener;
        if address.ip().is_unspecified() {
            address.set_ip(match listener.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let tls = tls.map(connector).transpose()?;
        Ok(Self { address, tls })
    }

    /// Connects.
    pub(crate) async fn dial(self) -> io::Result<TokioIo<Box<dyn Wire>>> {
        let stream = timeout(PATIENCE, TcpStream::connect(self.address)).await??;
        stream.set_nodelay(true)?;
        let wire: Box<dyn Wire> = match self.tls {
            None => Box::new(stream),
            Some(tls) => {
                // Not looked at: see `Own`.
                let name = ServerName::IpAddress(self.address.ip().into());
                Box::new(timeout(PATIENCE, tls.connect(name, stream)).await??)
            }
        };
        Ok(TokioIo::new(wire))
    }
}

fn connector(files: &TlsFiles) -> Result<TlsConnector, String> {
    let of_file = |error: &dyn std::fmt::Display| format!("tls_cert: {error}");
    let pem = fs::read(&files.cert).map_err(|error| of_file(&error))?;
    let certificate = CertificateDer::from_pem_slice(&pem).map_err(|error| of_file(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let own = Own {
        certificate,
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(own))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Expects the certificate that the settings name, and the key that belongs to it. Stricter than names and authorities:
/// the self-check knows whom it calls. A certificate that was renewed on disk and not read by the server shows, too.
#[derive(Debug)]
struct Own {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Own {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        let reason = "another certificate is served than tls_cert has now";
        Err(rustls::Error::General(reason.into()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
