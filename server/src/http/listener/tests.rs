//! Callers that are slow, silent, greedy or many, over real sockets.

use std::time::Instant;

use axum::{body::Bytes, routing};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout_at},
};

use super::*;
use crate::telemetry::Metric;

/// Whatever must happen happens within this, or the test fails.
const DEADLINE: Duration = Duration::from_secs(20);

/// As the product's, but for the time they take.
fn limits() -> Limits {
    Limits {
        handshake: Duration::from_millis(300),
        call: Duration::from_millis(300),
        progress: Duration::from_millis(600),
        drain: Duration::from_millis(300),
        ..Limits::default()
    }
}

struct World {
    address: SocketAddr,
    telemetry: Arc<Telemetry>,
    guard: Guard,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn new(limits: Limits, max_connections: usize) -> Self {
        Self::with(limits, max_connections, None).await
    }

    async fn with(limits: Limits, max_connections: usize, tls: Option<TlsAcceptor>) -> Self {
        let router = Router::new()
            .route("/", routing::get(|| async { "here" }))
            .route("/echo", routing::post(|body: Bytes| async { body }))
            .route("/never", routing::get(std::future::pending::<String>))
            .route("/big", routing::get(|| async { vec![7_u8; 64 << 20] }));
        let telemetry = Arc::new(Telemetry::new());
        let listener = Listener::bind(
            "public_listen",
            SocketAddr::from(([127, 0, 0, 1], 0)),
            tls,
            router,
            max_connections,
            Arc::clone(&telemetry),
        )
        .await
        .unwrap()
        .with_limits(limits, Arc::clone(&telemetry));
        let (address, guard) = (listener.local_addr(), listener.guard.clone());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(listener.serve(stopping));
        Self {
            address,
            telemetry,
            guard,
            _stop: stop,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn value(&self, metric: Metric, label: &[&str]) -> f64 {
        let labels: Vec<&str> = ["public"].iter().chain(label).copied().collect();
        self.telemetry.value(metric, &labels)
    }

    /// Waits until as many connections are open, and says how many were cut for that reason.
    async fn cut(&self, reason: &str) -> f64 {
        let until = Instant::now() + DEADLINE;
        while self.value(Metric::Connections, &[]) > 0.0 {
            assert!(Instant::now() < until, "a connection stays open");
            sleep(Duration::from_millis(5)).await;
        }
        self.value(Metric::ConnectionsCut, &[reason])
    }
}

/// What comes until the connection ends.
async fn all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // Reset instead of closed, if something that was sent was not read: an end all the same.
    let _ = timeout(DEADLINE, stream.read_to_end(&mut answer))
        .await
        .expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends a byte now and then for as long as they are taken.
async fn trickle(stream: &mut TcpStream) -> String {
    let until = tokio::time::Instant::now() + DEADLINE;
    let (mut reading, mut writing) = stream.split();
    let sending = async {
        while writing.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    tokio::select! {
        ended = timeout_at(until, reading.read_to_end(&mut answer)) => drop(ended.expect("it ends")),
        () = sending => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(stream: &mut TcpStream, path: &str, headers: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn head(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = timeout(DEADLINE, stream.read_u8()).await.expect("in time");
        answer.push(byte.expect("a head"));
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let world = World::new(limits(), 10).await;
    let mut silent = world.connect().await;
    assert_eq!(all(&mut silent).await, "");
    assert_eq!(world.cut("silent").await, 1.0);
    assert_eq!(world.value(Metric::ConnectionsAccepted, &["plain"]), 0.0);
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off() {
    let world = World::new(limits(), 10).await;
    let mut slow = world.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx: ")
        .await
        .unwrap();
    let answer = trickle(&mut slow).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    world.cut("").await;
    assert_eq!(world.value(Metric::ConnectionsAccepted, &["plain"]), 1.0);
}

/// The preface of HTTP/2 and no call: pings keep nothing open.
#[tokio::test]
async fn a_connection_without_any_call_is_cut_off() {
    let world = World::new(limits(), 10).await;
    let mut idle = world.connect().await;
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    all(&mut idle).await;
    assert_eq!(world.cut("no_call").await, 1.0);
}

#[tokio::test]
async fn a_body_that_trickles_in_ends_in_time_and_holds_no_memory() {
    let world = World::new(limits(), 10).await;
    let mut slow = world.connect().await;
    slow.write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        .await
        .unwrap();
    let answer = trickle(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    world.cut("").await;
    assert!(world.guard.is_at_rest());
}

#[tokio::test]
async fn who_does_not_take_the_answer_is_cut_off() {
    let world = World::new(limits(), 10).await;
    let mut stuck = world.connect().await;
    get(&mut stuck, "/big", "").await;
    head(&mut stuck).await;
    assert_eq!(world.cut("stalled").await, 1.0);
    assert!(world.guard.is_at_rest());
}

/// Slowly, but without standing still for as long as the limit: longer than the limit in all.
#[tokio::test]
async fn who_takes_the_answer_slowly_gets_all_of_it() {
    let world = World::new(limits(), 10).await;
    let mut slow = world.connect().await;
    get(&mut slow, "/big", "connection: close\r\n").await;
    let (mut taken, mut buffer) = (0, vec![0; 4 << 20]);
    let began = Instant::now();
    loop {
        let got = timeout(DEADLINE, slow.read(&mut buffer)).await.unwrap();
        match got.unwrap() {
            0 => break,
            some => taken += some,
        }
        if began.elapsed() < 2 * limits().progress {
            sleep(Duration::from_millis(20)).await;
        }
    }
    assert!(taken > 64 << 20, "{taken} bytes");
    assert_eq!(world.cut("stalled").await, 0.0);
}

/// Not cut off: let go, as one that is too old is.
#[tokio::test]
async fn a_kept_connection_that_is_not_used_ends() {
    let slow_head = Limits {
        handshake: DEADLINE,
        ..limits()
    };
    let world = World::new(slow_head, 10).await;
    let mut kept = world.connect().await;
    get(&mut kept, "/", "").await;
    let answer = all(&mut kept).await;
    assert!(answer.ends_with("here"), "{answer}");
    assert_eq!(world.cut("stalled").await, 0.0);
}

#[tokio::test]
async fn a_flood_of_connections_holds_the_others_up_for_a_while_only() {
    let world = World::new(limits(), 2).await;
    let flood = [world.connect().await, world.connect().await];
    // Waits in the kernel's queue until those are cut off.
    let mut honest = world.connect().await;
    get(&mut honest, "/", "connection: close\r\n").await;
    let answer = all(&mut honest).await;
    assert!(answer.ends_with("here"), "{answer}");
    assert_eq!(world.cut("silent").await, 2.0);
    drop(flood);
}

#[tokio::test]
async fn who_calls_when_too_many_calls_are_in_hand_is_told_to_come_again() {
    let one = Limits {
        calls: 1,
        call: DEADLINE,
        progress: DEADLINE,
        ..limits()
    };
    let world = World::new(one, 10).await;
    let mut first = world.connect().await;
    get(&mut first, "/never", "").await;
    let until = Instant::now() + DEADLINE;
    while world.guard.is_at_rest() {
        assert!(Instant::now() < until, "the call does not begin");
        sleep(Duration::from_millis(5)).await;
    }
    let mut second = world.connect().await;
    get(&mut second, "/", "").await;
    let answer = head(&mut second).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    assert!(answer.contains("retry-after: 5"), "{answer}");
    let mut third = world.connect().await;
    get(&mut third, "/", "content-type: application/grpc\r\n").await;
    let answer = head(&mut third).await.to_lowercase();
    assert!(answer.contains("grpc-status: 8\r\n"), "{answer}");
    // google.rpc.RetryInfo is in there.
    assert!(answer.contains("grpc-status-details-bin: "), "{answer}");
    // Its caller goes: the next one has its place.
    drop((first, second, third));
    world.cut("").await;
    assert!(world.guard.is_at_rest());
    let mut next = world.connect().await;
    get(&mut next, "/", "").await;
    assert!(head(&mut next).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn bodies_beyond_what_all_may_hold_together_are_refused() {
    let little = Limits {
        body_bytes: 1_000,
        ..limits()
    };
    let world = World::new(little, 10).await;
    for (length, expected) in [(1_001, "HTTP/1.1 503"), (1_000, "HTTP/1.1 200")] {
        let mut caller = world.connect().await;
        let request = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        caller.write_all(request.as_bytes()).await.unwrap();
        caller.write_all(&vec![b'a'; length]).await.unwrap();
        let answer = head(&mut caller).await;
        assert!(answer.starts_with(expected), "{length}: {answer}");
    }
    world.cut("").await;
    assert!(world.guard.is_at_rest());
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let world = World::new(limits(), 10).await;
    let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
    let long = format!("a: {}\r\n", "b".repeat(MAX_HEAD_BYTES as usize));
    for headers in [many, long] {
        let mut caller = world.connect().await;
        get(&mut caller, "/", &headers).await;
        let answer = all(&mut caller).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

mod tls {
    use rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName},
    };
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::{
        http::{Certificate, tls_acceptor},
        settings::TlsFiles,
    };

    struct Client(TlsConnector);

    impl Client {
        /// Remembers sessions as long as it lives.
        fn new(certificate: &CertificateDer<'static>) -> Self {
            let mut roots = RootCertStore::empty();
            roots.add(certificate.clone()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.enable_early_data = true;
            Self(TlsConnector::from(Arc::new(config)))
        }

        /// One call on a new connection; gives how that began, and whether early data would have been taken.
        async fn call(&self, world: &World) -> (Option<HandshakeKind>, bool) {
            let name = ServerName::try_from("localhost").unwrap();
            let tcp = world.connect().await;
            let mut stream = self.0.connect(name, tcp).await.unwrap();
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.ends_with("here"), "{answer}");
            let connection = stream.get_ref().1;
            (
                connection.handshake_kind(),
                connection.is_early_data_accepted(),
            )
        }
    }

    async fn world() -> (tempfile::TempDir, CertificateDer<'static>, World) {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            cert: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.cert, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let acceptor = tls_acceptor(Arc::new(Certificate::read(&files).unwrap()));
        let world = World::with(limits(), 10, Some(acceptor)).await;
        (folder, made.cert.der().clone(), world)
    }

    #[tokio::test]
    async fn a_session_is_taken_up_again_and_nothing_is_taken_early() {
        let (_folder, certificate, world) = world().await;
        let client = Client::new(&certificate);
        assert_eq!(
            client.call(&world).await,
            (Some(HandshakeKind::Full), false)
        );
        for _ in 0..3 {
            // Each connection gives a ticket for the next.
            assert_eq!(
                client.call(&world).await,
                (Some(HandshakeKind::Resumed), false)
            );
        }
        assert_eq!(
            Client::new(&certificate).call(&world).await.0,
            Some(HandshakeKind::Full)
        );
        assert_eq!(world.value(Metric::ConnectionsAccepted, &["tls"]), 2.0);
        assert_eq!(world.value(Metric::ConnectionsAccepted, &["resumed"]), 3.0);
    }

    #[tokio::test]
    async fn a_handshake_that_does_not_go_on_is_cut_off() {
        let (_folder, _, world) = world().await;
        let mut slow = world.connect().await;
        slow.write_all(b"\x16\x03\x01").await.unwrap();
        assert_eq!(all(&mut slow).await, "");
        assert_eq!(world.cut("handshake").await, 1.0);
    }
}
