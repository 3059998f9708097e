//! Pages as a test looks at them: their tables, their pictures, what the browser made of them.

use std::{net::TcpListener, time::Duration};

use tokio::time::timeout;
use truyvet_server::settings::Settings;
use url::Url;

use super::{SESSION_COOKIE, url};
use crate::{browser::Browser, process::DEADLINE, world::World};

/// A world whose portal is found at `http://localhost`: from there alone do browsers take cookies without TLS.
pub async fn world() -> World {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let found_there = |settings: &mut Settings| {
        settings.staff_listen.set_port(port);
        settings.portal_origin = Url::parse(&format!("http://localhost:{port}")).expect("a URL");
    };
    World::with(found_there).await
}

/// Opens a page of the portal.
pub async fn open(browser: &Browser, world: &World, path: &str) {
    browser.open(&url(world, path)).await;
}

/// A browser with that session.
pub async fn signed_in(world: &World, session: &str, language: &str) -> Browser {
    let browser = Browser::start(language).await;
    take(&browser, world, session).await;
    browser
}

/// Lets the browser be somebody else from now on.
pub async fn take(browser: &Browser, world: &World, session: &str) {
    open(browser, world, "/portal/help").await;
    browser.forget_cookies().await;
    let cookie = format!("{SESSION_COOKIE}={session}; path=/; secure; samesite=strict");
    browser.run(&format!("document.cookie = '{cookie}'")).await;
}

/// The cells of a table, row by row.
pub async fn cells(browser: &Browser, rows: &str) -> Vec<Vec<String>> {
    let script = format!(
        "return [...document.querySelectorAll({rows:?})].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    );
    serde_json::from_value(browser.run(&script).await).expect("rows of cells")
}

/// Asserts that the table has a row whose first cell begins so, with these cells behind it.
pub async fn assert_row(browser: &Browser, rows: &str, begins: &str, expected: &[&str]) {
    let mut found = Vec::new();
    let wait = timeout(DEADLINE, async {
        loop {
            found = cells(browser, rows).await;
            let is_it = |row: &Vec<String>| row[0].starts_with(begins) && row[1..] == *expected;
            if found.iter().any(is_it) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let seen = wait.await;
    assert!(seen.is_ok(), "no {begins} {expected:?} in {found:?}");
}

/// Sends a form that no page has.
pub async fn post(browser: &Browser, path: &str, fields: &[(&str, &str)]) {
    let fields = serde_json::to_string(fields).expect("texts");
    let script = format!(
        "const form = document.createElement('form'); form.method = 'post'; form.action = {path:?};
         for (const [name, value] of {fields}) {{
             const field = document.createElement('input'); field.name = name; field.value = value; form.append(field);
         }}
         document.body.append(form); form.submit();"
    );
    browser.run(&script).await;
}

/// Keeps pictures of the whole page at a desk, on a phone and on paper, and asserts that nothing sticks out sideways.
pub async fn pictures(browser: &Browser, name: &str) {
    for width in [1_280, 360] {
        whole_picture(browser, width, &format!("{name}-{width}")).await;
        let sticks_out = browser
            .run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
            .await;
        assert_eq!(sticks_out, false, "{name} at {width}");
    }
    browser.on_paper(true).await;
    whole_picture(browser, 740, &format!("{name}-paper")).await;
    browser.on_paper(false).await;
    browser.resize(1_280, 900).await;
}

async fn whole_picture(browser: &Browser, width: u32, name: &str) {
    browser.resize(width, 400).await;
    let height = browser
        .run("return document.documentElement.scrollHeight")
        .await;
    let height = height
        .as_u64()
        .and_then(|height| u32::try_from(height).ok());
    browser
        .resize(width, height.expect("a page has a height"))
        .await;
    browser.picture(name).await;
}

/// Asserts that the browser had nothing to complain of but these statuses, and asked nobody but the portal.
pub async fn assert_at_ease(browser: &Browser, world: &World, statuses: &[u16]) {
    for complaint in browser.complaints().await {
        let expected = statuses
            .iter()
            .any(|status| complaint.contains(&format!("status of {status}")));
        assert!(expected, "{complaint}");
    }
    let origin = world.settings.portal_origin.as_str();
    for request in browser.requests().await {
        assert!(request.starts_with(origin), "{request}");
    }
}
