//! A real Prometheus with our configuration and rules scrapes a real server: every query of the dashboard returns data,
//! every rule is evaluated without a fault.

use std::{fs, process::Stdio, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};
use truyvet_server::telemetry::{Kind, Metric, Telemetry};
use truyvet_tests::{
    process::{DEADLINE, eventually},
    world::World,
};

use crate::{alerts, dashboard, deploy, installed, text};

/// Queries that rightly return nothing here, and why.
const EMPTY: &[(&str, &str)] = &[
    ("ALERTS{", "no alert fires"),
    (
        "truyvet_certificate_ends_timestamp_seconds{job=\"truyvet\", instance=~\".*\"} > 0",
        "this server speaks without TLS",
    ),
];

/// What a process tells of itself out of Linux' /proc; elsewhere, and before the server exports it, there is none.
const PROCESS: &str = "process_";

/// Prometheus, killed when dropped.
struct Prometheus {
    url: String,
    _process: Child,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it on a free port with our own configuration; only the intervals, the target and where the rules are
    /// differ.
    async fn scraping(target: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = deploy("prometheus/truyvet.rules.yaml");
        let config = replaced(
            &text("prometheus/prometheus.yaml"),
            &[
                (": 15s", ": 1s"),
                ("127.0.0.1:8442", target),
                ("- truyvet.rules.yaml", &format!("- {}", rules.display())),
            ],
        );
        let file = folder.path().join("prometheus.yaml");
        fs::write(&file, config).unwrap();
        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = timeout(DEADLINE, async {
            let mut said = String::new();
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
                    return address.trim().to_owned();
                }
                said += &line;
                said += "\n";
            }
            panic!("Prometheus does not listen:\n{said}");
        });
        let url = format!("http://{}", address.await.expect("it listens in time"));
        // Read on, so that it never waits for somebody to hear its log.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        // It answers with 503 while it reads its log, which is after it listens.
        eventually(async || {
            let answer = reqwest::get(format!("{url}/-/ready")).await.unwrap();
            answer.status().is_success().then_some(())
        })
        .await;
        Self {
            url,
            _process: process,
            _folder: folder,
        }
    }

    /// `data` of an answer of its API.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let answer = reqwest::get(format!("{}/api/v1/{path}?{query}", self.url)).await;
        let answer: Value =
            serde_json::from_slice(&answer.unwrap().bytes().await.unwrap()).unwrap();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"].clone()
    }

    /// Numbers that an expression gives now; those that are none ("NaN") left out.
    async fn numbers(&self, expression: &str) -> Vec<f64> {
        let data = self.get("query", &[("query", expression)]).await;
        let samples = data["result"].as_array().unwrap();
        let values = samples
            .iter()
            .map(|sample| sample["value"][1].as_str().unwrap());
        values
            .map(|value| value.parse::<f64>().unwrap())
            .filter(|value| !value.is_nan())
            .collect()
    }
}

/// All of the replacements, each of which must find something.
fn replaced(text: &str, replacements: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (old, new) in replacements {
        assert!(text.contains(old), "{old:?} is not there");
        text = text.replace(old, new);
    }
    text
}

/// As Grafana asks when everything is chosen.
fn as_asked(expression: &str) -> String {
    expression
        .replace("$instance", ".*")
        .replace("$region", ".*")
        .replace("$__rate_interval", "1m")
}

/// A case from an officer's code to a published batch, and a phone's look at it.
async fn a_case_is_published(world: &World, seed: u64) {
    let mut phone = world.raw_phone(seed).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let key = phone.key(world.today().minus_days(1));
    phone.upload(phone.request(&token, &[key])).await.unwrap();
    world.publish().await;
    let index = reqwest::get(format!("{}/v1/VN/index", world.public_url()));
    assert!(index.await.unwrap().status().is_success());
    world.clock.advance(3_600);
}

/// Metrics of which the server said nothing, or nothing but 0: what this test's case does not bring about.
fn unheard(telemetry: &Telemetry) -> Vec<Metric> {
    let page = telemetry.render();
    let said = |metric: &Metric| {
        let name = match metric.kind() {
            Kind::Histogram(_) => format!("{}_count", metric.name()),
            Kind::Counter | Kind::Gauge => metric.name().to_owned(),
        };
        page.lines().any(|line| {
            let value = line
                .strip_prefix(&name)
                .filter(|rest| rest.starts_with(['{', ' ']))
                .and_then(|rest| rest.rsplit(' ').next());
            value.is_some_and(|value| value != "0")
        })
    };
    Metric::ALL
        .iter()
        .copied()
        .filter(|metric| !said(metric))
        .collect()
}

/// Makes it happen: an hour of a country's life does not fit into a test.
fn bring_about(telemetry: &Telemetry, metrics: &[Metric]) {
    for &metric in metrics {
        let labels: Vec<&str> = metric.labels().iter().copied().map(a_label).collect();
        match metric.kind() {
            Kind::Counter => telemetry.count(metric, &labels),
            Kind::Gauge => telemetry.set(metric, &labels, 1.0),
            Kind::Histogram(_) => telemetry.observe(metric, &labels, 0.5),
        }
    }
}

/// A value that such a label has.
fn a_label(name: &str) -> &str {
    match name {
        "region" => "VN",
        "call" => "upload",
        "listener" => "public",
        other => other,
    }
}

#[tokio::test]
async fn every_query_of_the_dashboard_returns_data() {
    if !installed("prometheus", "prometheus") {
        return;
    }
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = World::new().await;
    let prometheus = Prometheus::scraping(&world.server.ops_addr().to_string()).await;

    a_case_is_published(&world, 1).await;
    let telemetry = &world.server.context().telemetry;
    let unheard = unheard(telemetry);
    bring_about(telemetry, &unheard);
    // Rates need a second look after something happened.
    eventually(|| async {
        let looks = prometheus
            .numbers("count_over_time(truyvet_connections[1m])")
            .await;
        looks.iter().any(|&looks| looks >= 2.0).then_some(())
    })
    .await;
    a_case_is_published(&world, 2).await;

    let page = telemetry.render();
    for (place, expression) in dashboard::expressions() {
        let expression = as_asked(&expression);
        if EMPTY.iter().any(|(part, _)| expression.contains(part))
            || (expression.contains(PROCESS) && !page.contains(PROCESS))
        {
            prometheus.numbers(&expression).await;
            continue;
        }
        let look = eventually(|| async {
            bring_about(telemetry, &unheard);
            let numbers = prometheus.numbers(&expression).await;
            (!numbers.is_empty()).then_some(())
        });
        let waited = timeout(Duration::from_secs(20), look).await;
        assert!(waited.is_ok(), "{place}: no data: {expression}");
    }
    for (selector, label) in dashboard::variables() {
        let path = format!("label/{label}/values");
        let values = prometheus.get(&path, &[("match[]", &selector)]).await;
        assert!(
            !values.as_array().unwrap().is_empty(),
            "{selector}, {label}"
        );
    }
    every_rule_is_evaluated(&prometheus).await;
}

async fn every_rule_is_evaluated(prometheus: &Prometheus) {
    eventually(|| async {
        let data = prometheus.get("rules", &[]).await;
        let groups = data["groups"].as_array().unwrap();
        let rules: Vec<&Value> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap())
            .collect();
        assert_eq!(rules.len(), alerts::rules().len());
        for rule in &rules {
            assert_ne!(rule["health"], "err", "{rule}");
        }
        rules
            .iter()
            .all(|rule| rule["health"] == "ok")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_query_for_what_is_not_there_returns_nothing() {
    if !installed("prometheus", "prometheus") {
        return;
    }
    drop(rustls::crypto::ring::default_provider().install_default());
    let world = World::new().await;
    let prometheus = Prometheus::scraping(&world.server.ops_addr().to_string()).await;
    eventually(|| async { prometheus.numbers("up == 1").await.pop() }).await;
    assert!(prometheus.numbers("truyvet_no_such_thing").await.is_empty());
}
