//! Accepts connections: TLS or not, HTTP/1.1 and HTTP/2 (so gRPC) on one port, bounded in number and time.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::Router;
use hyper::{body::Incoming, header::CONTENT_TYPE};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::{debug, warn};

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// For a TLS handshake, for the first byte of a connection, and for the head of an HTTP/1.1 request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// For one call, from its head to the head of its answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// After this long a connection takes no more calls. Phones need seconds; downloads go on with a range.
const MAX_AGE: Duration = Duration::from_secs(600);

/// For what is in flight when a connection takes no more calls, or the server stops.
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

/// A bound address and what answers there.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    max_connections: usize,
}

impl Listener {
    /// - `max_connections`: at a time; what comes then waits in the kernel's queue.
    pub(crate) async fn bind(
        setting: &'static str,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        router: Router,
        max_connections: usize,
    ) -> Result<Self, ListenError> {
        let bind_error = |source| ListenError::Bind {
            setting,
            address,
            source,
        };
        let tcp = TcpListener::bind(address).await.map_err(bind_error)?;
        Ok(Self {
            tcp,
            tls,
            router,
            max_connections,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.tcp
            .local_addr()
            .expect("a bound socket has an address")
    }

    /// Serves until `stop` turns true, then lets what is in flight finish.
    pub(crate) async fn serve(self, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        // Every connection holds a sender: the channel ends with the last of them.
        let (in_flight, mut all_done) = mpsc::channel::<()>(1);
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
            let (stream, peer) = match accepted {
                Ok((stream, address)) => (stream, Peer(address.ip())),
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (tls, router) = (self.tls.clone(), self.router.clone());
            let (stop, in_flight) = (stop.clone(), in_flight.clone());
            tokio::spawn(async move {
                if let Err(error) = serve_connection(stream, peer, tls, router, stop).await {
                    debug!(%error, "a connection ended early");
                }
                drop((place, in_flight));
            });
        }
        drop((self.tcp, in_flight));
        // Each connection drains by itself within its own limit.
        all_done.recv().await;
    }
}

/// Who is connected, as an extension of each request. For the brake on guesses alone: it goes when the call ends, and has
/// no `Debug`, so that it gets into no log.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

type ConnectionError = Box<dyn std::error::Error + Send + Sync>;

async fn serve_connection(
    stream: TcpStream,
    peer: Peer,
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    // Nothing below looks at the clock before the first byte.
    timeout(HANDSHAKE_TIMEOUT, stream.readable()).await??;
    match tls {
        Some(tls) => {
            let stream = timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await??;
            serve_stream(stream, peer, router, stop).await
        }
        None => serve_stream(stream, peer, router, stop).await,
    }
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    mut stop: watch::Receiver<bool>,
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
    let begun = Begun::default();
    let begun_here = begun.clone();
    let service = tower::service_fn(move |mut request: hyper::Request<Incoming>| {
        begun_here.set();
        request.extensions_mut().insert(peer);
        let is_grpc = is_grpc(&request);
        let answer = router.clone().oneshot(request.map(axum::body::Body::new));
        async move {
            Ok::<_, Infallible>(match timeout(CALL_TIMEOUT, answer).await {
                Ok(Ok(response)) => response,
                Err(_) => too_slow(is_grpc),
            })
        }
    });
    let service = TowerToHyperService::new(service);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(MAX_AGE) => {}
        // A connection on which no call begins is held open for nothing.
        () = begun.nothing_within(HANDSHAKE_TIMEOUT) => return Ok(()),
    }
    connection.as_mut().graceful_shutdown();
    timeout(DRAIN_TIMEOUT, connection).await?
}

/// Whether a call has begun on a connection.
#[derive(Clone, Default)]
struct Begun(Arc<AtomicBool>);

impl Begun {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns after that time if no call has begun by then, else never.
    async fn nothing_within(&self, time: Duration) {
        tokio::time::sleep(time).await;
        if self.0.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

fn is_grpc(request: &hyper::Request<Incoming>) -> bool {
    request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn too_slow(is_grpc: bool) -> axum::response::Response {
    use axum::{http::StatusCode, response::IntoResponse as _};
    if is_grpc {
        // gRPC over HTTP/2, "trailers-only": 4 is DEADLINE_EXCEEDED.
        let headers = [
            ("content-type", "application/grpc"),
            ("grpc-status", "4"),
            ("grpc-message", "too slow"),
        ];
        return headers.into_response();
    }
    (StatusCode::REQUEST_TIMEOUT, "too slow\n").into_response()
}
