//! The audit as auditors read it: what was done, by filter, with a chain that shows what was changed.

use std::sync::Arc;

use rusqlite::Connection;
use truyvet_server::{
    audit::{Action, AuditEntry, Head, verify_export},
    officers::Role,
};
use truyvet_tests::{
    browser,
    portal::{
        pages::{assert_at_ease, cells, open, pictures, post, signed_in, take, world},
        sign_in as session,
    },
};

use crate::staff::{codes, officer};

const ROWS: &str = "[aria-label='Audit log'] tbody tr";

#[tokio::test]
async fn what_was_done_is_listed_filtered_and_taken_out() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    let credential = officer(&world, "hotline-1", "490").await;
    let serials = codes(&world, &credential, 2, 1).await;
    let auditor = session(&world, "looks", "VN", Role::Auditor).await;
    let browser = signed_in(&world, &auditor, "en").await;
    open(&browser, &world, "/portal/audit").await;
    browser.reads("none changed or taken out").await;
    let rows = cells(&browser, ROWS).await;
    let issued: Vec<_> = rows.iter().filter(|row| row[3] == "Code issued").collect();
    assert_eq!(issued.len(), 2, "{rows:?}");
    assert!(issued[0][2].starts_with("hotline-1@490") && issued[0][2].contains("by a client key"));
    assert_eq!(issued[1][5], serials[0], "the slip's serial");
    assert!(
        rows.iter()
            .any(|row| row[3] == "Account added" && row[5] == "hotline-1@490")
    );
    assert!(rows.iter().any(|row| row[2] == "The server’s operator"));
    pictures(&browser, "audit-en").await;

    browser.select("Action", "code.issued").await;
    browser.press("Search").await;
    assert_eq!(cells(&browser, ROWS).await.len(), 2);
    browser.fill("Sign-in name", "nobody@490").await;
    browser.press("Search").await;
    browser.reads("No entry fits.").await;
    open(&browser, &world, "/portal/audit?officer=looks%40VN").await;
    let own = cells(&browser, ROWS).await;
    assert!(
        !own.is_empty() && own.iter().all(|row| row[2] == "looks@VN"),
        "{own:?}"
    );
    open(
        &browser,
        &world,
        "/portal/audit?unit=490&first=2021-08-27&last=2021-08-27",
    )
    .await;
    let rows = cells(&browser, ROWS).await;
    assert!(!rows.is_empty() && rows.iter().all(|row| row[4] == "490"));
    open(&browser, &world, "/portal/audit?last=2021-08-26").await;
    browser.reads("No entry fits.").await;

    // The mark that was noted shows later that nothing up to it is gone.
    open(&browser, &world, "/portal/audit").await;
    let noted = browser.text_of("#chain-head").await;
    let file = browser.save("Download CSV").await;
    let head = verify_export(file.as_bytes(), Some(parse(&noted))).unwrap();
    assert_eq!(
        head.sequence,
        parse(&noted).sequence + 1,
        "the export is an entry too"
    );
    assert!(file.contains("audit.exported"));
    browser.fill("Last entry noted earlier", &noted).await;
    browser.press("Verify all entries").await;
    browser
        .reads("The entry that you noted is among them.")
        .await;
    assert_eq!(cells(&browser, ROWS).await[0][3], "Audit log downloaded");
    browser.fill("Last entry noted earlier", "4711").await;
    browser.press("Verify all entries").await;
    browser.reads("A noted entry looks like").await;
    // A link causes no export, nor does a form from elsewhere.
    let rows = world.audit_rows().await.len();
    open(&browser, &world, "/portal/audit").await;
    post(&browser, "/portal/audit.csv", &[("csrf", "made-up")]).await;
    browser.reads("The form was refused").await;
    browser
        .open(&truyvet_tests::portal::url(&world, "/portal/audit.csv"))
        .await;
    assert_eq!(world.audit_rows().await.len(), rows);
    assert_at_ease(&browser, &world, &[403, 404]).await;
    browser.close().await;
}

fn parse(noted: &str) -> Head {
    let (sequence, hash) = noted.split_once(':').unwrap();
    let hash = data_encoding::HEXLOWER.decode(hash.as_bytes()).unwrap();
    Head {
        sequence: sequence.parse().unwrap(),
        hash: hash.try_into().unwrap(),
    }
}

#[tokio::test]
async fn a_changed_row_is_shown_as_broken_and_what_was_cut_off_is_missed() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    let auditor = session(&world, "looks", "VN", Role::Auditor).await;
    let browser = signed_in(&world, &auditor, "vi").await;
    open(&browser, &world, "/portal/audit").await;
    let noted = browser.text_of("#chain-head").await;
    let database = Connection::open(world.database()).unwrap();
    database
        .execute_batch(
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted;
             CREATE TABLE kept AS SELECT * FROM audit;
             UPDATE audit SET unit_code = '46' WHERE sequence = 3",
        )
        .unwrap();
    open(&browser, &world, "/portal/audit").await;
    browser.reads("Chuỗi bị đứt ở mục 3").await;
    assert!(browser.text_of("tr.broken").await.contains("đứt ở đây"));
    pictures(&browser, "audit-broken-vi").await;
    database
        .execute_batch(
            "UPDATE audit SET unit_code = (SELECT unit_code FROM kept WHERE sequence = 3) WHERE sequence = 3;
             DELETE FROM audit WHERE sequence > 4",
        )
        .unwrap();
    open(&browser, &world, "/portal/audit").await;
    browser.reads("4 mục liền mạch").await;
    browser.fill("Mục cuối đã ghi lại trước đây", &noted).await;
    browser.press("Kiểm tra mọi mục").await;
    browser.reads("Chuỗi bị đứt ở mục 5").await;
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}

#[tokio::test]
async fn a_long_audit_is_read_page_by_page_and_verified_when_asked_for() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    let auditor = session(&world, "looks", "48", Role::Auditor).await;
    let district = session(&world, "looks", "491", Role::Auditor).await;
    let officer = session(&world, "desk", "48", Role::Officer).await;
    let context = world.server.context();
    // No more at once than the store lets wait.
    for part in 0..3 {
        let mut writes = Vec::new();
        for number in 0..700 {
            let entry = AuditEntry {
                at: world.now().hour_start(),
                officer_id: None,
                key_id: None,
                action: Action::CodeIssued,
                unit_code: "490".into(),
                subject: format!("{part}-{number}"),
            };
            let store = Arc::clone(&context.store);
            writes.push(tokio::spawn(async move { store.append_audit(entry).await }));
        }
        for write in writes {
            write.await.unwrap().unwrap();
        }
    }
    let browser = signed_in(&world, &auditor, "en").await;
    open(&browser, &world, "/portal/audit?action=code.issued").await;
    browser
        .reads("So many are checked when you ask for it.")
        .await;
    let first = cells(&browser, ROWS).await;
    assert_eq!(first.len(), 50);
    browser.follow("Older →").await;
    let second = cells(&browser, ROWS).await;
    let number = |row: &Vec<String>| row[0].parse::<u64>().unwrap();
    assert_eq!(number(&first[49]), number(&second[0]) + 1);
    browser.follow("← Newest").await;
    assert_eq!(cells(&browser, ROWS).await, first);
    browser.press("Verify all entries").await;
    browser.reads("none changed or taken out").await;
    // A part cannot be checked by itself; it holds what is within reach.
    let file = browser.save("Download CSV").await;
    assert!(file.lines().count() > 2_100 && verify_export(file.as_bytes(), None).is_err());

    take(&browser, &world, &district).await;
    open(&browser, &world, "/portal/audit").await;
    let rows = cells(&browser, ROWS).await;
    assert!(
        !rows.is_empty() && rows.iter().all(|row| row[4] == "491"),
        "{rows:?}"
    );
    // An officer reads no audit, and is not offered any.
    take(&browser, &world, &officer).await;
    open(&browser, &world, "/portal/audit").await;
    browser.reads("You may not do this").await;
    assert!(!browser.has("nav a[href='/portal/audit']").await);
    assert_at_ease(&browser, &world, &[403]).await;
    browser.close().await;
}
