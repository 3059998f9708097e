//! One's own account: sessions, password, second factors, recovery codes, language.

use truyvet_server::officers::Role;
use truyvet_tests::{
    browser::{Browser, installed},
    portal::{PASSWORD, Person, is_clean, shown_secret, url},
    world::World,
};

const OTHER_PASSWORD: &str = "con chó ngủ ngoài sân";

/// Types the password that a change asks for.
async fn show_password(browser: &Browser, password: &str) {
    browser.fill("Current password", password).await;
    browser.press("Continue").await;
}

#[tokio::test]
async fn another_telephone_takes_the_place_of_the_first() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let mut person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("en").await;
    person.sign_in(&world, &browser).await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.picture("account").await;
    browser.resize(360, 740).await;
    browser.picture("account-360").await;
    browser.resize(1280, 900).await;
    browser.follow("Change telephone or app").await;
    show_password(&browser, "wrong").await;
    browser.reads("The current password is not right.").await;
    browser.picture("step-up").await;
    browser.press("Tiếng Việt").await;
    browser.reads("Đổi điện thoại hoặc ứng dụng").await;
    browser.press("English").await;
    show_password(&browser, PASSWORD).await;
    let secret = shown_secret(&browser).await;
    browser.fill("6-digit code", "000000").await;
    browser.press("Confirm").await;
    browser.reads("The 6-digit code is not right.").await;
    browser.picture("account-totp").await;
    let again = shown_secret(&browser).await;
    assert_eq!(again.base32(), secret.base32(), "scanned once, good still");
    browser
        .fill("6-digit code", &secret.code_at(world.now()))
        .await;
    browser.press("Confirm").await;
    browser.reads("The authenticator app is changed.").await;
    browser.press("Sign out").await;
    person.totp = secret;
    person.sign_in(&world, &browser).await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_passkey_comes_signs_in_and_goes() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("en").await;
    browser.plug_in_authenticator().await;
    person.sign_in(&world, &browser).await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.follow("Add a passkey").await;
    show_password(&browser, PASSWORD).await;
    browser.fill("Passkey name", "front desk").await;
    browser.picture("new-passkey").await;
    browser.press("Add a passkey").await;
    browser.reads("The passkey is added.").await;
    browser.reads("front desk").await;
    browser.picture("account-passkey").await;
    browser.press("Sign out").await;
    person.show_password(&world, &browser, PASSWORD).await;
    browser.press("Use a passkey").await;
    browser.is_at("/portal").await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.follow("Remove front desk").await;
    browser.reads("Remove the passkey “front desk”?").await;
    show_password(&browser, "wrong").await;
    browser.reads("The current password is not right.").await;
    show_password(&browser, PASSWORD).await;
    browser.reads("The passkey is removed.").await;
    assert!(!browser.text().await.contains("front desk"));
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn another_password_and_other_codes_end_what_was_before() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let (browser, other) = tokio::join!(Browser::start("en"), Browser::start("en"));
    person.sign_in(&world, &browser).await;
    person.sign_in(&world, &other).await;

    browser.open(&url(&world, "/portal/account")).await;
    browser.follow("Make new recovery codes").await;
    show_password(&browser, PASSWORD).await;
    browser.reads("Your recovery codes").await;
    let first = browser.text_of(".recovery li code").await;
    assert_ne!(first, person.recovery_codes[0]);
    browser.follow("Stored, continue").await;
    browser.is_at("/portal/account").await;

    browser.fill("Current password", "wrong").await;
    browser.fill("New password", OTHER_PASSWORD).await;
    browser.fill("New password again", OTHER_PASSWORD).await;
    browser.press("Change password").await;
    browser.reads("The current password is not right.").await;
    browser.fill("Current password", PASSWORD).await;
    browser.fill("New password", OTHER_PASSWORD).await;
    browser.fill("New password again", OTHER_PASSWORD).await;
    browser.press("Change password").await;
    browser.reads("The password is changed.").await;
    other.open(&url(&world, "/portal/account")).await;
    other.is_at("/portal/sign-in").await;

    browser.press("Sign out").await;
    person.show_password(&world, &browser, OTHER_PASSWORD).await;
    browser
        .follow("Telephone not at hand? Use a recovery code")
        .await;
    browser.fill("Recovery code", &first).await;
    browser.press("Sign in").await;
    browser.is_at("/portal").await;
    is_clean(&world, &browser).await;
    is_clean(&world, &other).await;
    browser.close().await;
    other.close().await;
}

#[tokio::test]
async fn sessions_elsewhere_are_listed_and_ended() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    // Its own session, of no browser, is the second one.
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("en").await;
    person.sign_in(&world, &browser).await;
    let listed = async || {
        browser
            .run("return document.querySelectorAll('form[action$=sessions] [name=session]').length")
            .await
    };
    browser.open(&url(&world, "/portal/account")).await;
    assert_eq!(listed().await, 1);
    browser.press("Sign out 2").await;
    browser.reads("Signed out elsewhere.").await;
    assert_eq!(listed().await, 0);
    let other = Browser::start("en").await;
    person.sign_in(&world, &other).await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.press("Sign out everywhere else").await;
    browser.reads("Signed out elsewhere.").await;
    browser.reads("This session").await;
    other.open(&url(&world, "/portal/account")).await;
    other.is_at("/portal/sign-in").await;
    is_clean(&world, &browser).await;
    browser.close().await;
    other.close().await;
}
