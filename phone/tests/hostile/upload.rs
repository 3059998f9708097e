//! Upload against servers that lose answers, refuse, forge, or have another clock; and over restarts.

use std::time::Duration;

use prost::Message;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use truyvet_crypto::{
    DisclosedKey, Scheme, SlotSet, Tag, Timestamp, UploadCode, token::ReportType,
};
use truyvet_matching::Region;
use truyvet_phone::{
    ConnectOptions, Connection, Phone, UploadError, UploadOptions, UploadReport, UploadStage,
};

use crate::{
    grpc::{Call, Server, Trouble},
    meet, noon, phone, rng, trusted,
};

/// A case's phone in a folder: it met somebody this noon and the two before.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) connection: Connection,
    pub(crate) folder: TempDir,
    scheme: Scheme,
    /// `None` while it is switched off.
    case: Option<Phone>,
    pub(crate) now: Timestamp,
    rng: StdRng,
}

impl World {
    pub(crate) async fn new(scheme: Scheme) -> Self {
        let (server, connection) = Server::start(scheme).await;
        let mut world = Self {
            server,
            connection,
            folder: tempfile::tempdir().unwrap(),
            scheme,
            case: None,
            now: noon().plus_seconds(-3 * 86_400),
            rng: rng(1),
        };
        world.restart();
        for days_ago in [2, 1, 0] {
            let time = noon().plus_seconds(-86_400 * days_ago);
            meet(world.case(), &phone(scheme, 2), time);
            world.case().broadcast_id(time, &mut rng(3)).unwrap();
        }
        world.now = noon().plus_seconds(1_800);
        world
    }

    pub(crate) fn case(&self) -> &Phone {
        self.case.as_ref().unwrap()
    }

    pub(crate) fn restart(&mut self) {
        self.case = None;
        let phone = Phone::open(
            self.folder.path(),
            self.scheme,
            trusted(),
            self.now,
            &mut self.rng,
        );
        self.case = Some(phone.unwrap());
    }

    pub(crate) async fn upload_with(
        &mut self,
        code: &str,
        options: UploadOptions,
    ) -> Result<UploadReport, UploadError> {
        let region = Some("VN".parse().unwrap());
        self.upload_in(region, code, options).await
    }

    async fn upload_in(
        &mut self,
        region: Option<Region>,
        code: &str,
        options: UploadOptions,
    ) -> Result<UploadReport, UploadError> {
        self.case
            .as_ref()
            .unwrap()
            .upload(
                &self.connection,
                code,
                region,
                &options,
                self.now,
                &mut self.rng,
            )
            .await
    }

    pub(crate) async fn upload(&mut self) -> Result<UploadReport, UploadError> {
        self.upload_with(&code(1), UploadOptions::default()).await
    }

    /// Withdraws with a code that is issued as a withdrawal's.
    pub(crate) async fn withdraw(&mut self, code: &str) -> Result<UploadReport, UploadError> {
        self.server.state.lock().unwrap().report_type = ReportType::Withdrawal;
        let case = self.case.as_ref().unwrap();
        case.withdraw(&self.connection, code, self.now, &mut self.rng)
            .await
    }

    pub(crate) async fn resume(&mut self) -> Result<Option<UploadReport>, UploadError> {
        let case = self.case.as_ref().unwrap();
        case.resume_upload(&self.connection, self.now, &mut self.rng)
            .await
    }

    pub(crate) fn stage(&self) -> Option<UploadStage> {
        self.case().pending_upload().unwrap()
    }

    /// Redemptions and uploads that the server got.
    pub(crate) fn calls(&self) -> (usize, usize) {
        let state = self.server.state.lock().unwrap();
        (state.redeemed.len(), state.uploaded.len())
    }
}

pub(crate) fn code(seed: u64) -> String {
    UploadCode::generate(&mut rng(seed)).grouped().to_string()
}

pub(crate) fn refusal(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "truyvet", []);
    Status::with_error_details(code, "refused", details)
}

#[tokio::test]
async fn what_is_disclosed_are_the_ids_that_were_broadcast() {
    for scheme in Scheme::ALL {
        let mut world = World::new(scheme).await;
        let noon_slot = scheme.slot_at(noon());
        let id = world.case().broadcast_id(noon(), &mut rng(4)).unwrap();
        let report = world.upload().await;
        assert_eq!(report.unwrap().days, 3);
        assert_eq!(world.stage(), None);
        let state = world.server.state.lock().unwrap();
        let request = state.uploaded[0].clone();
        assert_eq!(request.encoded_len(), 4_096);
        assert!(state.token_of(&request).is_some());
        let today = request.keys.last().unwrap().clone();
        let slots = SlotSet::parse(scheme, &today.slots).unwrap();
        let key = DisclosedKey::new(scheme, noon().day(), today.secret, slots).unwrap();
        let tag = Tag::new(scheme, noon_slot, &id);
        assert!(key.tags().any(|disclosed| disclosed == (noon_slot, tag)));
    }
}

#[tokio::test]
async fn after_an_upload_the_identity_is_a_new_one() {
    for scheme in Scheme::ALL {
        let mut world = World::new(scheme).await;
        let before = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
        world.upload().await.unwrap();
        let after = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
        assert!(before.iter().all(|id| !after.contains(id)));
        // And what was disclosed once is not disclosed again: only today is left.
        let second = world
            .upload_with(&code(2), UploadOptions::default())
            .await
            .unwrap();
        assert_eq!(second.days, 1);
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_code_is_asked_for_again_with_the_same_blinding() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.trouble(Trouble::LostRedeemAnswer);
    let lost = world.upload().await.unwrap_err();
    assert!(
        matches!(&lost, UploadError::Redeem(refusal) if refusal.is_transient()),
        "{lost}"
    );
    assert_eq!(world.stage(), Some(UploadStage::Begun));
    world.restart();
    assert_eq!(world.resume().await.unwrap().unwrap().days, 3);
    let state = world.server.state.lock().unwrap();
    assert_eq!(state.redeemed[0], state.redeemed[1]);
}

#[tokio::test]
async fn a_lost_answer_to_the_upload_is_asked_for_again_with_the_same_bytes() {
    let mut world = World::new(Scheme::Gaen).await;
    world.server.trouble(Trouble::LostUploadAnswer);
    let lost = world.upload().await.unwrap_err();
    assert!(matches!(lost, UploadError::Refused(_)), "{lost}");
    assert_eq!(world.stage(), Some(UploadStage::Built));
    world.restart();
    // The same code typed once more does not spend it again.
    world.now = world.now.plus_seconds(3_600);
    world.upload().await.unwrap();
    assert_eq!(world.calls(), (1, 2));
    let state = world.server.state.lock().unwrap();
    assert_eq!(state.uploaded[0], state.uploaded[1]);
}

#[tokio::test]
async fn a_token_by_which_people_could_be_told_is_refused() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.trouble(Trouble::ForgedProof);
    let refused = world.upload().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "upload code: the issuer's proof does not hold"
    );
    assert_eq!(world.calls(), (1, 0));
    assert_eq!(world.resume().await.unwrap().unwrap().days, 3);
}

#[tokio::test]
async fn a_mistyped_code_is_never_sent() {
    let mut world = World::new(Scheme::Bluezone).await;
    let mut mistyped = code(1).into_bytes();
    mistyped.swap(0, 1);
    let mistyped = String::from_utf8(mistyped).unwrap();
    let options = UploadOptions::default();
    let refused = world.upload_with(&mistyped, options).await.unwrap_err();
    assert!(matches!(refused, UploadError::Code(_)));
    assert_eq!((world.calls(), world.stage()), ((0, 0), None));
}

#[tokio::test]
async fn a_refused_code_makes_room_for_another() {
    let mut world = World::new(Scheme::Bluezone).await;
    let status = refusal(Code::PermissionDenied, "CODE_REFUSED");
    world.server.trouble(Trouble::Refusal(status));
    let refused = world.upload().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "upload code: PermissionDenied CODE_REFUSED: refused"
    );
    assert_eq!(world.stage(), None);
    let second = world.upload_with(&code(2), UploadOptions::default()).await;
    assert_eq!(second.unwrap().days, 3);
}

#[tokio::test]
async fn another_code_waits_until_the_pending_upload_is_done_or_given_up() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.trouble(Trouble::LostUploadAnswer);
    world.upload().await.unwrap_err();
    let other = world.upload_with(&code(2), UploadOptions::default()).await;
    assert!(matches!(other.unwrap_err(), UploadError::AnotherPending));
    world.case().abandon_upload().await.unwrap();
    world
        .upload_with(&code(2), UploadOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn no_connection_carries_both_the_code_and_the_upload() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.trouble(Trouble::LostUploadAnswer);
    world.upload().await.unwrap_err();
    world.resume().await.unwrap().unwrap();
    let state = world.server.state.lock().unwrap();
    let from = |wanted: Call| {
        let calls = state.calls.iter().filter(move |(call, _)| *call == wanted);
        calls.map(|(_, address)| *address).collect::<Vec<_>>()
    };
    let uploads = from(Call::Upload);
    assert_eq!(uploads.len(), 2);
    assert_ne!(uploads[0], uploads[1]);
    for other in from(Call::Redeem).iter().chain(&from(Call::GetConfig)) {
        assert!(!uploads.contains(other));
    }
}

#[tokio::test]
async fn a_busy_server_says_when_to_come_again() {
    let mut world = World::new(Scheme::Bluezone).await;
    let mut details = ErrorDetails::new();
    details.set_retry_info(Some(Duration::from_secs(30)));
    let busy = Status::with_error_details(Code::ResourceExhausted, "busy", details);
    world.server.trouble(Trouble::UploadRefusal(busy));
    let UploadError::Refused(refusal) = world.upload().await.unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!(refusal.retry_after_seconds, Some(30));
    assert_eq!(world.stage(), Some(UploadStage::Built));
    assert_eq!(world.resume().await.unwrap().unwrap().days, 3);
}

#[tokio::test]
async fn a_request_that_the_server_finds_wrong_is_built_anew_for_the_same_token() {
    let mut world = World::new(Scheme::Bluezone).await;
    let mut details = ErrorDetails::new();
    details.add_bad_request_violation("keys[2].slots", "slot 20 has not begun");
    let wrong = Status::with_error_details(Code::InvalidArgument, "invalid", details);
    world.server.trouble(Trouble::UploadRefusal(wrong));
    let refused = world.upload().await.unwrap_err().to_string();
    assert!(
        refused.ends_with("keys[2].slots: slot 20 has not begun"),
        "{refused}"
    );
    assert_eq!(world.stage(), Some(UploadStage::Redeemed));
    world.resume().await.unwrap().unwrap();
    assert_eq!(world.calls(), (1, 1));
}

#[tokio::test]
async fn a_spent_token_means_that_an_earlier_try_was_taken_in() {
    let mut world = World::new(Scheme::Bluezone).await;
    let before = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
    let status = refusal(Code::PermissionDenied, "TOKEN_SPENT");
    world.server.trouble(Trouble::UploadRefusal(status));
    world.upload().await.unwrap_err();
    assert_eq!(world.stage(), None);
    let after = world.case().ids_of_day(noon().day(), &mut rng(4)).unwrap();
    assert!(before.iter().all(|id| !after.contains(id)));
}

#[tokio::test]
async fn a_phone_with_a_wrong_clock_keeps_its_code() {
    let mut world = World::new(Scheme::Bluezone).await;
    let right = world.now;
    world.now = noon().plus_seconds(-7_201);
    let refused = world.upload().await.unwrap_err().to_string();
    assert_eq!(refused, "this phone's clock is 7201 s behind the server's");
    world.now = noon().plus_seconds(2 * 86_400 + 1);
    let refused = world.upload().await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "this phone's clock is ahead of the server's, up to 172801 s"
    );
    assert_eq!(world.calls(), (0, 0));
    world.now = right;
    world.upload().await.unwrap();
}

#[tokio::test]
async fn with_nothing_to_disclose_the_code_is_not_spent() {
    let mut world = World::new(Scheme::Bluezone).await;
    let all = UploadOptions::default().leave_out(Timestamp::MIN, Timestamp::MAX);
    let refused = world.upload_with(&code(1), all).await.unwrap_err();
    assert!(matches!(refused, UploadError::NothingToDisclose));
    assert_eq!((world.calls(), world.stage()), ((0, 0), None));
}

#[tokio::test]
async fn hours_left_out_stay_left_out_after_a_restart() {
    let mut world = World::new(Scheme::Bluezone).await;
    let yesterday = noon().day().minus_days(1);
    let options = UploadOptions::default().leave_out(yesterday.start(), noon().day().start());
    world.server.trouble(Trouble::LostRedeemAnswer);
    world.upload_with(&code(1), options).await.unwrap_err();
    world.restart();
    assert_eq!(world.resume().await.unwrap().unwrap().days, 2);
    let state = world.server.state.lock().unwrap();
    assert!(
        state.uploaded[0]
            .keys
            .iter()
            .all(|key| key.day != yesterday.number())
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_costs_nothing() {
    let mut world = World::new(Scheme::Bluezone).await;
    let nobody = Connection::open("http://127.0.0.1:1", &ConnectOptions::default()).unwrap();
    let there = std::mem::replace(&mut world.connection, nobody);
    let refused = world.upload().await.unwrap_err();
    assert!(matches!(refused, UploadError::Config(_)), "{refused}");
    assert_eq!(world.stage(), None);
    world.connection = there;
    world.upload().await.unwrap();
}

#[tokio::test]
async fn without_a_region_of_its_own_the_phone_takes_the_officers() {
    let mut world = World::new(Scheme::Bluezone).await;
    let options = UploadOptions::default();
    world.upload_in(None, &code(1), options).await.unwrap();
    assert_eq!(world.server.state.lock().unwrap().uploaded[0].region, "VN");
}

/// A region made up for one code would tell whose upload it is.
#[tokio::test]
async fn a_region_that_the_signed_configuration_does_not_name_is_not_taken() {
    let mut world = World::new(Scheme::Bluezone).await;
    world.server.trouble(Trouble::MadeUpRegion);
    let options = UploadOptions::default();
    let refused = world.upload_in(None, &code(1), options).await.unwrap_err();
    assert!(matches!(refused, UploadError::UnknownRegion), "{refused}");
    assert_eq!(world.calls(), (1, 0));
    // The token is kept; the person chooses.
    world.upload().await.unwrap();
    assert_eq!(world.calls(), (1, 1));
    assert_eq!(world.server.state.lock().unwrap().uploaded[0].region, "VN");
}
