//! The Grafana dashboard: panels that say what they show and do not lie on each other.
//!
//! Grafana itself cannot be had by every developer; what its importer needs is checked here by hand.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::text;

/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

/// The dashboard.
pub(crate) fn dashboard() -> Value {
    serde_json::from_str(&text("grafana/truyvet.json")).unwrap()
}

/// Every panel, rows between them included.
fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

/// Title of the panel, and expression; those of annotations too.
pub(crate) fn expressions() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let mut found = Vec::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap().to_owned();
            found.push((format!("panel {title:?}"), expression));
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        if let Some(expression) = annotation["expr"].as_str() {
            found.push(("annotations".to_owned(), expression.to_owned()));
        }
    }
    found
}

/// Metric and label whose values each variable offers.
pub(crate) fn variables() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let list = dashboard["templating"]["list"].as_array().unwrap();
    let queries = list.iter().filter_map(|variable| {
        let query = variable["query"]["query"].as_str()?;
        assert_eq!(query, variable["definition"]);
        let inside = query.strip_prefix("label_values(")?.strip_suffix(')')?;
        let (selector, label) = inside.rsplit_once(", ")?;
        Some((selector.to_owned(), label.to_owned()))
    });
    queries.collect()
}

#[test]
fn panels_are_titled_described_and_fed_by_the_chosen_source() {
    let dashboard = dashboard();
    assert_eq!(dashboard["uid"], "truyvet");
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    // An id of the instance that it was exported from would be refused or overwrite another.
    assert!(dashboard.get("id").is_none_or(Value::is_null));
    let mut ids = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert!(!title.is_empty());
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: id");
        if panel["type"] == "row" {
            continue;
        }
        assert!(
            matches!(panel["type"].as_str(), Some("timeseries" | "stat")),
            "{title}: {}",
            panel["type"]
        );
        let description = panel["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{title}: description");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string());
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        let mut letters = BTreeSet::new();
        for target in targets {
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}");
            for fed in [panel, target] {
                assert_eq!(fed["datasource"]["type"], "prometheus", "{title}");
                assert_eq!(fed["datasource"]["uid"], "${datasource}", "{title}");
            }
        }
    }
}

#[test]
fn panels_do_not_lie_on_each_other() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in panels(&dashboard) {
        let place = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        let title = &panel["title"];
        assert!(place("x") + place("w") <= COLUMNS, "{title} is too wide");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(taken.insert((x, y)), "{title} lies on another panel");
            }
        }
    }
}

#[test]
fn there_is_a_row_for_each_part_of_the_work() {
    let dashboard = dashboard();
    let rows = panels(&dashboard)
        .iter()
        .filter(|panel| panel["type"] == "row");
    let rows: Vec<&str> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(
        rows,
        [
            "Now",
            "Uploads",
            "Publication",
            "Downloads",
            "Store",
            "The server itself",
            "Privacy and false alarms"
        ]
    );
}

#[test]
fn variables_are_defined_and_used() {
    let dashboard = dashboard();
    let text = dashboard.to_string();
    let list = dashboard["templating"]["list"].as_array().unwrap();
    let defined: Vec<&str> = list.iter().map(|v| v["name"].as_str().unwrap()).collect();
    assert_eq!(defined, ["datasource", "instance", "region"]);
    for name in &defined {
        assert!(
            text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}")),
            "${name} is not used"
        );
    }
    for (_, expression) in expressions() {
        for piece in expression.split('$').skip(1) {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = &piece[..end.unwrap_or(piece.len())];
            assert!(
                defined.contains(&name) || name == "__rate_interval",
                "${name} is not defined"
            );
        }
    }
    assert_eq!(variables().len(), 2);
}
