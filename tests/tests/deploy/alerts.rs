//! Alert rules: each is told in words, has a page, and is tried by promtool both ways.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::{deploy, installed, names, promql::selectors, run, text, yaml};

const RULES: &str = "prometheus/truyvet.rules.yaml";

/// Where the Debian package puts the pages.
const PAGES: &str = "file:///usr/share/doc/truyvet/runbooks";

/// What records a threshold.
const THRESHOLD: &str = "truyvet:threshold";

/// Pages in `runbooks/` of what an operator plans, beside those of alerts.
const PLANNED: &[&str] = &[
    "README",
    "backup-and-restore",
    "certificate-renewal",
    "compromised-officer",
    "compromised-signing-key",
    "key-rotation",
    "moving-machines",
    "upgrade",
];

/// Every rule of the file.
pub(crate) fn rules() -> Vec<Value> {
    let file = yaml(RULES);
    let groups = file["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array());
    rules.flatten().cloned().collect()
}

fn alerts() -> Vec<(String, Value)> {
    let alerts = rules().into_iter().filter_map(|rule| {
        let name = rule["alert"].as_str()?.to_owned();
        Some((name, rule))
    });
    alerts.collect()
}

#[test]
fn an_alert_says_how_bad_it_is_and_where_its_page_is() {
    for (name, alert) in alerts() {
        let severity = alert["labels"]["severity"].as_str();
        assert!(
            matches!(severity, Some("page" | "ticket")),
            "{name}: {severity:?}"
        );
        let annotations = &alert["annotations"];
        for kind in ["summary", "description"] {
            let words = annotations[kind].as_str().unwrap_or_default();
            assert!(words.ends_with('.'), "{name}: {kind}: {words:?}");
        }
        let url = annotations["runbook_url"].as_str();
        assert_eq!(url, Some(format!("{PAGES}/{name}.md").as_str()));
    }
}

#[test]
fn every_alert_has_a_page_and_every_page_is_asked_for() {
    let alerts: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    let planned = PLANNED.iter().map(ToString::to_string).collect();
    let pages: BTreeSet<String> = names("runbooks", ".md").into_iter().collect();
    assert_eq!(pages, alerts.union(&planned).cloned().collect());

    let overview = text("runbooks/README.md");
    for page in pages.iter().filter(|page| *page != "README") {
        assert!(
            overview.contains(&format!("({page}.md)")),
            "runbooks/README.md does not link {page}.md"
        );
    }
}

#[test]
fn a_page_says_what_it_means_and_what_to_do() {
    for (name, _) in alerts() {
        let page = text(&format!("runbooks/{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n")), "{name}: title");
        let headings: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        assert_eq!(
            headings,
            [
                "## What it means",
                "## Who notices",
                "## Look here first",
                "## Do this",
                "## When to call others"
            ],
            "{name}"
        );
        assert!(page.contains("```sh\n"), "{name}: no command to look with");
        assert!(page.lines().count() <= 60, "{name}: more than a page");
    }
}

#[test]
fn every_threshold_is_in_one_place_and_used() {
    let mut recorded = BTreeSet::new();
    let mut used = BTreeSet::new();
    for rule in rules() {
        if let Some(of) = rule["labels"]["of"].as_str() {
            assert_eq!(rule["record"], THRESHOLD);
            assert!(recorded.insert(of.to_owned()), "{of} stands there twice");
        }
        let expression = rule["expr"].as_str().unwrap();
        for piece in expression.split(&format!("{THRESHOLD}{{of=\"")).skip(1) {
            used.insert(piece.split('"').next().unwrap().to_owned());
        }
    }
    assert_eq!(used, recorded);
}

#[test]
fn an_alert_knows_one_server_from_another() {
    for (name, alert) in alerts() {
        for selector in selectors(alert["expr"].as_str().unwrap()) {
            let wanted = if selector.metric == THRESHOLD {
                "of"
            } else {
                "job"
            };
            assert!(
                selector.labels.iter().any(|label| label == wanted),
                "{name}: {selector:?} says no {wanted}"
            );
        }
    }
}

#[test]
fn every_alert_is_tried_both_ways() {
    let mut fired = BTreeSet::new();
    let mut silent = BTreeSet::new();
    for file in names("prometheus/tests", ".yaml") {
        let file = yaml(&format!("prometheus/tests/{file}.yaml"));
        for test in file["tests"].as_array().unwrap() {
            for look in test["alert_rule_test"].as_array().unwrap() {
                let name = look["alertname"].as_str().unwrap().to_owned();
                let expected = look["exp_alerts"].as_array().unwrap();
                if expected.is_empty() {
                    silent.insert(name);
                } else {
                    fired.insert(name);
                }
            }
        }
    }
    let all: BTreeSet<String> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(fired, all, "tried when they must fire");
    assert_eq!(silent, all, "tried when they must not");
}

#[test]
fn promtool_finds_nothing_to_say_against_the_rules() {
    if !installed("promtool", "prometheus") {
        return;
    }
    for (kind, file) in [("rules", RULES), ("config", "prometheus/prometheus.yaml")] {
        let mut promtool = Command::new("promtool");
        let (succeeded, said) = run(promtool.arg("check").arg(kind).arg(deploy(file)));
        assert!(succeeded, "{said}");
    }
}

#[test]
fn alerts_fire_when_they_must_and_only_then() {
    if !installed("promtool", "prometheus") {
        return;
    }
    let files = names("prometheus/tests", ".yaml");
    let files = files
        .iter()
        .map(|name| deploy(&format!("prometheus/tests/{name}.yaml")));
    let (succeeded, said) = run(Command::new("promtool").args(["test", "rules"]).args(files));
    assert!(succeeded, "{said}");
}
