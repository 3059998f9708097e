//! One code: issued in three steps, shown once, found, revoked, within a quota.

use truyvet_crypto::{UploadCode, token::ReportType};
use truyvet_server::{
    authorize::{self, CodeOrder},
    officers::Role,
    sign_in,
};
use truyvet_tests::{
    browser::{self, Browser},
    portal::{self, is_clean, origin},
    world::{World, rng},
};

use crate::rights::Caller;

/// What the page of a code says in one language.
struct Words {
    tag: &'static str,
    self_test: &'static str,
    yesterday: &'static str,
    issue: &'static str,
    slip: &'static str,
}

const WORDS: [Words; 2] = [
    Words {
        tag: "vi",
        self_test: "Tự xét nghiệm",
        yesterday: "Hôm qua 26/08",
        issue: "Cấp mã",
        slip: "Mã gửi dữ liệu của bạn",
    },
    Words {
        tag: "en",
        self_test: "Self-test",
        yesterday: "Yesterday 26 Aug",
        issue: "Issue code",
        slip: "Your upload code",
    },
];

/// The code as a person reads it off the screen.
async fn code_on(browser: &Browser) -> String {
    let groups = browser.text_of(".screen .code").await;
    groups.split_whitespace().collect()
}

/// The serial of the code on the screen.
async fn serial_on(browser: &Browser) -> String {
    browser.text_of(".screen .facts .number").await
}

fn decoded_qr(png: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (frame.width as usize, frame.height as usize);
    let samples = frame.color_type.samples();
    let grey = |x: usize, y: usize| pixels[(y * width + x) * samples];
    let mut picture = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = picture.detect_grids();
    let (_, text) = grids.first().expect("a QR code").decode().unwrap();
    text
}

#[tokio::test]
async fn an_officer_issues_a_code_in_three_steps_and_a_phone_redeems_it() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let mut phone = world.raw_phone(1).await;
    for words in WORDS {
        let browser = portal::browser(&world, words.tag, &session).await;
        browser.open(&format!("{}/portal", origin(&world))).await;
        for width in [1280, 360] {
            browser.resize(width, 900).await;
            browser
                .picture(&format!("home-{}-{width}", words.tag))
                .await;
        }
        // 1, 2, 3.
        browser.choose(words.self_test).await;
        browser.choose(words.yesterday).await;
        browser.press(words.issue).await;
        let code = code_on(&browser).await;
        for width in [1280, 360] {
            browser.resize(width, 900).await;
            browser
                .picture(&format!("issued-{}-{width}", words.tag))
                .await;
        }
        assert_eq!(code.replace('-', "").len(), 11, "{code}");
        let spelled = browser.text_of(".spelling").await;
        let symbols = code.chars().filter(char::is_ascii_alphanumeric);
        for symbol in symbols {
            let line = |line: &str| line.starts_with(symbol);
            assert!(spelled.lines().any(line), "{symbol} in {spelled}");
        }
        let qr = decoded_qr(&browser.picture_of(".screen svg.qr").await);
        assert_eq!(qr.replace('-', ""), code.replace('-', ""));
        browser.on_paper(true).await;
        let printed = browser.text().await;
        assert!(printed.contains(words.slip), "{printed}");
        assert!(!printed.contains(words.issue), "{printed}");
        browser.picture(&format!("slip-{}", words.tag)).await;
        assert_eq!(pages_of(&browser.pdf().await), 1);
        phone
            .redeem(&code)
            .await
            .expect("a code that was just issued");
        is_clean(&world, &browser).await;
        browser.close().await;
    }
}

/// How many pages a PDF of Chromium's has.
pub(crate) fn pages_of(pdf: &[u8]) -> usize {
    let text = String::from_utf8_lossy(pdf);
    text.matches("/Type /Page\n").count()
}

#[tokio::test]
async fn a_form_that_is_sent_twice_issues_one_code() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let browser = portal::browser(&world, "en", &session).await;
    let home = format!("{}/portal", origin(&world));
    // A second click in the same moment.
    browser.open(&home).await;
    browser
        .run("const b = document.querySelector('form.issue button'); b.click(); b.click()")
        .await;
    browser.reads("The code is issued").await;
    let (code, serial) = (code_on(&browser).await, serial_on(&browser).await);
    assert_eq!(world.rows("upload_code"), 1);
    // The page again.
    browser.reload().await;
    browser.reads("The code was issued already").await;
    let text = browser.text().await;
    assert!(text.contains(&serial) && !text.contains(&code), "{text}");
    assert_eq!(world.rows("upload_code"), 1);
    browser.picture("already").await;
    // A browser without scripts hangs up on the first and shows the answer to the second.
    browser.open(&home).await;
    browser
        .run("const f = document.querySelector('form.issue'); f.submit(); f.submit()")
        .await;
    browser.reads("issued").await;
    assert_eq!(browser.path().await, "/portal/issue");
    assert_eq!(world.rows("upload_code"), 2);
    // As for a withdrawal.
    browser
        .open(&format!("{}/portal/withdrawal", origin(&world)))
        .await;
    browser.picture("withdrawal").await;
    browser.press("Issue withdrawal code").await;
    browser.reads("The withdrawal code is issued").await;
    browser.reload().await;
    browser.reads("The code was issued already").await;
    assert_eq!(world.rows("upload_code"), 3);
    is_clean(&world, &browser).await;
    // A form from before a restart is not known any more: it comes back as it was filled in.
    browser.open(&home).await;
    let fields =
        "return new URLSearchParams(new FormData(document.querySelector('form.issue'))).toString()";
    let form = browser.run(fields).await.as_str().unwrap().to_owned();
    browser.close().await;
    let world = world.restarted().await;
    let caller = Caller::new(&world, &session);
    let answer = caller.post("/portal/issue", form).await.text;
    assert!(
        answer.contains("This page was open for too long"),
        "{answer}"
    );
    assert_eq!(world.rows("upload_code"), 3);
}

#[tokio::test]
async fn a_code_is_found_by_its_serial_and_revoked_by_its_own_unit_alone() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let elsewhere = portal::sign_in(&world, "hotline-1", "01", Role::Officer).await;
    let browser = portal::browser(&world, "en", &session).await;
    let at = |path: &str| format!("{}{path}", origin(&world));
    browser.open(&at("/portal")).await;
    browser.press("Issue code").await;
    let (code, serial) = (code_on(&browser).await, serial_on(&browser).await);
    browser.open(&at("/portal")).await;
    // As somebody reads it out.
    browser.fill("Serial", &serial.replace('-', " ")).await;
    browser.press("Find").await;
    browser.reads("Nobody has used this code").await;
    browser.picture("code").await;
    is_clean(&world, &browser).await;
    // Another unit learns nothing, not even that there is such a slip.
    let other = portal::browser(&world, "en", &elsewhere).await;
    for path in ["/portal/code", "/portal/code/revoke"] {
        other.open(&at(&format!("{path}?serial={serial}"))).await;
        assert!(!other.text().await.contains("Open"), "{path}");
        let complaints = other.complaints().await;
        assert!(
            matches!(complaints.as_slice(), [one] if one.contains("404")),
            "{complaints:?}"
        );
    }
    other.open(&at("/portal/codes")).await;
    other.reads("No codes.").await;
    other.close().await;
    // The list, then the code, then gone.
    browser.open(&at("/portal/code")).await;
    browser.follow("List of issued codes").await;
    browser.reads(&serial).await;
    for width in [1280, 360] {
        browser.resize(width, 900).await;
        browser.picture(&format!("codes-{width}")).await;
    }
    browser
        .follow(&format!("Revoke the code of slip {serial}"))
        .await;
    browser.picture("confirm-revoke").await;
    browser.press("Revoke code").await;
    browser.reads("Nobody can use it any more").await;
    browser.open(&at("/portal/codes?state=revoked")).await;
    browser.reads(&serial).await;
    let mut phone = world.raw_phone(1).await;
    phone.redeem(&code).await.expect_err("revoked");
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_form_tells_at_its_fields_what_is_wrong_and_when_the_day_s_codes_are_used_up() {
    if !browser::installed() {
        return;
    }
    let world = World::with(|settings| {
        settings.officer_codes_per_day = 5;
        settings.regions = ["VN", "VN-48"].map(|name| name.parse().unwrap()).into();
    })
    .await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let browser = portal::browser(&world, "en", &session).await;
    let home = format!("{}/portal", origin(&world));
    browser.open(&home).await;
    browser.choose("Clinical diagnosis").await;
    browser.choose("Another day").await;
    browser.select("Region", "VN-48").await;
    browser.fill_date("Choose the day", "2021-08-01").await;
    // Past what the browser itself refuses, as an old one would not.
    browser
        .run("document.querySelector('form.issue').noValidate = true")
        .await;
    browser.press("Issue code").await;
    browser.reads("too long ago").await;
    browser.picture("home-problem").await;
    assert_eq!(browser.attribute("#other_day", "value").await, "2021-08-01");
    assert!(browser.has("[value=clinical]:checked").await);
    assert!(browser.has("option[value=VN-48]:checked").await);
    for _ in 0..4 {
        browser.open(&home).await;
        browser.press("Issue code").await;
        browser.reads("The code is issued").await;
    }
    browser.open(&home).await;
    browser.reads("Today’s codes are running out").await;
    browser.press("Issue code").await;
    browser.reads("The code is issued").await;
    browser.follow("Issue another").await;
    browser.reads("Today’s codes are used up").await;
    browser.press("Issue code").await;
    browser.reads("Ask your unit’s administrator.").await;
    browser.picture("home-quota").await;
    assert_eq!(world.rows("upload_code"), 5);
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[tokio::test]
async fn a_list_of_codes_goes_on_on_the_next_page_and_is_by_state() {
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let context = world.server.context();
    let found = sign_in::actor_of_session(context, &session).await.unwrap();
    let (actor, _) = found.unwrap();
    let order = CodeOrder {
        report_type: ReportType::Clinical,
        onset_day: world.today(),
        region: None,
    };
    let issued = authorize::issue(context, &actor, &[order; 51])
        .await
        .unwrap();
    let officer = Caller::new(&world, &session);
    let rows = |page: &str| page.matches("/portal/code/revoke?serial=").count();
    let first = officer.get("/portal/codes?state=issued").await.text;
    assert_eq!(rows(&first), 50);
    let (before, _) = first.split_once("\">Older codes").unwrap();
    let (_, older) = before.rsplit_once("href=\"").unwrap();
    let second = officer.get(&older.replace("&amp;", "&")).await.text;
    assert_eq!(rows(&second), 1);
    assert!(second.contains("Back to the newest"), "{second}");
    let redeemed = officer.get("/portal/codes?state=redeemed").await.text;
    assert!(redeemed.contains("No codes."), "{redeemed}");
    let pages = [first, second].concat();
    for code in issued {
        assert!(pages.contains(&code.serial));
        assert!(!pages.contains(&*code.upload_code));
    }
}

#[tokio::test]
async fn whoever_supervises_is_told_that_codes_are_guessed() {
    let world = World::with(|settings| settings.wrong_guesses_per_hour = 3).await;
    let supervisor = portal::sign_in(&world, "lead", "48", Role::Supervisor).await;
    let officer = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let told = "Many wrong codes are being tried";
    let supervisor = Caller::new(&world, &supervisor);
    assert!(!supervisor.get("/portal").await.text.contains(told));
    let mut phone = world.raw_phone(1).await;
    let mut rng = rng(7);
    for _ in 0..4 {
        let code = UploadCode::generate(&mut rng).grouped();
        phone.redeem(&code).await.expect_err("nobody issued it");
    }
    assert!(supervisor.get("/portal").await.text.contains(told));
    let officer = Caller::new(&world, &officer);
    assert!(!officer.get("/portal").await.text.contains(told));
}
