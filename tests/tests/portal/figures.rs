//! Figures as officers see them: those of their units, with small numbers hidden, on the page as in the file.

use truyvet_server::{csv, officers::Role};
use truyvet_tests::{
    browser,
    portal::{
        pages::{assert_at_ease, assert_row, cells, open, pictures, signed_in, take, world},
        sign_in as session,
    },
    world::World,
};

use crate::staff::{codes, codes_after, officer};

const TODAY: &str = "/portal/figures?first=2021-08-27&last=2021-08-27";
const BY_DAY: &str = "[aria-label='By day'] tbody tr";
const BY_UNIT: &str = "[aria-label='By unit'] tbody tr";

/// Lines of a table that was saved, without its heading.
fn lines(file: &str) -> Vec<Vec<String>> {
    let text = file.strip_prefix(csv::BYTE_ORDER_MARK).unwrap_or(file);
    let lines = text.lines().skip(1);
    lines.map(|line| csv::parse_line(line).unwrap()).collect()
}

/// Nine codes in 490, six of them redeemed; three in 491, one of them redeemed.
async fn busy_day(world: &World) {
    let (large, small) = (
        officer(world, "hotline-a", "490").await,
        officer(world, "hotline-b", "491").await,
    );
    codes(world, &large, 9, 6).await;
    codes(world, &small, 3, 1).await;
}

#[tokio::test]
async fn codes_are_counted_and_small_numbers_hidden_but_from_whoever_issued_them() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    busy_day(&world).await;
    let province = session(&world, "desk", "48", Role::Supervisor).await;
    let small = session(&world, "desk", "491", Role::Officer).await;
    let browser = signed_in(&world, &province, "en").await;
    open(&browser, &world, TODAY).await;
    let total = "Friday, 27 Aug";
    // Issued, redeemed, expired, revoked, hours. What became of codes is for those who issued them.
    let shown = ["9", "6", "*", "*", "0"];
    assert_row(&browser, BY_UNIT, "Quận Liên Chiểu", &shown).await;
    let hidden = ["<5", "<5", "*", "*", "–"];
    assert_row(&browser, BY_UNIT, "Quận Thanh Khê", &hidden).await;
    // One hidden unit beside one that is shown: the total would give it away.
    assert_row(&browser, BY_DAY, total, &["*", "*", "–"]).await;
    browser
        .reads("“<5” means fewer than 5, perhaps none.")
        .await;
    browser
        .reads("“*” means hidden because a number below 5 could be worked out")
        .await;
    // The way down to one of the units, and up again.
    browser.follow("Quận Liên Chiểu").await;
    assert_row(&browser, BY_DAY, total, &["9", "6", "0"]).await;
    browser.select("Unit", "48").await;
    browser.press("Show").await;
    assert_row(&browser, BY_DAY, total, &["*", "*", "–"]).await;
    // Over more days sums say that something is missing.
    browser.follow("Last 7 days").await;
    browser.reads("“≥” adds up the days").await;
    let sums = ["≥0", "≥0", "*", "*"];
    assert_row(&browser, BY_UNIT, "Quận Thanh Khê", &sums).await;

    // Who issued them knows how many.
    take(&browser, &world, &small).await;
    open(&browser, &world, TODAY).await;
    assert_row(&browser, BY_DAY, total, &["3", "<5", "<5", "<5", "–"]).await;
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}

#[tokio::test]
async fn the_file_says_what_the_page_says() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    busy_day(&world).await;
    let province = session(&world, "desk", "48", Role::Supervisor).await;
    let browser = signed_in(&world, &province, "en").await;
    open(&browser, &world, TODAY).await;
    let by_unit = cells(&browser, BY_UNIT).await;
    let by_day = cells(&browser, BY_DAY).await;
    let file = lines(&browser.save("Download CSV").await);
    assert_eq!(file.len(), 1 + by_unit.len());
    let hours = |text: &str| {
        if text == "–" {
            String::new()
        } else {
            text.to_owned()
        }
    };
    for (line, row) in file.iter().zip(by_day.iter().chain(&by_unit)) {
        assert_eq!(line[0], "2021-08-27");
        let page = if row.len() == 6 {
            // The unit's own line has what became of its codes.
            [&row[1], &row[2], &row[4], &row[3]].map(String::as_str)
        } else {
            [&*row[1], &*row[2], "*", "*"]
        };
        assert_eq!(line[4..8], page, "{line:?} {row:?}");
        assert_eq!(line[8], hours(&row[row.len() - 1]));
    }
    // Another range, day by day.
    open(
        &browser,
        &world,
        "/portal/figures?first=2021-08-21&last=2021-08-27&unit=490",
    )
    .await;
    let by_day = cells(&browser, BY_DAY).await;
    let file = lines(&browser.save("Download CSV").await);
    let days: Vec<&Vec<String>> = file.iter().filter(|line| line[3] == "yes").collect();
    assert_eq!((days.len(), by_day.len()), (7, 7));
    for (line, row) in days.iter().rev().zip(&by_day) {
        assert_eq!(line[4..6], row[1..3], "{line:?} {row:?}");
    }
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}

#[tokio::test]
async fn the_country_sees_uploads_and_how_long_all_takes() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    let mut phone = world.raw_phone(1).await;
    for _ in 0..6 {
        let code = world.code().await;
        world.clock.advance(600);
        let token = phone.redeem(&code).await.unwrap();
        let keys = [phone.key(world.today().minus_days(1))];
        let request = phone.request(&token, &keys);
        phone.upload(request).await.unwrap();
    }
    world.publish().await;
    let credential = officer(&world, "hotline-a", "490").await;
    for (issued, hours) in [(42, 3), (21, 5), (44, 2)] {
        world.clock.advance((24 - hours) * 3_600);
        codes_after(&world, &credential, issued, issued / 3, hours).await;
    }
    world.clock.advance(4 * 3_600);
    codes(&world, &world.officer, 7, 1).await;
    let country = session(&world, "desk", "VN", Role::Supervisor).await;
    let browser = signed_in(&world, &country, "vi").await;
    open(&browser, &world, "/portal/figures").await;
    let by_day = "[aria-label='Theo ngày'] tbody tr";
    // The country issued six of its own that day, and all were redeemed and used.
    assert_row(&browser, by_day, "Thứ Sáu, 27/08", &["*", "*", "6", "–"]).await;
    browser.reads("giờ từ lần công bố gần nhất, VN").await;
    let tiles = browser.text_of(".wide-tiles .tiles").await;
    assert!(
        tiles.contains("76"),
        "published three days and four hours ago: {tiles}"
    );
    assert!(
        browser.has("svg.chart rect.three").await,
        "a bar of uploads"
    );
    pictures(&browser, "figures-country-vi").await;
    // A table that is too wide scrolls within itself.
    browser.resize(360, 800).await;
    let scrolls =
        "const box = document.querySelector('.scroll'); return box.scrollWidth > box.clientWidth";
    assert_eq!(browser.run(scrolls).await, true);
    browser.resize(1_280, 900).await;
    browser.press("English").await;
    browser.reads("hours since the last publication, VN").await;
    pictures(&browser, "figures-country-en").await;
    // Of a province, the country's uploads are no figure.
    open(&browser, &world, "/portal/figures?unit=48").await;
    assert!(!browser.has("svg.chart rect.three").await);
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}

#[tokio::test]
async fn another_district_sees_nothing_of_it() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    busy_day(&world).await;
    let other = session(&world, "desk", "492", Role::Auditor).await;
    let browser = signed_in(&world, &other, "en").await;
    for path in [
        "/portal/figures",
        "/portal/reports/daily",
        "/portal/reports/weekly",
        "/portal/audit",
    ] {
        open(&browser, &world, path).await;
        let text = browser.text().await;
        for name in ["Liên Chiểu", "Thanh Khê", "490", "491", "hotline"] {
            assert!(!text.contains(name), "{name} on {path}:\n{text}");
        }
    }
    for path in [
        "/portal/figures?unit=490",
        "/portal/figures?unit=48",
        "/portal/figures.csv?unit=490",
    ] {
        open(&browser, &world, path).await;
        browser.reads("Page not found").await;
    }
    open(&browser, &world, "/portal/audit?unit=490").await;
    browser.reads("There is no such unit in your reach.").await;
    browser.reads("No entry fits.").await;
    assert_at_ease(&browser, &world, &[404]).await;
    browser.close().await;
}

#[tokio::test]
async fn a_wrong_range_is_said_at_its_field_and_help_explains_what_is_hidden() {
    if !browser::installed() {
        return;
    }
    let world = world().await;
    let desk = session(&world, "desk", "48", Role::Supervisor).await;
    let browser = signed_in(&world, &desk, "en").await;
    for (query, problem) in [
        (
            "first=2021-08-27&last=2021-08-26",
            "The first day must not be after the last.",
        ),
        (
            "first=nonsense",
            "The first day must not be after the last.",
        ),
        (
            "first=2021-01-01&last=2021-08-26",
            "At most 93 days at once.",
        ),
    ] {
        open(&browser, &world, &format!("/portal/figures?{query}")).await;
        browser.reads(problem).await;
        assert_eq!(browser.attribute("#first", "aria-invalid").await, "true");
    }
    pictures(&browser, "figures-problem").await;
    browser.follow("Last 7 days").await;
    browser.follow("How figures hide small numbers").await;
    browser.reads("shows as “*”").await;
    pictures(&browser, "help-en").await;
    browser.press("Tiếng Việt").await;
    browser.reads("Số liệu ẩn số nhỏ như thế nào").await;
    pictures(&browser, "help-vi").await;
    assert_at_ease(&browser, &world, &[]).await;
    browser.close().await;
}
