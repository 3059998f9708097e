//! Getting in and out: invitations, both second factors, recovery codes, sessions that end.

use truyvet_server::{officers::Role, sign_in::SignInError};
use truyvet_tests::{
    browser::{Browser, installed},
    portal::{
        PASSWORD, Person, choose_password, client, invited, is_clean, posted, shown_secret, url,
    },
    world::World,
};

#[tokio::test]
async fn the_first_administrator_gets_in_with_an_authenticator_app() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let browser = Browser::start("en").await;
    let ticket = invited(&world, "desk-1", "VN", Role::Administrator).await;
    let link = url(&world, &format!("/portal/invitation?invitation={ticket}"));
    browser.open(&link).await;
    browser.reads("desk-1@VN").await;
    browser.picture("invitation").await;

    // Too short, then not the same: the page says so, and its language can still be changed.
    choose_password(&browser, "mèo").await;
    browser.reads("from 12 to 128 characters").await;
    browser.press("Tiếng Việt").await;
    browser.reads("Chào mừng bạn").await;
    browser.press("English").await;
    browser.reads("Welcome").await;
    browser.fill("New password", PASSWORD).await;
    browser.fill("New password again", "something else").await;
    browser.press("Continue").await;
    browser.reads("The two are not the same.").await;
    browser.picture("invitation-wrong").await;
    choose_password(&browser, PASSWORD).await;

    browser.is_at("/portal/invitation/totp").await;
    browser.fill("6-digit code", "000000").await;
    browser.press("Confirm").await;
    browser.reads("The 6-digit code is not right").await;
    browser.picture("totp").await;
    let secret = shown_secret(&browser).await;
    browser
        .fill("6-digit code", &secret.code_at(world.now()))
        .await;
    browser.press("Confirm").await;
    browser.reads("Your recovery codes").await;
    assert!(
        !browser.has("footer form").await,
        "it cannot be shown again"
    );
    browser.picture("recovery-codes").await;
    browser.follow("Stored, continue").await;
    browser.reads("Your account is ready. Welcome.").await;
    assert_eq!(browser.path().await, "/portal");
    is_clean(&world, &browser).await;

    // The link is used up. Chromium itself notes the status of the page.
    browser.open(&link).await;
    browser.reads("The invitation does not work any more").await;
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().all(|text| text.contains("410")),
        "{complaints:?}"
    );
    browser.close().await;
}

#[tokio::test]
async fn a_passkey_is_enough_from_the_invitation_on() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let browser = Browser::start("en").await;
    browser.plug_in_authenticator().await;
    let ticket = invited(&world, "desk-1", "VN", Role::Administrator).await;
    browser
        .open(&url(
            &world,
            &format!("/portal/invitation?invitation={ticket}"),
        ))
        .await;
    choose_password(&browser, PASSWORD).await;
    browser.press("Use a passkey instead").await;
    browser.reads("Your recovery codes").await;
    browser.follow("Stored, continue").await;
    browser.is_at("/portal").await;
    browser.press("Sign out").await;
    browser.reads("You are signed out.").await;

    browser.fill("Sign-in name", "desk-1@VN").await;
    browser.fill("Password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.reads("Confirm it is you").await;
    assert!(!browser.has("#totp").await, "there is no app");
    browser.picture("second-factor-passkey").await;
    // The challenge is answered from another tab first: this one's answer comes too late, and the page asks again.
    let stale = browser
        .attribute("form[data-passkey]", "data-options")
        .await;
    browser
        .open(&url(&world, "/portal/sign-in/second-factor"))
        .await;
    let script = format!(
        "document.querySelector('form[data-passkey]').dataset.options = {}",
        serde_json::Value::from(stale)
    );
    browser.run(&script).await;
    browser.press("Use a passkey").await;
    browser.reads("The passkey did not work.").await;
    browser.picture("second-factor-passkey-wrong").await;
    browser.press("English").await;
    browser.is_at("/portal/sign-in/second-factor").await;
    browser.press("Use a passkey").await;
    browser.is_at("/portal").await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn signing_in_by_app_and_recovery_code_and_out_again() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("vi").await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.is_at("/portal/sign-in").await;
    browser.reads("Đăng nhập").await;
    browser.picture("sign-in-vi").await;
    browser.press("English").await;
    person.sign_in(&world, &browser).await;
    // What an officer may not keep is neither offered nor shown.
    assert!(!browser.text().await.contains("Officers"));
    browser.press("Sign out").await;
    browser.reads("You are signed out.").await;
    browser.open(&url(&world, "/portal/account")).await;
    browser.is_at("/portal/sign-in").await;

    person.show_password(&world, &browser, PASSWORD).await;
    browser
        .follow("Telephone not at hand? Use a recovery code")
        .await;
    browser.fill("Recovery code", "AAAAA-AAAAA").await;
    browser.press("Sign in").await;
    browser.reads("The recovery code is not right").await;
    let code = person.recovery_codes[0].to_lowercase();
    browser.fill("Recovery code", &code).await;
    browser.press("Sign in").await;
    browser.is_at("/portal").await;
    browser.press("Sign out").await;

    person.show_password(&world, &browser, PASSWORD).await;
    browser
        .follow("Telephone not at hand? Use a recovery code")
        .await;
    browser.fill("Recovery code", &code).await;
    browser.press("Sign in").await;
    browser.reads("The recovery code is not right").await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_half_a_sign_in_runs_out() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("en").await;
    for _ in 0..5 {
        person.show_password(&world, &browser, "wrong").await;
        browser
            .reads("The sign-in name or the password is not right.")
            .await;
    }
    person.show_password(&world, &browser, PASSWORD).await;
    browser.reads("Too many wrong tries.").await;
    browser.picture("sign-in-slowed").await;
    world.clock.advance(60);
    person.show_password(&world, &browser, PASSWORD).await;
    browser.reads("Confirm it is you").await;
    browser.picture("second-factor").await;
    for _ in 0..4 {
        browser.fill("6-digit code", "000000").await;
        browser.press("Sign in").await;
        browser.reads("The 6-digit code is not right.").await;
    }
    world.clock.advance(300);
    let code = person.totp.code_at(world.now());
    browser.fill("6-digit code", &code).await;
    browser.press("Sign in").await;
    browser.is_at("/portal/sign-in").await;
    browser.reads("Please sign in again.").await;
    // Nobody who begins nothing gets to the second step.
    browser.open(&url(&world, "/portal/sign-in/recovery")).await;
    browser.is_at("/portal/sign-in").await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_session_that_was_left_alone_leads_to_the_door() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let browser = Browser::start("en").await;
    person.sign_in(&world, &browser).await;
    browser.open(&url(&world, "/portal/account")).await;
    world.clock.advance(29 * 60);
    browser.open(&url(&world, "/portal/account")).await;
    browser.is_at("/portal/account").await;
    world.clock.advance(30 * 60);
    browser.fill("Current password", PASSWORD).await;
    browser.fill("New password", "con chó ngủ ngoài sân").await;
    browser
        .fill("New password again", "con chó ngủ ngoài sân")
        .await;
    browser.press("Change password").await;
    browser.is_at("/portal/sign-in").await;
    browser
        .reads("Your session has ended. Please sign in again.")
        .await;
    // Nothing was changed by what came too late.
    person.sign_in(&world, &browser).await;
    is_clean(&world, &browser).await;
    browser.close().await;
}

/// The other tab shows the form still, with the token from before the sign-in.
#[tokio::test]
async fn a_second_tab_s_sign_in_form_leads_inside_too() {
    let world = World::new().await;
    let person = Person::new(&world, "desk-1", "VN", Role::Officer).await;
    let fields = [("sign_in_name", "x"), ("password", "x"), ("csrf", "x")];
    let request = client().post(url(&world, "/portal/sign-in"));
    let request = request.header("cookie", person.cookie());
    let answer = posted(request, fields).send().await.unwrap();
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/portal");
    assert!(!answer.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn an_enrolment_that_took_too_long_is_begun_again_by_the_same_link() {
    if !installed() {
        return;
    }
    let world = World::new().await;
    let browser = Browser::start("en").await;
    let ticket = invited(&world, "desk-1", "VN", Role::Officer).await;
    let link = url(&world, &format!("/portal/invitation?invitation={ticket}"));
    browser.open(&link).await;
    choose_password(&browser, PASSWORD).await;
    browser.is_at("/portal/invitation/totp").await;
    let secret = shown_secret(&browser).await;
    is_clean(&world, &browser).await;
    world.clock.advance(1_800);
    browser
        .fill("6-digit code", &secret.code_at(world.now()))
        .await;
    browser.press("Confirm").await;
    browser
        .reads("Open the link of your invitation again")
        .await;
    let context = world.server.context();
    let early = truyvet_server::sign_in::start_sign_in(context, "desk-1@VN", PASSWORD, None).await;
    assert!(matches!(early, Err(SignInError::Refused)));
    browser.open(&link).await;
    choose_password(&browser, PASSWORD).await;
    let secret = shown_secret(&browser).await;
    browser
        .fill("6-digit code", &secret.code_at(world.now()))
        .await;
    browser.press("Confirm").await;
    browser.reads("Your recovery codes").await;
    browser.close().await;
}
