//! People at the portal: officers who are signed in, and browsers that they sit at.

use truyvet_server::{
    officers::{self, Access, Actor, FirstAccess, Role},
    sign_in,
};
use truyvet_tests::{browser::Browser, world::World};

/// The password of everybody who is made here.
pub(crate) const PASSWORD: &str = "mèo nằm trên mái nhà";

/// The session's cookie.
pub(crate) const SESSION_COOKIE: &str = "__Host-truyvet-session";

/// Where a browser finds the portal: over plain HTTP, browsers keep our cookies for this name alone.
pub(crate) fn origin(world: &World) -> String {
    format!("http://localhost:{}", world.server.staff_addr().port())
}

/// Makes an account and signs in: gives the session's cookie.
pub(crate) async fn sign_in(world: &World, label: &str, unit_code: &str, role: Role) -> String {
    let context = world.server.context();
    let admin = administrator(world).await;
    let first = FirstAccess::Invitation;
    let created = officers::create(context, &admin, label, unit_code, role, first).await;
    let (_, access) = created.expect("the administrator may");
    let Access::Invitation(invitation) = access else {
        unreachable!("an invitation was asked for");
    };
    let ticket = invitation.ticket().reveal();
    let enrolling = sign_in::choose_password(context, &ticket, PASSWORD).await;
    let enrolling = enrolling.expect("a password that is taken");
    let code = enrolling.totp.code_at(world.now());
    let cookie = enrolling.ticket.reveal();
    let accepted = sign_in::confirm_totp(context, &cookie, &code, None).await;
    let accepted = accepted.expect("the app's code");
    accepted.signed_in.ticket.reveal().to_string()
}

/// The country's administrator.
pub(crate) async fn administrator(world: &World) -> Actor {
    let found = officers::identify(world.server.context(), &world.administrator).await;
    found.expect("the store looks").expect("a good credential")
}

/// A browser with that session.
pub(crate) async fn browser(world: &World, language: &str, session: &str) -> Browser {
    let browser = Browser::start(language).await;
    browser
        .set_cookie(&origin(world), SESSION_COOKIE, session)
        .await;
    browser
}

/// Asserts that pages loaded whole, as their policy says, and asked nobody else for anything.
pub(crate) async fn assert_at_home(browser: &Browser, world: &World) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
    let (origin, requests) = (origin(world), browser.requests().await);
    assert!(!requests.is_empty(), "requests are seen");
    for request in requests {
        assert!(request.starts_with(&format!("{origin}/")), "{request}");
    }
}
