//! Officers and administrators: who may do what, what became of a code, figures, keys.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt as _;
use truyvet_crypto::Day;
use truyvet_proto::v1::{
    Alert, CodeOrder, CodeState, CreateOfficerRequest, DeactivateOfficerRequest, GetCodeRequest,
    GetFiguresRequest, IssueCodeRequest, IssueCodesRequest, IssuedCode, ListAlertsRequest,
    ListCodesRequest, ListOfficersRequest, ListSigningKeysRequest, ListUnitsRequest,
    OfficerQuotaAlert, PublishNowRequest, Quota, RedeemRequest, ReportType, RevokeCodeRequest,
    Role, RotateSigningKeyRequest, StateCounts, alert,
    officer_service_client::OfficerServiceClient,
};
use truyvet_tests::world::{World, bearer, refusal};

fn order(onset_day: Day) -> CodeOrder {
    CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: onset_day.number(),
        region: String::new(),
    }
}

/// Adds an officer to Đà Nẵng.
async fn officer_of_da_nang(world: &World, role: Role) -> (String, String) {
    let mut admin = world.admin().await;
    let request = CreateOfficerRequest {
        label: format!("{role:?}"),
        unit_code: "48".into(),
        role: role.into(),
        ..CreateOfficerRequest::default()
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
            ..CreateOfficerRequest::default()
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
        ..CreateOfficerRequest::default()
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
    let world = World::with(|settings| settings.officer_codes_per_day = 500).await;
    let mut officers = world.officers().await;
    let good = order(world.today());
    let future = order(world.today().plus_days(2));
    let old = order(world.today().minus_days(15));
    let untyped = CodeOrder {
        report_type: 0,
        ..good.clone()
    };
    let elsewhere = CodeOrder {
        region: "XX".into(),
        ..good.clone()
    };
    let no_region = CodeOrder {
        region: "nowhere at all".into(),
        ..good.clone()
    };
    for (orders, reason, field) in [
        (vec![], "ORDER_COUNT", "orders"),
        (vec![good.clone(); 501], "ORDER_COUNT", "orders"),
        (
            vec![good.clone(), future],
            "ONSET_IN_FUTURE",
            "orders[1].onset_day",
        ),
        (
            vec![good.clone(), good.clone(), old],
            "ONSET_TOO_OLD",
            "orders[2].onset_day",
        ),
        (vec![untyped], "REPORT_TYPE", "orders[0].report_type"),
        (vec![elsewhere], "UNKNOWN_REGION", "orders[0].region"),
        (
            vec![good.clone(), no_region],
            "UNKNOWN_REGION",
            "orders[1].region",
        ),
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

/// Four fifths and all of a quota are told to the audit and to whoever has to know; nothing goes beyond it, not even by
/// calls at the same time.
#[tokio::test]
async fn quotas_hold_and_are_told_before_they_do() {
    let world = World::with(|settings| {
        settings.officer_codes_per_day = 10;
        settings.unit_codes_per_day = 15;
    })
    .await;
    let mut officers = world.officers().await;
    let (officer_id, first) = officer_of_da_nang(&world, Role::Officer).await;
    let (_, second) = officer_of_da_nang(&world, Role::Supervisor).await;
    let many = |credential: &str, count| {
        let orders = vec![order(world.today()); count];
        bearer(credential, IssueCodesRequest { orders })
    };
    let alerts = async |credential: &str| {
        let request = bearer(credential, ListAlertsRequest {});
        let answer = world.officers().await.list_alerts(request).await;
        answer.unwrap().into_inner()
    };
    officers.issue_codes(many(&first, 7)).await.unwrap();
    assert_eq!(alerts(&first).await.alerts, []);
    officers.issue_codes(many(&first, 1)).await.unwrap();
    let status = officers.issue_codes(many(&first, 3)).await.unwrap_err();
    assert_eq!(
        (status.code(), refusal(&status).1.as_str()),
        (Code::ResourceExhausted, "QUOTA_OFFICER")
    );
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["left"], "2");

    let seen = alerts(&first).await;
    let quota = |issued_today, limit| Quota {
        issued_today,
        limit,
    };
    assert_eq!(seen.officer_quota, Some(quota(8, 10)));
    assert_eq!(seen.unit_quota, Some(quota(8, 15)));
    let near = OfficerQuotaAlert {
        officer_id: officer_id.clone(),
        label: "Officer".into(),
        unit_code: "48".into(),
        quota: Some(quota(8, 10)),
    };
    let expected = [Alert {
        what: Some(alert::What::OfficerQuota(near)),
    }];
    // The officer, whoever is above them in the unit, and the country; nobody in another unit.
    assert_eq!(seen.alerts, expected);
    assert_eq!(alerts(&second).await.alerts, expected);
    assert_eq!(alerts(&world.administrator).await.alerts, expected);
    assert_eq!(alerts(&world.officer).await.alerts, []);

    // Twenty at a time for the two that are left.
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (mut officers, request) = (officers.clone(), many(&first, 1));
            tokio::spawn(async move { officers.issue_codes(request).await.is_ok() })
        })
        .collect();
    let mut issued = 0;
    for one in tries {
        issued += usize::from(one.await.unwrap());
    }
    assert_eq!(issued, 2);
    // The unit's quota counts all of its officers.
    let status = officers.issue_codes(many(&second, 6)).await.unwrap_err();
    assert_eq!(refusal(&status).1, "QUOTA_UNIT");
    officers.issue_codes(many(&second, 5)).await.unwrap();
    let seen = alerts(&second).await;
    assert_eq!(seen.alerts.len(), 2);
    let Some(alert::What::UnitQuota(unit)) = &seen.alerts[0].what else {
        panic!("units come first")
    };
    assert_eq!(
        (unit.unit_code.as_str(), unit.quota),
        ("48", Some(quota(15, 15)))
    );
    assert_eq!(world.rows("upload_code"), 15);

    let rows = world.audit_rows().await;
    let told: Vec<_> = rows
        .iter()
        .filter(|row| row.action.starts_with("quota."))
        .map(|row| (row.action.as_str(), row.subject.as_str()))
        .collect();
    let expected = [
        ("quota.nearly-reached", officer_id.as_str()),
        ("quota.reached", &officer_id),
        ("quota.reached", "48"),
    ];
    assert_eq!(told, expected);

    // Another unit is not held up, and the next local day begins anew.
    officers.issue_codes(many(&world.officer, 5)).await.unwrap();
    world.clock.advance(12 * 3_600);
    officers.issue_codes(many(&first, 7)).await.unwrap();
    assert_eq!(alerts(&first).await.alerts, []);
}

/// Every code once, newest first, whatever the size of the pages; counts of all states; nothing of other units.
#[tokio::test]
async fn codes_are_listed_by_unit_and_state_page_by_page() {
    let world = World::new().await;
    let mut officers = world.officers().await;
    let mut phone = world.raw_phone(1).await;
    let (_, da_nang) = officer_of_da_nang(&world, Role::Officer).await;
    let mut issued = Vec::new();
    for hour in 0..3 {
        let orders = vec![order(world.today()); 5];
        let request = bearer(&da_nang, IssueCodesRequest { orders });
        let mut codes = officers
            .issue_codes(request)
            .await
            .unwrap()
            .into_inner()
            .codes;
        if hour == 0 {
            phone.redeem(&codes[0].upload_code).await.unwrap();
            let serial = codes[1].serial.clone();
            let request = bearer(&da_nang, RevokeCodeRequest { serial });
            officers.revoke_code(request).await.unwrap();
        }
        codes.sort_by(|a, b| a.serial.cmp(&b.serial));
        issued.splice(..0, codes.into_iter().map(|code| code.serial));
        world.clock.advance(3_600 * 12);
    }
    issue(&mut officers, &world.officer, world.today())
        .await
        .unwrap();
    // 36 hours later the first five have run out.
    let pages = async |credential: &str, state: CodeState, page_size| {
        let (mut codes, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListCodesRequest {
                unit_code: String::new(),
                state: state.into(),
                page_size,
                page_token,
            };
            let mut officers = world.officers().await;
            let page = officers.list_codes(bearer(credential, request)).await;
            let page = page.unwrap().into_inner();
            assert!(page.codes.len() <= page_size as usize);
            codes.extend(page.codes);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return (codes, page.counts.unwrap());
            }
        }
    };
    let counts = StateCounts {
        issued: 10,
        redeemed: 1,
        expired: 3,
        revoked: 1,
    };
    for page_size in [1, 4, 15, 500] {
        let (codes, counted) = pages(&da_nang, CodeState::Unspecified, page_size).await;
        let serials: Vec<_> = codes.iter().map(|code| code.serial.as_str()).collect();
        assert_eq!(serials, issued);
        assert_eq!(counted, counts);
        assert!(codes.iter().all(|code| code.issued_at % 3_600 == 0));
        assert!(codes.iter().all(|code| code.unit_code == "48"));
    }
    for (state, expected) in [
        (CodeState::Issued, 10),
        (CodeState::Redeemed, 1),
        (CodeState::Expired, 3),
        (CodeState::Revoked, 1),
    ] {
        let (codes, counted) = pages(&da_nang, state, 2).await;
        assert_eq!(codes.len(), expected);
        assert!(codes.iter().all(|code| code.state() == state));
        assert_eq!(counted, counts);
    }
    // The country's officer sees the country's own alone, its administrator all.
    let (own, _) = pages(&world.officer, CodeState::Unspecified, 500).await;
    assert_eq!(own.len(), 1);
    let (all, _) = pages(&world.administrator, CodeState::Unspecified, 500).await;
    assert_eq!(all.len(), 16);
    for (request, reason, field) in [
        (
            ListCodesRequest {
                unit_code: "48".into(),
                ..ListCodesRequest::default()
            },
            "NO_SUCH_UNIT",
            "unit_code",
        ),
        (
            ListCodesRequest {
                page_size: 501,
                ..ListCodesRequest::default()
            },
            "PAGE_SIZE",
            "page_size",
        ),
        (
            ListCodesRequest {
                page_token: "x".into(),
                ..ListCodesRequest::default()
            },
            "PAGE_TOKEN",
            "page_token",
        ),
        (
            ListCodesRequest {
                state: 9,
                ..ListCodesRequest::default()
            },
            "CODE_STATE",
            "state",
        ),
    ] {
        let request = bearer(&world.officer, request);
        let status = officers.list_codes(request).await.unwrap_err();
        let expected = (Code::InvalidArgument, reason.into(), vec![field.into()]);
        assert_eq!(refusal(&status), expected);
    }
}

/// The officer says where; the answer to the code carries it, the token does not.
#[tokio::test]
async fn a_code_carries_the_region_that_the_officer_said() {
    let world = World::with(|settings| {
        settings.regions = vec!["VN".parse().unwrap(), "VN-48".parse().unwrap()];
    })
    .await;
    let mut officers = world.officers().await;
    let mut phone = world.raw_phone(1).await;
    for (said, expected) in [("", "VN"), ("VN-48", "VN-48"), ("VN", "VN")] {
        let order = CodeOrder {
            region: said.into(),
            ..order(world.today())
        };
        let request = IssueCodeRequest { order: Some(order) };
        let request = bearer(&world.officer, request);
        let issued = officers.issue_code(request).await.unwrap().into_inner();
        let issued = issued.code.unwrap();
        let request = GetCodeRequest {
            serial: issued.serial,
        };
        let seen = officers.get_code(bearer(&world.officer, request)).await;
        assert_eq!(seen.unwrap().into_inner().region, expected);
        let element = phone.blinding().element().to_vec();
        let request = RedeemRequest::new(issued.upload_code, element);
        let answer = phone.send_redeem(request).await.unwrap();
        assert_eq!(answer.region, expected);
    }
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
