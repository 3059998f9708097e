//! A bucket that is away, refuses, is slow or breaks off delays a publication, and nothing is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use object_store::{
    ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, path::Path as ObjectPath,
};
use prost::Message as _;
use tonic::Code;
use truyvet_crypto::{Timestamp, token::ReportType};
use truyvet_proto::v1::{
    CodeOrder, Index, IssueCodeRequest, ListBatchesRequest, PublishNowRequest, Signed,
    admin_service_client::AdminServiceClient, exposure_service_client::ExposureServiceClient,
    officer_service_client::OfficerServiceClient,
};
use truyvet_services::{Proxy, Seaweed, Weather};
use truyvet_tests::{
    places::Places,
    process::{ServerProcess, eventually, staff},
    raw::RawPhone,
    world::{NOON, bearer, channel, refusal},
};

const HALTING_SERVER: &str = env!("CARGO_BIN_EXE_halting-server");

/// A server of a process of its own whose files are in a bucket behind a network that can be broken.
struct Country {
    server: ServerProcess,
    administrator: String,
    officer: String,
    network: Proxy,
    /// Straight to the bucket.
    bucket: Arc<dyn ObjectStore>,
    _folder: tempfile::TempDir,
}

impl Country {
    async fn new(seaweed: &Seaweed) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().unwrap();
        let port = seaweed
            .endpoint()
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let network = Proxy::before(port).await;
        let mut environment = seaweed.environment().to_vec();
        for (name, value) in &mut environment {
            if *name == "AWS_ENDPOINT" {
                *value = format!("http://{}", network.address());
            }
        }
        let prefix = format!("country-{}", network.address().port());
        let places = Places {
            database: None,
            batches: Some(format!("s3://{}/{prefix}", seaweed.bucket())),
            environment,
        };
        let [administrator, officer] = staff(&places.settings(folder.path())).await;
        let server = ServerProcess::start(HALTING_SERVER, folder.path(), &places, NOON, None).await;
        let bucket = AmazonS3Builder::new()
            .with_endpoint(seaweed.endpoint())
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(seaweed.bucket())
            .with_access_key_id(seaweed.key())
            .with_secret_access_key(seaweed.secret())
            .build()
            .unwrap();
        Self {
            server,
            administrator,
            officer,
            network,
            bucket: Arc::new(object_store::prefix::PrefixStore::new(bucket, prefix)),
            _folder: folder,
        }
    }

    async fn upload(&self, seed: u64) {
        let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
        let order = CodeOrder {
            report_type: ReportType::ConfirmedTest.byte().into(),
            onset_day: today.number() - 3,
            region: String::new(),
        };
        let request = bearer(&self.officer, IssueCodeRequest { order: Some(order) });
        let staff = channel(&format!("http://{}", self.server.staff)).await;
        let issued = OfficerServiceClient::new(staff).issue_code(request).await;
        let code = issued.unwrap().into_inner().code.unwrap().upload_code;
        let mut phone = RawPhone::connect(&format!("http://{}", self.server.public), seed).await;
        let token = phone.redeem(&code).await.unwrap();
        let keys = [phone.key(today.minus_days(1))];
        let request = phone.request(&token, &keys);
        phone.upload(request).await.unwrap();
    }

    async fn publish(&self) -> Result<(), tonic::Status> {
        let staff = channel(&format!("http://{}", self.server.staff)).await;
        let region = "VN".to_owned();
        let request = bearer(&self.administrator, PublishNowRequest { region });
        AdminServiceClient::new(staff)
            .publish_now(request)
            .await
            .map(drop)
    }

    async fn index(&self) -> Signed {
        let public = format!("http://{}", self.server.public);
        let mut exposure = ExposureServiceClient::new(channel(&public).await);
        let region = "VN".to_owned();
        let answer = exposure.list_batches(ListBatchesRequest { region }).await;
        answer.unwrap().into_inner().index.unwrap()
    }

    async fn object(&self, path: &str) -> object_store::Result<bytes::Bytes> {
        self.bucket
            .get(&ObjectPath::from(path))
            .await?
            .bytes()
            .await
    }

    /// Waits until the bucket's index is the server's own and names so many files, and all of them are there.
    async fn bucket_has(&self, batches: usize) {
        let signed = eventually(async || {
            let signed = self.index().await;
            let copy = self.object("v1/VN/index").await.ok()?;
            let index = Index::decode(&*signed.payload).unwrap();
            (copy == signed.encode_to_vec() && index.batches.len() == batches).then_some(signed)
        })
        .await;
        for entry in Index::decode(&*signed.payload).unwrap().batches {
            let name = data_encoding::HEXLOWER.encode(&entry.digest);
            let file = self
                .object(&format!("v1/batches/{name}.tvb"))
                .await
                .unwrap();
            assert_eq!(file.len() as u64, entry.file_bytes);
        }
    }
}

/// As a CDN would find them: files under their names, the index moved forward with every publication.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_can_be_handed_out_as_it_is() {
    let Some(seaweed) = Seaweed::shared() else {
        return;
    };
    let country = Country::new(seaweed).await;
    country.bucket_has(0).await;
    for batches in 1..=3 {
        country.upload(batches as u64).await;
        country.publish().await.unwrap();
        country.bucket_has(batches).await;
    }
    let index = ObjectPath::from("v1/VN/index");
    let found = country.bucket.get(&index).await.unwrap();
    let cached = found.attributes.get(&object_store::Attribute::CacheControl);
    assert!(
        cached.unwrap().starts_with("public, max-age=60,"),
        "{cached:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_delays_publication_and_loses_nothing() {
    let Some(seaweed) = Seaweed::start() else {
        return;
    };
    let country = Country::new(&seaweed).await;
    country.upload(1).await;
    country.publish().await.unwrap();
    country.bucket_has(1).await;
    seaweed.stop();
    country.upload(2).await;
    let began = Instant::now();
    let (code, reason, _) = refusal(&country.publish().await.unwrap_err());
    println!("refused after {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(
        (code, &*reason),
        (Code::Unavailable, "BATCH_STORE_UNAVAILABLE")
    );
    // Phones go on: uploads belong to the next window, what is published is handed out.
    country.upload(3).await;
    assert_eq!(
        Index::decode(&*country.index().await.payload)
            .unwrap()
            .batches
            .len(),
        1
    );
    seaweed.start_again();
    // Nobody asks: the schedule takes up what was delayed.
    country.bucket_has(2).await;
    country.publish().await.unwrap();
    country.bucket_has(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_refuses_is_slow_or_breaks_off_delays_publication() {
    let Some(seaweed) = Seaweed::shared() else {
        return;
    };
    let country = Country::new(seaweed).await;
    country.bucket_has(0).await;
    country.upload(1).await;
    // Slow is not away.
    country
        .network
        .set(Weather::Slow(Duration::from_millis(200)));
    country.publish().await.unwrap();
    country.bucket_has(1).await;
    let mut batches = 1;
    // A file of 4,096 tags has 21 kB.
    for weather in [Weather::Cut, Weather::CutAfter(8_000)] {
        country.network.set(weather);
        country.upload(batches as u64 + 1).await;
        let (code, reason, _) = refusal(&country.publish().await.unwrap_err());
        assert_eq!(
            (code, &*reason),
            (Code::Unavailable, "BATCH_STORE_UNAVAILABLE"),
            "{weather:?}"
        );
        country.network.set(Weather::Fair);
        batches += 1;
        country.bucket_has(batches).await;
    }
}
