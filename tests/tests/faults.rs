//! The server process is killed (SIGKILL) between every two steps of upload, withdrawal and publication and started again:
//! every acknowledged upload is in exactly one published window, and nothing is published or taken back twice.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use prost::Message as _;
use tempfile::TempDir;
use truyvet_crypto::{
    DisclosedKey, Receipt, Tag, Timestamp,
    sign::{TrustedKeys, VerifyingKey},
    token::ReportType,
};
use truyvet_matching::VerifiedBatch;
use truyvet_proto::v1::{
    CodeOrder, DownloadBatchRequest, Index, IssueCodeRequest, ListBatchesRequest,
    PublishNowRequest, UploadRequest, admin_service_client::AdminServiceClient,
    exposure_service_client::ExposureServiceClient, officer_service_client::OfficerServiceClient,
};
use truyvet_server::{create_first_officer, officers::Role, settings::Settings};
use truyvet_tests::{
    process::{ServerProcess, eventually},
    raw::{RawPhone, tags},
    world::{NOON, bearer, channel, rng},
};

const HALTING_SERVER: &str = env!("CARGO_BIN_EXE_halting-server");

/// A folder, and the staff's credentials for whatever process works in it.
struct Country {
    folder: TempDir,
    administrator: String,
    officer: String,
    starts: i64,
}

impl Country {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::for_data_dir(folder.path());
        let mut credentials = Vec::new();
        for (seed, role) in [(1, Role::Administrator), (2, Role::Officer)] {
            let label = format!("{role:?}");
            let noon = Timestamp::from_unix_seconds(NOON).unwrap();
            let (_, credential, _) =
                create_first_officer(&settings, &label, "VN", role, noon, &mut rng(seed))
                    .await
                    .unwrap()
                    .unwrap();
            credentials.push(credential.reveal().to_owned());
        }
        let [administrator, officer] = credentials.try_into().unwrap();
        Self {
            folder,
            administrator,
            officer,
            starts: 0,
        }
    }

    /// Starts the server, an hour after it was started last.
    async fn start(&mut self, halt_at: Option<&str>) -> ServerProcess {
        self.starts += 1;
        let now = NOON + 3_600 * self.starts;
        ServerProcess::start(HALTING_SERVER, self.folder.path(), now, halt_at).await
    }

    async fn code(&self, server: &ServerProcess, report_type: ReportType) -> String {
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

    async fn publish(&self, staff: SocketAddr) -> Result<(), tonic::Status> {
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

/// Downloads and verifies all batches; sequence number → how many of `tags` are in it.
async fn found(server: &ServerProcess, folder: &Path, tags: &[Tag]) -> BTreeMap<u64, usize> {
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
    let mut counts = BTreeMap::new();
    let mut previous = None;
    for entry in index.batches {
        let request = DownloadBatchRequest {
            digest: entry.digest.clone(),
            offset: 0,
        };
        let mut pieces = exposure.download_batch(request).await.unwrap().into_inner();
        let mut file = Vec::new();
        while let Some(piece) = pieces.message().await.unwrap() {
            file.extend_from_slice(&piece.piece);
        }
        let batch = VerifiedBatch::verify(file, &trusted).unwrap();
        assert_eq!(batch.header().sequence, entry.sequence);
        if let Some(previous) = previous {
            assert_eq!(batch.header().previous, previous, "the chain has no gap");
        }
        previous = Some(batch.digest());
        let before = counts.insert(entry.sequence, batch.matches(tags).len());
        assert_eq!(before, None, "a sequence number stands twice");
    }
    let expected: Vec<u64> = (1..=counts.len() as u64).collect();
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), expected);
    counts
}

fn assert_in_exactly_one_window(counts: &BTreeMap<u64, usize>, tags: &[Tag], step: &str) {
    let windows: Vec<_> = counts.iter().filter(|(_, found)| **found > 0).collect();
    assert_eq!(windows.len(), 1, "{step}: {counts:?}");
    assert_eq!(*windows[0].1, tags.len(), "{step}: {counts:?}");
}

/// Killed at a step of redeeming or uploading, the phone says the same again after the restart and gets through.
#[tokio::test]
async fn killed_at_any_step_of_an_upload() {
    for step in [
        "RedeemReceived",
        "RedeemStored",
        "UploadReceived",
        "UploadValidated",
        "UploadWritten",
        "UploadStored",
    ] {
        let mut country = Country::new().await;
        let mut server = country.start(Some(step)).await;
        let code = country.code(&server, ReportType::ConfirmedTest).await;
        let mut phone = RawPhone::connect(&format!("http://{}", server.public), 7).await;
        let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
        let keys: Vec<_> = (1..=3)
            .map(|ago| phone.key(today.minus_days(ago)))
            .collect();
        let blinding = phone.blinding();
        let attempt = async {
            let token = phone.redeem_with(&code, &blinding).await?;
            let request = phone.request(&token, &keys);
            phone.upload(request).await
        };
        tokio::select! {
            outcome = attempt => panic!("{step}: answered {outcome:?} though the server halted"),
            () = server.halted() => {}
        }
        server.kill().await;

        let server = country.start(None).await;
        let url = format!("http://{}", server.public);
        let mut phone = RawPhone::connect(&url, 8).await;
        let token = phone.redeem_with(&code, &blinding).await.expect(step);
        let request = phone.request(&token, &keys);
        phone.upload(request.clone()).await.expect(step);
        country.publish(server.staff).await.expect(step);
        // Once more, after publication: changes nothing.
        phone.upload(request).await.expect(step);
        server.kill().await;

        let server = country.start(None).await;
        country.publish(server.staff).await.expect(step);
        let tags = tags(&keys);
        let counts = found(&server, country.folder.path(), &tags).await;
        assert_eq!(counts.len(), 2, "{step}");
        assert_in_exactly_one_window(&counts, &tags, step);
    }
}

/// Killed at a step of a publication, the next run takes it up; an upload acknowledged before or after is in one window.
#[tokio::test]
async fn killed_at_any_step_of_a_publication() {
    for step in [
        "WindowDue",
        "WindowClosed",
        "TagsSelected(Delta)",
        "BatchBuilt(Delta)",
        "BatchSigned(Delta)",
        "BatchStored(Delta)",
        "BatchRecorded(Delta)",
        "IndexSigned(Delta)",
    ] {
        let mut country = Country::new().await;
        let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
        let mut server = country.start(Some(step)).await;
        let early = upload(
            &country,
            &server,
            11,
            &[today.minus_days(2), today.minus_days(1)],
        )
        .await;
        let staff = server.staff;
        tokio::select! {
            outcome = country.publish(staff) => panic!("{step}: answered {outcome:?}"),
            () = server.halted() => {}
        }
        // While a window is half-way published, uploads go on: they belong to the next.
        let meanwhile = upload(&country, &server, 12, &[today.minus_days(3)]).await;
        server.kill().await;

        let server = country.start(None).await;
        if step != "WindowDue" {
            // Nobody asks: the schedule takes up what was cut short.
            eventually(async || {
                let counts = found(&server, country.folder.path(), &early).await;
                (counts.len() == 1).then_some(())
            })
            .await;
        }
        let late = upload(&country, &server, 13, &[today.minus_days(1)]).await;
        country.publish(server.staff).await.expect(step);
        server.kill().await;

        let server = country.start(None).await;
        country.publish(server.staff).await.expect(step);
        for tags in [&early, &meanwhile, &late] {
            let counts = found(&server, country.folder.path(), tags).await;
            assert_in_exactly_one_window(&counts, tags, step);
        }
    }
}

/// Killed at a step of taking back, the phone says the same again and gets through; killed at a step of the two files,
/// the next run takes them up. A phone that takes every file, whenever, believes what is disclosed and not taken back.
#[tokio::test]
async fn killed_at_any_step_of_a_withdrawal() {
    for step in ["UploadReceived", "UploadWritten", "UploadStored"] {
        let mut country = Country::new().await;
        let server = country.start(None).await;
        let (mut phone, keys) = published_case(&country, &server).await;
        let request = withdrawal(&country, &server, &mut phone, &keys).await;
        server.kill().await;
        let mut server = country.start(Some(step)).await;
        let mut phone = RawPhone::connect(&format!("http://{}", server.public), 8).await;
        tokio::select! {
            outcome = phone.upload(request.clone()) => panic!("{step}: answered {outcome:?}"),
            () = server.halted() => {}
        }
        server.kill().await;
        let server = country.start(None).await;
        let mut phone = RawPhone::connect(&format!("http://{}", server.public), 9).await;
        phone.upload(request.clone()).await.expect(step);
        country.publish(server.staff).await.expect(step);
        phone.upload(request).await.expect(step);
        country.publish(server.staff).await.expect(step);
        let counts = found(&server, country.folder.path(), &tags(&keys)).await;
        assert_eq!(counts, [(1, 96), (2, 0), (3, 96), (4, 0)].into(), "{step}");
    }
    let of_files = [
        "TagsSelected",
        "BatchBuilt",
        "BatchSigned",
        "BatchStored",
        "BatchRecorded",
        "IndexSigned",
    ];
    let steps = ["Delta", "Withdrawal"]
        .iter()
        .flat_map(|kind| of_files.map(|step| format!("{step}({kind})")));
    for step in ["WindowClosed".to_owned()].into_iter().chain(steps) {
        let mut country = Country::new().await;
        let server = country.start(None).await;
        let (mut phone, keys) = published_case(&country, &server).await;
        let later = withdrawal(&country, &server, &mut phone, &keys[..1]).await;
        let again = phone
            .redeem(&country.code(&server, ReportType::ConfirmedTest).await)
            .await
            .unwrap();
        let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
        let other = upload(&country, &server, 21, &[today.minus_days(1)]).await;
        phone.upload(later).await.unwrap();
        server.kill().await;

        let mut server = country.start(Some(&step)).await;
        let staff = server.staff;
        tokio::select! {
            outcome = country.publish(staff) => panic!("{step}: answered {outcome:?}"),
            () = server.halted() => {}
        }
        let mut halted = RawPhone::connect(&format!("http://{}", server.public), 22).await;
        // The withdrawal is fixed, so this is a new upload; it belongs to the next window.
        halted
            .upload(phone.request(&again, &keys))
            .await
            .expect(&step);
        server.kill().await;

        let server = country.start(None).await;
        eventually(async || {
            let counts = found(&server, country.folder.path(), &other).await;
            (counts.len() == 3).then_some(())
        })
        .await;
        let folder = country.folder.path();
        let mine = found(&server, folder, &tags(&keys)).await;
        assert_eq!(mine, [(1, 96), (2, 0), (3, 96)].into(), "{step}");
        country.publish(server.staff).await.expect(&step);
        let mine = found(&server, folder, &tags(&keys)).await;
        assert_eq!(mine, [(1, 96), (2, 0), (3, 96), (4, 96)].into(), "{step}");
        assert_in_exactly_one_window(&found(&server, folder, &other).await, &other, &step);
    }
}

/// A case of one day that is published already, and its phone.
async fn published_case(
    country: &Country,
    server: &ServerProcess,
) -> (RawPhone, Vec<DisclosedKey>) {
    let code = country.code(server, ReportType::ConfirmedTest).await;
    let mut phone = RawPhone::connect(&format!("http://{}", server.public), 7).await;
    let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
    let keys = vec![phone.key(today.minus_days(2))];
    let token = phone.redeem(&code).await.unwrap();
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    country.publish(server.staff).await.unwrap();
    (phone, keys)
}

/// A request that takes these keys back.
async fn withdrawal(
    country: &Country,
    server: &ServerProcess,
    phone: &mut RawPhone,
    keys: &[DisclosedKey],
) -> UploadRequest {
    let code = country.code(server, ReportType::Withdrawal).await;
    let token = phone.redeem(&code).await.unwrap();
    let receipts: Vec<_> = keys.iter().map(Receipt::of).collect();
    phone.withdrawal(&token, &receipts)
}

async fn upload(
    country: &Country,
    server: &ServerProcess,
    seed: u64,
    days: &[truyvet_crypto::Day],
) -> Vec<Tag> {
    let code = country.code(server, ReportType::ConfirmedTest).await;
    let mut phone = RawPhone::connect(&format!("http://{}", server.public), seed).await;
    let keys: Vec<_> = days.iter().map(|day| phone.key(*day)).collect();
    let token = phone.redeem(&code).await.unwrap();
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    tags(&keys)
}
