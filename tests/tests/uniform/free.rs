//! Decoys cost the server nothing that lasts, and nobody gets anything for calling a request a decoy.

use std::{collections::BTreeMap, fs, sync::Arc};

use rusqlite::Connection;
use tokio::task::JoinSet;
use truyvet_proto::v1::{RedeemRequest, UploadRequest};
use truyvet_server::telemetry::Metric;
use truyvet_tests::world::{World, refusal};

/// Rows of every table, and the lengths of the files.
fn kept(world: &World) -> BTreeMap<String, u64> {
    let database = Connection::open(world.database()).unwrap();
    let mut names = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table'")
        .unwrap();
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(names.len() > 5, "{names:?}");
    let mut kept = BTreeMap::new();
    for name in names {
        let rows = world.rows(&name);
        kept.insert(name, rows.unsigned_abs());
    }
    for entry in fs::read_dir(&world.settings.data_dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        // Of readers, this test's own among them.
        if entry.path().is_file() && !name.ends_with("-shm") {
            kept.insert(name, entry.metadata().unwrap().len());
        }
    }
    kept
}

fn counted(world: &World, metric: Metric, outcome: &str) -> f64 {
    world.server.context().telemetry.value(metric, &[outcome])
}

#[tokio::test]
async fn two_hundred_decoys_leave_nothing_but_a_number() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    phone.upload(phone.request(&token, &keys)).await.unwrap();
    let before = kept(&world);
    let bytes = phone.config.upload_bytes as usize;
    let mut decoys = JoinSet::new();
    for _ in 0..200 {
        let mut report = phone.report.clone();
        decoys.spawn(async move {
            let redeem = report.redeem(RedeemRequest::decoy()).await.unwrap();
            redeem.into_inner().into_result().unwrap();
            let upload = UploadRequest::decoy(bytes).unwrap();
            let upload = report.upload(upload).await.unwrap();
            upload.into_inner().into_result().unwrap();
        });
    }
    decoys.join_all().await;
    assert_eq!(kept(&world), before);
    let state = world.server.context().brake.state(world.now());
    assert_eq!(state.wrong_guesses, 0);
    for (metric, call, outcome) in [
        (Metric::Redemptions, "redeem", "granted"),
        (Metric::Uploads, "upload", "accepted"),
    ] {
        assert!((counted(&world, metric, "decoy") - 200.0).abs() < 1e-9);
        assert!((counted(&world, metric, outcome) - 1.0).abs() < 1e-9);
        assert!((counted(&world, Metric::CallSeconds, call) - 201.0).abs() < 1e-9);
    }
}

/// What a decoy is answered with is a token to nobody, and its keys are not stored, whatever else stands in it.
#[tokio::test]
async fn a_request_that_is_called_a_decoy_gets_nothing() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    let blinding = phone.blinding();
    let request = RedeemRequest::sized(RedeemRequest {
        upload_code: code.clone(),
        blinded_element: blinding.element().to_vec(),
        decoy: true,
        padding: vec![],
    });
    let answer = phone.send_redeem(request).await.unwrap();
    let token = phone.redeem(&code).await.expect("the code is still good");
    let key = phone.config.token_public_key.as_slice().try_into().unwrap();
    let (element, proof) = (&answer.evaluated_element, &answer.proof);
    blinding
        .finish(element, proof, token.metadata, key)
        .unwrap_err();

    let keys = [phone.key(world.today().minus_days(1))];
    let real = phone.request(&token, &keys);
    let decoy = phone.padded(UploadRequest {
        decoy: true,
        ..real.clone()
    });
    phone.upload(decoy).await.unwrap();
    assert_eq!(world.rows("disclosed_key"), 0);
    phone.upload(real).await.expect("the token is not spent");
    assert_eq!(world.rows("disclosed_key"), 1);
}

#[tokio::test]
async fn a_decoy_of_another_size_is_refused_like_any_other_call() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let short = RedeemRequest {
        decoy: true,
        ..RedeemRequest::default()
    };
    let refused = phone.send_redeem(short).await.unwrap_err();
    assert_eq!(refusal(&refused).1, "REDEEM_SIZE");
    let short = UploadRequest {
        decoy: true,
        ..UploadRequest::default()
    };
    let refused = phone.upload(short).await.unwrap_err();
    assert_eq!(refusal(&refused).1, "UPLOAD_SIZE");
    for metric in [Metric::Redemptions, Metric::Uploads] {
        assert!((counted(&world, metric, "malformed") - 1.0).abs() < 1e-9);
    }
}

/// The counters tell an operator what calls come to; what was late, too.
#[tokio::test]
async fn every_outcome_is_counted() {
    let world = Arc::new(World::with(|settings| settings.answer_after_ms = 1).await);
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    let token = phone.redeem(&code).await.unwrap();
    phone.redeem(&code).await.unwrap_err();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request.clone()).await.unwrap();
    phone.upload(request).await.unwrap();
    let others = [phone.key(world.today().minus_days(2))];
    phone
        .upload(phone.request(&token, &others))
        .await
        .unwrap_err();
    for (metric, outcome) in [
        (Metric::Redemptions, "granted"),
        (Metric::Redemptions, "refused"),
        (Metric::Uploads, "accepted"),
        (Metric::Uploads, "again"),
        (Metric::Uploads, "refused"),
    ] {
        let count = counted(&world, metric, outcome);
        assert!((count - 1.0).abs() < 1e-9, "{metric:?} {outcome}: {count}");
    }
    // No disk is that fast: a redemption or an upload took longer than a millisecond.
    let late = ["redeem", "upload"].map(|call| counted(&world, Metric::LateAnswers, call));
    assert!(late.iter().sum::<f64>() >= 1.0);
}
