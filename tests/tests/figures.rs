//! Figures by unit and day, what is hidden in them, and the reports that units owe.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use tonic::{Code, Status};
use truyvet_proto::v1::{
    CodeOrder, CreateOfficerRequest, DayFigures, ExportFiguresRequest, FigureState, FirstAccess,
    GetFiguresRequest, GetFiguresResponse, IssueCodesRequest, ListMissingReportsRequest,
    ListMissingReportsResponse, ReportKind, ReportType, RevokeCodeRequest, Role, SendReportRequest,
};
use truyvet_tests::world::{World, bearer, refusal};

async fn officer(world: &World, unit_code: &str, role: Role) -> String {
    let request = CreateOfficerRequest {
        label: format!("{role:?}"),
        unit_code: unit_code.into(),
        role: role.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let mut admin = world.admin().await;
    let request = bearer(&world.administrator, request);
    admin
        .create_officer(request)
        .await
        .unwrap()
        .into_inner()
        .credential
}

/// Issues codes; redeems the first ones.
async fn codes(world: &World, credential: &str, issued: usize, redeemed: usize) -> Vec<String> {
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    };
    let request = IssueCodesRequest {
        orders: vec![order; issued],
    };
    let mut officers = world.officers().await;
    let answer = officers
        .issue_codes(bearer(credential, request))
        .await
        .unwrap();
    let codes = answer.into_inner().codes;
    let mut phone = world.raw_phone(9).await;
    for code in &codes[..redeemed] {
        phone.redeem(&code.upload_code).await.unwrap();
    }
    codes.into_iter().map(|code| code.serial).collect()
}

fn today(world: &World) -> u32 {
    world.now().plus_seconds(25_200).day().number()
}

async fn figures(
    world: &World,
    credential: &str,
    unit_code: &str,
) -> Result<GetFiguresResponse, Status> {
    let request = GetFiguresRequest {
        first_day: today(world) - 1,
        last_day: today(world),
        unit_code: unit_code.into(),
        by_unit: true,
    };
    let mut officers = world.officers().await;
    let answer = officers.get_figures(bearer(credential, request)).await?;
    Ok(answer.into_inner())
}

/// Of the last day.
fn issued(days: &[DayFigures]) -> (u64, FigureState) {
    let day = days.last().unwrap();
    (day.issued, day.issued_state())
}

const EXACT: FigureState = FigureState::Unspecified;
const BELOW: FigureState = FigureState::BelowFloor;
const WITHHELD: FigureState = FigureState::Withheld;

#[tokio::test]
async fn small_numbers_of_units_below_are_hidden_and_so_is_what_would_give_them_away() {
    let world = World::new().await;
    let supervisor = officer(&world, "48", Role::Supervisor).await;
    let [large, small] = [
        officer(&world, "490", Role::Officer).await,
        officer(&world, "491", Role::Officer).await,
    ];
    codes(&world, &large, 9, 6).await;
    let serials = codes(&world, &small, 3, 1).await;
    let request = RevokeCodeRequest {
        serial: serials[2].clone(),
    };
    let mut officers = world.officers().await;
    officers.revoke_code(bearer(&small, request)).await.unwrap();

    // The small unit's officers know their own number of codes; what became of them is hidden from everybody.
    let own = figures(&world, &small, "").await.unwrap();
    assert_eq!(issued(&own.days), (3, EXACT));
    assert_eq!(own.days[1].redeemed_state(), BELOW);
    assert_eq!((own.floor, own.days[1].median_hours), (5, None));
    // Above, one hidden unit beside one that is shown: the total would be it.
    let above = figures(&world, &supervisor, "").await.unwrap();
    assert_eq!(issued(&above.days), (0, WITHHELD));
    let unit = |code: &str| {
        let of = |u: &&truyvet_proto::v1::UnitFigures| u.unit.as_ref().unwrap().unit_code == code;
        above.units.iter().find(of).unwrap()
    };
    assert_eq!(
        above.units.len(),
        1 + 8,
        "the province alone and its districts"
    );
    assert!(!above.units[0].with_below && unit("490").with_below);
    assert_eq!(issued(&unit("490").days), (9, EXACT));
    assert_eq!(issued(&unit("491").days), (0, BELOW));
    assert_eq!(unit("490").days[1].median_hours, Some(0));
    // Where nobody has an account, nothing can have been issued: known anyway.
    assert_eq!(issued(&unit("492").days), (0, EXACT));
    // A second small unit: now the total tells of neither.
    let other = officer(&world, "492", Role::Officer).await;
    codes(&world, &other, 2, 0).await;
    let above = figures(&world, &supervisor, "").await.unwrap();
    assert_eq!(issued(&above.days), (14, EXACT));
    // The same from the country, for which the province is a unit like others.
    let country = figures(&world, &world.administrator, "").await.unwrap();
    let province = country
        .units
        .iter()
        .find(|u| u.unit.as_ref().unwrap().unit_code == "48");
    assert_eq!(issued(&province.unwrap().days), (14, EXACT));
    assert_eq!(issued(&country.days), (14, EXACT));
    assert_eq!(
        country.waiting_hours,
        Some(0),
        "four are open in 490, three elsewhere"
    );
    assert_eq!(own.waiting_hours, None, "one is open");

    // The table says the same.
    let request = ExportFiguresRequest {
        figures: Some(GetFiguresRequest {
            first_day: today(&world),
            last_day: today(&world),
            unit_code: "48".into(),
            by_unit: true,
        }),
    };
    let answer = officers
        .export_figures(bearer(&supervisor, request))
        .await
        .unwrap();
    let csv = answer.into_inner().csv;
    assert!(csv.starts_with('\u{feff}'));
    assert!(
        csv.contains(",490,Quận Liên Chiểu,yes,9,6,*,*,0,no,"),
        "{csv}"
    );
    assert!(
        csv.contains(",491,Quận Thanh Khê,yes,<5,<5,*,*,,no,"),
        "{csv}"
    );
}

#[tokio::test]
async fn medians_and_waiting_hours_are_by_the_hour() {
    let world = World::new().await;
    let officer = officer(&world, "490", Role::Officer).await;
    let mut officers = world.officers().await;
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    };
    let request = IssueCodesRequest {
        orders: vec![order; 12],
    };
    let answer = officers
        .issue_codes(bearer(&officer, request))
        .await
        .unwrap();
    let issued = answer.into_inner().codes;
    let mut phone = world.raw_phone(1).await;
    // After 0, 1, 2, 3, 4 and 5 hours: the lower median of six is the third.
    for code in &issued[..6] {
        phone.redeem(&code.upload_code).await.unwrap();
        world.clock.advance(3_600);
    }
    let shown = figures(&world, &officer, "").await.unwrap();
    assert_eq!(shown.days[1].redeemed, 6);
    assert_eq!(shown.days[1].median_hours, Some(2));
    assert_eq!(shown.waiting_hours, Some(6));
}

#[tokio::test]
async fn scopes_and_reach_are_kept() {
    let world = World::new().await;
    let elsewhere = officer(&world, "46", Role::Supervisor).await;
    let in_490 = officer(&world, "490", Role::Officer).await;
    codes(&world, &in_490, 9, 0).await;
    let status = figures(&world, &elsewhere, "490").await.unwrap_err();
    assert_eq!(
        refusal(&status),
        (
            Code::InvalidArgument,
            "NO_SUCH_UNIT".into(),
            vec!["unit_code".into()]
        )
    );
    let status = figures(&world, &in_490, "48").await.unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_UNIT");
    let own = figures(&world, &elsewhere, "").await.unwrap();
    assert_eq!(
        issued(&own.days),
        (0, EXACT),
        "nothing of the other province"
    );
    assert!(own.regions.iter().all(|region| region.uploads.is_empty()));
}

#[tokio::test]
async fn the_country_sees_uploads_and_how_far_behind_phones_are() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    for _ in 0..6 {
        let token = phone.redeem(&world.code().await).await.unwrap();
        let keys = [phone.key(world.today().minus_days(1))];
        let request = phone.request(&token, &keys);
        phone.upload(request.clone()).await.unwrap();
        // Sent again, it is counted once.
        phone.upload(request).await.unwrap();
    }
    let before = figures(&world, &world.administrator, "").await.unwrap();
    assert_eq!(before.regions[0].hours_behind, None);
    // Nobody sees an upload come: the open window's are not counted.
    assert_eq!(before.regions[0].uploads[1].state(), BELOW);
    world.publish().await;
    let published = figures(&world, &world.administrator, "").await.unwrap();
    assert_eq!(published.regions[0].uploads[1].uploads, 6);
    assert_eq!(published.regions[0].uploads[0].state(), BELOW);
    world.clock.advance(3 * 3_600 + 59);
    let after = figures(&world, &world.administrator, "").await.unwrap();
    assert_eq!(after.regions[0].hours_behind, Some(3));
    assert_eq!(after.regions[0].uploads[1].uploads, 6);
    // Nothing but numbers by window, and no order of arrival.
    let database = rusqlite::Connection::open(world.database()).unwrap();
    assert!(database.prepare("SELECT rowid FROM upload_count").is_err());
    let columns: Vec<String> = database
        .prepare("SELECT name FROM pragma_table_info('upload_count')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(columns, ["region", "sequence", "uploads"]);
}

async fn send(
    world: &World,
    credential: &str,
    kind: ReportKind,
    day: Option<u32>,
) -> Result<bool, Status> {
    let request = SendReportRequest {
        kind: kind.into(),
        day,
    };
    let mut officers = world.officers().await;
    let answer = officers.send_report(bearer(credential, request)).await?;
    Ok(answer.into_inner().again)
}

async fn missing(
    world: &World,
    credential: &str,
    kind: ReportKind,
    day: Option<u32>,
) -> ListMissingReportsResponse {
    let request = ListMissingReportsRequest {
        kind: kind.into(),
        day,
        with_csv: true,
    };
    let mut officers = world.officers().await;
    let request = bearer(credential, request);
    officers
        .list_missing_reports(request)
        .await
        .unwrap()
        .into_inner()
}

/// Unit, whether it sent, whether late.
fn states(reports: &ListMissingReportsResponse) -> Vec<(String, bool, bool)> {
    let state = |state: &truyvet_proto::v1::ReportState| {
        let code = state.unit.as_ref().unwrap().unit_code.clone();
        (code, state.sent_at > 0, state.late)
    };
    reports.sub_units.iter().map(state).collect()
}

#[tokio::test]
async fn the_daily_report_is_due_at_15_and_who_has_not_sent_it_is_named() {
    let world = World::new().await; // Friday noon
    let supervisor = officer(&world, "48", Role::Supervisor).await;
    let in_490 = officer(&world, "490", Role::Officer).await;
    let in_491 = officer(&world, "491", Role::Officer).await;
    let auditor = officer(&world, "492", Role::Auditor).await;
    let daily = ReportKind::Daily;
    let yesterday = today(&world) - 1;

    assert!(!send(&world, &in_490, daily, None).await.unwrap());
    assert!(
        send(&world, &in_490, daily, Some(yesterday)).await.unwrap(),
        "it was yesterday's"
    );
    for (credential, day, reason) in [
        (&in_490, Some(today(&world)), "REPORT_NOT_OVER"),
        (&in_490, Some(u32::MAX - 9), "REPORT_NOT_OVER"),
        (&in_490, Some(yesterday - 30), "REPORT_TOO_OLD"),
        (&auditor, None, "NOT_ALLOWED"),
    ] {
        let status = send(&world, credential, daily, day).await.unwrap_err();
        assert_eq!(refusal(&status).1, reason);
    }
    let state = |code: &str, sent, late| (code.to_owned(), sent, late);
    let reports = missing(&world, &supervisor, daily, None).await;
    assert_eq!(reports.day, yesterday);
    let expected = [
        state("490", true, false),
        state("491", false, false),
        state("492", false, false),
    ];
    assert_eq!(states(&reports), expected);
    assert_eq!(
        reports.due,
        world.now().hour_start().unix_seconds() + 3 * 3_600
    );

    world.clock.advance(3 * 3_600);
    send(&world, &in_491, daily, None).await.unwrap();
    let reports = missing(&world, &supervisor, daily, Some(yesterday)).await;
    let expected = [
        state("490", true, false),
        state("491", true, true),
        state("492", false, true),
    ];
    assert_eq!(states(&reports), expected);
    assert!(
        reports
            .csv
            .contains("daily,2021-08-26,2021-08-27 15:00,491,Quận Thanh Khê,2021-08-27 15:00,yes"),
        "{}",
        reports.csv
    );
    // A district sees its own alone, and another province nothing of it.
    let own = missing(&world, &in_490, daily, Some(yesterday)).await;
    assert!(own.sub_units.is_empty() && own.own.unwrap().sent_at > 0);
    let elsewhere = officer(&world, "46", Role::Supervisor).await;
    assert!(
        missing(&world, &elsewhere, daily, None)
            .await
            .sub_units
            .is_empty()
    );

    // The weekly one: of the last whole week, Monday 16 to Sunday 22 August, due on Tuesday the 24th.
    let weekly = ReportKind::Weekly;
    send(&world, &in_490, weekly, None).await.unwrap();
    let reports = missing(&world, &supervisor, weekly, None).await;
    assert_eq!(reports.day, today(&world) - 11);
    let expected = [
        state("490", true, true),
        state("491", false, true),
        state("492", false, true),
    ];
    assert_eq!(states(&reports), expected);
    let status = send(&world, &in_490, weekly, Some(today(&world)))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "REPORT_NOT_OVER");
}

/// What hiding and adding up costs for the whole country over the longest range.
#[tokio::test]
async fn figures_of_the_whole_country_are_quick() {
    let world = World::new().await;
    for unit in ["490", "491", "760", "761"] {
        let officer = officer(&world, unit, Role::Officer).await;
        codes(&world, &officer, 20, 0).await;
    }
    let request = GetFiguresRequest {
        first_day: today(&world) - 92,
        last_day: today(&world),
        unit_code: String::new(),
        by_unit: true,
    };
    let mut officers = world.officers().await;
    let start = std::time::Instant::now();
    let answer = officers
        .get_figures(bearer(&world.administrator, request))
        .await
        .unwrap()
        .into_inner();
    println!("93 days of 769 units: {:?}", start.elapsed());
    assert_eq!((answer.days.len(), answer.units.len()), (93, 64));
    assert!(answer.days[0].incomplete && !answer.days[92].incomplete);
    assert_eq!(issued(&answer.days), (80, EXACT));
}
