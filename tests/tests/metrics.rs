//! What `/metrics` says: true, complete from the start, in the form that Prometheus takes, and nothing about one person.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use truyvet_crypto::{DisclosedKey, Receipt};
use truyvet_phone::{ConnectOptions, Connection, Phone};
use truyvet_server::{
    settings::TlsFiles,
    telemetry::{Kind, Metric},
};
use truyvet_tests::{
    process::eventually,
    world::{World, rng},
};

async fn page(world: &World) -> String {
    let url = format!("http://{}/metrics", world.server.ops_addr());
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// The value of a gauge or counter, after looking up what must be looked up.
async fn now(world: &World, metric: Metric, labels: &[&str]) -> f64 {
    let context = world.server.context();
    context.sampler.look(context).await;
    context.telemetry.value(metric, labels)
}

fn same(found: f64, expected: impl TryInto<i64>) -> bool {
    let Ok(expected) = expected.try_into() else {
        return false;
    };
    #[expect(clippy::cast_precision_loss, reason = "small, or a time")]
    let expected = expected as f64;
    (found - expected).abs() < 0.5
}

/// Uploads yesterday's key of somebody.
async fn upload(world: &World, seed: u64) -> DisclosedKey {
    let mut phone = world.raw_phone(seed).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    let [key] = keys;
    key
}

async fn sync(world: &World) {
    let options = ConnectOptions::default();
    let connection = Connection::open(&world.public_url(), &options).unwrap();
    let trusted = world.trusted();
    let phone = Phone::in_memory(world.settings.scheme, trusted, world.now(), &mut rng(9)).unwrap();
    phone
        .refresh_config(&connection, world.now())
        .await
        .unwrap();
    let region = "VN".parse().unwrap();
    phone.sync(&connection, region, world.now()).await.unwrap();
}

#[tokio::test]
async fn promtool_finds_nothing_to_mend() {
    let world = World::new().await;
    upload(&world, 1).await;
    world.publish().await;
    sync(&world).await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is here: `cargo xtask test` installs it, or apt-get install prometheus");
    let mut input = promtool.stdin.take().unwrap();
    let page = page(&world).await;
    input.write_all(page.as_bytes()).unwrap();
    drop(input);
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}\n{page}");
    let said = [output.stdout, output.stderr].concat();
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// A Prometheus that scrapes one server. Killed when dropped.
struct Prometheus {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("prometheus.yml");
        let target = world.server.ops_addr();
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: truyvet\n  static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(&config, text).unwrap();
        // Free now; whoever takes it in between makes this test fail, not pass.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "Prometheus is here: `cargo xtask test` installs it, or apt-get install prometheus",
            );
        Self {
            process,
            url: format!("http://{address}"),
            _folder: folder,
        }
    }

    /// The values that a query gives, if it gives any.
    async fn values(&self, query: &str) -> Option<Vec<String>> {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.set_path("/api/v1/query");
        url.query_pairs_mut().append_pair("query", query);
        let answer = reqwest::get(url).await.ok()?.text().await.ok()?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        let found = answer["data"]["result"].as_array()?.iter();
        let values: Vec<String> = found
            .filter_map(|one| one["value"][1].as_str().map(str::to_owned))
            .collect();
        (!values.is_empty()).then_some(values)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_a_server_and_answers() {
    let world = World::new().await;
    let prometheus = Prometheus::scraping(&world);
    let region = r#"truyvet_batches_published_total{region="VN",kind="delta"}"#;
    // From the start, so that the first batch is an increase.
    let first = eventually(|| prometheus.values(region)).await;
    assert_eq!(first, ["0"]);
    world.publish().await;
    eventually(async || {
        let now = prometheus.values(region).await?;
        (now == ["1"]).then_some(())
    })
    .await;
    for (query, expected) in [
        (r#"up{job="truyvet"}"#, "1"),
        ("truyvet_ready", "1"),
        (
            r#"histogram_quantile(0.5, truyvet_publication_step_seconds_bucket{step="built"}) < bool 30"#,
            "1",
        ),
        ("process_resident_memory_bytes > bool 1e6", "1"),
        ("process_cpu_seconds_total > bool 0", "1"),
        ("process_open_fds > bool 3", "1"),
        ("process_max_fds > bool 3", "1"),
        ("process_start_time_seconds > bool 1.6e9", "1"),
    ] {
        let values = eventually(|| prometheus.values(query)).await;
        assert_eq!(values, [expected], "{query}");
    }
}

#[tokio::test]
async fn every_number_that_alerts_rest_on_is_there_before_anything_happened() {
    let world = World::new().await;
    let page = page(&world).await;
    for &metric in Metric::ALL {
        // Of whatever has no label but regions, and of those whose labels are known.
        let known = metric.labels().is_empty() || metric.labels() == ["region"];
        let known = known && !matches!(metric.kind(), Kind::Histogram(_));
        let of_a_batch = [Metric::BatchBytes, Metric::BatchTags].contains(&metric);
        if known && !of_a_batch {
            assert!(page.contains(&format!("\n{}", metric.name())), "{metric:?}");
        }
    }
    for line in [
        r#"truyvet_redemptions_total{outcome="refused"} 0"#,
        r#"truyvet_uploads_total{outcome="accepted"} 0"#,
        r#"truyvet_late_answers_total{call="upload"} 0"#,
        r#"truyvet_forgotten_total{what="keys"} 0"#,
        r#"truyvet_self_checks_total{outcome="failed"} 0"#,
        r#"truyvet_publication_failures_total{region="VN"} 0"#,
        r#"truyvet_batches_published_total{kind="withdrawal",region="VN"} 0"#,
        "truyvet_window_overdue_since_timestamp_seconds{region=\"VN\"} 0",
    ] {
        assert!(page.contains(&format!("\n{line}\n")), "{line}\n{page}");
    }
}

#[tokio::test]
async fn gauges_say_what_is_stored_and_published() {
    let world = World::new().await;
    let key = upload(&world, 1).await;
    let closed_at = world.now().unix_seconds();
    world.publish().await;
    let file = world.files().await.remove(0);
    let hours = i64::from(world.settings.index_valid_hours);
    for (metric, expected) in [
        (Metric::LastWindowClosed, closed_at),
        (Metric::IndexValidUntil, closed_at + hours * 3_600),
        (Metric::BatchBytes, i64::try_from(file.len()).unwrap()),
        (Metric::BatchTags, 4_096),
        (Metric::PhoneBytesPerDay, i64::try_from(file.len()).unwrap()),
    ] {
        let found = now(&world, metric, &["VN"]).await;
        assert!(same(found, expected), "{metric:?}: {found}, not {expected}");
    }
    let oldest = world.today().minus_days(1).start().unix_seconds();
    assert!(same(now(&world, Metric::OldestKeyDay, &[]).await, oldest));
    let signing = world.server.context().keys.current();
    let id = signing.key.verifying_key().id().to_string();
    let created = now(&world, Metric::SigningKeyCreated, &[&id]).await;
    assert!(same(created, signing.created_at.unix_seconds()));
    assert!(now(&world, Metric::DatabaseBytes, &["main"]).await > 1_000.0);
    assert!(same(now(&world, Metric::CertificateEnds, &[]).await, 0));
    assert!(same(now(&world, Metric::CodesIssued, &[]).await, 1));

    // A withdrawal behind the delta: sizes go on to be those of the delta, and a day's bytes are of both.
    let mut phone = world.raw_phone(2).await;
    let token = phone.redeem(&world.withdrawal_code().await).await.unwrap();
    let request = phone.withdrawal(&token, &[Receipt::of(&key)]);
    phone.upload(request).await.unwrap();
    world.clock.advance(600);
    world.publish().await;
    let files = world.files().await;
    let delta = files[1].len();
    assert!(same(
        now(&world, Metric::BatchBytes, &["VN"]).await,
        i64::try_from(delta).unwrap()
    ));
    let all: usize = files.iter().map(Vec::len).sum();
    let day = now(&world, Metric::PhoneBytesPerDay, &["VN"]).await;
    assert!(same(day, i64::try_from(all).unwrap()), "{day}, not {all}");
    world.clock.advance(86_400);
    assert!(same(
        now(&world, Metric::PhoneBytesPerDay, &["VN"]).await,
        0
    ));
}

#[tokio::test]
async fn a_wrong_code_is_counted_and_what_is_forgotten_too() {
    let world = World::new().await;
    upload(&world, 1).await;
    world.publish().await;
    let mut phone = world.raw_phone(2).await;
    let code = world.code().await;
    phone.redeem(&code).await.unwrap();
    phone.redeem(&code).await.unwrap_err();
    assert!(same(now(&world, Metric::WrongGuesses, &[]).await, 1));

    world.clock.advance(40 * 86_400);
    let context = world.server.context();
    let forgotten = truyvet_server::retention::run(context).await.unwrap();
    assert_eq!(
        (forgotten.keys, forgotten.tokens, forgotten.codes),
        (1, 1, 2)
    );
    for (what, number) in [("keys", 1), ("tokens", 1), ("codes", 2), ("batches", 0)] {
        let counted = now(&world, Metric::Forgotten, &[what]).await;
        assert!(same(counted, number), "{what}: {counted}");
    }
    let last = now(&world, Metric::LastForgotten, &[]).await;
    assert!(same(last, world.now().unix_seconds()));
    assert!(same(now(&world, Metric::OldestKeyDay, &[]).await, 0));
}

/// Lines of the page that speak of ages and durations, but for the durations themselves.
fn ages(page: &str) -> Vec<String> {
    page.lines()
        .filter(|line| line.starts_with("truyvet_step_age_seconds"))
        .map(str::to_owned)
        .collect()
}

/// Else a lone upload's age would say when its person reported.
#[tokio::test]
async fn ages_say_nothing_of_when_in_the_window_an_upload_came() {
    let mut pages = Vec::new();
    for early in [true, false] {
        let world = World::new().await;
        world.publish().await;
        world.clock.advance(60);
        if early {
            upload(&world, 1).await;
        }
        world.clock.advance(7_080);
        if !early {
            upload(&world, 1).await;
        }
        world.clock.advance(60);
        world.publish().await;
        pages.push(ages(&page(&world).await));
        let of = |step| {
            let telemetry = &world.server.context().telemetry;
            telemetry.value(Metric::StepAgeSeconds, &["VN", step])
        };
        for step in [
            "closed",
            "selected",
            "built",
            "signed",
            "stored",
            "recorded",
            "announced",
        ] {
            assert!(same(of(step), 2), "{step}: {}", of(step));
        }
        // Two hours after the window before: no upload in it is older.
        let age = r#"truyvet_step_age_seconds_bucket{region="VN",step="announced",le="7200"} 1"#;
        assert!(pages[0].contains(&age.to_owned()), "{:?}", pages[0]);
        assert!(same(of("downloaded"), 0));
        world.clock.advance(300);
        sync(&world).await;
        sync(&world).await;
        // The first time counts, and of the region's latest batch.
        assert!(same(of("downloaded"), 1), "{}", of("downloaded"));
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn a_window_that_cannot_be_published_is_overdue_until_it_is() {
    let world = World::with(|settings| settings.publish_every_seconds = Some(3_600)).await;
    let due = (world.now().unix_seconds() / 3_600 + 1) * 3_600;
    let batches = world.batches();
    let aside = world.folder().join("aside");
    fs::rename(batches, &aside).unwrap();
    fs::write(batches, "no folder").unwrap();
    world.clock.advance(3_600);
    eventually(async || {
        let failures = now(&world, Metric::PublicationFailures, &["VN"]).await;
        (failures > 0.5).then_some(())
    })
    .await;
    world.clock.advance(300);
    let since = now(&world, Metric::WindowOverdueSince, &["VN"]).await;
    assert!(same(since, due), "{since}, not {due}");
    fs::remove_file(batches).unwrap();
    fs::rename(&aside, batches).unwrap();
    world.publish().await;
    assert!(same(
        now(&world, Metric::WindowOverdueSince, &["VN"]).await,
        0
    ));
}

#[tokio::test]
async fn the_end_of_the_certificate_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        cert: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2031, 5, 1);
    let certificate = parameters.self_signed(&key).unwrap();
    fs::write(&files.cert, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    let world = World::with(|settings| settings.tls = Some(files)).await;
    // 2031-05-01 00:00 UTC.
    let ends = now(&world, Metric::CertificateEnds, &[]).await;
    assert!(same(ends, 1_935_360_000_i64), "{ends}");
}
