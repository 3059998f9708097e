//! Many codes from a file: bad lines by number, sheets that are shown once, nothing about patients anywhere.

use std::{
    fmt::Write as _,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use truyvet_server::officers::Role;
use truyvet_tests::{
    browser::{self, Browser},
    portal::{self, is_clean, origin},
    process::DEADLINE,
    world::World,
};

use crate::codes::pages_of;

/// A sheet and three more lines, and two bad ones: lines 5 and 9.
fn list() -> String {
    let mut list = String::from("report_type,onset_day\r\n");
    for line in 2..=106 {
        let row = match line {
            5 => "probable,2021-08-20",
            9 => "clinical,2021-09-20",
            _ => "clinical,2021-08-20",
        };
        write!(list, "{row}\r\n").unwrap();
    }
    list
}

/// Waits for a file that the browser saves, and takes it away: the next of its name is another.
async fn saved(folder: &Path, name: &str) -> String {
    let path: PathBuf = folder.join(name);
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            match fs::read_to_string(&path) {
                Ok(text) if !text.is_empty() => break fs::remove_file(&path).map(|()| text),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    let text = found.await.expect("the browser saves the file");
    text.expect("the folder is the test's own")
}

/// The codes of a sheet's CSV.
fn codes(csv: &str) -> Vec<String> {
    let rows = csv.lines().skip(1);
    rows.map(|row| row.split(',').nth(2).unwrap().to_owned())
        .collect()
}

async fn upload(browser: &Browser, world: &World, file: &Path) {
    browser
        .open(&format!("{}/portal/bulk", origin(world)))
        .await;
    browser.choose_file("CSV file", file).await;
    browser.press("Check file").await;
}

#[tokio::test]
async fn a_list_is_issued_sheet_by_sheet_and_goes_on_after_an_interruption() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let browser = portal::browser(&world, "en", &session).await;
    let folder = world.folder().join("downloads");
    fs::create_dir_all(&folder).unwrap();
    browser.download_to(&folder).await;
    let file = world.folder().join("list.csv");
    fs::write(&file, list()).unwrap();
    browser
        .open(&format!("{}/portal/bulk", origin(&world)))
        .await;
    for width in [1280, 360] {
        browser.resize(width, 900).await;
        browser.picture(&format!("bulk-{width}")).await;
    }
    browser.resize(1280, 900).await;
    browser.follow("Download a template").await;
    let template = saved(&folder, "truyvet.csv").await;
    assert_eq!(template, "report_type,onset_day,region\r\n");
    upload(&browser, &world, &file).await;
    browser.reads("103 rows are ready").await;
    browser.picture("import").await;
    let faults = browser.text_of("table").await;
    assert!(faults.contains("5 The report type must be"), "{faults}");
    assert!(faults.contains("9 The day is in the future"), "{faults}");
    // The upload again is no second list.
    browser.reload().await;
    browser.reads("103 rows are ready").await;
    assert_eq!(world.rows("code_import"), 1);
    assert_eq!(world.rows("upload_code"), 0);
    browser.press("Issue sheet 1: 100 codes").await;
    browser.reads("Sheet 1 is issued").await;
    browser.picture("sheet").await;
    browser.follow("Download CSV").await;
    let first = codes(&saved(&folder, "truyvet-1.csv").await);
    assert_eq!(first.len(), 100);
    browser.on_paper(true).await;
    browser.picture("sheet-printed").await;
    assert_eq!(pages_of(&browser.pdf().await), 34);
    browser.on_paper(false).await;
    is_clean(&world, &browser).await;
    // Cut short: the server starts anew, the officer comes back.
    let world = world.restarted().await;
    browser
        .open(&format!("{}/portal/bulk", origin(&world)))
        .await;
    browser.follow("Continue").await;
    browser.press("Issue sheet 2: 3 codes").await;
    browser.reads("Sheet 2 is issued").await;
    browser.follow("Download CSV").await;
    let second = codes(&saved(&folder, "truyvet-2.csv").await);
    assert_eq!(second.len(), 3);
    // The page again is told that it cannot be.
    browser.reload().await;
    browser.reads("Sheet 2 was issued already").await;
    let mut phone = world.raw_phone(1).await;
    for code in [&first[0], &first[99], &second[0]] {
        phone.redeem(code).await.expect("a code of a sheet");
    }
    // Lost: the codes are replaced, but for the one that was used.
    browser.follow("Reissue").await;
    browser.reads("2 open codes").await;
    browser.picture("confirm-reissue").await;
    browser.press("Revoke and reissue").await;
    browser.reads("Codes that were used already stay").await;
    browser.picture("sheet-reissued").await;
    browser.follow("Download CSV").await;
    let third = codes(&saved(&folder, "truyvet-2.csv").await);
    assert_eq!(third.len(), 2);
    phone.redeem(&second[1]).await.expect_err("replaced");
    phone.redeem(&third[0]).await.expect("its replacement");
    // The page again replaces nothing.
    browser.reload().await;
    browser.reads("Sheet 2 was issued already").await;
    phone.redeem(&third[1]).await.expect("still good");
    browser.follow("Done, back to the sheets").await;
    browser.reads("103 of 103 codes issued").await;
    for width in [1280, 360] {
        browser.resize(width, 900).await;
        browser.picture(&format!("import-done-{width}")).await;
    }
    is_clean(&world, &browser).await;
    browser.close().await;
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that this process logs from the first call on, at the finest level.
fn log() -> &'static Captured {
    static LOG: OnceLock<Captured> = OnceLock::new();
    LOG.get_or_init(|| {
        let captured = Captured::default();
        let writer = captured.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
            .with_writer(move || writer.clone())
            .init();
        captured
    })
}

#[tokio::test]
async fn a_file_about_people_is_refused_and_leaves_no_trace() {
    if !browser::installed() {
        return;
    }
    let log = log();
    let world = World::new().await;
    let session = portal::sign_in(&world, "hotline-1", "48", Role::Officer).await;
    let browser = portal::browser(&world, "en", &session).await;
    let file = world.folder().join("people.csv");
    let person = "Nguyễn Thị Hoa Mười Giờ";
    let list = format!("report_type,onset_day,ho_va_ten\nclinical,2021-08-20,{person}\n");
    fs::write(&file, list).unwrap();
    upload(&browser, &world, &file).await;
    browser.reads("Column number 3 is not allowed").await;
    browser.picture("bulk-people").await;
    let page = browser
        .run("return document.documentElement.outerHTML")
        .await;
    let page = page.as_str().unwrap().to_owned();
    // Too long, and no file at all.
    let long = world.folder().join("long.csv");
    fs::write(&long, vec![b'x'; 3 << 20]).unwrap();
    upload(&browser, &world, &long).await;
    browser.reads("longer than 1 MB").await;
    browser
        .run("document.querySelector('#file').removeAttribute('required')")
        .await;
    browser.press("Check file").await;
    browser.reads("Choose a file").await;
    is_clean(&world, &browser).await;
    browser.close().await;
    assert_eq!(world.rows("code_import"), 0);
    for trace in [person, "ho_va_ten"] {
        assert!(!page.contains(trace), "{page}");
        assert!(!world.on_disk(trace.as_bytes()), "{trace} is on the disk");
        let log = log.0.lock().unwrap();
        let mut places = log.windows(trace.len());
        assert!(
            !places.any(|place| place == trace.as_bytes()),
            "{trace} is in the log"
        );
    }
    let logged = log.0.lock().unwrap().len();
    assert!(logged > 1_000, "the log was captured");
}
