//! Every page and form of the portal, and what each role gets there.
//!
//! A path of `server/src/portal/paths.rs` without a row fails [`every_path_has_a_row`]: add the row with the route.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, StatusCode, header};
use truyvet_server::officers::Role;
use truyvet_tests::{
    portal::{Person, client, posted, url},
    world::World,
};

/// What officer, supervisor, administrator and auditor get.
type Statuses = [u16; 4];

const ALL: Statuses = [200; 4];
const ALL_ON: Statuses = [303; 4];
const ADMINISTRATORS: Statuses = [403, 403, 200, 403];
/// Who may gets as far as to be told that there is no such thing.
const ADMINISTRATORS_FIND_NOTHING: Statuses = [403, 403, 404, 403];

const ISSUERS: Statuses = [200, 200, 200, 403];
const ISSUERS_FIND_NOTHING: Statuses = [404, 404, 404, 403];
/// Of the audit.
const READERS: Statuses = [403, 403, 200, 200];

/// One request.
struct Row {
    method: Method,
    path: &'static str,
    /// Of a form; the token comes with it.
    form: &'static [(&'static str, &'static str)],
    signed_in: Statuses,
    /// Nearly everywhere: on to the door.
    signed_out: u16,
}

fn page(path: &'static str, signed_in: Statuses) -> Row {
    Row {
        method: Method::GET,
        path,
        form: &[],
        signed_in,
        signed_out: 303,
    }
}

fn form(
    path: &'static str,
    form: &'static [(&'static str, &'static str)],
    signed_in: Statuses,
) -> Row {
    Row {
        method: Method::POST,
        form,
        ..page(path, signed_in)
    }
}

fn open(row: Row, signed_out: u16) -> Row {
    Row { signed_out, ..row }
}

/// Pages first; what takes something away finds nothing to take, so that the order does not matter.
fn rows() -> Vec<Row> {
    const NOBODY: &[(&str, &str)] = &[("officer", "nobody")];
    const WRONG: &[(&str, &str)] = &[("old_password", "wrong")];
    vec![
        page("/portal", [200, 200, 200, 303]),
        // The door. Who is signed in is sent inside; forms without the visitor's own token are refused.
        open(page("/portal/sign-in", ALL_ON), 200),
        open(
            form(
                "/portal/sign-in",
                &[("sign_in_name", "x@VN"), ("password", "x")],
                ALL,
            ),
            403,
        ),
        page("/portal/sign-in/second-factor", ALL_ON),
        open(
            form(
                "/portal/sign-in/second-factor",
                &[("totp", "000000")],
                ALL_ON,
            ),
            403,
        ),
        open(
            form("/portal/sign-in/passkey", &[("passkey", "{}")], ALL_ON),
            403,
        ),
        page("/portal/sign-in/recovery", ALL_ON),
        open(
            form(
                "/portal/sign-in/recovery",
                &[("recovery_code", "x")],
                ALL_ON,
            ),
            403,
        ),
        open(
            form(
                "/portal/language",
                &[("language", "en"), ("back", "/portal")],
                ALL_ON,
            ),
            403,
        ),
        open(page("/portal/invitation", [410; 4]), 410),
        open(
            form(
                "/portal/invitation",
                &[
                    ("invitation", "x"),
                    ("password", "x"),
                    ("password_again", "x"),
                ],
                [410; 4],
            ),
            403,
        ),
        open(page("/portal/invitation/totp", [410; 4]), 410),
        open(
            form("/portal/invitation/totp", &[("totp", "000000")], [410; 4]),
            403,
        ),
        open(
            form("/portal/invitation/passkey", &[("passkey", "{}")], [410; 4]),
            403,
        ),
        // A provider elsewhere: there is none here.
        page("/portal/oidc", ALL_ON),
        open(page("/portal/oidc/callback", ALL), 200),
        open(page("/portal/oidc/finish", [404; 4]), 404),
        // One's own account.
        page("/portal/account", ALL),
        form("/portal/account/sessions", &[("session", "none")], ALL_ON),
        page("/portal/account/totp", ALL),
        form("/portal/account/totp", WRONG, ALL),
        page("/portal/account/passkey", ALL),
        form("/portal/account/passkey", WRONG, ALL),
        page("/portal/account/passkey/remove", [404; 4]),
        form(
            "/portal/account/passkey/remove",
            &[("passkey_id", "none"), ("old_password", "wrong")],
            [404; 4],
        ),
        page("/portal/account/recovery-codes", ALL),
        form("/portal/account/recovery-codes", WRONG, ALL),
        form(
            "/portal/account/password",
            &[
                ("old_password", "wrong"),
                ("password", "a"),
                ("password_again", "a"),
            ],
            ALL,
        ),
        // Accounts and units.
        page("/portal/officers", ADMINISTRATORS),
        page("/portal/officers/officer", ADMINISTRATORS_FIND_NOTHING),
        page("/portal/officers/invite", ADMINISTRATORS),
        form(
            "/portal/officers/invite",
            &[
                ("label", "x"),
                ("unit_code", "nowhere"),
                ("role", "officer"),
            ],
            ADMINISTRATORS,
        ),
        page("/portal/officers/deactivate", ADMINISTRATORS_FIND_NOTHING),
        form(
            "/portal/officers/deactivate",
            NOBODY,
            ADMINISTRATORS_FIND_NOTHING,
        ),
        page("/portal/officers/reset", ADMINISTRATORS_FIND_NOTHING),
        form(
            "/portal/officers/reset",
            NOBODY,
            ADMINISTRATORS_FIND_NOTHING,
        ),
        form(
            "/portal/officers/keys",
            &[
                ("officer", "nobody"),
                ("key_label", "x"),
                ("scope", "issue"),
            ],
            ADMINISTRATORS_FIND_NOTHING,
        ),
        page("/portal/officers/keys/revoke", ADMINISTRATORS_FIND_NOTHING),
        form(
            "/portal/officers/keys/revoke",
            NOBODY,
            ADMINISTRATORS_FIND_NOTHING,
        ),
        page("/portal/units", ALL),
        // Codes.
        page("/portal/issue", ALL_ON),
        form("/portal/issue", &[], ISSUERS),
        page("/portal/code", ALL),
        page("/portal/codes", ALL),
        page("/portal/code/revoke", ISSUERS_FIND_NOTHING),
        form(
            "/portal/code/revoke",
            &[("serial", "none")],
            ISSUERS_FIND_NOTHING,
        ),
        page("/portal/withdrawal", ISSUERS),
        form("/portal/withdrawal", &[], ISSUERS),
        page("/portal/bulk", ISSUERS),
        page("/portal/bulk/template.csv", ISSUERS),
        page("/portal/bulk/import", ISSUERS_FIND_NOTHING),
        form(
            "/portal/bulk/import",
            &[("import", "none")],
            ISSUERS_FIND_NOTHING,
        ),
        page("/portal/bulk/reissue", ISSUERS_FIND_NOTHING),
        form(
            "/portal/bulk/reissue",
            &[("import", "none"), ("sheet", "1")],
            ISSUERS_FIND_NOTHING,
        ),
        // Figures, reports, audit.
        page("/portal/figures", ALL),
        page("/portal/figures.csv", ALL),
        page("/portal/reports/daily", ALL),
        form("/portal/reports/daily", &[], [303, 303, 303, 403]),
        page("/portal/reports/daily.csv", ALL),
        page("/portal/reports/weekly", ALL),
        page("/portal/reports/weekly.csv", ALL),
        form("/portal/reports/weekly", &[], [303, 303, 303, 403]),
        page("/portal/audit", READERS),
        form("/portal/audit.csv", &[], READERS),
        page("/portal/help", ALL),
        // For everybody.
        open(page("/portal/assets/portal.css", ALL), 200),
        open(page("/portal/assets/portal.js", ALL), 200),
        open(page("/portal/assets/icon.svg", ALL), 200),
        open(page("/portal/no-such-page", [404; 4]), 404),
        // The last, since nothing goes on after it.
        form("/portal/sign-out", &[], ALL_ON),
    ]
}

/// Those that the server's sources name.
fn paths() -> BTreeSet<&'static str> {
    let source = include_str!("../../../server/src/portal/paths.rs");
    let constants = source.split("#[cfg(test)]").next().unwrap_or_default();
    let texts = constants
        .split('"')
        .filter(|text| text.starts_with("/portal"));
    texts.filter(|path| !path.contains('*')).collect()
}

#[test]
fn every_path_has_a_row() {
    let named = paths();
    assert!(named.len() > 40);
    let mut rows: BTreeSet<_> = rows().into_iter().map(|row| row.path).collect();
    rows.remove("/portal/no-such-page");
    assert_eq!(named, rows);
}

#[tokio::test]
async fn every_role_gets_what_the_domain_allows_and_nobody_else_anything() {
    let world = World::new().await;
    let mut people = Vec::new();
    for role in Role::ALL {
        people.push(Person::new(&world, &format!("desk-{role:?}"), "48", role).await);
    }
    let client = client();
    let ask = async |row: &Row, who: Option<&Person>| {
        let mut request = client.request(row.method.clone(), url(&world, row.path));
        let mut fields: BTreeMap<_, _> = row.form.iter().copied().collect();
        let token = who.map(Person::form_token);
        if row.method == Method::POST {
            fields.insert("csrf", token.as_deref().unwrap_or("x"));
            request = posted(request, fields);
        }
        if let Some(person) = who {
            request = request.header(header::COOKIE, person.cookie());
        }
        let answer = request.send().await.unwrap();
        let to = answer.headers().get(header::LOCATION);
        (
            answer.status(),
            to.map(|to| to.to_str().unwrap().to_owned()),
        )
    };
    let mut wrong = Vec::new();
    for row in rows() {
        let what = format!("{} {}", row.method, row.path);
        let (status, to) = ask(&row, None).await;
        if status.as_u16() != row.signed_out {
            wrong.push(format!(
                "{what}, signed out: {status}, not {}",
                row.signed_out
            ));
        }
        if status == StatusCode::SEE_OTHER {
            // Whoever reloads what a form answered begins at its page, and from there at the door.
            let door = if row.method == Method::GET && row.path == "/portal/issue" {
                "/portal"
            } else {
                "/portal/sign-in"
            };
            assert_eq!(to.as_deref(), Some(door), "{what}, signed out");
        }
        for (person, expected) in people.iter().zip(row.signed_in) {
            let (status, to) = ask(&row, Some(person)).await;
            let who = person.officer.role;
            if status.as_u16() != expected {
                wrong.push(format!("{what}, {who:?}: {status}, not {expected}"));
            }
            if row.path == "/portal" && to.is_some() {
                assert_eq!(to.as_deref(), Some("/portal/figures"), "{who:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn every_answer_says_what_the_browser_must_not_do() {
    let world = World::new().await;
    for path in [
        "/portal/sign-in",
        "/portal/no-such-page",
        "/portal/assets/portal.js",
    ] {
        let answer = client().get(url(&world, path)).send().await.unwrap();
        let headers = answer.headers();
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        let policy = text("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(text("x-frame-options"), Some("DENY"));
        assert_eq!(text("referrer-policy"), Some("no-referrer"));
        let kept = text("cache-control").unwrap();
        assert_eq!(kept == "no-store", !path.contains("assets"), "{path}");
        for cookie in headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            for part in [
                "__Host-",
                "; Secure",
                "; HttpOnly",
                "; SameSite=Strict",
                "; Path=/",
            ] {
                assert!(cookie.contains(part), "{cookie}");
            }
        }
    }
}
