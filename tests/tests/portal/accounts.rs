//! What administrators do: inviting, resetting, closing, client keys, units.

use tonic::Code;
use truyvet_proto::v1::{CodeOrder, IssueCodeRequest, ListOfficersRequest, ReportType};
use truyvet_server::officers::Role;
use truyvet_tests::{
    browser::{Browser, installed},
    portal::{Person, choose_password, here, is_clean, shown_secret, url},
    world::{World, bearer},
};

#[tokio::test]
async fn an_invited_officer_gets_in_by_a_second_browser_and_out_when_closed() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let admin = Person::new(&world, "office", "48", Role::Administrator).await;
    let (desk, phone) = tokio::join!(Browser::start("en"), Browser::start("en"));
    admin.sign_in(&world, &desk).await;
    desk.follow("Officers").await;
    desk.follow("Invite an officer").await;
    desk.picture("invite").await;
    desk.fill("Account name", "office").await;
    desk.press("Make invitation").await;
    desk.reads("The unit has an account of that name").await;
    desk.fill("Account name", "hotline-7").await;
    desk.select("Unit", "490").await;
    desk.choose("Officer").await;
    desk.press("Make invitation").await;
    desk.reads("Invitation for hotline-7@490").await;
    desk.picture("invited").await;
    let link = desk.text_of("#invitation-link").await;
    assert!(
        link.starts_with(world.settings.portal_origin.as_str()),
        "{link}"
    );

    desk.open(&url(&world, "/portal/officers?q=hotline")).await;
    desk.reads("Invited, until").await;
    desk.picture("officers").await;
    desk.resize(360, 740).await;
    desk.picture("officers-360").await;
    desk.resize(1280, 900).await;

    phone.open(&here(&world, &link)).await;
    choose_password(&phone, "con chó ngủ ngoài sân").await;
    let secret = shown_secret(&phone).await;
    phone
        .fill("6-digit code", &secret.code_at(world.now()))
        .await;
    phone.press("Confirm").await;
    phone.follow("Stored, continue").await;
    phone.is_at("/portal").await;
    is_clean(&world, &phone).await;

    // The officer sees no officers' pages, whatever address they type.
    phone.open(&url(&world, "/portal/officers")).await;
    phone.reads("You may not do this").await;
    phone.picture("forbidden").await;

    desk.open(&url(&world, "/portal/officers?q=lien chieu"))
        .await;
    desk.follow("hotline-7@490").await;
    desk.reads("Active").await;
    desk.picture("officer").await;
    desk.follow("Reset sign-in").await;
    desk.press("Make a new link").await;
    desk.reads("Invitation for hotline-7@490").await;
    desk.follow("Back to the officers").await;
    desk.follow("hotline-7@490").await;
    desk.follow("Close account").await;
    desk.picture("confirm-deactivate").await;
    desk.follow("No, go back").await;
    desk.follow("Close account").await;
    desk.press("Close account").await;
    desk.reads("The account is closed.").await;
    phone.open(&url(&world, "/portal/account")).await;
    phone.is_at("/portal/sign-in").await;
    phone.reads("Your session has ended.").await;
    is_clean(&world, &desk).await;
    desk.close().await;
    phone.close().await;
}

#[tokio::test]
async fn a_client_key_does_what_was_ticked_until_it_is_revoked() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let admin = Person::new(&world, "office", "48", Role::Administrator).await;
    Person::new(&world, "hotline-1", "48", Role::Officer).await;
    let browser = Browser::start("en").await;
    admin.sign_in(&world, &browser).await;
    browser.follow("Officers").await;
    browser.follow("hotline-1@48").await;
    browser.choose("Issue codes").await;
    browser.fill("Key name", "HIS").await;
    browser.press("Make key").await;
    browser.reads("Choose at least one thing").await;
    browser.picture("key-wrong").await;
    browser.choose("Issue codes").await;
    browser.press("Make key").await;
    browser.reads("The key is shown once.").await;
    browser.picture("new-key").await;
    let credential = browser.text_of("#client-key").await;

    let issue = async || {
        let order = CodeOrder {
            report_type: ReportType::ConfirmedTest.into(),
            onset_day: world.today().number(),
            region: String::new(),
        };
        let request = IssueCodeRequest { order: Some(order) };
        let answer = world
            .officers()
            .await
            .issue_code(bearer(&credential, request))
            .await;
        answer.map(drop).map_err(|status| status.code())
    };
    assert_eq!(issue().await, Ok(()));
    let request = bearer(&credential, ListOfficersRequest {});
    let refused = world
        .admin()
        .await
        .list_officers(request)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    browser.follow("I have copied it").await;
    browser.picture("officer-key").await;
    browser.resize(360, 740).await;
    browser.picture("officer-key-360").await;
    browser.resize(1280, 900).await;
    browser.follow("Revoke HIS").await;
    browser.reads("Revoke the key “HIS”?").await;
    browser.press("Revoke key").await;
    browser.reads("The client key is revoked.").await;
    assert_eq!(issue().await, Err(Code::Unauthenticated));
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn units_are_walked_and_searched_without_accents() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let admin = Person::new(&world, "office", "VN", Role::Administrator).await;
    let browser = Browser::start("en").await;
    admin.sign_in(&world, &browser).await;
    browser.follow("Units").await;
    browser.follow("Thành phố Đà Nẵng").await;
    browser.follow("Quận Liên Chiểu").await;
    browser.reads("No units below.").await;
    browser.fill("Name or code", "lien chieu").await;
    browser.press("Search").await;
    browser.reads("Quận Liên Chiểu").await;
    browser.fill("Name or code", "quan").await;
    browser.press("Search").await;
    browser.picture("units").await;
    browser.resize(360, 740).await;
    browser.picture("units-360").await;
    browser.resize(1280, 900).await;
    // A country has too many units for a list: their code is typed.
    browser.open(&url(&world, "/portal/officers/invite")).await;
    browser.fill("Account name", "hotline-1").await;
    browser.fill("Unit code", "nowhere").await;
    browser.press("Make invitation").await;
    browser.reads("There is no such unit in your reach.").await;
    browser.fill("Unit code", "490").await;
    browser.press("Make invitation").await;
    browser.reads("Invitation for hotline-1@490").await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn an_administrator_keeps_within_their_own_reach() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let admin = Person::new(&world, "office", "48", Role::Administrator).await;
    let elsewhere = Person::new(&world, "hotline-1", "01", Role::Officer).await;
    let browser = Browser::start("en").await;
    admin.sign_in(&world, &browser).await;
    browser.follow("Officers").await;
    assert!(!browser.text().await.contains("hotline-1@01"));
    // Nor is one's own account closed or reset by oneself.
    browser.follow("office@48").await;
    browser.reads("This is your own account.").await;
    assert!(!browser.has("a[href*='deactivate']").await);
    is_clean(&world, &browser).await;
    for page in ["officer", "deactivate", "reset"] {
        let id = &elsewhere.officer.officer_id;
        browser
            .open(&url(
                &world,
                &format!("/portal/officers/{page}?officer={id}"),
            ))
            .await;
        browser.reads("Page not found").await;
    }
    browser.open(&url(&world, "/portal/units?unit=01")).await;
    browser.reads("Page not found").await;
    browser.close().await;
}
