//! A real browser: Chromium without a window, driven over WebDriver, that finds things as a person does, by what they say.

use std::{path::PathBuf, process::Stdio, time::Duration};

use data_encoding::BASE64;
use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    error::CmdError,
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};
use url::{ParseError, Url};

use crate::process::DEADLINE;

/// How often to look whether something is there.
const POLL: Duration = Duration::from_millis(20);

/// Whether a click on the element leads to another page, unless the browser finds fault with the form or gets a file;
/// marks the page that it leads away from.
const LEADS_ON: &str = "
    const it = arguments[0];
    const link = it.tagName === 'A' && !it.hasAttribute('download') && !it.hash && !it.pathname.endsWith('.csv');
    const form = it.tagName === 'BUTTON' && it.type === 'submit' && it.form;
    window.wasClicked = true;
    return link || Boolean(form && form.checkValidity());";

/// Debian's name; others have it on their `PATH` as well.
const DRIVER: &str = "chromedriver";

/// One browser with a profile of its own. Ends with the value.
pub struct Browser {
    client: Client,
    /// Killed when dropped, and the browser with it.
    _driver: Child,
    _profile: TempDir,
}

/// Whether there is a browser to test with. `cargo xtask test` installs one where it may, and fails under `CI=true`
/// where it cannot; elsewhere a test that needs one says that it did not run.
#[must_use]
pub fn installed() -> bool {
    let found = std::process::Command::new(DRIVER)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        eprintln!("NOT RUN: {DRIVER} is not installed (Debian: apt-get install chromium-driver)");
    }
    found
}

impl Browser {
    /// Starts one that asks for pages in this language.
    pub async fn start(language: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let (driver, port) = start_driver().await;
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let language_argument = format!("--accept-lang={language}");
        let options = json!({
            "goog:chromeOptions": {
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--window-size=1280,900", profile_argument, language_argument,
                ],
                "prefs": { "intl.accept_languages": language },
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let capabilities: Capabilities =
            serde_json::from_value(options).expect("an object of capabilities");
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("the driver starts a browser");
        Self {
            client,
            _driver: driver,
            _profile: profile,
        }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("the page opens");
    }

    /// Where it is.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("there is a page");
        url.path().to_owned()
    }

    /// Asserts that it comes to a page.
    pub async fn is_at(&self, path: &str) {
        let arrived = timeout(DEADLINE, async {
            while self.path().await != path {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        if arrived.await.is_err() {
            let at = self.path().await;
            panic!("at {at}, not at {path}:\n{}", self.text().await);
        }
    }

    /// What a person reads on the page.
    pub async fn text(&self) -> String {
        // In one step: an element found first may be gone with its page. Between two pages there is none to read.
        let script = "return document.body ? document.body.innerText : ''";
        let text = self.client.execute(script, vec![]).await;
        text.ok()
            .and_then(|text| text.as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Asserts that a person reads this on the page.
    pub async fn reads(&self, wanted: &str) {
        let found = timeout(DEADLINE, async {
            while !self.text().await.contains(wanted) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        if found.await.is_err() {
            panic!(
                "no {wanted:?} on {}:\n{}",
                self.path().await,
                self.text().await
            );
        }
    }

    /// Writes into the field with this label, instead of what is there.
    pub async fn fill(&self, label: &str, value: &str) {
        let field = self.labelled(label).await;
        field.clear().await.expect("a field that can be emptied");
        field
            .send_keys(value)
            .await
            .expect("a field that takes text");
    }

    /// Sets a date field: how keys are read there depends on the language.
    pub async fn fill_date(&self, label: &str, iso: &str) {
        let field = self.labelled(label).await;
        let script = "arguments[0].value = arguments[1]";
        let field = serde_json::to_value(field).expect("an element's reference");
        self.client
            .execute(script, vec![field, iso.into()])
            .await
            .expect("the field takes a date");
    }

    /// Chooses a file for the field with this label.
    pub async fn choose_file(&self, label: &str, path: &std::path::Path) {
        let path = path.to_str().expect("a path in UTF-8");
        let field = self.labelled(label).await;
        field
            .send_keys(path)
            .await
            .expect("a field that takes a file");
    }

    /// Chooses in the list with this label.
    pub async fn select(&self, label: &str, value: &str) {
        let field = self.labelled(label).await;
        field
            .select_by_value(value)
            .await
            .expect("a list with that entry");
    }

    /// Clicks the radio button or check box with this label.
    pub async fn choose(&self, label: &str) {
        let field = self.labelled(label).await;
        let field = serde_json::to_value(field).expect("an element's reference");
        // The box itself may be drawn by its label.
        self.client
            .execute("arguments[0].click()", vec![field])
            .await
            .expect("it can be clicked");
    }

    /// Presses the button that says this; where it sends a form, waits for the answer.
    pub async fn press(&self, name: &str) {
        let xpath = format!(
            "//button[normalize-space(.)={0} or @aria-label={0}]",
            quoted(name)
        );
        self.click(&xpath, name).await;
    }

    /// Follows the link that says this, to the page behind it.
    pub async fn follow(&self, name: &str) {
        let xpath = format!(
            "//a[normalize-space(.)={0} or @aria-label={0}]",
            quoted(name)
        );
        self.click(&xpath, name).await;
    }

    async fn click(&self, xpath: &str, name: &str) {
        let element = self.named(xpath, name).await;
        let reference = serde_json::to_value(&element).expect("an element's reference");
        let leads_on = self.client.execute(LEADS_ON, vec![reference]).await;
        let leads_on = leads_on.expect("the script runs") == Value::Bool(true);
        element.click().await.expect("it can be clicked");
        if leads_on {
            self.comes_to_another_page().await;
        }
    }

    /// Waits until the page that was clicked on is gone and the next one is there: what is looked for next could be on
    /// both.
    async fn comes_to_another_page(&self) {
        let arrived = timeout(DEADLINE, async {
            let script = "return !window.wasClicked && document.readyState === 'complete'";
            // Between two pages no script runs.
            while self.client.execute(script, vec![]).await.ok() != Some(Value::Bool(true)) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        if arrived.await.is_err() {
            panic!("still on {}:\n{}", self.path().await, self.text().await);
        }
    }

    /// Waits for it: the page may be on its way.
    async fn named(&self, xpath: &str, name: &str) -> Element {
        let wait = self.client.wait().at_most(DEADLINE).every(POLL);
        match wait.for_element(Locator::XPath(xpath)).await {
            Ok(element) => element,
            Err(error) => panic!(
                "no {name:?} on {}: {error}\n{}",
                self.path().await,
                self.text().await
            ),
        }
    }

    /// The element that CSS selects.
    pub async fn css(&self, selector: &str) -> Element {
        self.find(Locator::Css(selector)).await
    }

    /// Whether CSS selects anything.
    pub async fn has(&self, selector: &str) -> bool {
        let found = self.client.find_all(Locator::Css(selector)).await;
        !found.expect("the page can be searched").is_empty()
    }

    /// The text of what CSS selects.
    pub async fn text_of(&self, selector: &str) -> String {
        self.css(selector).await.text().await.expect("it has text")
    }

    /// What an attribute of what CSS selects says.
    pub async fn attribute(&self, selector: &str, name: &str) -> String {
        let value = self.css(selector).await.attr(name).await;
        value.expect("it can be read").unwrap_or_default()
    }

    async fn labelled(&self, label: &str) -> Element {
        let xpath = format!(
            "//*[@id=//label[normalize-space(.)={0}]/@for] | //label[normalize-space(.)={0}]//input",
            quoted(label)
        );
        self.named(&xpath, label).await
    }

    async fn find(&self, what: Locator<'_>) -> Element {
        self.client
            .wait()
            .at_most(DEADLINE)
            .for_element(what)
            .await
            .unwrap_or_else(|error| panic!("{what:?}: {error}"))
    }

    /// Runs a script; gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.client
            .execute(script, vec![])
            .await
            .expect("the script runs")
    }

    /// Loads the page again, also one that was answered to a form: sends the form again then.
    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page loads again");
    }

    /// Keeps a cookie for this address, as a server on it would set one for `localhost`.
    pub async fn set_cookie(&self, url: &str, name: &str, value: &str) {
        let cookie = json!({
            "url": url, "name": name, "value": value, "path": "/",
            "secure": true, "httpOnly": true, "sameSite": "Strict",
        });
        let answer = self.devtools("Network.setCookie", cookie).await;
        assert_eq!(answer["success"], true, "the browser keeps {name}");
    }

    /// Saves what is downloaded in this folder.
    pub async fn download_to(&self, folder: &std::path::Path) {
        let behavior = json!({ "behavior": "allow", "downloadPath": folder });
        self.devtools("Browser.setDownloadBehavior", behavior).await;
    }

    /// The page as it is printed: PDF.
    pub async fn pdf(&self) -> Vec<u8> {
        let options =
            json!({ "paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": true });
        let printed = self.devtools("Page.printToPDF", options).await;
        let base64 = printed["data"].as_str().expect("a document").as_bytes();
        BASE64.decode(base64).expect("base64")
    }

    /// A picture of what CSS selects: PNG.
    pub async fn picture_of(&self, selector: &str) -> Vec<u8> {
        let picture = self.css(selector).await.screenshot().await;
        picture.expect("a picture")
    }

    /// Forgets all cookies of the site.
    pub async fn forget_cookies(&self) {
        self.client
            .delete_all_cookies()
            .await
            .expect("cookies can be deleted");
    }

    /// Width and height of the window in CSS pixels.
    pub async fn resize(&self, width: u32, height: u32) {
        let device =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", device)
            .await;
    }

    /// Shows pages as they are printed.
    pub async fn on_paper(&self, on_paper: bool) {
        let media = if on_paper { "print" } else { "" };
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": media }))
            .await;
    }

    /// The text of the file that the link or button of this name brings.
    pub async fn save(&self, name: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder for the file");
        let to = json!({ "behavior": "allow", "downloadPath": folder.path() });
        self.devtools("Browser.setDownloadBehavior", to).await;
        let xpath = format!(
            "//*[(self::a or self::button) and normalize-space(.)={}]",
            quoted(name)
        );
        // The page stays: a file is no page.
        let button = self.named(&xpath, name).await;
        button.click().await.expect("it can be clicked");
        let saved = timeout(DEADLINE, async {
            loop {
                if let Some(text) = whole_file_in(folder.path()) {
                    break text;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        saved.await.expect("the file is saved in time")
    }

    /// Keeps a picture of the page, for a person to look at.
    pub async fn picture(&self, name: &str) -> PathBuf {
        let png = self.client.screenshot().await.expect("a picture");
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/pictures");
        std::fs::create_dir_all(&folder).expect("the target folder can be written");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, png).expect("the target folder can be written");
        path
    }

    /// Gives the browser a security key that always agrees.
    pub async fn plug_in_authenticator(&self) {
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserConsenting": true, "isUserVerified": true,
        });
        self.command("webauthn/authenticator", options).await;
    }

    /// What the browser complained of: blocked content, failed loads, errors of scripts.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| entry["message"].as_str().map(str::to_owned))
            .collect()
    }

    /// Every address that pages made it ask since the last time.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self
            .command("se/log", json!({ "type": "performance" }))
            .await;
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries
            .iter()
            .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
            .filter(|event| event["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|event| {
                let url = &event["message"]["params"]["request"]["url"];
                url.as_str().map(str::to_owned)
            })
            // The browser's own pages are none of ours.
            .filter(|url| !url.starts_with("chrome:") && !url.starts_with("data:"))
            .collect()
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("goog/cdp/execute", body).await
    }

    async fn command(&self, endpoint: &'static str, body: Value) -> Value {
        let answer: Result<Value, CmdError> = self.client.issue_cmd(Post { endpoint, body }).await;
        answer.unwrap_or_else(|error| panic!("{endpoint}: {error}"))
    }

    /// Ends it in good order.
    pub async fn close(self) {
        self.client.close().await.expect("the browser ends");
    }
}

/// While it is loaded, a file has another name.
fn whole_file_in(folder: &std::path::Path) -> Option<String> {
    let mut files = std::fs::read_dir(folder).expect("a readable folder");
    let path = files.find_map(|entry| Some(entry.ok()?.path()))?;
    let loading = path
        .extension()
        .is_some_and(|end| end == "crdownload" || end == "tmp");
    let hidden = path.file_name()?.to_str()?.starts_with('.');
    (!loading && !hidden).then(|| std::fs::read_to_string(path).expect("text"))
}

/// On a busy machine another program may take the port that the driver has chosen; then it ends.
async fn start_driver() -> (Child, u16) {
    for _ in 0..5 {
        if let Some(started) = try_to_start_driver().await {
            return started;
        }
    }
    panic!("the driver ended before it listened, five times");
}

async fn try_to_start_driver() -> Option<(Child, u16)> {
    let mut driver = Command::new(DRIVER)
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the driver starts");
    let stdout = driver.stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout).lines();
    let port = timeout(DEADLINE, async {
        while let Some(line) = lines.next_line().await.expect("readable output") {
            let said = line
                .strip_suffix('.')
                .and_then(|line| line.rsplit_once("on port "));
            if let Some((_, port)) = said {
                return Some(port.parse().expect("a port"));
            }
        }
        None
    });
    let port = port.await.expect("the driver listens in time")?;
    // Whatever else it prints must not block it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((driver, port))
}

/// XPath 1.0 knows no escapes: no name of ours has both kinds of quotes.
fn quoted(text: &str) -> String {
    if text.contains('"') {
        format!("'{text}'")
    } else {
        format!("\"{text}\"")
    }
}

/// A WebDriver command that the client has no method for.
#[derive(Debug)]
struct Post {
    /// After `session/<id>/`.
    endpoint: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        let session = session.unwrap_or_default();
        base.join(&format!("session/{session}/{}", self.endpoint))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}
