//! Signing in by OpenID Connect, against a real provider (`tests/oidc/provider.mjs`): over HTTP, as a browser would.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use reqwest::{Response, StatusCode, header, redirect::Policy};
use truyvet_server::{
    officers::{self, Access, Actor, FirstAccess, Role},
    settings::OidcSettings,
    sign_in,
};
use truyvet_tests::{
    browser,
    process::eventually,
    world::{NOON, World},
};
use url::Url;

const ACR: &str = "urn:test:two-factors";
const SUBJECT: &str = "officer-number-4711";

fn workspace_root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace")
}

/// Where `cargo xtask test` puts the provider; elsewhere a test that needs it says that it did not run.
fn installed() -> Option<PathBuf> {
    let folder = workspace_root().join("target/oidc");
    let node = Command::new("node")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if node && folder.join("node_modules/oidc-provider").is_dir() {
        return Some(folder);
    }
    eprintln!("NOT RUN: Node.js or target/oidc/node_modules is missing (cargo xtask test gets it)");
    None
}

/// A portal, a provider that knows it, and somebody's browser.
struct Ministry {
    world: World,
    provider: Child,
    _secret: tempfile::TempDir,
}

impl Drop for Ministry {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.provider.kill());
        drop(self.provider.wait());
    }
}

impl Ministry {
    async fn with(change: impl FnOnce(&mut OidcSettings)) -> Option<Self> {
        let folder = installed()?;
        drop(rustls::crypto::ring::default_provider().install_default());
        // Free a moment ago: both must know the portal's address before it starts.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap();
        drop(free);
        let origin = Url::parse(&format!("http://localhost:{}", listen.port())).unwrap();
        let mut provider = Command::new("node")
            .current_dir(folder)
            .arg(workspace_root().join("tests/oidc/provider.mjs"))
            .arg(format!("{origin}portal/oidc/callback"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut issuer = String::new();
        let stdout = provider.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut issuer).unwrap();
        let secret = tempfile::tempdir().unwrap();
        let secret_file = secret.path().join("secret");
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600);
        file.open(&secret_file).unwrap();
        fs::write(&secret_file, "a secret of this test alone\n").unwrap();
        let mut oidc = OidcSettings {
            issuer: issuer.trim().to_owned(),
            client_id: "truyvet".into(),
            client_secret_file: secret_file,
            name: "Cổng định danh".into(),
            acr: None,
        };
        change(&mut oidc);
        let world = World::with(|settings| {
            settings.staff_listen = listen;
            settings.portal_origin = origin;
            settings.oidc = Some(oidc);
        })
        .await;
        // The provider's clock is the machine's.
        world.clock.advance(machine_time() - NOON);
        Some(Self {
            world,
            provider,
            _secret: secret,
        })
    }

    async fn new() -> Option<Self> {
        Self::with(|_| {}).await
    }

    async fn administrator(&self) -> Actor {
        let context = self.world.server.context();
        let found = officers::identify(context, &self.world.administrator).await;
        found.unwrap().unwrap()
    }

    /// Adds an account; gives its id and the secret part of its invitation's link.
    async fn invited(&self, label: &str) -> (String, String) {
        let (context, admin) = (self.world.server.context(), self.administrator().await);
        let (role, first) = (Role::Officer, FirstAccess::Invitation);
        let created = officers::create(context, &admin, label, "VN", role, first).await;
        match created.unwrap() {
            (officer, Access::Invitation(invitation)) => {
                (officer.officer_id, invitation.ticket().reveal().to_string())
            }
            (_, Access::Credential(_)) => panic!("an invitation was asked for"),
        }
    }

    /// Somebody whose account is tied to the subject.
    async fn linked(&self, label: &str, subject: &str) -> String {
        let (officer_id, ticket) = self.invited(label).await;
        let mut browser = self.browser();
        browser.portal(&invitation_page(&ticket)).await;
        let answer = browser.through(&link_path(&ticket), subject, None).await;
        assert_eq!(location(&answer), "/portal?done=welcome");
        officer_id
    }

    fn browser(&self) -> Browser {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy();
        Browser {
            origin: self.world.settings.portal_origin.clone(),
            client: client.build().unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.world.database()).unwrap()
    }

    fn identities(&self) -> i64 {
        let sql = "SELECT count(*) FROM oidc_identity";
        self.database()
            .query_row(sql, [], |row| row.get(0))
            .unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the provider is a process with the machine's clock"
)]
fn machine_time() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

fn invitation_page(ticket: &str) -> String {
    format!("/portal/invitation?invitation={ticket}")
}

fn link_path(ticket: &str) -> String {
    format!("/portal/oidc?invitation={ticket}")
}

fn location(answer: &Response) -> &str {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    answer.headers()[header::LOCATION].to_str().unwrap()
}

async fn refused(answer: Response, status: StatusCode, words: &str) {
    assert_eq!(answer.status(), status);
    let cookies = answer.headers().get_all(header::SET_COOKIE);
    let session = cookies
        .iter()
        .any(|cookie| cookie.to_str().unwrap().contains("session"));
    assert!(!session, "a refusal signs in");
    let page = answer.text().await.unwrap();
    assert!(page.contains(words), "{words}: {page}");
}

/// Keeps cookies by origin: the portal's are all `SameSite=Strict`, so none of them goes along from another site.
struct Browser {
    origin: Url,
    client: reqwest::Client,
    cookies: BTreeMap<(String, String), String>,
}

impl Browser {
    async fn get(&mut self, url: &Url, with_cookies: bool) -> Response {
        let origin = url.origin().ascii_serialization();
        let mine = self.cookies.iter().filter(|((at, _), _)| *at == origin);
        let pairs: Vec<String> = mine
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let mut request = self
            .client
            .get(url.clone())
            .header(header::ACCEPT_LANGUAGE, "en");
        if with_cookies && !pairs.is_empty() {
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let key = (origin.clone(), name.to_owned());
            if value.is_empty() || attributes.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        answer
    }

    async fn portal(&mut self, path: &str) -> Response {
        let url = self.origin.join(path).unwrap();
        self.get(&url, true).await
    }

    /// Leaves for the provider; gives the address that the portal sends it to.
    async fn leave(&mut self, path: &str) -> Url {
        let answer = self.portal(path).await;
        Url::parse(location(&answer)).unwrap()
    }

    /// Signs in at the provider as this subject; gives the address that it sends the browser back to.
    async fn at_provider(&mut self, url: Url, subject: &str, acr: Option<&str>) -> Url {
        let mut url = url;
        // One more than a sign-in takes.
        for _ in 0..5 {
            if url.path().starts_with("/interaction/") {
                url.query_pairs_mut().append_pair("subject", subject);
                if let Some(acr) = acr {
                    url.query_pairs_mut().append_pair("acr", acr);
                }
            }
            let answer = self.get(&url, true).await;
            url = url.join(location(&answer)).unwrap();
            if url.origin() == self.origin.origin() {
                return url;
            }
        }
        panic!("the provider does not send the browser back: {url}");
    }

    /// Comes back from the provider; gives the address that the portal's own page goes on to.
    async fn arrive(&mut self, url: &Url) -> Url {
        let held = self.cookies.clone();
        let answer = self.get(url, false).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(self.cookies, held, "the step takes cookies away");
        let refresh = answer.headers()["refresh"].to_str().unwrap();
        let next = refresh.strip_prefix("0; url=").unwrap();
        self.origin.join(next).unwrap()
    }

    /// The whole way.
    async fn through(&mut self, path: &str, subject: &str, acr: Option<&str>) -> Response {
        let url = self.leave(path).await;
        let back = self.at_provider(url, subject, acr).await;
        let finish = self.arrive(&back).await;
        self.get(&finish, true).await
    }

    /// A browser that begins to sign in.
    async fn begin(&mut self) -> Url {
        self.portal("/portal/sign-in").await;
        self.leave("/portal/oidc").await
    }

    fn session(&self) -> Option<&String> {
        let origin = self.origin.origin().ascii_serialization();
        let name = "__Host-truyvet-session".to_owned();
        self.cookies.get(&(origin, name))
    }

    /// As the form on every page does.
    async fn sign_out(&self) {
        let session = self.session().unwrap();
        let ticket = sign_in::Ticket::parse(session).unwrap();
        let request = self
            .client
            .post(self.origin.join("/portal/sign-out").unwrap())
            .header(header::COOKIE, format!("__Host-truyvet-session={session}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("csrf={}", ticket.form_token()));
        let answer = request.send().await.unwrap();
        assert_eq!(location(&answer), "/portal/sign-in?done=signed-out");
    }

    /// The name of whom the session cookie is for.
    async fn officer_id(&self, ministry: &Ministry) -> Option<String> {
        let cookie = self.session()?;
        let found = sign_in::actor_of_session(ministry.world.server.context(), cookie).await;
        found.unwrap().map(|(actor, _)| actor.officer.officer_id)
    }
}

fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mut query = changed.query_pairs_mut();
    query.clear();
    for (found, before) in &pairs {
        query.append_pair(found, if found == name { value } else { before });
    }
    drop(query);
    assert_ne!(&changed, url, "{name} was there");
    changed
}

#[tokio::test]
async fn an_invited_officer_links_signs_out_and_signs_in() {
    let Some(ministry) = Ministry::new().await else {
        return;
    };
    let (officer_id, ticket) = ministry.invited("hotline-1").await;
    let mut browser = ministry.browser();
    let page = browser.portal(&invitation_page(&ticket)).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("Continue with Cổng định danh"), "{page}");

    let url = browser.leave(&link_path(&ticket)).await;
    let asked: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(asked["scope"], "openid");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(!url.as_str().contains(&ticket));
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser.arrive(&back).await;
    let answer = browser.get(&finish, true).await;
    assert_eq!(location(&answer), "/portal?done=welcome");
    assert_eq!(
        browser.officer_id(&ministry).await,
        Some(officer_id.clone())
    );
    let rows = ministry.world.audit_rows().await;
    let last: Vec<(&str, &str)> = rows[rows.len() - 3..]
        .iter()
        .map(|row| (row.action.as_str(), row.subject.as_str()))
        .collect();
    assert_eq!(
        last,
        [
            ("invitation.accepted", ""),
            ("oidc.linked", ""),
            ("signed-in", "oidc")
        ]
    );
    // Used up.
    let mut other = ministry.browser();
    let gone = other.portal(&invitation_page(&ticket)).await;
    assert_eq!(gone.status(), StatusCode::GONE);

    browser.sign_out().await;
    assert_eq!(browser.officer_id(&ministry).await, None);
    let mut browser = ministry.browser();
    let page = browser
        .portal("/portal/sign-in")
        .await
        .text()
        .await
        .unwrap();
    assert!(page.contains("href=\"/portal/oidc\""), "{page}");
    let answer = browser.through("/portal/oidc", SUBJECT, None).await;
    assert_eq!(location(&answer), "/portal");
    assert_eq!(browser.officer_id(&ministry).await, Some(officer_id));
    let rows = ministry.world.audit_rows().await;
    let last = rows.last().unwrap();
    assert_eq!(
        (last.action.as_str(), last.subject.as_str()),
        ("signed-in", "oidc")
    );

    // Neither file of the database has it.
    for ending in ["", "-wal"] {
        let path = format!("{}{ending}", ministry.world.database().display());
        let bytes = fs::read(path).unwrap_or_default();
        let subject = SUBJECT.as_bytes();
        assert!(!bytes.windows(subject.len()).any(|found| found == subject));
    }
}

#[tokio::test]
async fn a_flow_ends_in_its_own_browser_and_once() {
    let Some(ministry) = Ministry::new().await else {
        return;
    };
    let over = (StatusCode::FORBIDDEN, "no longer valid");
    ministry.linked("hotline-1", SUBJECT).await;

    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser.arrive(&back).await;
    let wrong_state = with_parameter(&finish, "state", &"A".repeat(43));
    let held = browser.cookies.clone();
    refused(browser.get(&wrong_state, true).await, over.0, over.1).await;
    // Somebody else's, with an address of this one's: by a link, or with a flow of their own.
    let mut thief = ministry.browser();
    refused(thief.get(&finish, true).await, over.0, over.1).await;
    thief.begin().await;
    refused(thief.get(&finish, true).await, over.0, over.1).await;
    // With this one's flow cookie even: the form cookie is another.
    thief.cookies.extend(
        held.clone()
            .into_iter()
            .filter(|((_, name), _)| name.ends_with("-oidc")),
    );
    refused(thief.get(&finish, true).await, over.0, over.1).await;

    browser.cookies.clone_from(&held);
    assert_eq!(location(&browser.get(&finish, true).await), "/portal");
    // The same again, as if the browser had kept everything.
    let mut again = ministry.browser();
    again.cookies = held;
    refused(again.get(&finish, true).await, over.0, over.1).await;

    // Too late.
    let mut slow = ministry.browser();
    let url = slow.begin().await;
    let back = slow.at_provider(url, SUBJECT, None).await;
    let finish = slow.arrive(&back).await;
    ministry.world.clock.advance(300);
    refused(slow.get(&finish, true).await, over.0, over.1).await;
    ministry.world.clock.advance(-300);

    // Another site's link does not even begin one.
    let mut fresh = ministry.browser();
    let answer = fresh.portal("/portal/oidc").await;
    assert_eq!(location(&answer), "/portal/sign-in");
}

#[tokio::test]
async fn what_the_provider_did_not_say_for_this_flow_signs_nobody_in() {
    let Some(ministry) = Ministry::new().await else {
        return;
    };
    let not_completed = (StatusCode::FORBIDDEN, "not completed");
    ministry.linked("hotline-1", SUBJECT).await;

    // A code of another flow, brought into one's own: PKCE.
    let mut victim = ministry.browser();
    let url = victim.begin().await;
    let stolen = victim.at_provider(url, SUBJECT, None).await;
    let (_, code) = stolen
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap();
    let mut thief = ministry.browser();
    let url = thief.begin().await;
    let back = thief.at_provider(url, "somebody-else", None).await;
    let finish = thief.arrive(&with_parameter(&back, "code", &code)).await;
    refused(
        thief.get(&finish, true).await,
        not_completed.0,
        not_completed.1,
    )
    .await;

    // A code that was used.
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, SUBJECT, None).await;
    let (_, used) = back.query_pairs().find(|(name, _)| name == "code").unwrap();
    let finish = browser.arrive(&back).await;
    assert_eq!(location(&browser.get(&finish, true).await), "/portal");
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser.arrive(&with_parameter(&back, "code", &used)).await;
    refused(
        browser.get(&finish, true).await,
        not_completed.0,
        not_completed.1,
    )
    .await;

    // An ID token for another nonce.
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let url = with_parameter(&url, "nonce", "another");
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser.arrive(&back).await;
    refused(
        browser.get(&finish, true).await,
        not_completed.0,
        not_completed.1,
    )
    .await;

    // Another provider's answer.
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser
        .arrive(&with_parameter(&back, "iss", "https://id.example.vn"))
        .await;
    refused(
        browser.get(&finish, true).await,
        not_completed.0,
        not_completed.1,
    )
    .await;

    // The provider lets nobody in.
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, "", None).await;
    assert!(back.query().unwrap().contains("error=access_denied"));
    let finish = browser.arrive(&back).await;
    refused(
        browser.get(&finish, true).await,
        not_completed.0,
        not_completed.1,
    )
    .await;
}

#[tokio::test]
async fn without_the_acr_that_is_asked_for_nobody_gets_in() {
    let Some(ministry) = Ministry::with(|oidc| oidc.acr = Some(ACR.into())).await else {
        return;
    };
    let (officer_id, ticket) = ministry.invited("hotline-1").await;
    for acr in [None, Some("urn:test:one-factor")] {
        let mut browser = ministry.browser();
        browser.portal(&invitation_page(&ticket)).await;
        let answer = browser.through(&link_path(&ticket), SUBJECT, acr).await;
        refused(answer, StatusCode::FORBIDDEN, "not completed").await;
    }
    assert_eq!(ministry.identities(), 0);
    let mut browser = ministry.browser();
    browser.portal(&invitation_page(&ticket)).await;
    let answer = browser
        .through(&link_path(&ticket), SUBJECT, Some(ACR))
        .await;
    assert_eq!(location(&answer), "/portal?done=welcome");
    assert_eq!(browser.officer_id(&ministry).await, Some(officer_id));
}

#[tokio::test]
async fn an_identity_signs_in_one_active_account_or_none() {
    let Some(ministry) = Ministry::new().await else {
        return;
    };
    let unknown = (StatusCode::FORBIDDEN, "No account here belongs");
    let mut stranger = ministry.browser();
    stranger.portal("/portal/sign-in").await;
    let answer = stranger.through("/portal/oidc", SUBJECT, None).await;
    refused(answer, unknown.0, unknown.1).await;

    let officer_id = ministry.linked("hotline-1", SUBJECT).await;
    let (_, ticket) = ministry.invited("hotline-2").await;
    let mut browser = ministry.browser();
    browser.portal(&invitation_page(&ticket)).await;
    let answer = browser.through(&link_path(&ticket), SUBJECT, None).await;
    refused(answer, StatusCode::CONFLICT, "belongs to another account").await;
    // The invitation is still there. In another browser: the provider remembers who signed in there.
    let mut browser = ministry.browser();
    browser.portal(&invitation_page(&ticket)).await;
    let answer = browser
        .through(&link_path(&ticket), "another-number", None)
        .await;
    assert_eq!(location(&answer), "/portal?done=welcome");
    assert_eq!(ministry.identities(), 2);

    let (context, admin) = (
        ministry.world.server.context(),
        ministry.administrator().await,
    );
    officers::deactivate(context, &admin, &officer_id)
        .await
        .unwrap();
    assert_eq!(ministry.identities(), 1);
    let mut browser = ministry.browser();
    browser.portal("/portal/sign-in").await;
    let answer = browser.through("/portal/oidc", SUBJECT, None).await;
    refused(answer, unknown.0, unknown.1).await;
}

#[tokio::test]
async fn a_provider_that_does_not_answer_gets_a_page() {
    let unavailable = (StatusCode::BAD_GATEWAY, "does not answer");
    // The same provider by another name.
    let other_name = |oidc: &mut OidcSettings| {
        oidc.issuer = oidc.issuer.replace("127.0.0.1", "localhost");
    };
    let Some(ministry) = Ministry::with(other_name).await else {
        return;
    };
    let mut browser = ministry.browser();
    browser.portal("/portal/sign-in").await;
    refused(
        browser.portal("/portal/oidc").await,
        unavailable.0,
        unavailable.1,
    )
    .await;
    drop(ministry);

    let mut ministry = Ministry::new().await.expect("there was one a moment ago");
    let mut browser = ministry.browser();
    let url = browser.begin().await;
    let back = browser.at_provider(url, SUBJECT, None).await;
    let finish = browser.arrive(&back).await;
    ministry.provider.kill().unwrap();
    ministry.provider.wait().unwrap();
    refused(
        browser.get(&finish, true).await,
        unavailable.0,
        unavailable.1,
    )
    .await;
    // What it said of itself is forgotten by then.
    ministry.world.clock.advance(300);
    refused(
        browser.portal("/portal/oidc").await,
        unavailable.0,
        unavailable.1,
    )
    .await;
}

/// The portal is `localhost` and the provider `127.0.0.1`: two sites to a browser. Were its strict cookies left behind on
/// the way back, the portal would say that the sign-in is no longer valid.
#[tokio::test]
async fn a_real_browser_brings_its_cookies_back_from_another_site() {
    if !browser::installed() {
        return;
    }
    let Some(ministry) = Ministry::new().await else {
        return;
    };
    ministry.linked("hotline-1", SUBJECT).await;
    let real = browser::Browser::start("en").await;
    let sign_in = ministry
        .world
        .settings
        .portal_origin
        .join("/portal/sign-in");
    let sign_in = sign_in.unwrap();
    real.open(sign_in.as_str()).await;
    real.follow("Continue with Cổng định danh").await;
    real.reads("Who are you?").await;
    real.follow(SUBJECT).await;
    eventually(async || (real.path().await == "/portal").then_some(())).await;
    // Whoever is signed in is not asked again.
    real.open(sign_in.as_str()).await;
    assert_eq!(real.path().await, "/portal");
    real.close().await;
}
