//! Lists of codes to issue: bad lines by number, nothing personal, sheets that can be lost and issued again.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::collections::BTreeSet;

use rusqlite::{Connection, types::Value};
use tonic::{Code, Status};
use truyvet_proto::v1::{
    CodeImport, CreateOfficerRequest, FirstAccess, GetImportRequest, ImportCodesRequest,
    ImportCodesResponse, IssueSheetRequest, IssueSheetResponse, LineFault, ListImportsRequest,
    ReissueSheetRequest, ReissueSheetResponse, RevokeCodeRequest, Role,
};
use truyvet_server::retention;
use truyvet_tests::world::{World, bearer, refusal};

async fn bring(world: &World, credential: &str, csv: &str) -> Result<ImportCodesResponse, Status> {
    let request = ImportCodesRequest {
        csv: csv.as_bytes().to_vec(),
    };
    let mut officers = world.officers().await;
    let answer = officers.import_codes(bearer(credential, request)).await?;
    Ok(answer.into_inner())
}

async fn issue(
    world: &World,
    credential: &str,
    import_id: &str,
    sheet: u32,
) -> Result<IssueSheetResponse, Status> {
    let request = IssueSheetRequest {
        import_id: import_id.into(),
        sheet,
    };
    let mut officers = world.officers().await;
    let answer = officers.issue_sheet(bearer(credential, request)).await?;
    Ok(answer.into_inner())
}

async fn reissue(
    world: &World,
    credential: &str,
    import_id: &str,
    sheet: u32,
) -> Result<ReissueSheetResponse, Status> {
    let request = ReissueSheetRequest {
        import_id: import_id.into(),
        sheet,
    };
    let mut officers = world.officers().await;
    let answer = officers.reissue_sheet(bearer(credential, request)).await?;
    Ok(answer.into_inner())
}

async fn find(world: &World, credential: &str, import_id: &str) -> Result<CodeImport, Status> {
    let request = GetImportRequest {
        import_id: import_id.into(),
    };
    let mut officers = world.officers().await;
    let answer = officers.get_import(bearer(credential, request)).await?;
    Ok(answer.into_inner().import.unwrap())
}

/// An officer of that role in Đà Nẵng.
async fn of_da_nang(world: &World, role: Role, label: &str) -> String {
    let mut admin = world.admin().await;
    let request = CreateOfficerRequest {
        label: label.into(),
        unit_code: "48".into(),
        role: role.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let request = bearer(&world.administrator, request);
    let created = admin.create_officer(request).await.unwrap();
    created.into_inner().credential
}

fn list(lines: usize) -> String {
    format!(
        "report_type,onset_day\n{}",
        "confirmed,2021-08-27\n".repeat(lines)
    )
}

#[tokio::test]
async fn bad_lines_are_named_and_the_others_are_issued() {
    let world = World::new().await;
    let csv = "\u{feff}onset_day;report_type;region\r\n\
               27/08/2021;xác nhận;VN\r\n\
               2021-08-29;confirmed;VN\r\n\
               2021-08-10;clinical;\r\n\
               \r\n\
               2021-08-27;self-test;XX\r\n\
               2021-08-27;probable;VN\r\n\
               2021-08-27;self-test;\r\n";
    let answer = bring(&world, &world.officer, csv).await.unwrap();
    let fault = |line, column: &str, reason: &str| LineFault {
        line,
        column: column.into(),
        reason: reason.into(),
    };
    let expected = [
        fault(3, "onset_day", "ONSET_IN_FUTURE"),
        fault(4, "onset_day", "ONSET_TOO_OLD"),
        fault(6, "region", "UNKNOWN_REGION"),
        fault(7, "report_type", "REPORT_TYPE"),
    ];
    assert_eq!(answer.faults, expected);
    let import = answer.import.unwrap();
    assert_eq!((import.lines, import.sheets.len()), (2, 1));
    assert_eq!(world.rows("upload_code"), 0, "nothing is issued yet");
    let issued = issue(&world, &world.officer, &import.import_id, 1).await;
    let codes = issued.unwrap().codes;
    assert_eq!(codes.iter().map(|one| one.line).collect::<Vec<_>>(), [2, 8]);
    let mut phone = world.raw_phone(1).await;
    for one in &codes {
        let code = one.code.as_ref().unwrap();
        assert_eq!(code.region, "VN");
        phone.redeem(&code.upload_code).await.unwrap();
    }
    // Only bad lines: nothing to go on with.
    let none = bring(&world, &world.officer, "report_type,onset_day\nx,y\n").await;
    assert_eq!(none.unwrap().import, None);
}

/// Neither the answer nor the database holds anything of a file that had more in it than a code needs.
#[tokio::test]
async fn nothing_personal_is_accepted_kept_or_repeated() {
    let world = World::new().await;
    for (csv, reason) in [
        (
            "report_type,onset_day,NguyenVanAn\nconfirmed,2021-08-27,0912345678\n",
            "CSV_UNKNOWN_COLUMN",
        ),
        (
            "NguyenVanAn,0912345678\nNguyenVanAn,1\n",
            "CSV_UNKNOWN_COLUMN",
        ),
        ("report_type\nNguyenVanAn\n", "CSV_MISSING_COLUMN"),
        ("", "CSV_EMPTY"),
    ] {
        let status = bring(&world, &world.officer, csv).await.unwrap_err();
        let expected = (Code::InvalidArgument, reason.into(), vec!["csv".into()]);
        assert_eq!(refusal(&status), expected);
        let said = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
        assert!(!said.contains("NguyenVanAn") && !said.contains("0912345678"));
    }
    // In a line: the line is named, its text is not, and not kept.
    let csv = "report_type,onset_day\nNguyenVanAn,0912345678\nconfirmed,2021-08-27\n";
    let answer = bring(&world, &world.officer, csv).await.unwrap();
    assert_eq!(answer.faults.len(), 1);
    assert!(!format!("{answer:?}").contains("NguyenVanAn"));
    let database = Connection::open(world.database()).unwrap();
    let tables: Vec<String> = database
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(tables.len() > 8);
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let Value::Text(text) = row.get(column).unwrap() {
                    assert!(!text.contains("NguyenVanAn"), "{table}");
                    assert!(!text.contains("0912345678"), "{table}");
                }
            }
        }
    }
}

/// Sheet by sheet; what was lost is issued again, and what was lost is worth nothing.
#[tokio::test]
async fn an_import_goes_on_where_it_stopped() {
    let world = World::with(|settings| settings.officer_codes_per_day = 1_000).await;
    let answer = bring(&world, &world.officer, &list(230)).await.unwrap();
    let import_id = answer.import.unwrap().import_id;
    let first = issue(&world, &world.officer, &import_id, 1).await.unwrap();
    assert_eq!(first.codes.len(), 100);
    let state = find(&world, &world.officer, &import_id).await.unwrap();
    let sheets: Vec<_> = state.sheets.iter().map(|s| (s.lines, s.issued)).collect();
    assert_eq!(sheets, [(100, true), (100, false), (30, false)]);
    let places: Vec<_> = state
        .sheets
        .iter()
        .map(|s| (s.first_line, s.last_line))
        .collect();
    assert_eq!(places, [(2, 101), (102, 201), (202, 231)]);

    // Twice is refused: the codes are not kept, so they cannot be shown again.
    let status = issue(&world, &world.officer, &import_id, 1)
        .await
        .unwrap_err();
    let expected = (Code::FailedPrecondition, "SHEET_ISSUED".into(), vec![]);
    assert_eq!(refusal(&status), expected);
    for (id, sheet, reason) in [
        (import_id.as_str(), 0, "NO_SUCH_SHEET"),
        (&import_id, 4, "NO_SUCH_SHEET"),
        ("0000", 1, "NO_SUCH_IMPORT"),
    ] {
        let status = issue(&world, &world.officer, id, sheet).await.unwrap_err();
        assert_eq!(refusal(&status).1, reason);
    }

    // One was redeemed, one revoked by hand, then the officer says that the answer was lost.
    let mut phone = world.raw_phone(1).await;
    let code = |index: usize| first.codes[index].code.clone().unwrap();
    phone.redeem(&code(3).upload_code).await.unwrap();
    let serial = code(5).serial;
    let request = bearer(&world.officer, RevokeCodeRequest { serial });
    world.officers().await.revoke_code(request).await.unwrap();
    let second = reissue(&world, &world.officer, &import_id, 1)
        .await
        .unwrap();
    assert_eq!(second.codes.len(), 99);
    let kept: Vec<_> = second
        .kept
        .iter()
        .map(|k| (k.line, k.serial.as_str()))
        .collect();
    assert_eq!(kept, [(5, code(3).serial.as_str())]);
    let lines: BTreeSet<u32> = second.codes.iter().map(|one| one.line).collect();
    assert!(!lines.contains(&5) && lines.contains(&2) && lines.contains(&101));
    for index in [0, 5, 99] {
        let status = phone.redeem(&code(index).upload_code).await.unwrap_err();
        assert_eq!(refusal(&status).1, "CODE_REFUSED");
    }
    let new = second.codes[0].code.clone().unwrap();
    phone.redeem(&new.upload_code).await.unwrap();
    // A sheet that was never issued can be asked for in the same way.
    let third = reissue(&world, &world.officer, &import_id, 3)
        .await
        .unwrap();
    assert_eq!((third.codes.len(), third.kept.len()), (30, 0));
    issue(&world, &world.officer, &import_id, 2).await.unwrap();
    assert_eq!(world.rows("upload_code"), 100 + 99 + 30 + 100);
    let rows = world.audit_rows().await;
    let of = |name: &str| rows.iter().filter(|r| r.action == name).count();
    assert_eq!((of("codes.imported"), of("code.issued")), (1, 329));
    // By hand one, by the second issue the 98 others: what is revoked already is not revoked again.
    assert_eq!(of("code.revoked"), 1 + 98);
}

#[tokio::test]
async fn a_sheet_waits_for_its_quota_whole() {
    let world = World::with(|settings| settings.officer_codes_per_day = 120).await;
    let answer = bring(&world, &world.officer, &list(150)).await.unwrap();
    let import_id = answer.import.unwrap().import_id;
    issue(&world, &world.officer, &import_id, 1).await.unwrap();
    let status = issue(&world, &world.officer, &import_id, 2)
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "QUOTA_OFFICER");
    // Nor can the first be replaced, and its codes stay good.
    let status = reissue(&world, &world.officer, &import_id, 1)
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "QUOTA_OFFICER");
    assert_eq!(world.rows("upload_code"), 100);
    assert_eq!(world.rows("upload_code WHERE revoked"), 0);
    // Tomorrow.
    world.clock.advance(86_400);
    issue(&world, &world.officer, &import_id, 2).await.unwrap();
}

/// Whoever made a list, and whoever supervises them; nobody else, not even in the same unit.
#[tokio::test]
async fn lists_are_for_their_maker_and_those_above() {
    let world = World::new().await;
    let maker = of_da_nang(&world, Role::Officer, "first").await;
    let colleague = of_da_nang(&world, Role::Officer, "second").await;
    let supervisor = of_da_nang(&world, Role::Supervisor, "third").await;
    let auditor = of_da_nang(&world, Role::Auditor, "fourth").await;
    let answer = bring(&world, &maker, &list(250)).await.unwrap();
    let import_id = answer.import.unwrap().import_id;
    for (credential, reason) in [
        (&colleague, "NO_SUCH_IMPORT"),
        (&world.officer, "NO_SUCH_IMPORT"),
        (&auditor, "NOT_ALLOWED"),
    ] {
        let found = find(&world, credential, &import_id).await.unwrap_err();
        let issued = issue(&world, credential, &import_id, 1).await.unwrap_err();
        let again = reissue(&world, credential, &import_id, 1)
            .await
            .unwrap_err();
        for status in [found, issued, again] {
            assert_eq!(refusal(&status).1, reason);
        }
    }
    issue(&world, &maker, &import_id, 1).await.unwrap();
    issue(&world, &supervisor, &import_id, 2).await.unwrap();
    issue(&world, &world.administrator, &import_id, 3)
        .await
        .unwrap();
    // For the list's unit, whoever went on with it.
    assert_eq!(
        world.sql("SELECT DISTINCT unit_code FROM upload_code"),
        "48"
    );
    for (credential, seen) in [
        (&maker, 1),
        (&colleague, 0),
        (&supervisor, 1),
        (&world.administrator, 1),
        (&world.officer, 0),
    ] {
        let request = bearer(credential, ListImportsRequest {});
        let answer = world.officers().await.list_imports(request).await;
        assert_eq!(answer.unwrap().into_inner().imports.len(), seen);
    }
}

#[tokio::test]
async fn a_list_is_forgotten_a_retention_after_its_last_use() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let answer = bring(&world, &world.officer, &list(3)).await.unwrap();
        ids.push(answer.import.unwrap().import_id);
    }
    world.clock.advance(10 * 86_400);
    issue(&world, &world.officer, &ids[1], 1).await.unwrap();
    world.clock.advance(5 * 86_400);
    let forgotten = retention::run(world.server.context()).await.unwrap();
    assert_eq!(forgotten.imports, 1);
    let gone = find(&world, &world.officer, &ids[0]).await.unwrap_err();
    assert_eq!(refusal(&gone).1, "NO_SUCH_IMPORT");
    assert_eq!(world.rows("code_import_line"), 3);
    world.clock.advance(10 * 86_400);
    retention::run(world.server.context()).await.unwrap();
    assert_eq!(world.rows("code_import_line"), 0);
    assert_eq!(world.rows("code_import"), 0);
}
