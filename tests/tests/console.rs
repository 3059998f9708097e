//! The operators' console on a real server: the page in a browser, the same as JSON, and who may ask.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use serde_json::Value;
use truyvet_server::telemetry::Metric;
use truyvet_tests::{
    browser::{self, Browser},
    portal::client,
    process::eventually,
    world::World,
};

fn url(world: &World, path: &str) -> String {
    format!("http://{}{path}", world.server.ops_addr())
}

async fn view(world: &World) -> Value {
    let answer = client()
        .get(url(world, "/console.json"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

fn ids(view: &Value) -> Vec<&str> {
    let findings = view["findings"].as_array().unwrap();
    // How full the machine's own disks are is no matter of ours.
    let of_the_machine = |finding: &&Value| {
        ["database", "batches"]
            .map(Value::from)
            .contains(&finding["subject"])
    };
    findings
        .iter()
        .filter(|finding| !of_the_machine(finding))
        .map(|finding| finding["id"].as_str().unwrap())
        .collect()
}

/// There is a backup, retention has run, and a disk has room.
fn all_is_well(world: &World) {
    let telemetry = &world.server.context().telemetry;
    let now = f64::from(u32::try_from(world.now().unix_seconds()).unwrap());
    // Where a backup that succeeded leaves its time.
    let last_backup = world.settings.data_dir.join("last-backup");
    std::fs::write(last_backup, format!("{now}")).unwrap();
    telemetry.set(Metric::LastBackup, &[], now);
    telemetry.set(Metric::LastForgotten, &[], now - 60.0);
    telemetry.set(Metric::DiskBytes, &["archive"], 100e9);
    telemetry.set(Metric::DiskFreeBytes, &["archive"], 60e9);
}

/// Traffic to look at.
fn some_traffic(world: &World) {
    let telemetry = &world.server.context().telemetry;
    for (outcome, calls) in [("accepted", 1_234), ("refused", 7)] {
        telemetry.add(Metric::Uploads, &[outcome], calls);
    }
    telemetry.add(Metric::Redemptions, &["granted"], 1_250);
    telemetry.add(Metric::Downloads, &["index", "not_modified"], 90_000);
    telemetry.add(Metric::Downloads, &["batch", "full"], 9_000);
    telemetry.add(Metric::DownloadBytes, &["batch"], 40_000_000_000);
    telemetry.set(Metric::WriterQueue, &[], 3.0);
    telemetry.set(Metric::Connections, &["public"], 812.0);
}

/// The clock of the test stands at 2021; a browser's is another.
#[tokio::test]
async fn numbers_change_while_one_looks() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    all_is_well(&world);
    some_traffic(&world);
    let browser = Browser::start("en").await;
    browser.open(&url(&world, "/")).await;
    browser.is_at("/console").await;
    browser.reads("uploads stored").await;
    browser.run("window.stays = true").await;
    let shown = async || browser.text_of("#figures").await;
    let before = view(&world).await["taking_in"]["uploads"].as_f64().unwrap();
    browser.reads("1,234").await;

    world
        .server
        .context()
        .telemetry
        .count(Metric::Uploads, &["accepted"]);
    let after =
        eventually(async || Some(shown().await).filter(|text| text.contains("1,235"))).await;
    assert!(
        !after.contains("1,234") && (before - 1_234.0).abs() < 1e-9,
        "{after}"
    );
    assert_eq!(
        browser.run("return window.stays").await,
        true,
        "without a reload"
    );

    // Something goes wrong, and is well again.
    let telemetry = &world.server.context().telemetry;
    telemetry.set(Metric::DiskFreeBytes, &["archive"], 3e9);
    browser
        .reads("3.0 GB free of 100 GB on the disk of the archive")
        .await;
    browser.reads("1 thing is to be looked at now").await;
    for width in [1_280, 360] {
        browser.resize(width, 900).await;
        let sticks_out =
            "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        assert_eq!(browser.run(sticks_out).await, false, "at {width}");
        let height = browser
            .run("return document.documentElement.scrollHeight")
            .await;
        browser
            .resize(width, u32::try_from(height.as_u64().unwrap()).unwrap())
            .await;
        browser.picture(&format!("console-{width}")).await;
    }
    telemetry.set(Metric::DiskFreeBytes, &["archive"], 60e9);
    browser.reads("Nothing is wrong.").await;
    browser.follow("6 hours").await;
    browser.reads("The last 6 hours").await;
    assert_eq!(browser.complaints().await, [""; 0]);
    let own = url(&world, "/");
    for request in browser.requests().await {
        assert!(request.starts_with(&own), "{request}");
    }
    browser.close().await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_shown_as_alive() {
    if !browser::installed() {
        return;
    }
    let world = World::new().await;
    let browser = Browser::start("en").await;
    browser.open(&url(&world, "/console")).await;
    browser.reads("Ready").await;
    assert!(!browser.text().await.contains("No answer since"));
    world.server.stop().await;
    browser.reads("No answer since").await;
    browser.close().await;
}

#[tokio::test]
async fn the_page_says_what_the_json_says() {
    let world = World::new().await;
    all_is_well(&world);
    some_traffic(&world);
    let view = view(&world).await;
    assert_eq!(view["ready"], true);
    assert_eq!(ids(&view), [""; 0]);
    let page = client().get(url(&world, "/console")).send().await.unwrap();
    let headers = page.headers().clone();
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("script-src 'self'")
    );
    assert_eq!(headers["cache-control"], "no-store");
    let page = page.text().await.unwrap();
    assert!(page.contains(view["verdict"].as_str().unwrap()));
    for shown in [
        "1,234", "1,250", "90,000", "40.0 GB", "60.0 GB", "60 %", "812",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    for chart in view["charts"].as_array().unwrap() {
        assert!(page.contains(chart["title"].as_str().unwrap()), "{chart}");
        for line in chart["lines"].as_array().unwrap() {
            assert_eq!(line["points"].as_array().unwrap().len(), 120);
        }
    }
    let day = client()
        .get(url(&world, "/console.json?span=day"))
        .send()
        .await
        .unwrap();
    let day: Value = serde_json::from_str(&day.text().await.unwrap()).unwrap();
    assert_eq!(
        (&day["span"], &day["step_seconds"]),
        (&"day".into(), &720.into())
    );
    let nonsense = client()
        .get(url(&world, "/console?span=year"))
        .send()
        .await
        .unwrap();
    assert_eq!(nonsense.status(), 400);
}

#[tokio::test]
async fn a_clock_that_went_back_is_said_with_since_when() {
    let world = World::new().await;
    all_is_well(&world);
    world.publish().await;
    world.clock.advance(-86_400);
    all_is_well(&world);
    let since = world.now().unix_seconds();
    let found = view(&world).await;
    assert_eq!(found["ready"], false);
    assert!(found["verdict"].as_str().unwrap().starts_with("Not ready."));
    assert_eq!(ids(&found)[0], "not_ready");
    assert_eq!(found["findings"][0]["since"], since);
    world.clock.advance(600);
    assert_eq!(
        view(&world).await["findings"][0]["since"],
        since,
        "it goes on"
    );
    world.clock.advance(86_400);
    all_is_well(&world);
    assert!(!ids(&view(&world).await).contains(&"not_ready"));
}

/// Published batches of the last 24 hours make the expectation; older ones do not count.
#[tokio::test]
async fn false_alarms_are_reckoned_from_what_was_published() {
    let world = World::with(|settings| settings.fingerprint_bits = 40).await;
    all_is_well(&world);
    let expected = async |number: f64| {
        eventually(async || {
            let view = view(&world).await;
            let found = view["false_alarms"]["expected_per_day"].as_f64().unwrap();
            ((found - number).abs() < 1e-6).then_some(view)
        })
        .await
    };
    expected(0.0).await;
    // 10 million phones × 100,000 tags × 2^-40.
    let of_one = 1e12 * (-40.0_f64).exp2();
    world.publish().await;
    assert_eq!(ids(&expected(of_one).await), [""; 0]);
    world.clock.advance(60);
    world.publish().await;
    let found = expected(2.0 * of_one).await;
    assert_eq!(ids(&found), ["false_alarms"]);
    assert_eq!(found["false_alarms"]["budget_per_day"], 1.0);
    world.clock.advance(86_400 - 30);
    expected(of_one).await;
    world.clock.advance(60);
    expected(0.0).await;
}

#[tokio::test]
async fn a_name_that_others_can_give_does_not_open_the_ops_address() {
    let world = World::new().await;
    let port = world.server.ops_addr().port();
    for path in ["/console.json", "/metrics", "/healthz"] {
        for (host, status) in [
            (format!("localhost:{port}"), 200),
            (format!("127.0.0.1:{port}"), 200),
            (format!("rebound.example:{port}"), 421),
            ("rebound.example".into(), 421),
        ] {
            let asked = client().get(url(&world, path)).header("host", &host);
            assert_eq!(
                asked.send().await.unwrap().status(),
                status,
                "{path} {host}"
            );
        }
    }
}
