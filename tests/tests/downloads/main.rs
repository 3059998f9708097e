//! Index and batches as phones see them: HTTP and gRPC give the same bytes; ranges, entity tags, retention. What caches
//! are told stands in `answers`, what one does in `cdn`.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod answers;
mod cdn;

use prost::Message as _;
use reqwest::{StatusCode, header};
use truyvet_crypto::sign::{KeyId, Purpose};
use truyvet_matching::{Digest, VerifiedBatch};
use truyvet_proto::v1::{
    DownloadBatchRequest, Index, ListBatchesRequest, PublishNowRequest, Signed,
};
use truyvet_tests::world::{World, bearer};

async fn get(
    world: &World,
    path: &str,
    headers: &[(header::HeaderName, &str)],
) -> reqwest::Response {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut request = reqwest::Client::new().get(format!("{}{path}", world.public_url()));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap()
}

async fn index(world: &World) -> (Signed, Index) {
    let answer = get(world, "/v1/VN/index", &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(
        answer.headers()[header::CONTENT_TYPE],
        "application/x-protobuf"
    );
    let signed = Signed::decode(answer.bytes().await.unwrap()).unwrap();
    let index = Index::decode(signed.payload.as_slice()).unwrap();
    (signed, index)
}

#[tokio::test]
async fn the_index_is_signed_and_not_sent_twice() {
    let world = World::new().await;
    world.publish().await;
    let (signed, index) = index(&world).await;
    let signature = &signed.signatures[0];
    let key_id = KeyId::from_bytes(signature.key_id.as_slice().try_into().unwrap());
    world
        .trusted()
        .verify(
            key_id,
            Purpose::Index,
            &signed.payload,
            &signature.signature,
        )
        .unwrap();
    assert_eq!(index.region, "VN");
    assert_eq!(index.batches.len(), 1);

    let answer = get(&world, "/v1/VN/index", &[]).await;
    let etag = answer.headers()[header::ETAG].to_str().unwrap().to_owned();
    assert!(
        answer.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("max-age")
    );
    let again = get(&world, "/v1/VN/index", &[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.bytes().await.unwrap().len(), 0);
    world.clock.advance(60);
    world.publish().await;
    let newer = get(&world, "/v1/VN/index", &[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(newer.status(), StatusCode::OK);

    let mut grpc = world.raw_phone(1).await.exposure;
    let request = ListBatchesRequest {
        region: "VN".into(),
    };
    let by_grpc = grpc
        .list_batches(request)
        .await
        .unwrap()
        .into_inner()
        .index
        .unwrap();
    assert_eq!(newer.bytes().await.unwrap(), by_grpc.encode_to_vec());
}

#[tokio::test]
async fn a_batch_is_the_same_over_http_in_ranges_and_over_grpc() {
    let world = World::with(|settings| settings.pad_floor_tags = 50_000).await;
    world.publish().await;
    let (_, index) = index(&world).await;
    let entry = &index.batches[0];
    let digest = Digest::from_bytes(entry.digest.as_slice().try_into().unwrap());
    let path = format!("/v1/batches/{digest}.tvb");
    let answer = get(&world, &path, &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        answer.headers()[header::CACHE_CONTROL]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert!(!answer.headers().contains_key(header::CONTENT_ENCODING));
    let file = answer.bytes().await.unwrap();
    assert_eq!(file.len() as u64, entry.file_bytes);
    assert_eq!(Digest::of(&file), digest);
    VerifiedBatch::verify(file.as_ref(), &world.trusted()).unwrap();

    let length = file.len();
    for (range, expected) in [
        ("bytes=0-99".to_owned(), Some(0..100)),
        ("bytes=1000-".to_owned(), Some(1_000..length)),
        ("bytes=-7".to_owned(), Some(length - 7..length)),
        (format!("bytes=5-{}", length + 50), Some(5..length)),
        (format!("bytes=-{}", length + 50), Some(0..length)),
        (format!("bytes={length}-"), None),
    ] {
        let part = get(&world, &path, &[(header::RANGE, &range)]).await;
        match expected {
            Some(expected) => {
                assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
                let said = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
                assert_eq!(part.headers()[header::CONTENT_RANGE], said.as_str());
                assert_eq!(part.bytes().await.unwrap(), file[expected]);
            }
            None => assert_eq!(part.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}"),
        }
    }
    // A range of another file than the one that is there gets the whole.
    let other = [
        (header::RANGE, "bytes=0-9"),
        (header::IF_RANGE, "\"other\""),
    ];
    assert_eq!(get(&world, &path, &other).await.status(), StatusCode::OK);

    let mut grpc = world.raw_phone(1).await.exposure;
    for offset in [0, 100_000, length as u64 - 1] {
        let request = DownloadBatchRequest {
            digest: entry.digest.clone(),
            offset,
        };
        let mut pieces = grpc.download_batch(request).await.unwrap().into_inner();
        let mut got = Vec::new();
        while let Some(piece) = pieces.message().await.unwrap() {
            assert!(piece.piece.len() <= 64 << 10);
            got.extend_from_slice(&piece.piece);
        }
        assert_eq!(got, file[usize::try_from(offset).unwrap()..]);
    }
}

/// The one batch of a world, and where it is.
async fn only_batch(world: &World) -> (Digest, String) {
    let (_, index) = index(world).await;
    let digest = Digest::from_bytes(index.batches[0].digest.as_slice().try_into().unwrap());
    (digest, format!("/v1/batches/{digest}.tvb"))
}

#[tokio::test]
async fn what_is_not_published_cannot_be_fetched() {
    let world = World::new().await;
    std::fs::write(
        world.batches().join(format!("{}.tvb", Digest::of(b"x"))),
        "x",
    )
    .unwrap();
    for path in [
        format!("/v1/batches/{}.tvb", Digest::of(b"x")),
        "/v1/batches/..%2f..%2fkeys%2ftoken.key".into(),
        "/v1/batches/x.tvb".into(),
        "/v1/XX/index".into(),
        "/truyvet.v1.ReportService".into(),
        "/".into(),
    ] {
        assert_eq!(
            get(&world, &path, &[]).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_has_outlived_its_purpose_is_forgotten_and_numbering_goes_on() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    assert!(world.on_disk(keys[0].secret()));
    world.publish().await;
    world.clock.advance(86_400);
    world.publish().await;
    let files = || std::fs::read_dir(world.batches()).unwrap().count();
    assert_eq!(files(), 2);

    // The schedule may forget as well meanwhile: what counts is what is left.
    let left = async |world: &World| {
        truyvet_server::retention::run(world.server.context())
            .await
            .unwrap();
        let rows = [
            "disclosed_key",
            "spent_token",
            "upload_code",
            "publication",
            "upload_count",
        ];
        (rows.map(|table| world.rows(table)), files())
    };
    // Kept as long as the retention says, to the day; a spent token only until it would have run out.
    world.clock.advance(12 * 86_400);
    assert_eq!(left(&world).await, ([1, 0, 1, 2, 1], 2));
    world.clock.advance(86_400 + 1);
    assert_eq!(left(&world).await, ([0, 0, 1, 1, 0], 1));
    assert_eq!(index(&world).await.1.batches.len(), 1);
    world.clock.advance(5 * 86_400);
    // A region's last batch stays until the next one is there.
    assert_eq!(left(&world).await, ([0, 0, 0, 1, 0], 1));
    assert_eq!(world.publish().await.sequence, 3);
    for entry in index(&world).await.1.batches {
        assert!(entry.sequence >= 2);
    }
    // Not even the files of the running database have the secret any more.
    assert!(!world.on_disk(keys[0].secret()));
}

/// A region that is left out of the settings for a while finds its files again.
#[tokio::test]
async fn a_region_that_is_not_served_now_keeps_its_files() {
    let both = |settings: &mut truyvet_server::settings::Settings| {
        settings.regions = ["VN", "VN-48"].map(|name| name.parse().unwrap()).to_vec();
    };
    let mut world = World::with(both).await;
    let request = PublishNowRequest {
        region: "VN-48".into(),
    };
    let published = world
        .admin()
        .await
        .publish_now(bearer(&world.administrator, request))
        .await
        .unwrap()
        .into_inner();
    world.settings.regions.pop();
    let mut world = world.restarted().await;
    assert_eq!(
        get(&world, "/v1/VN-48/index", &[]).await.status(),
        StatusCode::NOT_FOUND
    );
    truyvet_server::retention::run(world.server.context())
        .await
        .unwrap();
    both(&mut world.settings);
    let world = world.restarted().await;
    let digest = Digest::from_bytes(published.digest.try_into().unwrap());
    let answer = get(&world, &format!("/v1/batches/{digest}.tvb"), &[]).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

/// Keys that nobody published yet outlive the retention: acknowledged means published.
#[tokio::test]
async fn what_is_not_published_is_not_forgotten_with_the_rest() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let oldest = world.today().minus_days(14);
    let code = world.code_with_onset(world.today().minus_days(12)).await;
    let token = phone.redeem(&code).await.unwrap();
    let keys = [phone.key(oldest)];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    world.clock.advance(86_400);
    let context = world.server.context();
    truyvet_server::retention::run(context).await.unwrap();
    assert_eq!(world.rows("disclosed_key"), 1);
    world.publish().await;
    truyvet_server::retention::run(context).await.unwrap();
    assert_eq!(world.rows("disclosed_key"), 0);
}

/// A clock that was ahead when a window closed does not stop publication for as long as it was ahead.
#[tokio::test]
async fn publication_goes_on_after_a_clock_that_was_ahead() {
    let world = World::new().await;
    world.clock.advance(365 * 86_400);
    world.publish().await;
    world.clock.advance(-365 * 86_400);
    let ready = async || {
        let url = format!("http://{}/readyz", world.server.ops_addr());
        reqwest::get(url).await.unwrap().status()
    };
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    assert_eq!(world.publish().await.sequence, 2);
    let batches = index(&world).await.1.batches;
    assert!(batches[1].closed_at > batches[0].closed_at);
    let batch = VerifiedBatch::verify(world.files().await.remove(1), &world.trusted()).unwrap();
    assert_eq!(batch.matches(&truyvet_tests::raw::tags(&keys)).len(), 96);
}

#[tokio::test]
async fn an_index_survives_a_restart() {
    let world = World::new().await;
    world.publish().await;
    let before = index(&world).await.1.batches;
    let world = world.restarted().await;
    assert_eq!(index(&world).await.1.batches, before);
}
