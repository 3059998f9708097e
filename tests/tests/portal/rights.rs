//! Who may do what, said by status codes: forms that no page offers, by somebody who writes requests by hand.

use truyvet_server::officers::Role;
use truyvet_tests::world::World;

use truyvet_tests::portal::{self, origin};

/// Somebody with a session who writes requests by hand.
pub(crate) struct Caller {
    client: reqwest::Client,
    origin: String,
    cookie: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    pub(crate) text: String,
}

impl Caller {
    pub(crate) fn new(world: &World, session: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build();
        Self {
            client: client.unwrap(),
            origin: origin(world),
            cookie: format!("{}={session}", portal::SESSION_COOKIE),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.origin));
        self.send(request).await
    }

    pub(crate) async fn post(&self, path: &str, form: String) -> Answer {
        let kind = "application/x-www-form-urlencoded";
        self.post_as(kind, path, form.into_bytes()).await
    }

    async fn post_as(&self, kind: &str, path: &str, body: Vec<u8>) -> Answer {
        let request = self.client.post(format!("{}{path}", self.origin));
        let request = request.header("content-type", kind).body(body);
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request
            .header("cookie", &self.cookie)
            .header("accept-language", "en");
        let answer = request.send().await.unwrap();
        let location = answer.headers().get("location");
        Answer {
            status: answer.status().as_u16(),
            location: location.map_or_else(String::new, |l| l.to_str().unwrap().to_owned()),
            text: answer.text().await.unwrap(),
        }
    }

    /// A hidden field of a page.
    async fn field(&self, path: &str, name: &str) -> String {
        hidden(&self.get(path).await.text, name)
    }

    /// A form with a file, of these fields in this order.
    async fn post_file(&self, fields: &[(&str, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            let file = match *name {
                "file" => "; filename=\"x.csv\"",
                _ => "",
            };
            let head = "--cut\r\ncontent-disposition: form-data; name=";
            body.extend_from_slice(format!("{head}\"{name}\"{file}\r\n\r\n").as_bytes());
            body.extend_from_slice(value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--cut--\r\n");
        let kind = "multipart/form-data; boundary=cut";
        self.post_as(kind, "/portal/bulk", body).await
    }
}

fn hidden(page: &str, name: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_auditor_looks_and_issues_nothing() {
    let world = World::new().await;
    let session = portal::sign_in(&world, "auditor", "48", Role::Auditor).await;
    let auditor = Caller::new(&world, &session);
    let home = auditor.get("/portal").await;
    assert_eq!(
        (home.status, home.location.as_str()),
        (303, "/portal/figures")
    );
    assert_eq!(auditor.get("/portal/codes").await.status, 200);
    for path in [
        "/portal/withdrawal",
        "/portal/bulk",
        "/portal/bulk/template.csv",
        "/portal/bulk/import?import=x",
        "/portal/bulk/reissue?import=x&sheet=1",
        "/portal/code/revoke?serial=x",
    ] {
        assert_eq!(auditor.get(path).await.status, 403, "{path}");
    }
    let csrf = auditor.field("/portal/codes", "csrf").await;
    for path in [
        "/portal/issue",
        "/portal/withdrawal",
        "/portal/code/revoke",
        "/portal/bulk/import",
    ] {
        let form = format!("csrf={csrf}&serial=x&import=x&sheet=1&report_type=clinical");
        assert_eq!(auditor.post(path, form).await.status, 403, "{path}");
    }
    let file = [
        ("csrf", csrf.as_bytes()),
        ("once", b"x"),
        ("file", b"report_type,onset_day"),
    ];
    assert_eq!(auditor.post_file(&file).await.status, 403);
    assert_eq!(world.rows("upload_code"), 0);
}

#[tokio::test]
async fn a_file_comes_with_this_visitor_s_token_before_it() {
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let officer = Caller::new(&world, &session);
    let csrf = officer.field("/portal/bulk", "csrf").await;
    let once = officer.field("/portal/bulk", "once").await;
    let csrf = ("csrf", csrf.as_bytes());
    let once = ("once", once.as_bytes());
    let file = ("file", &b"report_type,onset_day\nclinical,2021-08-20\n"[..]);
    for forged in [
        &[once, file][..],
        &[("csrf", b""), once, file],
        &[("csrf", b"x"), once, file],
        &[once, file, csrf],
        &[file, csrf, once],
        &[csrf, once],
    ] {
        assert_eq!(officer.post_file(forged).await.status, 403, "{forged:?}");
    }
    assert_eq!(world.rows("code_import"), 0);
    assert_eq!(officer.post_file(&[csrf, once, file]).await.status, 200);
    assert_eq!(world.rows("code_import"), 1);
    // Sent again: on to what came of it.
    let again = officer.post_file(&[csrf, once, file]).await;
    assert_eq!(again.status, 303);
    assert!(again.location.starts_with("/portal/bulk/import?import="));
    assert_eq!(world.rows("code_import"), 1);
    // All other forms are short.
    let long = format!("csrf=x&serial={}", "1".repeat(100_000));
    assert_eq!(officer.post("/portal/code/revoke", long).await.status, 413);
}

#[tokio::test]
async fn nobody_sees_another_unit_s_list_nor_issues_from_it() {
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let officer = Caller::new(&world, &session);
    let csrf = officer.field("/portal/bulk", "csrf").await;
    let once = officer.field("/portal/bulk", "once").await;
    let file = [
        ("csrf", csrf.as_bytes()),
        ("once", once.as_bytes()),
        ("file", b"report_type,onset_day\nclinical,2021-08-20\n"),
    ];
    let import = hidden(&officer.post_file(&file).await.text, "import");
    let session = portal::sign_in(&world, "hotline-1", "01", Role::Officer).await;
    let other = Caller::new(&world, &session);
    for path in ["import", "reissue"] {
        let path = format!("/portal/bulk/{path}?import={import}&sheet=1");
        assert_eq!(other.get(&path).await.status, 404, "{path}");
    }
    let csrf = other.field("/portal/bulk", "csrf").await;
    let form = format!("csrf={csrf}&import={import}&sheet=1");
    let refused = other.post("/portal/bulk/import", form).await;
    assert_eq!(refused.status, 404);
    assert_eq!(world.rows("upload_code"), 0);
}
