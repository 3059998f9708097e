//! Accepts connections: TLS or not, HTTP/1.1 and HTTP/2 (so gRPC) on one port, bounded in number and time.

use std::{convert::Infallible, fs, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::Router;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use crate::settings::TlsFiles;

/// Connections at a time on one listener; what comes then waits in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// For a TLS handshake, and for the head of an HTTP/1.1 request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// For one call, from its head to the head of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// For what is in flight when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a listener could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("{setting}: {address}: {source}")]
    Bind {
        /// Which setting says so.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Certificate or key cannot be read.
    #[error("{setting}: {path}: {reason}")]
    Tls {
        /// Which setting names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reads certificate and key.
pub(crate) fn tls_acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ListenError> {
    let cert_error = |reason: String| ListenError::Tls {
        setting: "tls_cert",
        path: files.cert.clone(),
        reason,
    };
    let key_error = |reason: String| ListenError::Tls {
        setting: "tls_key",
        path: files.key.clone(),
        reason,
    };
    let pem = fs::read(&files.cert).map_err(|e| cert_error(e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| cert_error(e.to_string()))?;
    let pem = zeroize::Zeroizing::new(fs::read(&files.key).map_err(|e| key_error(e.to_string()))?);
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| key_error(e.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| cert_error(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| cert_error(e.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A bound address and what answers there.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
}

impl Listener {
    pub(crate) async fn bind(
        setting: &'static str,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        router: Router,
    ) -> Result<Self, ListenError> {
        let bind_error = |source| ListenError::Bind {
            setting,
            address,
            source,
        };
        let tcp = TcpListener::bind(address).await.map_err(bind_error)?;
        Ok(Self { tcp, tls, router })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.tcp
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// Serves until `stop` turns true, then lets what is in flight finish.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place.expect("never closed"), self.tcp.accept().await)
            };
            let (place, accepted) = tokio::select! {
                accepted = accepted => accepted,
                // An error means that the sender is gone: stop as well.
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (tls, router) = (self.tls.clone(), self.router.clone());
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                if let Err(error) = serve_connection(stream, tls, router, watcher).await {
                    debug!(%error, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(self.tcp);
        if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
            warn!("some connections did not finish in time");
        }
    }
}

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

async fn serve_connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let stream = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await??;
            serve_stream(stream, router, watcher).await
        }
        None => serve_stream(stream, router, watcher).await,
    }
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), ConnectionError> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(HANDSHAKE_TIMEOUT);
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let answer = router.clone().oneshot(request.map(axum::body::Body::new));
        async move {
            Ok::<_, Infallible>(match timeout(CALL_TIMEOUT, answer).await {
                Ok(Ok(response)) => response,
                Err(_) => too_slow(),
            })
        }
    });
    let service = TowerToHyperService::new(service);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    watcher.watch(connection.into_owned()).await
}

fn too_slow() -> axum::response::Response {
    use axum::response::IntoResponse as _;
    (axum::http::StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response()
}
