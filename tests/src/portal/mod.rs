//! The officers' portal as tests use it: accounts to sign in to, what a person does in a browser, what a program sends.

pub mod pages;

use std::time::Duration;

use truyvet_server::{
    officers::{self, Actor, Officer, Role},
    sign_in::{self, TotpSecret},
};

use crate::{browser::Browser, world::World};

/// A password that is taken.
pub const PASSWORD: &str = "mèo nằm trên mái nhà";

/// The session's cookie.
pub const SESSION_COOKIE: &str = "__Host-truyvet-session";

/// An account that somebody has set up, with an authenticator app.
pub struct Person {
    /// Whose.
    pub officer: Officer,
    /// Shared with the app.
    pub totp: TotpSecret,
    /// The content of a browser's session cookie.
    pub session: String,
    /// As printed.
    pub recovery_codes: Vec<String>,
}

impl Person {
    /// Who has accepted an invitation to a new account.
    ///
    /// # Panics
    /// If the domain does not let them.
    pub async fn new(world: &World, label: &str, unit_code: &str, role: Role) -> Self {
        let context = world.server.context();
        let ticket = invited(world, label, unit_code, role).await;
        let enrolling = sign_in::choose_password(context, &ticket, PASSWORD).await;
        let enrolling = enrolling.expect("a good password and an open invitation");
        let (cookie, code) = (
            enrolling.ticket.reveal(),
            enrolling.totp.code_at(world.now()),
        );
        let accepted = sign_in::confirm_totp(context, &cookie, &code, None).await;
        let accepted = accepted.expect("the code of now");
        Self {
            officer: accepted.signed_in.officer,
            totp: enrolling.totp,
            session: accepted.signed_in.ticket.reveal().to_string(),
            recovery_codes: accepted
                .recovery_codes
                .iter()
                .map(|code| code.reveal().to_string())
                .collect(),
        }
    }

    /// What they type to sign in.
    #[must_use]
    pub fn sign_in_name(&self) -> String {
        sign_in::sign_in_name(&self.officer)
    }

    /// The `Cookie` header of their browser.
    #[must_use]
    pub fn cookie(&self) -> String {
        format!("{SESSION_COOKIE}={}", self.session)
    }

    /// What their forms carry.
    ///
    /// # Panics
    /// Never: the session is a ticket.
    #[must_use]
    pub fn form_token(&self) -> String {
        sign_in::Ticket::parse(&self.session)
            .expect("a session is a ticket")
            .form_token()
    }

    /// Signs in with password and app, in English. Moves the clock on, since no code of the app is good twice.
    pub async fn sign_in(&self, world: &World, browser: &Browser) {
        self.show_password(world, browser, PASSWORD).await;
        world.clock.advance(30);
        let code = self.totp.code_at(world.now());
        browser.fill("6-digit code", &code).await;
        browser.press("Sign in").await;
        browser.is_at("/portal").await;
    }

    /// Shows name and password alone.
    pub async fn show_password(&self, world: &World, browser: &Browser, password: &str) {
        browser.open(&url(world, "/portal/sign-in")).await;
        browser.fill("Sign-in name", &self.sign_in_name()).await;
        browser.fill("Password", password).await;
        browser.press("Sign in").await;
    }
}

/// Makes an account and signs in: gives the session's cookie.
pub async fn sign_in(world: &World, label: &str, unit_code: &str, role: Role) -> String {
    Person::new(world, label, unit_code, role).await.session
}

/// The country's administrator.
///
/// # Panics
/// If the store cannot look.
pub async fn administrator(world: &World) -> Actor {
    let found = officers::identify(world.server.context(), &world.administrator).await;
    found.expect("the store looks").expect("a good credential")
}

/// A browser with that session.
pub async fn browser(world: &World, language: &str, session: &str) -> Browser {
    let browser = Browser::start(language).await;
    browser
        .set_cookie(&origin(world), SESSION_COOKIE, session)
        .await;
    browser
}

/// Makes an account; gives the secret of its invitation.
///
/// # Panics
/// If it cannot be made.
pub async fn invited(world: &World, label: &str, unit_code: &str, role: Role) -> String {
    let context = world.server.context();
    let (store, now) = (&*context.store, context.now());
    let rng = &mut context.rng();
    let made = officers::create_first(store, label, unit_code, role, now, rng).await;
    let (_, _, invitation) = made.expect("a new name in a unit that is there");
    invitation.ticket().reveal().to_string()
}

/// Where a browser finds the portal: over plain HTTP, browsers keep our cookies for this name alone.
#[must_use]
pub fn origin(world: &World) -> String {
    format!("http://localhost:{}", world.server.staff_addr().port())
}

/// The address of a page: passkeys and cookies want a name, not an address.
#[must_use]
pub fn url(world: &World, path_and_query: &str) -> String {
    format!("{}{path_and_query}", origin(world))
}

/// The address of an invitation's page, out of a link that names the origin of the settings.
///
/// # Panics
/// If it is no link.
#[must_use]
pub fn here(world: &World, link: &str) -> String {
    let link = url::Url::parse(link).expect("a link");
    let query = link.query().expect("the invitation is in the query");
    url(world, &format!("{}?{query}", link.path()))
}

/// The secret that the page with the QR code shows, as one reads it off.
///
/// # Panics
/// If there is none.
pub async fn shown_secret(browser: &Browser) -> TotpSecret {
    let typed = browser.text_of("code.secret").await;
    TotpSecret::from_base32(&typed).expect("a secret to type into an app")
}

/// Chooses the password of an invitation that is open in the browser, in English.
pub async fn choose_password(browser: &Browser, password: &str) {
    browser.fill("New password", password).await;
    browser.fill("New password again", password).await;
    browser.press("Continue").await;
}

/// Asserts that pages asked nobody but the portal, and that the browser had nothing to complain of.
///
/// # Panics
/// If they did, or it had.
pub async fn is_clean(world: &World, browser: &Browser) {
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:#?}");
    let own = url(world, "/");
    let requests = browser.requests().await;
    assert!(!requests.is_empty(), "requests are logged");
    for request in requests {
        assert!(request.starts_with(&own), "{request}");
    }
}

/// A client that sends what it is told to, and follows no redirection.
///
/// # Panics
/// Never.
#[must_use]
pub fn client() -> reqwest::Client {
    // Reqwest wants to know who does TLS even if nobody does.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .build()
        .expect("a client without TLS")
}

/// With a form in the body.
pub fn posted<'a>(
    request: reqwest::RequestBuilder,
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> reqwest::RequestBuilder {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.finish())
}
