//! Reports as officers send them and look for them.

use truyvet_server::officers::Role;
use truyvet_tests::{
    browser,
    portal::{
        pages::{assert_at_ease, open, pictures, post, signed_in, take, world},
        sign_in as session,
    },
};

use crate::staff::officer;

const HOUR: i64 = 3_600;

#[tokio::test]
async fn the_daily_report_is_sent_once_and_who_has_not_sent_theirs_is_named() {
    if !browser::installed() {
        return;
    }
    let world = world().await; // Friday noon
    let province = session(&world, "desk", "48", Role::Supervisor).await;
    let in_time = session(&world, "desk", "490", Role::Officer).await;
    officer(&world, "hotline", "491").await;
    officer(&world, "hotline", "492").await;

    let browser = signed_in(&world, &in_time, "en").await;
    open(&browser, &world, "/portal/figures").await;
    browser.reads("The daily report is due by 15:00").await;
    browser.follow("See and send the report").await;
    browser.reads("Thursday, 26 Aug 2021").await;
    browser
        .reads("Not sent yet. Due: 15:00 Friday, 27 Aug 2021")
        .await;
    let csrf = browser
        .attribute("main form input[name=csrf]", "value")
        .await;
    browser.press("Send report").await;
    browser.reads("The report is sent.").await;
    browser.reads("Sent at 12:00, 27 Aug 2021").await;
    assert!(!browser.has("main form").await, "nothing more to send");
    assert!(!browser.text().await.contains("The daily report is due"));
    // A second click.
    let sent = world.audit_rows().await.len();
    post(
        &browser,
        "/portal/reports/daily",
        &[("day", "2021-08-26"), ("csrf", &csrf)],
    )
    .await;
    browser.reads("The report is sent.").await;
    assert_eq!(world.audit_rows().await.len(), sent);
    // From elsewhere, or of a day that is not over.
    post(
        &browser,
        "/portal/reports/daily",
        &[("day", "2021-08-25"), ("csrf", "made-up")],
    )
    .await;
    browser.reads("The form was refused").await;
    open(&browser, &world, "/portal/figures").await;
    post(
        &browser,
        "/portal/reports/daily",
        &[("day", "2021-08-27"), ("csrf", &csrf)],
    )
    .await;
    browser.reads("The form was refused").await;
    assert_eq!(world.audit_rows().await.len(), sent);
    open(&browser, &world, "/portal/reports/daily?day=2021-08-28").await;
    browser.reads("Page not found").await;
    assert_at_ease(&browser, &world, &[403, 404]).await;

    take(&browser, &world, &province).await;
    open(&browser, &world, "/portal/reports/daily").await;
    browser.reads("2 of 3 units have not sent theirs:").await;
    let missing = browser.text_of(".missing").await;
    assert!(missing.contains("Quận Thanh Khê") && missing.contains("Quận Hải Châu"));
    assert!(!missing.contains("Liên Chiểu") && !missing.contains("overdue"));
    pictures(&browser, "report-open-en").await;

    // Who does nothing for three hours is signed out: others come.
    world.clock.advance(3 * HOUR);
    let province = session(&world, "desk-2", "48", Role::Supervisor).await;
    let too_late = session(&world, "desk", "491", Role::Officer).await;
    let auditor = session(&world, "looks", "48", Role::Auditor).await;
    take(&browser, &world, &too_late).await;
    open(&browser, &world, "/portal/reports/daily").await;
    browser
        .reads("Yesterday’s daily report is overdue since 15:00")
        .await;
    browser.press("Send report").await;
    browser.reads("Sent late, at 15:00, 27 Aug 2021").await;
    take(&browser, &world, &province).await;
    open(&browser, &world, "/portal/reports/daily").await;
    browser
        .reads("Not sent, and overdue since 15:00 Friday, 27 Aug 2021")
        .await;
    let missing = browser.text_of(".missing").await;
    assert!(
        missing.contains("Quận Hải Châu") && missing.contains("overdue"),
        "{missing}"
    );
    assert!(browser.text_of("ul.late").await.contains("Quận Thanh Khê"));
    let file = browser.save("Download CSV: who sent").await;
    assert!(
        file.contains("490,Quận Liên Chiểu,2021-08-27 12:00,no"),
        "{file}"
    );
    assert!(
        file.contains("491,Quận Thanh Khê,2021-08-27 15:00,yes"),
        "{file}"
    );
    assert!(file.contains("492,Quận Hải Châu,,yes"), "{file}");
    browser.press("Tiếng Việt").await;
    browser.reads("1 trong 3 đơn vị chưa gửi:").await;
    pictures(&browser, "report-late-vi").await;

    // An auditor looks.
    take(&browser, &world, &auditor).await;
    open(&browser, &world, "/portal/reports/daily").await;
    browser.reads("Quận Hải Châu").await;
    assert!(!browser.has("main form").await && !browser.has(".notices").await);
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}

#[tokio::test]
async fn the_weekly_report_is_due_on_tuesday() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    world.clock.advance(3 * 24 * HOUR); // Monday noon
    let desk = session(&world, "desk", "490", Role::Officer).await;
    let browser = signed_in(&world, &desk, "en").await;
    open(&browser, &world, "/portal/reports/weekly").await;
    browser
        .reads("The weekly report is due by 14:00 on Tuesday")
        .await;
    browser.reads("23 Aug – 29 Aug 2021").await;
    browser.follow("← Earlier").await;
    browser.reads("16 Aug – 22 Aug 2021").await;
    browser
        .reads("overdue since 14:00 Tuesday, 24 Aug 2021")
        .await;
    browser.follow("Later →").await;
    browser.press("Send report").await;
    browser.reads("Sent at 12:00, 30 Aug 2021").await;
    assert!(!browser.text().await.contains("The weekly report is due"));
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}
