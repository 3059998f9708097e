//! The list of administrative units: built in, found, replaced by a file.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{fs, path::Path, sync::Arc};

use truyvet_proto::v1::{
    CodeOrder, CreateOfficerRequest, CreateUnitRequest, FirstAccess, IssueCodeRequest,
    ListUnitsRequest, ReportType, Role, Unit,
};
use truyvet_server::{WalkOn, officers::UnitListError, store::sqlite::SqliteStore};
use truyvet_tests::world::{World, bearer, refusal};

async fn units(world: &World, credential: &str, request: ListUnitsRequest) -> Vec<Unit> {
    let mut admin = world.admin().await;
    let answer = admin.list_units(bearer(credential, request)).await.unwrap();
    answer.into_inner().units
}

fn codes(units: &[Unit]) -> Vec<&str> {
    units.iter().map(|unit| &*unit.unit_code).collect()
}

async fn officer(world: &World, unit_code: &str, role: Role) -> Result<String, tonic::Status> {
    let request = CreateOfficerRequest {
        label: format!("{role:?}"),
        unit_code: unit_code.into(),
        role: role.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let mut admin = world.admin().await;
    let answer = admin
        .create_officer(bearer(&world.administrator, request))
        .await?;
    Ok(answer.into_inner().credential)
}

#[tokio::test]
async fn provinces_and_districts_are_there_from_the_start_and_found_without_accents() {
    let world = World::new().await;
    let search = |search: &str, parent_code: &str| ListUnitsRequest {
        search: search.into(),
        parent_code: parent_code.into(),
        ..ListUnitsRequest::default()
    };
    let all = units(&world, &world.administrator, ListUnitsRequest::default()).await;
    assert_eq!(all.len(), 1 + 63 + 705);
    let provinces = units(&world, &world.administrator, search("", "VN")).await;
    assert_eq!(provinces.len(), 63);
    for asked in ["da nang", "ĐÀ NẴNG", "thanh pho da n"] {
        let found = units(&world, &world.administrator, search(asked, "VN")).await;
        assert_eq!(codes(&found), ["48"], "{asked}");
    }
    let by_code = units(&world, &world.administrator, search("49", "48")).await;
    let districts = ["490", "491", "492", "493", "494", "495", "497", "498"];
    assert_eq!(codes(&by_code), districts);
    // Page by page.
    let mut paged = Vec::new();
    loop {
        let request = ListUnitsRequest {
            limit: 100,
            after_code: paged
                .last()
                .map_or_else(String::new, |u: &Unit| u.unit_code.clone()),
            ..ListUnitsRequest::default()
        };
        let page = units(&world, &world.administrator, request).await;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    // Another province's administrator sees nothing of it.
    let hue = officer(&world, "46", Role::Administrator).await.unwrap();
    assert!(units(&world, &hue, search("da nang", "")).await.is_empty());
    // Below a district there is room for what no list has.
    let unit = Unit {
        unit_code: "490-01".into(),
        name: "Bệnh viện".into(),
        parent_code: "490".into(),
        closed: false,
    };
    let request = CreateUnitRequest { unit: Some(unit) };
    let mut admin = world.admin().await;
    let refused = admin
        .create_unit(bearer(&hue, request.clone()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&refused).1, "NO_SUCH_UNIT");
    let da_nang = officer(&world, "48", Role::Administrator).await.unwrap();
    admin.create_unit(bearer(&da_nang, request)).await.unwrap();
    let found = units(&world, &da_nang, search("benh vien", "")).await;
    assert_eq!(codes(&found), ["490-01"]);
}

fn write_list(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn a_file_replaces_the_list_and_closes_what_it_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("units.tsv");
    write_list(
        &path,
        "# two\n11\t1\tHuyện B\n1\tVN\tTỉnh A\n12\t1\tHuyện C\n",
    );
    let file = Some(path.clone());
    let world = World::with(|settings| settings.units_file = file).await;
    let everything = || ListUnitsRequest {
        include_closed: true,
        ..ListUnitsRequest::default()
    };
    let all = units(&world, &world.administrator, everything()).await;
    assert_eq!(codes(&all), ["1", "11", "12", "VN"]);
    let in_12 = officer(&world, "12", Role::Officer).await.unwrap();
    let in_11 = officer(&world, "11", Role::Officer).await.unwrap();
    let audited = world.rows("audit");

    // The same list again changes nothing and is not written down.
    let world = world.restarted().await;
    assert_eq!(world.rows("audit"), audited);

    write_list(&path, "1\tVN\tTỉnh A\n11\t1\tThành phố B\n13\t1\tHuyện D");
    let world = world.restarted().await;
    assert_eq!(world.rows("audit"), audited + 1);
    let all = units(&world, &world.administrator, everything()).await;
    let shown: Vec<_> = all.iter().map(|u| (&*u.unit_code, u.closed)).collect();
    let expected = [
        ("1", false),
        ("11", false),
        ("12", true),
        ("13", false),
        ("VN", false),
    ];
    assert_eq!(shown, expected);
    assert_eq!(all[1].name, "Thành phố B");
    let open = units(&world, &world.administrator, ListUnitsRequest::default()).await;
    assert_eq!(codes(&open), ["1", "11", "13", "VN"]);

    // The closed unit keeps its past and gets nothing new.
    let refused = officer(&world, "12", Role::Supervisor).await.unwrap_err();
    assert_eq!(refusal(&refused).1, "UNIT_CLOSED");
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    };
    let request = IssueCodeRequest { order: Some(order) };
    let mut officers = world.officers().await;
    let refused = officers
        .issue_code(bearer(&in_12, request.clone()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&refused).1, "UNIT_CLOSED");
    officers.issue_code(bearer(&in_11, request)).await.unwrap();

    // One wrong line: nothing of the file is loaded, and the error names it.
    let loaded = world.rows("unit");
    write_list(&path, "1\tVN\tTỉnh A\n21\t2\tHuyện E\n");
    let store = &world.server.context().store;
    let error = truyvet_server::officers::load_units(&**store, Some(&path), world.now())
        .await
        .unwrap_err();
    assert!(
        matches!(error, UnitListError::Line { line: 2, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("units_file: line 2"), "{error}");
    assert_eq!(world.rows("unit"), loaded);
}

/// What a start costs beside the list: nothing once it is loaded. Looking up who sees what goes by the index.
#[tokio::test]
async fn the_list_is_loaded_once_and_looked_up_fast() {
    use truyvet_server::store::Store as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("units.db");
    let store = SqliteStore::open(&path, Arc::new(WalkOn), Arc::default()).unwrap();
    let now = truyvet_crypto::Timestamp::from_unix_seconds(0).unwrap();
    let timed = async |what: &str| {
        let start = std::time::Instant::now();
        match what {
            "within" => drop(store.units_within("VN".into()).await.unwrap()),
            "path" => drop(store.unit_path("490".into()).await.unwrap()),
            _ => truyvet_server::officers::load_units(&store, None, now)
                .await
                .unwrap(),
        }
        println!("{what}: {:?}", start.elapsed());
    };
    for what in [
        "first load",
        "load again",
        "within",
        "within",
        "path",
        "path",
    ] {
        timed(what).await;
    }
    assert_eq!(store.units_within("48".into()).await.unwrap().len(), 9);
    let path = store.unit_path("490".into()).await.unwrap();
    let codes: Vec<_> = path.iter().map(|unit| &*unit.unit_code).collect();
    assert_eq!(codes, ["490", "48", "VN"]);
}
