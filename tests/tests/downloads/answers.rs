//! Every answer: how long it may be kept, what is counted, and that it is never another file than the one that was
//! published.

use reqwest::{StatusCode, header};
use truyvet_matching::Digest;
use truyvet_proto::v1::DownloadBatchRequest;
use truyvet_server::telemetry::Metric;
use truyvet_tests::{process::eventually, world::World};

use crate::{get, only_batch};

#[tokio::test]
async fn every_answer_says_how_long_caches_may_keep_it() {
    let world = World::new().await;
    world.publish().await;
    let (digest, batch) = only_batch(&world).await;
    let etag = format!("\"{digest}\"");
    let known = [(header::IF_NONE_MATCH, etag.as_str())];
    let index_cache =
        "public, max-age=60, stale-while-revalidate=60, stale-if-error=43140, no-transform";
    let batch_cache = "public, max-age=1209600, immutable, no-transform";
    for (path, headers, status, cache) in [
        ("/v1/VN/index", [].as_slice(), 200, index_cache),
        (&batch, &[], 200, batch_cache),
        (&batch, &[(header::RANGE, "bytes=0-9")], 206, batch_cache),
        (
            &batch,
            &[(header::RANGE, "bytes=0-9,20-29")],
            200,
            batch_cache,
        ),
        (&batch, &known, 304, batch_cache),
        (&batch, &[(header::IF_MATCH, "\"x\"")], 412, "no-store"),
        (
            &batch,
            &[(header::RANGE, "bytes=99999999-")],
            416,
            "no-store",
        ),
        ("/v1/XX/index", &[], 404, "public, max-age=5"),
        ("/v1/batches/x.tvb", &[], 404, "public, max-age=5"),
    ] {
        let answer = get(&world, path, headers).await;
        assert_eq!(answer.status(), status, "{path} {headers:?}");
        assert_eq!(
            answer.headers()[header::CACHE_CONTROL],
            cache,
            "{path} {headers:?}"
        );
        let said = |name: header::HeaderName| answer.headers().contains_key(name);
        assert!(!said(header::VARY) && !said(header::SET_COOKIE), "{path}");
        assert_eq!(said(header::ETAG), (200..400).contains(&status), "{path}");
        assert!(said(header::DATE));
        if status == 416 {
            let length = answer.headers()[header::CONTENT_RANGE].to_str().unwrap();
            assert!(length.starts_with("bytes */"), "{length}");
        }
    }
    // A cache forgets a batch when the server does.
    world.clock.advance(86_400);
    let answer = get(&world, &batch, &[]).await;
    let cache = answer.headers()[header::CACHE_CONTROL].to_str().unwrap();
    assert!(cache.contains("max-age=1123200,"), "{cache}");
}

#[tokio::test]
async fn the_head_of_an_answer_is_that_of_the_answer() {
    let world = World::new().await;
    world.publish().await;
    let (_, batch) = only_batch(&world).await;
    for path in ["/v1/VN/index", batch.as_str()] {
        let whole = get(&world, path, &[]).await;
        let head = reqwest::Client::new()
            .head(format!("{}{path}", world.public_url()))
            .header(header::RANGE, "bytes=0-9")
            .send()
            .await
            .unwrap();
        assert_eq!(head.status(), StatusCode::OK);
        for name in [
            header::CONTENT_LENGTH,
            header::ETAG,
            header::CACHE_CONTROL,
            header::CONTENT_TYPE,
        ] {
            assert_eq!(
                head.headers()[&name],
                whole.headers()[&name],
                "{path} {name}"
            );
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn downloads_are_counted_by_what_became_of_them() {
    let world = World::with(|settings| settings.pad_floor_tags = 100_000).await;
    let context = world.server.context();
    let bytes = world.publish().await.file_bytes;
    let (digest, batch) = only_batch(&world).await;
    let first_downloads = || {
        let labels = ["VN", "downloaded"];
        context.telemetry.value(Metric::StepAgeSeconds, &labels)
    };
    assert_eq!(first_downloads(), 0.0);
    let etag = format!("\"{digest}\"");
    for headers in [
        [].as_slice(),
        &[(header::RANGE, "bytes=0-99")],
        &[(header::IF_NONE_MATCH, &etag)],
    ] {
        get(&world, &batch, headers).await.bytes().await.unwrap();
    }
    assert_eq!(first_downloads(), 1.0);
    get(&world, "/v1/batches/x.tvb", &[]).await;
    let mut grpc = world.raw_phone(1).await.exposure;
    let request = DownloadBatchRequest {
        digest: digest.as_bytes().to_vec(),
        offset: bytes - 50,
    };
    let mut pieces = grpc.download_batch(request).await.unwrap().into_inner();
    while pieces.message().await.unwrap().is_some() {}

    let counted = |answer| {
        let metric = Metric::Downloads;
        context.telemetry.value(metric, &["batch", answer])
    };
    let answers = ["full", "part", "not_modified", "not_found", "failed"];
    assert_eq!(answers.map(counted), [1.0, 2.0, 1.0, 1.0, 0.0]);
    let handed_over = context.telemetry.value(Metric::DownloadBytes, &["batch"]);
    assert_eq!(handed_over, (bytes + 100 + 50) as f64);
}

/// From memory without TLS the kernel sends a file from its own copy: what arrives is the same, also in the middle of it.
#[tokio::test]
async fn a_connection_gets_the_same_bytes_again_and_again() {
    let world = World::with(|settings| settings.pad_floor_tags = 300_000).await;
    world.publish().await;
    let (digest, batch) = only_batch(&world).await;
    let file = world.files().await.remove(0);
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(1)
        .build()
        .unwrap();
    let url = format!("{}{batch}", world.public_url());
    for turn in 0..20 {
        let whole = client
            .get(&url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(Digest::of(&whole), digest, "turn {turn}");
        let from = 1_000 + 70_000 * turn;
        let range = format!("bytes={from}-{}", from + 65_535);
        let part = client.get(&url).header(header::RANGE, range);
        let part = part.send().await.unwrap().bytes().await.unwrap();
        assert_eq!(part, file[from..from + 65_536], "turn {turn}");
    }
    // And where nothing fits into memory.
    let mut world = world;
    world.settings.batch_cache_mb = 0;
    let world = world.restarted().await;
    let whole = get(&world, &batch, &[]).await.bytes().await.unwrap();
    assert_eq!(Digest::of(&whole), digest);
}

#[tokio::test]
async fn a_batch_that_is_corrupt_on_disk_is_not_handed_out() {
    for cache_mb in [256, 0] {
        let mut world = World::with(|settings| settings.batch_cache_mb = cache_mb).await;
        world.publish().await;
        let (digest, batch) = only_batch(&world).await;
        let path = world.batches().join(format!("{digest}.tvb"));
        let file = std::fs::read(&path).unwrap();
        let mut corrupt = file.clone();
        corrupt[5_000] ^= 1;
        std::fs::write(&path, corrupt).unwrap();
        world = world.restarted().await;
        for range in ["bytes=0-", "bytes=0-9"] {
            let answer = get(&world, &batch, &[(header::RANGE, range)]).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
            assert!(answer.headers().contains_key(header::RETRY_AFTER));
        }
        let telemetry = &world.server.context().telemetry;
        assert_eq!(
            telemetry.value(Metric::Downloads, &["batch", "failed"]),
            2.0
        );
        let mut grpc = world.raw_phone(1).await.exposure;
        let request = DownloadBatchRequest {
            digest: digest.as_bytes().to_vec(),
            offset: 0,
        };
        let refused = grpc.download_batch(request).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Unavailable);

        // Once it is repaired it is read again.
        std::fs::write(&path, &file).unwrap();
        let whole = eventually(async || {
            let answer = get(&world, &batch, &[]).await;
            match answer.status() {
                StatusCode::OK => Some(answer.bytes().await.unwrap()),
                _ => None,
            }
        })
        .await;
        assert_eq!(whole, file);
    }
}
