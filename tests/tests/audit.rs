//! The audit: every officer action is one row, rows that are removed or changed show, and nobody reads beyond their
//! reach.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::collections::BTreeMap;

use prost::Message as _;
use rusqlite::Connection;
use tonic::Status;
use truyvet_proto::v1::{
    AuditFilter, AuditFormat, AuditHead, AuditRow, CodeOrder, CreateClientKeyRequest,
    CreateOfficerRequest, CreateOfficerResponse, CreateUnitRequest, DeactivateOfficerRequest,
    ExportAuditRequest, FirstAccess, ImportCodesRequest, InviteOfficerRequest, IssueCodeRequest,
    IssueCodesRequest, IssueSheetRequest, ListAuditRequest, PublishNowRequest, ReissueSheetRequest,
    ReportKind, ReportType, RevokeClientKeyRequest, RevokeCodeRequest, Role,
    RotateSigningKeyRequest, Scope, SendReportRequest, Unit, VerifyAuditRequest,
    VerifyAuditResponse,
};
use truyvet_server::audit::{ExportFault, Head, verify_export};
use truyvet_tests::world::{World, bearer, refusal};

/// Calls that change nothing.
const READS: &[&str] = &[
    "GetSelf",
    "GetCode",
    "ListCodes",
    "ListAlerts",
    "GetImport",
    "ListImports",
    "GetFigures",
    "ListOfficers",
    "ListClientKeys",
    "ListUnits",
    "ListSigningKeys",
    "ListAudit",
    "VerifyAudit",
    "ExportFigures",
    "ListMissingReports",
];

/// Calls that change something, with how many rows they write.
const CHANGES: &[(&str, &str, usize)] = &[
    ("CreateOfficer", "officer.added", 1),
    ("InviteOfficer", "invitation.issued", 1),
    ("DeactivateOfficer", "officer.deactivated", 1),
    ("CreateUnit", "unit.added", 1),
    ("CreateClientKey", "client-key.created", 1),
    ("RevokeClientKey", "client-key.revoked", 1),
    ("IssueCode", "code.issued", 1),
    ("IssueCodes", "code.issued", 3),
    ("RevokeCode", "code.revoked", 1),
    ("ImportCodes", "codes.imported", 1),
    ("IssueSheet", "code.issued", 2),
    ("ReissueSheet", "code.issued", 2),
    ("ReissueSheet", "code.revoked", 2),
    ("RotateSigningKey", "signing-key.rotated", 1),
    ("PublishNow", "window.published", 1),
    ("ExportAudit", "audit.exported", 1),
    ("SendReport", "report.sent", 1),
];

async fn rows(
    world: &World,
    credential: &str,
    request: ListAuditRequest,
) -> Result<Vec<AuditRow>, Status> {
    let mut audit = world.audit().await;
    let answer = audit.list_audit(bearer(credential, request)).await?;
    Ok(answer.into_inner().rows)
}

async fn export(
    world: &World,
    credential: &str,
    request: ExportAuditRequest,
) -> Result<(AuditHead, bool, String), Status> {
    let mut audit = world.audit().await;
    let answer = audit.export_audit(bearer(credential, request)).await?;
    let mut pieces = answer.into_inner();
    let first = pieces.message().await?.unwrap();
    let mut text = first.piece;
    while let Some(message) = pieces.message().await? {
        text.extend(message.piece);
    }
    let text = String::from_utf8(text).unwrap();
    Ok((first.head.unwrap(), first.whole, text))
}

async fn verify(world: &World, known: Option<AuditHead>) -> VerifyAuditResponse {
    let mut audit = world.audit().await;
    let request = bearer(&world.administrator, VerifyAuditRequest { known });
    audit.verify_audit(request).await.unwrap().into_inner()
}

async fn officer(world: &World, label: &str, unit_code: &str, role: Role) -> CreateOfficerResponse {
    let request = CreateOfficerRequest {
        label: label.into(),
        unit_code: unit_code.into(),
        role: role.into(),
        first_access: FirstAccess::ClientKey.into(),
    };
    let mut admin = world.admin().await;
    let request = bearer(&world.administrator, request);
    admin.create_officer(request).await.unwrap().into_inner()
}

fn order(world: &World) -> CodeOrder {
    CodeOrder {
        report_type: ReportType::ConfirmedTest.into(),
        onset_day: world.today().number(),
        region: String::new(),
    }
}

/// Does every changing call once; gives every code and credential that was handed out.
async fn do_everything(world: &World) -> Vec<String> {
    let by = &world.administrator;
    let (mut admin, mut officers) = (world.admin().await, world.officers().await);
    let mut secrets = vec![by.clone(), world.officer.clone()];
    let unit = Unit {
        unit_code: "490-01".into(),
        name: "Bệnh viện".into(),
        parent_code: "490".into(),
        closed: false,
    };
    let request = CreateUnitRequest { unit: Some(unit) };
    admin.create_unit(bearer(by, request)).await.unwrap();
    let made = officer(world, "hotline", "490", Role::Officer).await;
    let officer_id = made.officer.unwrap().officer_id;
    let request = CreateClientKeyRequest {
        officer_id: officer_id.clone(),
        label: "x".into(),
        scopes: vec![Scope::IssueCodes.into()],
    };
    let key = admin.create_client_key(bearer(by, request)).await.unwrap();
    let key = key.into_inner();
    let request = IssueCodeRequest {
        order: Some(order(world)),
    };
    let issued = officers
        .issue_code(bearer(&key.credential, request))
        .await
        .unwrap();
    let issued = issued.into_inner().code.unwrap();
    let request = IssueCodesRequest {
        orders: vec![order(world); 3],
    };
    let many = officers
        .issue_codes(bearer(&made.credential, request))
        .await
        .unwrap();
    let request = RevokeCodeRequest {
        serial: issued.serial,
    };
    officers
        .revoke_code(bearer(&made.credential, request))
        .await
        .unwrap();
    let csv = b"report_type,onset_day\nconfirmed,2021-08-27\nconfirmed,2021-08-27\n".to_vec();
    let request = bearer(&made.credential, ImportCodesRequest { csv });
    let import_id = officers.import_codes(request).await.unwrap().into_inner();
    let import_id = import_id.import.unwrap().import_id;
    let request = IssueSheetRequest {
        import_id: import_id.clone(),
        sheet: 1,
    };
    let sheet = officers
        .issue_sheet(bearer(&made.credential, request))
        .await
        .unwrap();
    let request = ReissueSheetRequest {
        import_id,
        sheet: 1,
    };
    let again = officers
        .reissue_sheet(bearer(&made.credential, request))
        .await
        .unwrap();
    let request = InviteOfficerRequest {
        officer_id: officer_id.clone(),
    };
    let invited = admin.invite_officer(bearer(by, request)).await.unwrap();
    let link = invited.into_inner().invitation.unwrap().link;
    let ticket = link.rsplit(['/', '=']).next().unwrap().to_owned();
    let request = RevokeClientKeyRequest {
        officer_id: officer_id.clone(),
        key_id: key.key.unwrap().key_id,
    };
    admin.revoke_client_key(bearer(by, request)).await.unwrap();
    let request = DeactivateOfficerRequest { officer_id };
    admin.deactivate_officer(bearer(by, request)).await.unwrap();
    let request = SendReportRequest {
        kind: ReportKind::Daily.into(),
        day: None,
    };
    for again in [false, true] {
        // The second time nothing is done, and nothing written down.
        let sent = officers.send_report(bearer(by, request)).await.unwrap();
        assert_eq!(sent.into_inner().again, again);
    }
    admin
        .rotate_signing_key(bearer(by, RotateSigningKeyRequest {}))
        .await
        .unwrap();
    let request = PublishNowRequest {
        region: "VN".into(),
    };
    admin.publish_now(bearer(by, request)).await.unwrap();
    export(world, by, ExportAuditRequest::default())
        .await
        .unwrap();
    secrets.extend([made.credential, key.credential, issued.upload_code, ticket]);
    secrets.extend(many.into_inner().codes.into_iter().map(|c| c.upload_code));
    let sheets = [sheet.into_inner().codes, again.into_inner().codes];
    secrets.extend(
        sheets
            .into_iter()
            .flatten()
            .map(|c| c.code.unwrap().upload_code),
    );
    secrets
}

#[tokio::test]
async fn every_change_is_one_row_and_none_holds_a_secret() {
    // A call that is new has to say here what it is.
    let descriptors =
        prost_types::FileDescriptorSet::decode(truyvet_proto::FILE_DESCRIPTOR_SET).unwrap();
    for service in descriptors.file.iter().flat_map(|file| &file.service) {
        if ["ExposureService", "ReportService"].contains(&service.name()) {
            continue;
        }
        for call in service.method.iter().map(|method| method.name()) {
            let known = READS.contains(&call) || CHANGES.iter().any(|(name, ..)| *name == call);
            assert!(
                known,
                "{call}: does it change something? Then it is audited"
            );
        }
    }
    let world = World::new().await;
    let made_by_hand = world.rows("audit");
    let secrets = do_everything(&world).await;
    let listed = rows(&world, &world.administrator, ListAuditRequest::default())
        .await
        .unwrap();
    let new = listed.len() - usize::try_from(made_by_hand).unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &listed[..new] {
        *counts.entry(&row.action).or_default() += 1;
        assert_eq!(row.at % 3_600, 0);
        assert!(!row.officer_id.is_empty() && !row.key_id.is_empty());
        assert!(!row.officer_label.is_empty() && !row.unit_code.is_empty());
    }
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, action, rows) in CHANGES {
        *expected.entry(action).or_default() += rows;
    }
    assert_eq!(counts, expected);
    assert!(
        listed.is_sorted_by(|a, b| a.sequence > b.sequence),
        "newest first"
    );

    let (_, _, text) = export(&world, &world.administrator, ExportAuditRequest::default())
        .await
        .unwrap();
    let mut file = std::fs::read(world.database()).unwrap();
    file.extend(std::fs::read(world.database().with_extension("db-wal")).unwrap());
    for secret in secrets {
        let bare = secret.replace('-', "");
        assert!(!text.contains(&secret) && !text.contains(&bare));
        for look in [&secret, &bare] {
            let found = file.windows(look.len()).any(|w| w == look.as_bytes());
            assert!(!found, "nowhere in the database");
        }
    }
}

#[tokio::test]
async fn rows_are_read_within_reach_and_by_filter() {
    let world = World::new().await;
    do_everything(&world).await;
    let da_nang = officer(&world, "auditor", "48", Role::Auditor)
        .await
        .credential;
    let district = officer(&world, "auditor", "491", Role::Auditor)
        .await
        .credential;
    let hotline = officer(&world, "hotline-2", "490", Role::Supervisor).await;
    let all = |filter: AuditFilter| ListAuditRequest {
        filter: Some(filter),
        ..ListAuditRequest::default()
    };
    let seen = rows(&world, &da_nang, all(AuditFilter::default()))
        .await
        .unwrap();
    assert!(
        seen.iter()
            .all(|row| ["48", "490", "490-01", "491"].contains(&&*row.unit_code))
    );
    assert_eq!(
        seen.iter()
            .filter(|row| row.action == "code.issued")
            .count(),
        8
    );
    // Another district sees nothing of it, and cannot ask for it either.
    let seen = rows(&world, &district, all(AuditFilter::default()))
        .await
        .unwrap();
    assert!(seen.iter().all(|row| row.unit_code == "491"), "{seen:?}");
    let elsewhere = AuditFilter {
        unit_code: "490".into(),
        ..AuditFilter::default()
    };
    let status = rows(&world, &district, all(elsewhere.clone()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_UNIT");
    let request = ExportAuditRequest {
        filter: Some(elsewhere.clone()),
        ..ExportAuditRequest::default()
    };
    let status = export(&world, &district, request).await.unwrap_err();
    assert_eq!(refusal(&status).1, "NO_SUCH_UNIT");
    // A supervisor reads no audit.
    let status = rows(&world, &hotline.credential, ListAuditRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "NOT_ALLOWED");

    let count = async |filter: AuditFilter| {
        let found = rows(&world, &world.administrator, all(filter)).await;
        found.unwrap().len()
    };
    let action = |action: &str| AuditFilter {
        action: action.into(),
        ..AuditFilter::default()
    };
    assert_eq!(count(action("code.issued")).await, 8);
    assert_eq!(
        count(AuditFilter {
            action: "code.issued".into(),
            ..elsewhere
        })
        .await,
        8
    );
    let officer_id = hotline.officer.unwrap().officer_id;
    assert_eq!(
        count(AuditFilter {
            officer_id,
            ..AuditFilter::default()
        })
        .await,
        0
    );
    let hour = world.now().hour_start().unix_seconds();
    let from = |from| AuditFilter {
        from,
        ..action("code.issued")
    };
    assert_eq!(
        (count(from(hour)).await, count(from(hour + 1)).await),
        (8, 0)
    );
    let until = |until| AuditFilter {
        until,
        ..action("code.issued")
    };
    assert_eq!(
        (count(until(hour)).await, count(until(hour + 1)).await),
        (0, 8)
    );
    let status = rows(&world, &world.administrator, all(action("made.up")))
        .await
        .unwrap_err();
    assert_eq!(refusal(&status).1, "ACTION");

    // Page by page is all at once.
    let whole = rows(&world, &world.administrator, ListAuditRequest::default())
        .await
        .unwrap();
    let mut paged: Vec<AuditRow> = Vec::new();
    loop {
        let request = ListAuditRequest {
            filter: None,
            before_sequence: paged.last().map_or(0, |row| row.sequence),
            limit: 3,
        };
        let page = rows(&world, &world.administrator, request).await.unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, whole);
}

#[tokio::test]
async fn an_export_is_checked_by_itself_and_says_where_it_breaks() {
    let world = World::new().await;
    do_everything(&world).await;
    for format in [AuditFormat::JsonLines, AuditFormat::Csv] {
        let request = ExportAuditRequest {
            filter: None,
            format: format.into(),
        };
        let (head, whole, text) = export(&world, &world.administrator, request).await.unwrap();
        assert!(
            whole && text.contains("audit.exported"),
            "its own row is the last"
        );
        let known = Head {
            sequence: head.sequence,
            hash: head.hash.clone().try_into().unwrap(),
        };
        assert_eq!(verify_export(text.as_bytes(), Some(known)).unwrap(), known);
        let without_fifth: String = text
            .lines()
            .filter(|line| !line.starts_with("5,") && !line.contains("\"sequence\":5,"))
            .map(|line| format!("{line}\n"))
            .collect();
        match verify_export(without_fifth.as_bytes(), None) {
            Err(ExportFault::Chain { fault }) => assert_eq!(fault.sequence(), 5),
            other => panic!("{other:?}"),
        }
    }
    let auditor = officer(&world, "auditor", "48", Role::Auditor)
        .await
        .credential;
    let (_, whole, text) = export(&world, &auditor, ExportAuditRequest::default())
        .await
        .unwrap();
    assert!(!whole && text.contains("\"hash\":"));
    let fault = verify_export(text.as_bytes(), None)
        .unwrap_err()
        .to_string();
    assert!(fault.contains("let the server verify it"), "{fault}");
}

fn database(world: &World) -> Connection {
    Connection::open(world.database()).unwrap()
}

#[tokio::test]
async fn the_table_refuses_and_whoever_forces_it_is_found() {
    let world = World::new().await;
    do_everything(&world).await;
    let sound = verify(&world, None).await;
    assert_eq!((sound.fault.as_str(), sound.fault_sequence), ("", 0));
    let database = database(&world);
    for sql in [
        "DELETE FROM audit WHERE sequence = 4",
        "UPDATE audit SET unit_code = '46' WHERE sequence = 4",
        "REPLACE INTO audit SELECT * FROM audit WHERE sequence = 4",
        "INSERT INTO audit SELECT 99, at, officer_id, key_id, action, unit_code, subject, hash FROM audit LIMIT 1",
    ] {
        let error = database.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("the audit"), "{sql}: {error}");
    }
    database
        .execute_batch(
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted; DROP TRIGGER audit_only_grows;",
        )
        .unwrap();
    let tampered = async |sql: &str, back: &str| {
        database.execute_batch(sql).unwrap();
        let verdict = verify(&world, sound.head.clone()).await;
        database.execute_batch(back).unwrap();
        assert_eq!(verify(&world, sound.head.clone()).await.fault, "");
        (verdict.fault_sequence, verdict.fault)
    };
    database
        .execute_batch("CREATE TABLE kept AS SELECT * FROM audit")
        .unwrap();
    let back = "DELETE FROM audit; INSERT INTO audit SELECT * FROM kept;";
    let (row, fault) = tampered("DELETE FROM audit WHERE sequence = 4", back).await;
    assert_eq!((row, &*fault), (4, "row 4 is missing"));
    let (row, fault) = tampered("UPDATE audit SET unit_code = '46' WHERE sequence = 6", back).await;
    assert_eq!(row, 6);
    assert!(fault.starts_with("row 6 was changed"), "{fault}");
    let (row, _) = tampered(
        "UPDATE audit SET action = 'nothing' WHERE sequence = 2",
        back,
    )
    .await;
    assert_eq!(row, 2);
    let renumbered = "DELETE FROM audit WHERE sequence = 3;
                      UPDATE audit SET sequence = -sequence WHERE sequence > 3;
                      UPDATE audit SET sequence = -sequence - 1 WHERE sequence < 0;";
    assert_eq!(tampered(renumbered, back).await.0, 3);
    let last = sound.head.as_ref().unwrap().sequence;
    let (row, fault) = tampered("DELETE FROM audit WHERE sequence > 5", back).await;
    assert_eq!(row, 6, "known to have had {last}");
    assert!(fault.starts_with("rows from 6 on"), "{fault}");
}

/// More than one page of the verification.
#[tokio::test]
async fn a_long_audit_is_verified_to_its_end() {
    use truyvet_server::audit::{Action, AuditEntry};
    let world = World::new().await;
    let context = world.server.context();
    let entry = AuditEntry {
        at: world.now().hour_start(),
        officer_id: None,
        key_id: None,
        action: Action::CodeIssued,
        unit_code: "490".into(),
        subject: "0000-0000-0000".into(),
    };
    let before = world.rows("audit");
    for _ in 0..3 {
        let mut writes = Vec::new();
        for _ in 0..1_000 {
            let (store, entry) = (std::sync::Arc::clone(&context.store), entry.clone());
            writes.push(tokio::spawn(async move { store.append_audit(entry).await }));
        }
        for write in writes {
            write.await.unwrap().unwrap();
        }
    }
    let head = verify(&world, None).await.head.unwrap();
    assert_eq!(head.sequence, u64::try_from(before + 3_000).unwrap());
}
