//! A server that stops: calls in flight are answered and durable, connections are told to go elsewhere.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, client::Grpc};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_prost::ProstCodec;
use truyvet_proto::v1::{UploadRequest, UploadResponse};
use truyvet_tests::{
    process::{DEADLINE, eventually},
    world::{World, channel},
};

#[tokio::test]
async fn an_upload_under_way_is_acknowledged_and_durable() {
    let mut world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let token = phone
        .redeem(&world.code().await)
        .await
        .expect("a good code");
    let keys = [phone.key(world.today().minus_days(1))];
    let upload = phone.request(&token, &keys);
    let public = world.server.public_addr();
    let channel = channel(&format!("http://{public}")).await;

    // Its head is sent; its message comes later.
    let (message, messages) = mpsc::channel::<UploadRequest>(1);
    let mut grpc = Grpc::new(channel.clone());
    let call = tokio::spawn(async move {
        grpc.ready().await.expect("connected");
        let path = "/truyvet.v1.ReportService/Upload"
            .try_into()
            .expect("a path");
        let codec = ProstCodec::<UploadRequest, UploadResponse>::default();
        let request = Request::new(ReceiverStream::new(messages));
        grpc.client_streaming(request, path, codec).await
    });
    // Answered on the same connection: the second one surely behind that head.
    let mut health = HealthClient::new(channel);
    let everything = HealthCheckRequest::default();
    for _ in 0..2 {
        let before = health
            .check(everything.clone())
            .await
            .expect("it is served");
        assert_eq!(before.into_inner().status(), ServingStatus::Serving);
    }
    let mut watch = health
        .watch(everything)
        .await
        .expect("it is served")
        .into_inner();

    let (settings, clock) = (world.settings.clone(), world.clock.clone());
    let stopped = world.server;
    let stopping = tokio::spawn(stopped.stop());
    // Whoever watches health is told, and new connections are refused.
    let mut told = ServingStatus::Serving;
    while told == ServingStatus::Serving {
        let next = timeout(DEADLINE, watch.message()).await.expect("in time");
        told = next
            .expect("it is told before the end")
            .expect("a state")
            .status();
    }
    assert_eq!(told, ServingStatus::NotServing);
    eventually(async || TcpStream::connect(public).await.is_err().then_some(())).await;
    assert!(!stopping.is_finished());

    message.send(upload.clone()).await.expect("the call waits");
    // Its end.
    drop(message);
    call.await
        .expect("no panic")
        .expect("what is in flight is answered");
    drop(watch);
    stopping.await.expect("no panic");
    let log = settings.database.file().unwrap().with_extension("db-wal");
    assert!(!log.exists(), "the write-ahead log was emptied");

    let effects = truyvet_server::Effects {
        clock,
        entropy: std::sync::Arc::new(truyvet_server::Entropy::from_seed([2; 32])),
        steps: std::sync::Arc::new(truyvet_server::WalkOn),
    };
    world.server = truyvet_server::start(settings, effects)
        .await
        .expect("it starts again");
    assert_eq!(world.rows("spent_token"), 1);
    // Acknowledged once, whoever asks again.
    world
        .raw_phone(1)
        .await
        .upload(upload)
        .await
        .expect("the same again");
    assert_eq!(world.rows("spent_token"), 1);
}

/// What a server sends before it hangs up.
async fn last_words(stream: &mut TcpStream) -> Vec<u8> {
    let mut words = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut words)).await;
    drop(read.expect("it hangs up"));
    words
}

#[tokio::test]
async fn idle_connections_are_told_to_go() {
    let world = World::new().await;
    let public = world.server.public_addr();
    let mut http1 = TcpStream::connect(public).await.expect("it listens");
    let request = b"GET /v1/VN/index HTTP/1.1\r\nHost: x\r\n\r\n";
    http1.write_all(request).await.expect("it reads");
    let mut answer = vec![0; 15];
    http1.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    let mut http2 = TcpStream::connect(public).await.expect("it listens");
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    http2.write_all(hello).await.expect("it reads");
    // Its settings: the connection is under way.
    let mut head = [0; 9];
    http2.read_exact(&mut head).await.expect("it answers");
    let mut silent = TcpStream::connect(public).await.expect("it listens");

    let stopping = tokio::spawn(world.server.stop());
    last_words(&mut http1).await;
    assert!(last_words(&mut silent).await.is_empty());
    // Frames: length in three bytes, type, flags, stream. 7 is GOAWAY.
    while head[3] != 7 {
        let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
        http2.read_exact(&mut payload).await.expect("a whole frame");
        let next = timeout(DEADLINE, http2.read_exact(&mut head)).await;
        next.expect("in time").expect("a goodbye before the end");
    }
    drop(http2);
    // None of them was waited for.
    let stopped = timeout(Duration::from_secs(8), stopping).await;
    stopped.expect("in time").expect("no panic");
}

/// A request whose end comes only after the server was told to stop is answered, with the word that it was the last.
#[tokio::test]
async fn the_last_answer_of_http_1_says_so() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.server.public_addr())
        .await
        .expect("it listens");
    stream
        .write_all(b"GET /v1/VN/index HTTP/1.1\r\nHost: x\r\n")
        .await
        .expect("it reads");
    let ops = world.server.ops_addr();
    // The head is being read: the server has the first byte.
    eventually(async || {
        let url = format!("http://{ops}/metrics");
        drop(rustls::crypto::ring::default_provider().install_default());
        reqwest::get(url).await.ok()
    })
    .await;
    let stopping = tokio::spawn(world.server.stop());
    eventually(async || {
        let url = format!("http://{ops}/readyz");
        let answer = reqwest::get(url).await.ok()?;
        (answer.status() == 503).then_some(())
    })
    .await;
    stream.write_all(b"\r\n").await.expect("it reads");
    let answer = String::from_utf8_lossy(&last_words(&mut stream).await).to_lowercase();
    assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    stopping.await.expect("no panic");
}
