//! A country whose server is a process of its own, which may be killed.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use prost::Message as _;
use tempfile::TempDir;
use truyvet_crypto::{
    Tag, Timestamp,
    sign::{TrustedKeys, VerifyingKey},
    token::ReportType,
};
use truyvet_matching::VerifiedBatch;
use truyvet_proto::v1::{
    CodeOrder, Index, IssueCodeRequest, ListBatchesRequest, PublishNowRequest,
    admin_service_client::AdminServiceClient, exposure_service_client::ExposureServiceClient,
    officer_service_client::OfficerServiceClient,
};
use truyvet_tests::{
    places::Places,
    process::{ServerProcess, staff},
    world::{NOON, bearer, channel, download},
};

const HALTING_SERVER: &str = env!("CARGO_BIN_EXE_halting-server");

/// A folder, and the staff's credentials for whatever process works in it.
pub(crate) struct Country {
    pub(crate) folder: TempDir,
    places: Places,
    pub(crate) administrator: String,
    pub(crate) officer: String,
    starts: i64,
}

impl Country {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let places = Places::chosen();
        let settings = places.settings(folder.path());
        let [administrator, officer] = staff(&settings).await;
        Self {
            folder,
            places,
            administrator,
            officer,
            starts: 0,
        }
    }

    /// Starts the server, an hour after it was started last.
    pub(crate) async fn start(&mut self, halt_at: Option<&str>) -> ServerProcess {
        self.starts += 1;
        let now = NOON + 3_600 * self.starts;
        let folder = self.folder.path();
        ServerProcess::start(HALTING_SERVER, folder, &self.places, now, halt_at).await
    }

    pub(crate) async fn code(&self, server: &ServerProcess, report_type: ReportType) -> String {
        let order = CodeOrder {
            report_type: report_type.byte().into(),
            onset_day: Timestamp::from_unix_seconds(NOON).unwrap().day().number() - 5,
            region: String::new(),
        };
        let mut officers =
            OfficerServiceClient::new(channel(&format!("http://{}", server.staff)).await);
        let request = IssueCodeRequest { order: Some(order) };
        let answer = officers.issue_code(bearer(&self.officer, request)).await;
        answer.unwrap().into_inner().code.unwrap().upload_code
    }

    pub(crate) async fn publish(&self, staff: SocketAddr) -> Result<(), tonic::Status> {
        let mut admin = AdminServiceClient::new(channel(&format!("http://{staff}")).await);
        let request = PublishNowRequest {
            region: "VN".into(),
        };
        let answer = admin
            .publish_now(bearer(&self.administrator, request))
            .await;
        answer.map(drop)
    }
}

fn signing_key(folder: &Path) -> VerifyingKey {
    let public = std::fs::read_dir(folder.join("keys"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".pub.pem"))
        .unwrap();
    VerifyingKey::from_pem(&std::fs::read_to_string(public).unwrap()).unwrap()
}

/// Downloads and verifies all batches of the index, oldest first.
pub(crate) async fn published(
    server: &ServerProcess,
    folder: &Path,
) -> Vec<VerifiedBatch<Vec<u8>>> {
    let mut exposure =
        ExposureServiceClient::new(channel(&format!("http://{}", server.public)).await);
    let request = ListBatchesRequest {
        region: "VN".into(),
    };
    let signed = exposure
        .list_batches(request)
        .await
        .unwrap()
        .into_inner()
        .index
        .unwrap();
    let index = Index::decode(signed.payload.as_slice()).unwrap();
    let trusted = TrustedKeys::new(vec![signing_key(folder)]);
    let mut batches: Vec<VerifiedBatch<Vec<u8>>> = Vec::new();
    for (i, entry) in index.batches.into_iter().enumerate() {
        let file = download(&mut exposure, entry.digest.clone()).await;
        let batch = VerifiedBatch::verify(file, &trusted).unwrap();
        assert_eq!(batch.header().sequence, entry.sequence);
        assert_eq!(entry.sequence, i as u64 + 1, "numbers have no gap");
        if let Some(previous) = batches.last() {
            let expected = previous.digest();
            assert_eq!(batch.header().previous, expected, "the chain has no gap");
        }
        batches.push(batch);
    }
    batches
}

/// Sequence number of each batch → how many of `tags` are in it.
pub(crate) async fn found(
    server: &ServerProcess,
    folder: &Path,
    tags: &[Tag],
) -> BTreeMap<u64, usize> {
    let batches = published(server, folder).await;
    let counts = batches
        .iter()
        .map(|batch| (batch.header().sequence, batch.matches(tags).len()));
    counts.collect()
}
