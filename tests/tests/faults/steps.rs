//! Killed between every two steps of upload, withdrawal and publication.

use std::collections::BTreeMap;

use truyvet_crypto::{DisclosedKey, Receipt, Tag, Timestamp, token::ReportType};
use truyvet_proto::v1::UploadRequest;
use truyvet_tests::{
    process::{ServerProcess, eventually},
    raw::{RawPhone, tags},
    world::NOON,
};

use crate::country::{Country, found};

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
