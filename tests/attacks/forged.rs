//! Forged forms: what another site, or somebody with a session of their own, makes an officer's browser send.

use reqwest::{RequestBuilder, StatusCode, header};
use truyvet_server::officers::Role;
use truyvet_tests::{
    portal::{PASSWORD, Person, client, invited, posted, url},
    world::World,
};

const TABLES: [&str; 9] = [
    "officer",
    "client_key",
    "invitation",
    "password",
    "totp",
    "passkey",
    "recovery_code",
    "session",
    "audit",
];

fn counted(world: &World) -> [i64; 9] {
    TABLES.map(|table| world.rows(table))
}

/// Names and values: of a form's fields, or of headers.
type Fields<'a> = Vec<(&'static str, &'a str)>;

/// Forms worth forging, with fields that would be taken.
fn forms(officer_id: &str) -> Vec<(&'static str, Fields<'_>)> {
    let officer = ("officer", officer_id);
    let old = ("old_password", PASSWORD);
    let new = "con chó ngủ ngoài sân";
    vec![
        (
            "/portal/officers/invite",
            vec![
                ("label", "mine"),
                ("unit_code", "VN"),
                ("role", "administrator"),
            ],
        ),
        ("/portal/officers/reset", vec![officer]),
        (
            "/portal/officers/keys",
            vec![officer, ("key_label", "mine"), ("scope", "issue")],
        ),
        ("/portal/officers/deactivate", vec![officer]),
        ("/portal/account/recovery-codes", vec![old]),
        (
            "/portal/account/password",
            vec![old, ("password", new), ("password_again", new)],
        ),
        ("/portal/account/sessions", vec![]),
        ("/portal/sign-out", vec![]),
    ]
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused_and_changes_nothing() {
    let world = World::new().await;
    let victim = Person::new(&world, "office", "VN", Role::Administrator).await;
    let attacker = Person::new(&world, "desk", "VN", Role::Administrator).await;
    let target = Person::new(&world, "target", "VN", Role::Officer).await;
    let (own, others) = (victim.form_token(), attacker.form_token());
    // As a browser of the victim's sends it, with what differs: the token, and headers.
    let forgeries: Vec<(&str, Option<&str>, Fields<'_>)> = vec![
        ("no token", None, vec![]),
        ("an empty token", Some(""), vec![]),
        ("another session's token", Some(&others), vec![]),
        ("the session itself", Some(&victim.session), vec![]),
        (
            "another site",
            Some(&own),
            vec![("sec-fetch-site", "cross-site")],
        ),
        (
            "a neighbouring site",
            Some(&own),
            vec![("sec-fetch-site", "same-site")],
        ),
        ("no site", Some(&own), vec![("sec-fetch-site", "none")]),
        (
            "another origin",
            Some(&own),
            vec![("origin", "https://evil.example")],
        ),
        (
            "another port",
            Some(&own),
            vec![("origin", "http://localhost:1")],
        ),
        ("half an origin", Some(&own), vec![("origin", "localhost")]),
    ];
    let before = counted(&world);
    for (path, fields) in forms(&target.officer.officer_id) {
        for (what, token, headers) in &forgeries {
            let mut fields = fields.clone();
            fields.extend(token.map(|token| ("csrf", token)));
            let mut request = client()
                .post(url(&world, path))
                .header(header::COOKIE, victim.cookie());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = posted(request, fields).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}: {what}");
            let page = answer.text().await.unwrap();
            assert!(
                !page.contains("tvo_") && !page.contains("invitation="),
                "{path}: {what}"
            );
            assert_eq!(counted(&world), before, "{path}: {what}");
        }
        // A token in the address is none.
        let address = format!("{}?csrf={own}", url(&world, path));
        let request = client()
            .post(address)
            .header(header::COOKIE, victim.cookie());
        let answer = posted(request, fields).send().await.unwrap();
        assert_eq!(
            answer.status(),
            StatusCode::FORBIDDEN,
            "{path}: in the address"
        );
        assert_eq!(counted(&world), before, "{path}: in the address");
    }
    // What is refused above is taken from a page of the victim's.
    for (path, mut fields) in forms(&target.officer.officer_id) {
        let before = counted(&world);
        fields.push(("csrf", &own));
        let request = client()
            .post(url(&world, path))
            .header(header::COOKIE, victim.cookie());
        let request = request.header("sec-fetch-site", "same-origin");
        let status = posted(request, fields).send().await.unwrap().status();
        assert!(
            status == StatusCode::OK || status == StatusCode::SEE_OTHER,
            "{path}: {status}"
        );
        if !path.ends_with("sessions") {
            assert_ne!(counted(&world), before, "{path}");
        }
    }
}

/// Else an attacker could sign an officer's browser in to an account of the attacker's.
#[tokio::test]
async fn nobody_is_signed_in_or_enrolled_by_another_site() {
    let world = World::new().await;
    let attacker = Person::new(&world, "desk", "VN", Role::Officer).await;
    let ticket = invited(&world, "mine", "VN", Role::Officer).await;
    let page = client()
        .get(url(&world, "/portal/sign-in"))
        .send()
        .await
        .unwrap();
    let cookie = page.headers()[header::SET_COOKIE].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let html = page.text().await.unwrap();
    let token = html.split("name=\"csrf\" value=\"").nth(1).unwrap();
    let token = token.split('"').next().unwrap();
    let name = attacker.sign_in_name();
    let sign_in: Vec<(&str, &str)> = vec![("sign_in_name", &name), ("password", PASSWORD)];
    let enrol = vec![
        ("invitation", &*ticket),
        ("password", PASSWORD),
        ("password_again", PASSWORD),
    ];
    let before = counted(&world);
    for (path, fields) in [("/portal/sign-in", sign_in), ("/portal/invitation", enrol)] {
        let send = async |request: RequestBuilder, token: &str| {
            let mut fields = fields.clone();
            fields.push(("csrf", token));
            posted(request, fields).send().await.unwrap().status()
        };
        let to = || client().post(url(&world, path));
        assert_eq!(
            send(to(), token).await,
            StatusCode::FORBIDDEN,
            "{path}: no cookie"
        );
        let with_cookie = || to().header(header::COOKIE, &cookie);
        assert_eq!(
            send(with_cookie(), "x").await,
            StatusCode::FORBIDDEN,
            "{path}: no token"
        );
        let foreign = with_cookie().header("sec-fetch-site", "cross-site");
        assert_eq!(
            send(foreign, token).await,
            StatusCode::FORBIDDEN,
            "{path}: another site"
        );
        assert_eq!(counted(&world), before, "{path}");
        assert_eq!(
            send(with_cookie(), token).await,
            StatusCode::SEE_OTHER,
            "{path}: in earnest"
        );
    }
}
