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

use axum::{
    Router,
    body::Body,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use hyper::{body::Incoming, header::CONTENT_TYPE};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use rustls::HandshakeKind;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, watch},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;
use tracing::{debug, warn};

use super::{
    bodies::{Counted, Progress, Standstill, Watched},
    guard::{Guard, Limits},
    zero_copy::{Outgoing, ZeroCopy},
};
use crate::{grpc, telemetry::Telemetry};

/// Calls at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// Bytes of a request's head, for HTTP/2 as the peer would count them; of the buffer for one with HTTP/1.1.
const MAX_HEAD_BYTES: u32 = 16 << 10;

/// Headers of an HTTP/1.1 request.
const MAX_HEADERS: usize = 64;

/// Bytes of one HTTP/2 frame: the least that the protocol allows.
const MAX_FRAME_BYTES: u32 = 16 << 10;

/// Bytes of a call's body, and of those of a connection together, that a peer may send before they are read. With the next
/// two they bound what a connection holds whose calls nobody reads.
const STREAM_WINDOW_BYTES: u32 = 64 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;

/// Bytes of an answer that wait for a peer who does not take them, and of the buffer between.
const MAX_SEND_BYTES: usize = 64 << 10;

/// Calls on one connection that the peer has taken back and the server has not dropped yet, and that the server took back:
/// whoever opens and resets calls in a loop is cut off.
const MAX_RESET_STREAMS: usize = 20;

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
    guard: Guard,
}

impl Listener {
    /// - `max_connections`: at a time; what comes then waits in the kernel's queue.
    pub(crate) async fn bind(
        setting: &'static str,
        address: SocketAddr,
        tls: Option<TlsAcceptor>,
        router: Router,
        max_connections: usize,
        telemetry: Arc<Telemetry>,
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
            guard: Guard::new(
                setting.trim_end_matches("_listen"),
                Limits::default(),
                telemetry,
            ),
        })
    }

    /// With other limits than the product's: a test need not wait as long.
    #[cfg(test)]
    pub(crate) fn with_limits(mut self, limits: Limits, telemetry: Arc<Telemetry>) -> Self {
        self.guard = Guard::new("public", limits, telemetry);
        self
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
            let guard = self.guard.clone();
            let (stop, in_flight) = (stop.clone(), in_flight.clone());
            tokio::spawn(async move {
                let _open = guard.open_connection();
                if let Err(error) = serve_connection(stream, peer, tls, router, guard, stop).await {
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
    guard: Guard,
    stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    let handshake = guard.limits().handshake;
    let (mut stop_before_it_begins, mut one) = (stop.clone(), [0]);
    tokio::select! {
        // Nothing below looks at the clock before the first byte. Peeked at: "readable" may be said of a new connection
        // on which nothing came.
        first_byte = timeout(handshake, stream.peek(&mut one)) => {
            let Ok(first_byte) = first_byte else {
                guard.count_cut("silent");
                return Ok(());
            };
            first_byte?;
        }
        _ = stop_before_it_begins.wait_for(|stop| *stop) => return Ok(()),
    }
    match tls {
        Some(tls) => {
            let Ok(shaken) = timeout(handshake, tls.accept(stream)).await else {
                guard.count_cut("handshake");
                return Ok(());
            };
            let stream = shaken?;
            let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            guard.count_accepted(if resumed { "resumed" } else { "tls" });
            serve_stream(stream, peer, None, router, guard, stop).await
        }
        None => {
            guard.count_accepted("plain");
            let outgoing = Outgoing::default();
            let stream = ZeroCopy::new(stream, outgoing.clone());
            serve_stream(stream, peer, Some(outgoing), router, guard, stop).await
        }
    }
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    outgoing: Option<Outgoing>,
    router: Router,
    guard: Guard,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ConnectionError> {
    let limits = *guard.limits();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        // Its length varies: `date.rs` adds it where it is of use.
        .auto_date_header(false)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(MAX_SEND_BYTES)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_RESET_STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(limits.handshake);
    let (begun, progress) = (Begun::default(), Progress::new());
    let (begun_here, progress_here, guard_here) = (begun.clone(), progress.clone(), guard.clone());
    let service = tower::service_fn(move |mut request: hyper::Request<Incoming>| {
        begun_here.set();
        request.extensions_mut().insert(peer);
        if let Some(outgoing) = &outgoing {
            request.extensions_mut().insert(outgoing.clone());
        }
        let is_grpc = is_grpc(&request);
        let too_much = Arc::new(AtomicBool::new(false));
        let under_way = progress_here.answer();
        let answer = guard_here.begin_call().map(|call| {
            let (bytes, flag) = (guard_here.no_bytes(), Arc::clone(&too_much));
            let request = request.map(|body| Body::new(Counted::new(body, bytes, flag)));
            (call, router.clone().oneshot(request))
        });
        async move {
            let Some((call, answer)) = answer else {
                return Ok::<_, Infallible>(busy(is_grpc));
            };
            let response = match timeout(limits.call, answer).await {
                Ok(Ok(_)) if too_much.load(Ordering::Relaxed) => busy(is_grpc),
                Ok(Ok(response)) => response,
                Err(_) => too_slow(is_grpc),
            };
            // Taking the answer is bounded by the connection.
            drop(call);
            Ok(response.map(|body| Body::new(Watched::new(body, under_way))))
        }
    });
    let service = TowerToHyperService::new(service);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = connection.as_mut() => return ended,
        _ = stop.wait_for(|stop| *stop) => {}
        () = tokio::time::sleep(limits.age) => {}
        // A connection on which no call begins is held open for nothing.
        () = begun.nothing_within(limits.handshake) => {
            guard.count_cut("no_call");
            return Ok(());
        }
        still = progress.none_within(limits.progress) => {
            if still == Standstill::Stalled {
                guard.count_cut("stalled");
                return Ok(());
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(limits.drain, connection).await {
        return ended;
    }
    // What was left of an answer had left our hands, and its peer did not take it.
    guard.count_cut("stalled");
    Ok(())
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

/// More is in hand than the limits allow.
fn busy(is_grpc: bool) -> Response {
    if is_grpc {
        return grpc::busy();
    }
    let retry_after = [("retry-after", grpc::RETRY_AFTER.as_secs().to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, retry_after, "busy\n").into_response()
}

fn too_slow(is_grpc: bool) -> Response {
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

#[cfg(test)]
mod tests;
