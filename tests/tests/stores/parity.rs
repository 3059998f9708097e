//! The same days on SQLite with a folder and on PostgreSQL with a bucket: the files are the same, byte for byte.

use std::path::Path;

use prost::Message as _;
use truyvet_crypto::{DisclosedKey, Receipt, Timestamp, token::ReportType};
use truyvet_proto::v1::Index;
use truyvet_proto::v1::{
    CodeOrder, IssueCodeRequest, ListBatchesRequest, PublishNowRequest,
    admin_service_client::AdminServiceClient, exposure_service_client::ExposureServiceClient,
    officer_service_client::OfficerServiceClient,
};
use truyvet_tests::{
    places::Places,
    process::{ServerProcess, staff},
    raw::RawPhone,
    world::{NOON, bearer, channel, download},
};

const HALTING_SERVER: &str = env!("CARGO_BIN_EXE_halting-server");

/// Two windows of uploads and one that takes back; returns the files as phones download them.
async fn days(folder: &Path, places: &Places) -> Vec<Vec<u8>> {
    let [administrator, officer] = staff(&places.settings(folder)).await;
    let seeded = Places {
        environment: places
            .environment
            .iter()
            .cloned()
            .chain([("TRUYVET_TEST_SEED", "7".to_owned())])
            .collect(),
        ..places.clone()
    };
    let server = ServerProcess::start(HALTING_SERVER, folder, &seeded, NOON, None).await;
    let staff = channel(&format!("http://{}", server.staff)).await;
    let code = async |report_type: ReportType| {
        let order = CodeOrder {
            report_type: report_type.byte().into(),
            onset_day: match report_type {
                ReportType::Withdrawal => 0,
                _ => Timestamp::from_unix_seconds(NOON).unwrap().day().number() - 5,
            },
            region: String::new(),
        };
        let request = IssueCodeRequest { order: Some(order) };
        let mut officers = OfficerServiceClient::new(staff.clone());
        let issued = officers.issue_code(bearer(&officer, request)).await;
        issued.unwrap().into_inner().code.unwrap().upload_code
    };
    let publish = async || {
        let region = "VN".to_owned();
        let request = bearer(&administrator, PublishNowRequest { region });
        AdminServiceClient::new(staff.clone())
            .publish_now(request)
            .await
            .unwrap();
    };
    let public = format!("http://{}", server.public);
    let today = Timestamp::from_unix_seconds(NOON).unwrap().day();
    let mut disclosed: Vec<(RawPhone, Vec<DisclosedKey>)> = Vec::new();
    for window in 0..2 {
        for person in 0..5 {
            let mut phone = RawPhone::connect(&public, 10 * window + person).await;
            let token = phone
                .redeem(&code(ReportType::ConfirmedTest).await)
                .await
                .unwrap();
            let keys: Vec<_> = (1..=5)
                .map(|ago| phone.key(today.minus_days(ago)))
                .collect();
            let request = phone.request(&token, &keys);
            phone.upload(request).await.unwrap();
            disclosed.push((phone, keys));
        }
        publish().await;
    }
    let (phone, keys) = &mut disclosed[0];
    let token = phone
        .redeem(&code(ReportType::Withdrawal).await)
        .await
        .unwrap();
    let receipts: Vec<_> = keys.iter().map(Receipt::of).collect();
    let request = phone.withdrawal(&token, &receipts);
    phone.upload(request).await.unwrap();
    publish().await;

    let mut exposure = ExposureServiceClient::new(channel(&public).await);
    let region = "VN".to_owned();
    let answer = exposure.list_batches(ListBatchesRequest { region }).await;
    let signed = answer.unwrap().into_inner().index.unwrap();
    let mut files = Vec::new();
    for entry in Index::decode(&*signed.payload).unwrap().batches {
        files.push(download(&mut exposure, entry.digest).await);
    }
    // The index too: same batches, same time, same key.
    files.push(signed.encode_to_vec());
    server.kill().await;
    files
}

#[tokio::test]
async fn both_stores_publish_the_same_bytes() {
    let Some(shared) = Places::shared() else {
        return;
    };
    let folder = || tempfile::tempdir().unwrap();
    let (here, there) = (folder(), folder());
    let on_files = days(here.path(), &Places::default()).await;
    let on_services = days(there.path(), &shared).await;
    // Two deltas, a third with its withdrawal, and the index.
    assert_eq!(on_files.len(), 5);
    for (i, (file, service)) in on_files.iter().zip(&on_services).enumerate() {
        assert!(
            file == service,
            "file {i} differs: {} and {} bytes",
            file.len(),
            service.len()
        );
    }
    assert_eq!(on_services.len(), on_files.len());
}
