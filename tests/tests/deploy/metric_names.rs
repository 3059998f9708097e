//! Names of metrics in dashboard, alerts and runbooks, held against the server's own list.

use std::collections::BTreeSet;

use truyvet_server::telemetry::{Kind, Metric};

use crate::{
    alerts, dashboard, names,
    promql::{groupings, selectors},
    text,
};

/// What Prometheus adds to every series, and to the buckets of a histogram.
const ADDED: &[&str] = &["job", "instance", "le"];

/// Metrics that are not the server's own: Prometheus', the alerts' thresholds, and those of any process on Linux.
const OTHERS: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("ALERTS", &["alertname", "alertstate", "severity"]),
    ("truyvet:threshold", &["of"]),
    ("process_cpu_seconds_total", &[]),
    ("process_max_fds", &[]),
    ("process_open_fds", &[]),
    ("process_resident_memory_bytes", &[]),
    ("process_start_time_seconds", &[]),
];

/// The server's metric of this name, or of this part of a histogram.
fn metric(name: &str) -> Option<Metric> {
    Metric::ALL.iter().copied().find(|metric| {
        let Some(part) = name.strip_prefix(metric.name()) else {
            return false;
        };
        match metric.kind() {
            Kind::Histogram(_) => ["_bucket", "_sum", "_count"].contains(&part),
            Kind::Counter | Kind::Gauge => part.is_empty(),
        }
    })
}

/// Labels that a metric may be selected by; `None`: there is no such metric.
fn labels(name: &str) -> Option<&'static [&'static str]> {
    let other = OTHERS.iter().find(|(other, _)| *other == name);
    other
        .map(|(_, labels)| *labels)
        .or_else(|| metric(name).map(Metric::labels))
}

/// Where it stands, and the expression.
fn expressions() -> Vec<(String, String)> {
    let rules = alerts::rules().into_iter().map(|rule| {
        let name = rule["alert"].as_str().unwrap_or("a threshold").to_owned();
        (name, rule["expr"].as_str().unwrap().to_owned())
    });
    rules.chain(dashboard::expressions()).collect()
}

#[test]
fn every_metric_that_is_asked_for_exists_with_its_labels() {
    for (place, expression) in expressions() {
        let mut known: Vec<&str> = ADDED.to_vec();
        for selector in selectors(&expression) {
            let Some(labels) = labels(&selector.metric) else {
                panic!("{place}: there is no metric {}", selector.metric);
            };
            for label in &selector.labels {
                assert!(
                    labels.contains(&label.as_str()) || ADDED.contains(&label.as_str()),
                    "{place}: {} has no label {label}",
                    selector.metric
                );
            }
            known.extend(labels);
        }
        for label in groupings(&expression) {
            assert!(
                known.contains(&label.as_str()),
                "{place}: grouped by {label}, which nothing has"
            );
        }
    }
}

#[test]
fn every_metric_is_looked_at_by_somebody() {
    let used: BTreeSet<&str> = expressions()
        .iter()
        .flat_map(|(_, expression)| selectors(expression))
        .filter_map(|selector| metric(&selector.metric).map(Metric::name))
        .collect();
    let all: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    assert_eq!(used, all);
}

/// Every text that a pattern of `grep -E` stands for, of letters, "_" and alternatives in parentheses.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some(open) = pattern.find('(') else {
        return vec![pattern.to_owned()];
    };
    let mut depth = 0;
    let mut choices = vec![String::new()];
    let mut end = pattern.len();
    for (at, c) in pattern.char_indices().skip(open) {
        match c {
            '(' if depth == 0 => depth = 1,
            ')' if depth == 1 => {
                end = at + 1;
                break;
            }
            '|' if depth == 1 => choices.push(String::new()),
            c => {
                depth += i32::from(c == '(') - i32::from(c == ')');
                choices.last_mut().unwrap().push(c);
            }
        }
    }
    let chosen = choices.iter().flat_map(|choice| {
        let text = format!("{}{choice}{}", &pattern[..open], &pattern[end..]);
        alternatives(&text)
    });
    chosen.collect()
}

#[test]
fn runbooks_name_metrics_that_exist() {
    let mut looked_at = 0;
    for page in names("runbooks", ".md") {
        let text = text(&format!("runbooks/{page}.md"));
        for (at, _) in text.match_indices("truyvet_") {
            let in_pattern = |c: char| c.is_ascii_lowercase() || "_(|)".contains(c);
            let pattern: String = text[at..].chars().take_while(|&c| in_pattern(c)).collect();
            // A file of the package, or Debian's name for it.
            if ["truyvet_", "truyvet_)"].contains(&pattern.as_str()) {
                continue;
            }
            let balanced = pattern.matches('(').count() == pattern.matches(')').count();
            let pattern = if balanced {
                &*pattern
            } else {
                pattern.trim_end_matches([')', '|'])
            };
            for name in alternatives(pattern) {
                // The beginning of a name shows all that begin so.
                let known = Metric::ALL
                    .iter()
                    .any(|metric| metric.name().starts_with(&name) || labels(&name).is_some());
                assert!(known, "{page}: there is no metric {name}");
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 20, "{looked_at}");
}

#[test]
fn a_pattern_stands_for_all_its_alternatives() {
    assert_eq!(alternatives("a_b"), ["a_b"]);
    assert_eq!(
        alternatives("a_(b|c_(d|e))_f"),
        ["a_b_f", "a_c_d_f", "a_c_e_f"]
    );
}

#[test]
fn parts_of_histograms_are_told_from_names_that_do_not_exist() {
    assert!(metric("truyvet_call_seconds_bucket").is_some());
    assert!(metric("truyvet_call_seconds").is_none());
    assert!(metric("truyvet_uploads_total").is_some());
    assert!(metric("truyvet_uploads").is_none());
}
