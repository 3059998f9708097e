//! A withdrawal against servers that lose answers and refuse; over restarts; and what is found in the phone's file.

use prost::Message as _;
use tonic::Code;
use truyvet_crypto::{Day, DisclosedKey, Receipt, Scheme, SlotSet, token::ReportType};
use truyvet_phone::{UploadError, UploadOptions, UploadStage};
use truyvet_proto::v1 as pb;

use crate::{
    grpc::Trouble,
    meet, noon, phone,
    publisher::signed_config,
    rng,
    seized::{bytes_in, contains_any_of},
    upload::{World, code, refusal},
};

/// The request that takes all of this one back.
fn receipts_of(scheme: Scheme, upload: &pb::UploadRequest) -> Vec<Receipt> {
    let key = |key: &pb::DisclosedKey| {
        let slots = SlotSet::parse(scheme, &key.slots).unwrap();
        let day = Day::from_number(key.day);
        Receipt::of(&DisclosedKey::new(scheme, day, key.secret.clone(), slots).unwrap())
    };
    upload.keys.iter().map(key).collect()
}

fn uploaded(world: &World, index: usize) -> pb::UploadRequest {
    world.server.state.lock().unwrap().uploaded[index].clone()
}

#[tokio::test]
async fn a_withdrawal_looks_like_an_upload_and_holds_no_secret() {
    for scheme in Scheme::ALL {
        let mut world = World::new(scheme).await;
        let disclosed = world.upload().await.unwrap();
        let identity = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
        let taken_back = world.withdraw(&code(2)).await.unwrap();
        assert!(taken_back.withdrawn && !disclosed.withdrawn);
        assert_eq!(
            (taken_back.days, taken_back.slots),
            (disclosed.days, disclosed.slots)
        );
        let [first, second] = [0, 1].map(|index| uploaded(&world, index));
        assert_eq!(first.encoded_len(), second.encoded_len());
        assert_eq!(first.region, second.region);
        let expected = receipts_of(scheme, &first);
        assert_eq!(second.keys.len(), expected.len());
        for ((key, found), receipt) in first.keys.iter().zip(&second.keys).zip(&expected) {
            assert_eq!((key.day, &key.slots), (found.day, &found.slots));
            assert_eq!(found.secret, receipt.proof());
            assert_eq!(found.secret.len(), key.secret.len());
            assert_ne!(found.secret, key.secret);
        }
        let state = world.server.state.lock().unwrap();
        assert!(state.token_of(&second).is_some());
        drop(state);
        // Nothing new was disclosed, so the identity stays.
        let same = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
        assert_eq!(same, identity);
    }
}

#[tokio::test]
async fn a_withdrawal_goes_on_wherever_it_was_cut_short() {
    for trouble in [
        Trouble::LostRedeemAnswer,
        Trouble::LostUploadAnswer,
        Trouble::ForgedProof,
        Trouble::UploadRefusal(refusal(Code::Unavailable, "BUSY")),
        Trouble::UploadRefusal(refusal(Code::InvalidArgument, "UPLOAD_INVALID")),
    ] {
        let mut world = World::new(Scheme::Bluezone).await;
        world.upload().await.unwrap();
        world.server.trouble(trouble);
        world.withdraw(&code(2)).await.unwrap_err();
        assert!(world.stage().is_some());
        assert_eq!(world.case().receipts().unwrap(), 1);
        world.restart();
        let report = world.resume().await.unwrap().unwrap();
        assert!(report.withdrawn && report.days == 3);
        assert_eq!(world.stage(), None);
        assert_eq!(world.case().receipts().unwrap(), 0);
        let state = world.server.state.lock().unwrap();
        let withdrawals = &state.uploaded[1..];
        assert!(withdrawals.iter().all(|one| *one == withdrawals[0]));
    }
}

#[tokio::test]
async fn a_spent_token_means_that_it_was_taken_back() {
    let mut world = World::new(Scheme::Gaen).await;
    world.upload().await.unwrap();
    let status = refusal(Code::PermissionDenied, "TOKEN_SPENT");
    world.server.trouble(Trouble::UploadRefusal(status));
    world.withdraw(&code(2)).await.unwrap_err();
    assert_eq!((world.stage(), world.case().receipts().unwrap()), (None, 0));
}

#[tokio::test]
async fn a_refused_code_leaves_the_receipt() {
    let mut world = World::new(Scheme::Gaen).await;
    world.upload().await.unwrap();
    let status = refusal(Code::PermissionDenied, "CODE_REFUSED");
    world.server.trouble(Trouble::Refusal(status));
    world.withdraw(&code(2)).await.unwrap_err();
    assert_eq!((world.stage(), world.case().receipts().unwrap()), (None, 1));
    world.withdraw(&code(3)).await.unwrap();
}

#[tokio::test]
async fn without_a_receipt_the_code_is_not_sent() {
    let mut world = World::new(Scheme::Bluezone).await;
    let refused = world.withdraw(&code(2)).await.unwrap_err();
    assert!(matches!(refused, UploadError::NothingToWithdraw));
    assert_eq!((world.calls(), world.stage()), ((0, 0), None));
}

/// An officer who errs, or lies, gets no secret for a code that takes back.
#[tokio::test]
async fn with_a_code_of_the_other_kind_nothing_is_sent() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.state.lock().unwrap().report_type = ReportType::Withdrawal;
    let refused = world.upload().await.unwrap_err();
    assert!(matches!(
        refused,
        UploadError::OtherKind { withdraws: true }
    ));
    assert_eq!(world.calls(), (1, 0));
    assert_eq!(world.stage(), Some(UploadStage::Redeemed));
    let again = world.resume().await.unwrap_err();
    assert!(matches!(again, UploadError::OtherKind { withdraws: true }));
    assert_eq!(world.calls(), (1, 0));

    let mut world = World::new(Scheme::Bluezone).await;
    world.upload().await.unwrap();
    // Issued for an upload, typed into a withdrawal.
    world.server.trouble(Trouble::LostRedeemAnswer);
    world.withdraw(&code(2)).await.unwrap_err();
    world.server.state.lock().unwrap().report_type = ReportType::ConfirmedTest;
    let refused = world.resume().await.unwrap_err();
    assert!(matches!(
        refused,
        UploadError::OtherKind { withdraws: false }
    ));
    assert_eq!(world.calls().1, 1);
}

#[tokio::test]
async fn of_several_uploads_the_last_goes_first() {
    let scheme = Scheme::Dp3t;
    let mut world = World::new(scheme).await;
    world.upload().await.unwrap();
    let now = world.now;
    meet(world.case(), &phone(scheme, 3), now);
    world.now = now.plus_seconds(1_800);
    world
        .upload_with(&code(2), UploadOptions::default())
        .await
        .unwrap();
    assert_eq!(world.case().receipts().unwrap(), 2);
    for (upload, seed) in [(1, 3), (0, 4)] {
        world.withdraw(&code(seed)).await.unwrap();
        let sent = world.server.state.lock().unwrap().uploaded.pop().unwrap();
        let expected = receipts_of(scheme, &uploaded(&world, upload));
        let proofs: Vec<_> = sent.keys.iter().map(|key| key.secret.as_slice()).collect();
        let expected: Vec<_> = expected.iter().map(Receipt::proof).collect();
        assert_eq!(proofs, expected);
    }
    assert_eq!(world.case().receipts().unwrap(), 0);
}

#[tokio::test]
async fn a_receipt_lives_as_long_as_the_retention_and_leaves_nothing() {
    for taken_back in [true, false] {
        let mut world = World::new(Scheme::Bluezone).await;
        world.upload().await.unwrap();
        let receipts = receipts_of(Scheme::Bluezone, &uploaded(&world, 0));
        let in_file = |world: &World, receipt: &Receipt| {
            contains_any_of(&bytes_in(world.folder.path()), receipt.proof())
        };
        assert!(receipts.iter().all(|one| in_file(&world, one)));
        if taken_back {
            world.withdraw(&code(2)).await.unwrap();
        } else {
            let purge = |days: i64| {
                let later = noon().plus_seconds(86_400 * days);
                let config = signed_config(Scheme::Bluezone, later, [0; 32]);
                world.case().accept_config(&config, later).unwrap();
                world.case().purge(later).unwrap();
            };
            // The oldest of the three days first.
            purge(13);
            let left: Vec<_> = receipts.iter().map(|one| in_file(&world, one)).collect();
            assert_eq!(left, [false, true, true]);
            purge(15);
        }
        assert_eq!(world.case().receipts().unwrap(), 0);
        assert!(!receipts.iter().any(|one| in_file(&world, one)));
    }
}
