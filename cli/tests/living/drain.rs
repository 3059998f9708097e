//! SIGTERM and Ctrl-C: not ready first, what is in flight finishes, and it ends within a limit whatever clients do.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tonic::transport::Channel;
use truyvet_proto::v1::{
    DownloadBatchRequest, DownloadBatchResponse, ListBatchesRequest,
    exposure_service_client::ExposureServiceClient,
};

use super::{DEADLINE, Serving, administrator, eventually, get, publish};

/// Begins a download and takes nothing of it: the server cannot finish it.
async fn stuck_download(
    server: &Serving,
    folder: &Path,
) -> (
    ExposureServiceClient<Channel>,
    tonic::Streaming<DownloadBatchResponse>,
) {
    use prost::Message as _;
    let credential = folder.join("credential");
    administrator(&folder.join("country"), &credential);
    publish(server, &credential);
    let url = format!("http://{}", server.public);
    // So little that a batch does not fit in.
    let endpoint = Channel::from_shared(url).unwrap();
    let endpoint = endpoint
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    let channel = endpoint.connect().await.unwrap();
    let mut phone = ExposureServiceClient::new(channel);
    let request = ListBatchesRequest {
        region: "VN".into(),
    };
    let signed = phone
        .list_batches(request)
        .await
        .unwrap()
        .into_inner()
        .index
        .unwrap();
    let index = truyvet_proto::v1::Index::decode(signed.payload.as_slice()).unwrap();
    let request = DownloadBatchRequest {
        digest: index.batches[0].digest.clone(),
        offset: 0,
    };
    let pieces = phone.download_batch(request).await.unwrap().into_inner();
    (phone, pieces)
}

/// Far above what a connection takes in before somebody reads.
const LARGE: [&str; 2] = ["--pad-floor-tags", "40000"];

#[test]
fn a_load_balancer_has_time_to_notice() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Serving::start(
        &folder.path().join("country"),
        &["--drain-seconds", "3"],
        &[],
    );
    let index = |server: &Serving| get(server.public, "/v1/VN/index");
    assert!(
        get(server.ops, "/readyz")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let told = Instant::now();
    server.signal("TERM");
    let not_ready = eventually(DEADLINE, || {
        get(server.ops, "/readyz").filter(|answer| !answer.starts_with("HTTP/1.1 200"))
    });
    assert!(not_ready.starts_with("HTTP/1.1 503"), "{not_ready}");
    assert!(not_ready.ends_with("stopping\n"), "{not_ready}");
    // Not ready, and served all the same until others have noticed.
    assert!(index(&server).unwrap().starts_with("HTTP/1.1 200"));
    assert!(
        get(server.ops, "/healthz")
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
    let (status, _) = server.ended();
    assert!(status.success(), "{status}");
    assert!(told.elapsed() >= Duration::from_secs(3));
    assert!(index(&server).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_within_its_limit_though_a_client_never_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Serving::start(&folder.path().join("country"), &LARGE, &[]);
    let (_phone, mut pieces) = stuck_download(&server, folder.path()).await;
    server.signal("TERM");
    // Operators are told until the end, though phones' address is closed.
    eventually(DEADLINE, || {
        get(server.public, "/v1/VN/index").is_none().then_some(())
    });
    assert!(
        get(server.ops, "/readyz")
            .unwrap()
            .starts_with("HTTP/1.1 503")
    );
    let (status, took) = server.ended();
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    // It was in the middle of it.
    let mut error = None;
    while error.is_none() {
        match pieces.message().await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(status) => error = Some(status),
        }
    }
    assert!(
        error.is_some(),
        "the download was over before the server stopped"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for second in ["TERM", "INT"] {
        let data_dir = folder.path().join(second).join("country");
        let mut server = Serving::start(&data_dir, &LARGE, &[]);
        let (_phone, _pieces) = stuck_download(&server, &folder.path().join(second)).await;
        server.signal("TERM");
        eventually(DEADLINE, || {
            get(server.ops, "/readyz").filter(|answer| answer.contains("stopping"))
        });
        server.signal(second);
        let (status, took) = server.ended();
        assert_eq!(status.code(), Some(1), "{status}");
        // The connection that hangs is given ten.
        assert!(took < Duration::from_secs(8), "{took:?}");
    }
}
