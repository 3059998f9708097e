//! What bad input gets: a clear status with a reason and the field at fault, nothing stored, neither code nor token
//! spent.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use tonic::Code;
use truyvet_crypto::{DisclosedKey, Scheme, SlotSet, token::Token};
use truyvet_proto::v1::{ListBatchesRequest, RedeemRequest, RevokeCodeRequest, UploadRequest};
use truyvet_tests::{
    raw::{RawPhone, disclosed_key, tags},
    world::{World, bearer, refusal},
};

/// A valid request, and what it takes to make one.
struct Valid {
    world: World,
    phone: RawPhone,
    token: Token,
    keys: Vec<DisclosedKey>,
}

impl Valid {
    async fn new() -> Self {
        let world = World::new().await;
        let mut phone = world.raw_phone(1).await;
        let token = phone.redeem(&world.code().await).await.unwrap();
        let today = world.today();
        let keys = vec![
            phone.key(today.minus_days(2)),
            phone.key(today.minus_days(1)),
        ];
        Self {
            world,
            phone,
            token,
            keys,
        }
    }

    fn request(&self) -> UploadRequest {
        self.phone.request(&self.token, &self.keys)
    }
}

/// One way to spoil a request, and what must be said of it.
type Spoilt = (&'static str, &'static str, fn(&mut UploadRequest, &Valid));

const SPOILT: &[Spoilt] = &[
    ("KEY_SECRET_LENGTH", "keys[1].secret", |r, _| {
        r.keys[1].secret.pop();
    }),
    ("KEY_SECRET_LENGTH", "keys[0].secret", |r, _| {
        r.keys[0].secret.clear()
    }),
    ("KEY_DAY_IN_FUTURE", "keys[0].day", |r, v| {
        r.keys[0].day = v.world.today().number() + 1;
    }),
    ("KEY_DAY_IN_FUTURE", "keys[0].day", |r, _| {
        r.keys[0].day = u32::MAX
    }),
    ("KEY_DAY_TOO_OLD", "keys[0].day", |r, v| {
        r.keys[0].day = v.world.today().number() - 15;
    }),
    ("KEY_DAY_TOO_OLD", "keys[0].day", |r, _| r.keys[0].day = 0),
    ("KEY_DAY_NOT_AUTHORIZED", "keys[0].day", |r, v| {
        r.keys[0].day = v.world.today().number() - 11;
    }),
    ("KEY_DAY_REPEATED", "keys[1].day", |r, _| {
        r.keys[1].day = r.keys[0].day
    }),
    ("KEY_SLOTS_LENGTH", "keys[0].slots", |r, _| {
        r.keys[0].slots.push(1)
    }),
    ("KEY_SLOTS_LENGTH", "keys[0].slots", |r, _| {
        r.keys[0].slots.pop();
    }),
    ("KEY_NO_SLOTS", "keys[0].slots", |r, _| {
        r.keys[0].slots.fill(0)
    }),
    ("KEY_SLOT_NOT_BEGUN", "keys[0].slots", |r, v| {
        // Today, with the slot after the one that runs.
        let scheme = Scheme::Bluezone;
        let now = scheme.index_in_day(scheme.slot_at(v.world.now()));
        let mut slots = SlotSet::empty(scheme);
        slots.insert(now + 1);
        r.keys[0].day = v.world.today().number();
        r.keys[0].slots = slots.as_bytes().to_vec();
    }),
    ("KEY_SCHEME", "keys[0].scheme", |r, _| {
        r.keys[0].scheme = Scheme::Gaen.byte().into();
    }),
    ("KEY_SCHEME", "keys[0].scheme", |r, _| r.keys[0].scheme = 0),
    ("KEY_SCHEME", "keys[0].scheme", |r, _| r.keys[0].scheme = -1),
    ("NO_KEYS", "keys", |r, _| r.keys.clear()),
    ("TOO_MANY_KEYS", "keys", |r, _| {
        r.keys = vec![r.keys[0].clone(); 16];
    }),
    ("UNKNOWN_REGION", "region", |r, _| r.region = "XX".into()),
    ("UNKNOWN_REGION", "region", |r, _| {
        r.region = "not a region".into()
    }),
    ("UNKNOWN_REGION", "region", |r, _| r.region.clear()),
    ("TOKEN_MALFORMED", "token.nonce", |r, _| r.token = None),
    ("TOKEN_MALFORMED", "token.nonce", |r, _| {
        r.token.as_mut().unwrap().nonce.pop();
    }),
    ("TOKEN_MALFORMED", "token.output", |r, _| {
        r.token.as_mut().unwrap().output.push(0);
    }),
    ("TOKEN_MALFORMED", "token.metadata", |r, _| {
        r.token.as_mut().unwrap().metadata = None;
    }),
    ("TOKEN_MALFORMED", "token.metadata.report_type", |r, _| {
        r.token
            .as_mut()
            .unwrap()
            .metadata
            .as_mut()
            .unwrap()
            .report_type = 9;
    }),
];

#[tokio::test]
async fn a_spoilt_upload_is_refused_by_field_and_costs_nothing() {
    let mut valid = Valid::new().await;
    for (reason, field, spoil) in SPOILT {
        let mut request = valid.request();
        spoil(&mut request, &valid);
        let request = valid.phone.padded(request);
        let status = valid.phone.upload(request).await.expect_err(reason);
        let expected = (
            Code::InvalidArgument,
            (*reason).into(),
            vec![(*field).into()],
        );
        assert_eq!(refusal(&status), expected, "{status:?}");
    }
    // Nothing was stored, and the token is as good as new.
    assert_nothing_stored(&valid.world);
    let request = valid.request();
    valid.phone.upload(request).await.unwrap();
}

#[tokio::test]
async fn every_upload_has_one_size() {
    let mut valid = Valid::new().await;
    for change in [-1_i64, 1] {
        let mut request = valid.request();
        let padding = i64::try_from(request.padding.len()).unwrap() + change;
        request.padding = vec![0; usize::try_from(padding).unwrap()];
        let status = valid.phone.upload(request).await.unwrap_err();
        let expected = (
            Code::InvalidArgument,
            "UPLOAD_SIZE".into(),
            vec!["padding".into()],
        );
        assert_eq!(refusal(&status), expected);
    }
    // Long, but short enough to be told what is wrong.
    let mut request = valid.request();
    request.padding = vec![0; 100 << 10];
    let status = valid.phone.upload(request).await.unwrap_err();
    assert_eq!(refusal(&status).1, "UPLOAD_SIZE");
    // Far too long: refused before it is decoded, by tonic itself.
    let mut request = valid.request();
    request.padding = vec![0; 1 << 20];
    let status = valid.phone.upload(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_nothing_stored(&valid.world);
}

#[tokio::test]
async fn a_token_that_was_changed_or_ran_out_is_refused() {
    let mut valid = Valid::new().await;
    let refused = (Code::PermissionDenied, "TOKEN_REFUSED".to_owned(), vec![]);
    let mut forged = Vec::new();
    let mut request = valid.request();
    request.token.as_mut().unwrap().output[0] ^= 1;
    forged.push(request);
    let mut request = valid.request();
    request.token.as_mut().unwrap().nonce[0] ^= 1;
    forged.push(request);
    let mut request = valid.request();
    request
        .token
        .as_mut()
        .unwrap()
        .metadata
        .as_mut()
        .unwrap()
        .first_day -= 1;
    forged.push(request);
    for request in forged {
        let status = valid.phone.upload(request).await.unwrap_err();
        assert_eq!(refusal(&status), refused);
    }
    // Good on the day after redemption, not on the second.
    valid.world.clock.advance(2 * 86_400);
    let request = valid.request();
    let status = valid.phone.upload(request).await.unwrap_err();
    assert_eq!(refusal(&status), refused);
    assert_nothing_stored(&valid.world);
    valid.world.clock.advance(-86_400);
    let request = valid.request();
    valid.phone.upload(request).await.unwrap();
}

#[tokio::test]
async fn a_token_pays_once_and_the_same_request_again_changes_nothing() {
    let mut valid = Valid::new().await;
    let request = valid.request();
    valid.phone.upload(request.clone()).await.unwrap();
    valid.phone.upload(request).await.unwrap();
    let other = vec![valid.phone.key(valid.world.today().minus_days(3))];
    let replayed = valid.phone.request(&valid.token, &other);
    let status = valid.phone.upload(replayed).await.unwrap_err();
    let expected = (Code::PermissionDenied, "TOKEN_SPENT".into(), vec![]);
    assert_eq!(refusal(&status), expected);
    assert_eq!(valid.world.rows("disclosed_key"), 2);
    assert_eq!(valid.world.rows("spent_token"), 1);
}

#[tokio::test]
async fn the_same_keys_under_another_token_are_published_once() {
    let mut valid = Valid::new().await;
    let request = valid.request();
    valid.phone.upload(request).await.unwrap();
    let first = valid.world.publish().await;
    assert_eq!(first.sequence, 1);
    let again = valid.phone.redeem(&valid.world.code().await).await.unwrap();
    let request = valid.phone.request(&again, &valid.keys);
    valid.phone.upload(request).await.unwrap();
    assert_eq!(valid.world.rows("disclosed_key"), 2);
    valid.world.clock.advance(3_600);
    valid.world.publish().await;
    let published = published_tags(&valid.world, &tags(&valid.keys)).await;
    assert_eq!(published, [192, 0]);
}

/// Slots that a second upload of a key adds are published then, and only they.
#[tokio::test]
async fn slots_added_later_are_published_later() {
    let mut valid = Valid::new().await;
    let day = valid.world.today().minus_days(1);
    let whole = valid.phone.key(day);
    let some = |indexes: &[u32]| {
        let mut slots = SlotSet::empty(Scheme::Bluezone);
        indexes.iter().for_each(|index| slots.insert(*index));
        DisclosedKey::new(Scheme::Bluezone, day, whole.secret().to_vec(), slots).unwrap()
    };
    for (round, indexes) in [[1, 2].as_slice(), &[2, 3], &[3, 4, 5]]
        .into_iter()
        .enumerate()
    {
        // Two uploads into the same window merge as well.
        let token = valid.phone.redeem(&valid.world.code().await).await.unwrap();
        let request = valid.phone.request(&token, &[some(indexes)]);
        valid.phone.upload(request).await.unwrap();
        if round > 0 {
            valid.world.clock.advance(60);
            valid.world.publish().await;
        }
    }
    assert_eq!(published_tags(&valid.world, &tags(&[whole])).await, [3, 2]);
}

#[tokio::test]
async fn unknown_used_expired_and_revoked_codes_get_one_answer() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let mut answers = Vec::new();
    let mut refused = async |phone: &mut RawPhone, code: &str| {
        let status = phone.redeem(code).await.unwrap_err();
        let (text, details) = (status.message().to_owned(), status.details().to_vec());
        answers.push((status.code(), text, details));
    };
    let unknown = truyvet_crypto::UploadCode::generate(&mut truyvet_tests::world::rng(9));
    refused(&mut phone, &unknown.grouped()).await;
    let used = world.code().await;
    phone.redeem(&used).await.unwrap();
    refused(&mut phone, &used).await;
    let (revoked, serial) = world.code_and_serial().await;
    let request = bearer(&world.officer, RevokeCodeRequest { serial });
    world.officers().await.revoke_code(request).await.unwrap();
    refused(&mut phone, &revoked).await;
    let expired = world.code().await;
    world.clock.advance(26 * 3_600);
    refused(&mut phone, &expired).await;
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0].0, Code::PermissionDenied);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
}

#[tokio::test]
async fn a_lost_answer_to_a_redemption_can_be_asked_for_again_by_the_same_phone_alone() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    let blinding = phone.blinding();
    let first = phone.redeem_with(&code, &blinding).await.unwrap();
    let again = phone.redeem_with(&code, &blinding).await.unwrap();
    assert_eq!(first, again);
    // Also when the code would have expired meanwhile: it was spent in time.
    world.clock.advance(26 * 3_600);
    assert_eq!(phone.redeem_with(&code, &blinding).await.unwrap(), first);
    let other = phone.redeem(&code).await.unwrap_err();
    assert_eq!(refusal(&other).1, "CODE_REFUSED");
}

#[tokio::test]
async fn a_redemption_that_cannot_be_one_does_not_spend_the_code() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    let element = phone.blinding().element().to_vec();
    let mut typo = code.clone();
    let wrong = if typo.starts_with('2') { "3" } else { "2" };
    typo.replace_range(..1, wrong);
    for (upload_code, blinded_element, reason, field) in [
        (typo, element.clone(), "CODE_MALFORMED", "upload_code"),
        (String::new(), element, "CODE_MALFORMED", "upload_code"),
        (
            code.clone(),
            vec![0; 32],
            "BLINDED_ELEMENT_MALFORMED",
            "blinded_element",
        ),
        (
            code.clone(),
            vec![1; 31],
            "BLINDED_ELEMENT_MALFORMED",
            "blinded_element",
        ),
    ] {
        let request = RedeemRequest::new(upload_code, blinded_element);
        let status = phone.send_redeem(request).await.unwrap_err();
        let expected = (Code::InvalidArgument, reason.into(), vec![field.into()]);
        assert_eq!(refusal(&status), expected);
    }
    phone.redeem(&code).await.unwrap();
}

#[tokio::test]
async fn an_unknown_region_has_no_index() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    for region in ["XX", "", "way too long to be one"] {
        let request = ListBatchesRequest {
            region: region.into(),
        };
        let status = phone.exposure.list_batches(request).await.unwrap_err();
        let expected = (
            Code::InvalidArgument,
            "UNKNOWN_REGION".into(),
            vec!["region".into()],
        );
        assert_eq!(refusal(&status), expected);
    }
}

#[tokio::test]
async fn all_schemes_go_the_whole_way() {
    for scheme in Scheme::ALL {
        let world = World::with(|settings| settings.scheme = scheme).await;
        let mut phone = world.raw_phone(1).await;
        let token = phone.redeem(&world.code().await).await.unwrap();
        // Every day that may be uploaded at once fits into the one size of all uploads.
        let keys: Vec<_> = (1..=10)
            .map(|ago| phone.key(world.today().minus_days(ago)))
            .collect();
        let request = phone.request(&token, &keys);
        assert_eq!(disclosed_key(&keys[0]).scheme, i32::from(scheme.byte()));
        phone.upload(request).await.unwrap();
        world.publish().await;
        let expected = 10 * scheme.slots_per_day() as usize;
        assert_eq!(published_tags(&world, &tags(&keys)).await, [expected]);
    }
}

/// How many of these tags each published batch has, by sequence number.
async fn published_tags(world: &World, tags: &[truyvet_crypto::Tag]) -> Vec<usize> {
    let matches = |file| {
        let batch = truyvet_matching::VerifiedBatch::verify(file, &world.trusted());
        batch.unwrap().matches(tags).len()
    };
    world.files().await.into_iter().map(matches).collect()
}

fn assert_nothing_stored(world: &World) {
    assert_eq!(world.rows("disclosed_key"), 0);
    assert_eq!(world.rows("spent_token"), 0);
}
