//! Officers and administrators: who may do what, what became of a code, figures, keys.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use tonic::{Code, Status, transport::Channel};
use truyvet_crypto::Day;
use truyvet_proto::v1::{
    CodeOrder, CodeState, CreateOfficerRequest, DeactivateOfficerRequest, GetCodeRequest,
    GetFiguresRequest, IssueCodeRequest, IssueCodesRequest, IssuedCode, ListOfficersRequest,
    ListSigningKeysRequest, ListUnitsRequest, PublishNowRequest, ReportType, RevokeCodeRequest,
    Role, RotateSigningKeyRequest, officer_service_client::OfficerServiceClient,
};
use truyvet_tests::world::{World, bearer, refusal};

fn order(onset_day: Day) -> CodeOrder {
    CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: onset_day.number(),
    }
}

/// Adds an officer to Đà Nẵng.
async fn officer_of_da_nang(world: &World, role: Role) -> (String, String) {
    let mut admin = world.admin().await;
    let request = CreateOfficerRequest {
        label: format!("{role:?}"),
        unit_code: "48".into(),
        role: role.into(),
    };
    let created = admin
        .create_officer(bearer(&world.administrator, request))
        .await
        .unwrap()
        .into_inner();
    (created.officer.unwrap().officer_id, created.credential)
}

async fn issue(
    officers: &mut OfficerServiceClient<Channel>,
    credential: &str,
    onset_day: Day,
) -> Result<IssuedCode, Status> {
    let request = IssueCodeRequest {
        order: Some(order(onset_day)),
    };
    let answer = officers.issue_code(bearer(credential, request)).await?;
    Ok(answer.into_inner().code.unwrap())
}

async fn state(
    officers: &mut OfficerServiceClient<Channel>,
    credential: &str,
    serial: &str,
) -> Result<CodeState, Status> {
    let request = GetCodeRequest {
        serial: serial.into(),
    };
    let answer = officers.get_code(bearer(credential, request)).await?;
    Ok(answer.into_inner().state())
}

#[tokio::test]
async fn without_a_good_credential_nothing_is_done() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let mut cut = world.officer.clone();
    cut.pop();
    let other = format!("tvo_{}", "A".repeat(43));
    for credential in ["", "x", "tvo_", &cut, &other] {
        let status = issue(&mut officers, credential, world.today())
            .await
            .unwrap_err();
        let expected = (Code::Unauthenticated, "CREDENTIAL_REFUSED".into(), vec![]);
        assert_eq!(refusal(&status), expected);
    }
    let no_header = IssueCodeRequest {
        order: Some(order(world.today())),
    };
    let status = officers.issue_code(no_header).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(world.rows("upload_code"), 0);
}

#[tokio::test]
async fn each_role_does_what_it_may_and_no_more() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let mut admin = world.admin().await;
    let (_, auditor) = officer_of_da_nang(&world, Role::Auditor).await;
    let status = issue(&mut officers, &auditor, world.today())
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NOT_ALLOWED");
    // Windows and keys are the whole deployment's: not even a district's administrator may touch them.
    let (_, local_admin) = officer_of_da_nang(&world, Role::Administrator).await;
    let before = world.trusted();
    for credential in [&world.officer, &auditor, &local_admin] {
        let request = PublishNowRequest {
            region: "VN".into(),
        };
        let status = admin
            .publish_now(bearer(credential, request))
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), refusal(&status).1.as_str()),
            (Code::PermissionDenied, "NOT_ALLOWED")
        );
        let status = admin
            .rotate_signing_key(bearer(credential, RotateSigningKeyRequest {}))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
    assert_eq!(world.trusted(), before);
    for credential in [&world.officer, &auditor] {
        let status = admin
            .list_officers(bearer(credential, ListOfficersRequest {}))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        let request = CreateOfficerRequest {
            label: "x".into(),
            unit_code: "48".into(),
            role: Role::Officer.into(),
        };
        let status = admin
            .create_officer(bearer(credential, request))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
    }
}

#[tokio::test]
async fn nobody_sees_beyond_their_own_unit_and_those_below() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let (_, da_nang) = officer_of_da_nang(&world, Role::Officer).await;
    let (_, local_admin) = officer_of_da_nang(&world, Role::Administrator).await;
    let of_country = issue(&mut officers, &world.officer, world.today())
        .await
        .unwrap();
    let of_da_nang = issue(&mut officers, &da_nang, world.today()).await.unwrap();
    let not_found = (Code::NotFound, "NO_SUCH_SERIAL".to_owned(), vec![]);

    // Upwards: nothing. An officer's own unit only: not even downwards.
    for (credential, serial) in [
        (&da_nang, &of_country.serial),
        (&local_admin, &of_country.serial),
        (&world.officer, &of_da_nang.serial),
    ] {
        let status = state(&mut officers, credential, serial).await.unwrap_err();
        assert_eq!(refusal(&status), not_found);
        let request = RevokeCodeRequest {
            serial: serial.clone(),
        };
        let status = officers
            .revoke_code(bearer(credential, request))
            .await
            .unwrap_err();
        assert_eq!(refusal(&status), not_found);
    }
    // Downwards, for whoever reaches below.
    for credential in [&world.administrator, &local_admin, &da_nang] {
        let state = state(&mut officers, credential, &of_da_nang.serial)
            .await
            .unwrap();
        assert_eq!(state, CodeState::Issued);
    }
    let mut admin = world.admin().await;
    let seen = admin
        .list_units(bearer(&local_admin, ListUnitsRequest::default()))
        .await
        .unwrap();
    let codes: Vec<_> = seen
        .into_inner()
        .units
        .into_iter()
        .map(|unit| unit.unit_code)
        .collect();
    assert_eq!(codes[0], "48");
    assert_eq!(codes.len(), 9, "the province and its eight districts");
    let request = CreateOfficerRequest {
        label: "x".into(),
        unit_code: "VN".into(),
        role: Role::Officer.into(),
    };
    let status = admin
        .create_officer(bearer(&local_admin, request))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_UNIT");
}

#[tokio::test]
async fn a_deactivated_officer_is_nobody_at_once() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let mut admin = world.admin().await;
    let (officer_id, credential) = officer_of_da_nang(&world, Role::Officer).await;
    let issued = issue(&mut officers, &credential, world.today())
        .await
        .unwrap();
    let request = DeactivateOfficerRequest { officer_id };
    admin
        .deactivate_officer(bearer(&world.administrator, request))
        .await
        .unwrap();
    let status = issue(&mut officers, &credential, world.today())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    // A stolen credential's codes go with it.
    let mut phone = world.raw_phone(1).await;
    let refused = phone.redeem(&issued.upload_code).await.unwrap_err();
    assert_eq!(refusal(&refused).1, "CODE_REFUSED");
}

#[tokio::test]
async fn a_code_goes_through_its_life_and_the_officer_sees_it() {
    let world = World::with(|settings| settings.figures_floor = 0).await;
    let mut officers = world.officers().await;
    let mut phone = world.raw_phone(1).await;
    let credential = &world.officer;
    let mut issued = Vec::new();
    for _ in 0..3 {
        issued.push(
            issue(&mut officers, credential, world.today())
                .await
                .unwrap(),
        );
    }
    phone.redeem(&issued[0].upload_code).await.unwrap();
    let revoke = |serial: &str| {
        let request = RevokeCodeRequest {
            serial: serial.into(),
        };
        bearer(credential, request)
    };
    officers
        .revoke_code(revoke(&issued[1].serial))
        .await
        .unwrap();
    // A second click.
    officers
        .revoke_code(revoke(&issued[1].serial))
        .await
        .unwrap();
    let refused = phone.redeem(&issued[1].upload_code).await.unwrap_err();
    assert_eq!(refusal(&refused).1, "CODE_REFUSED");
    let late = officers
        .revoke_code(revoke(&issued[0].serial))
        .await
        .unwrap_err();
    assert_eq!(
        (late.code(), refusal(&late).1.as_str()),
        (Code::FailedPrecondition, "CODE_REDEEMED")
    );
    // Usable for the whole life that was promised, and gone at its end.
    assert_eq!(issued[2].expires_at % 3_600, 0);
    world
        .clock
        .advance(issued[2].expires_at - world.now().unix_seconds());
    for (code, expected) in
        issued
            .iter()
            .zip([CodeState::Redeemed, CodeState::Revoked, CodeState::Expired])
    {
        let state = state(&mut officers, credential, &code.serial)
            .await
            .unwrap();
        assert_eq!(state, expected);
    }

    let local_today = u32::try_from((world.now().unix_seconds() + 25_200) / 86_400).unwrap();
    let request = GetFiguresRequest {
        first_day: local_today - 3,
        last_day: local_today,
        ..GetFiguresRequest::default()
    };
    let figures = officers
        .get_figures(bearer(credential, request))
        .await
        .unwrap();
    let days = figures.into_inner().days;
    assert_eq!(days.len(), 4);
    let sum =
        |count: fn(&truyvet_proto::v1::DayFigures) -> u64| days.iter().map(count).sum::<u64>();
    assert_eq!(sum(|d| d.issued), 3);
    assert_eq!(
        (sum(|d| d.redeemed), sum(|d| d.revoked), sum(|d| d.expired)),
        (1, 1, 1)
    );
    assert_eq!(
        days[2].issued, 3,
        "counted on the day of issue, in Vietnam's calendar"
    );
    let request = GetFiguresRequest {
        first_day: 5,
        last_day: 4,
        ..GetFiguresRequest::default()
    };
    let status = officers
        .get_figures(bearer(credential, request))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).2, ["last_day"]);
}

#[tokio::test]
async fn many_codes_are_issued_all_or_none() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let good = order(world.today());
    let future = order(world.today().plus_days(2));
    let old = order(world.today().minus_days(15));
    let untyped = CodeOrder {
        report_type: 0,
        ..good
    };
    for (orders, reason, field) in [
        (vec![], "ORDER_COUNT", "orders"),
        (vec![good; 501], "ORDER_COUNT", "orders"),
        (vec![good, future], "ONSET_IN_FUTURE", "orders[1].onset_day"),
        (
            vec![good, good, old],
            "ONSET_TOO_OLD",
            "orders[2].onset_day",
        ),
        (vec![untyped], "REPORT_TYPE", "orders[0].report_type"),
    ] {
        let request = bearer(&world.officer, IssueCodesRequest { orders });
        let status = officers.issue_codes(request).await.unwrap_err();
        let expected = (Code::InvalidArgument, reason.into(), vec![field.into()]);
        assert_eq!(refusal(&status), expected);
    }
    assert_eq!(world.rows("upload_code"), 0);
    let request = bearer(
        &world.officer,
        IssueCodesRequest {
            orders: vec![good; 500],
        },
    );
    let codes = officers
        .issue_codes(request)
        .await
        .unwrap()
        .into_inner()
        .codes;
    let distinct: std::collections::HashSet<_> =
        codes.iter().map(|code| &code.upload_code).collect();
    assert_eq!(distinct.len(), 500);
    assert_eq!(world.rows("upload_code"), 500);
}

/// A phone that trusts the old key verifies what both keys signed; a batch closed before the change is signed by the
/// old one.
#[tokio::test]
async fn signing_keys_overlap() {
    let world = World::new().await;
    let old = world.trusted();
    world.publish().await;
    let mut admin = world.admin().await;
    admin
        .rotate_signing_key(bearer(&world.administrator, RotateSigningKeyRequest {}))
        .await
        .unwrap();
    let listed = admin
        .list_signing_keys(bearer(&world.administrator, ListSigningKeysRequest {}))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.keys.len(), 2);
    world.clock.advance(60);
    world.publish().await;
    let new = world.trusted();
    assert_ne!(old, new);
    let files = world.files().await;
    for (file, trusted, not_trusted) in [(&files[0], &old, &new), (&files[1], &new, &old)] {
        assert!(truyvet_matching::VerifiedBatch::verify(file, trusted).is_ok());
        assert!(truyvet_matching::VerifiedBatch::verify(file, not_trusted).is_err());
    }
    let world = world.restarted().await;
    assert_eq!(world.trusted(), new);
}
