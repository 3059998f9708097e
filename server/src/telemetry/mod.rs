//! What operators are told of this server in numbers: counted here, rendered for Prometheus, read by the console.
//!
//! One registry a server, not a process: tests run many servers in one. Library: `prometheus`, whose values can be read
//! back and whose text format is the one that `promtool check metrics` checks.

mod certificate;
mod disk;
pub mod history;
mod metric;
#[cfg(feature = "otel")]
mod otel;
mod publication;
mod regions;
mod sample;
mod start;

use prometheus::{
    CounterVec, Encoder as _, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder,
    core::Collector,
};

pub use metric::{Kind, Metric};
#[cfg(feature = "otel")]
pub use otel::{Traces, TracesError};
pub use publication::Progress;
pub use sample::Sampler;
pub(crate) use sample::keep_sampling;

/// Target of the spans that make traces. What is logged never has it ([`crate::settings::log_filter`]): only who asks
/// for traces gets them.
pub const SPANS: &str = "spans";

/// The metrics of one server. Cheap to update from any thread.
pub struct Telemetry {
    registry: Registry,
    /// In the order of [`Metric::ALL`].
    families: Vec<Family>,
}

enum Family {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

impl Telemetry {
    /// All metrics, at their start.
    ///
    /// # Panics
    /// Never: names are valid and differ, as a test shows.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let families = Metric::ALL.iter().map(|&metric| Family::new(metric));
        let families: Vec<Family> = families.collect();
        for family in &families {
            let registered = registry.register(family.collector());
            registered.expect("every metric has a name of its own");
        }
        // What every program tells Prometheus of itself, under the names that all of them use.
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(
                prometheus::process_collector::ProcessCollector::for_self(),
            ))
            .expect("no metric of ours begins with process_");
        let telemetry = Self { registry, families };
        telemetry.set(Metric::BuildInfo, &[env!("CARGO_PKG_VERSION")], 1.0);
        telemetry
    }

    /// Counts one more.
    pub fn count(&self, metric: Metric, labels: &[&str]) {
        self.add(metric, labels, 1);
    }

    /// Counts some more. A gauge goes up by as much.
    pub fn add(&self, metric: Metric, labels: &[&str], more: u64) {
        #[expect(
            clippy::cast_precision_loss,
            reason = "Prometheus counts in 64-bit floats"
        )]
        let more = more as f64;
        match &self.families[metric as usize] {
            Family::Counter(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|counter| counter.inc_by(more)),
            Family::Gauge(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|gauge| gauge.add(more)),
            Family::Histogram(_) => mistaken(metric),
        };
    }

    /// Takes one off a gauge.
    pub fn subtract_one(&self, metric: Metric, labels: &[&str]) {
        match &self.families[metric as usize] {
            Family::Gauge(family) => {
                known(metric, family.get_metric_with_label_values(labels)).map(|gauge| gauge.dec())
            }
            _ => mistaken(metric),
        };
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, labels: &[&str], value: f64) {
        match &self.families[metric as usize] {
            Family::Gauge(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|gauge| gauge.set(value)),
            _ => mistaken(metric),
        };
    }

    /// Adds an observation to a histogram.
    pub fn observe(&self, metric: Metric, labels: &[&str], value: f64) {
        match &self.families[metric as usize] {
            Family::Histogram(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|histogram| histogram.observe(value)),
            _ => mistaken(metric),
        };
    }

    /// What a counter or gauge says now; of a histogram, how many observations it has.
    #[must_use]
    pub fn value(&self, metric: Metric, labels: &[&str]) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "Prometheus counts in 64-bit floats"
        )]
        let value = match &self.families[metric as usize] {
            Family::Counter(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|counter| counter.get()),
            Family::Gauge(family) => {
                known(metric, family.get_metric_with_label_values(labels)).map(|gauge| gauge.get())
            }
            Family::Histogram(family) => known(metric, family.get_metric_with_label_values(labels))
                .map(|histogram| histogram.get_sample_count() as f64),
        };
        value.unwrap_or_default()
    }

    /// What every combination of labels says that was counted or set so far; of a histogram, how many observations it has.
    /// The labels' values in the order of [`Metric::labels`], the combinations in theirs.
    #[must_use]
    pub fn each(&self, metric: Metric) -> Vec<(Vec<String>, f64)> {
        let families = self.families[metric as usize].collector().collect();
        let mut found: Vec<_> = families
            .iter()
            .flat_map(|family| family.get_metric())
            .map(|one| {
                // The library puts them in the order of their names.
                let value_of = |name: &&str| {
                    let mut pairs = one.get_label().iter();
                    let pair = pairs.find(|pair| pair.name() == *name);
                    pair.map(|pair| pair.value().to_owned())
                };
                let labels: Vec<String> = metric.labels().iter().filter_map(value_of).collect();
                let labels_of: Vec<&str> = labels.iter().map(String::as_str).collect();
                let value = self.value(metric, &labels_of);
                (labels, value)
            })
            .collect();
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found
    }

    /// The sum of them all.
    #[must_use]
    pub fn sum(&self, metric: Metric) -> f64 {
        // Not `sum`, which makes -0 of nothing.
        let each = self.each(metric);
        each.iter().fold(0.0, |sum, (_, value)| sum + value)
    }

    /// The sum of those of which one label, of this name, has this value.
    #[must_use]
    pub fn sum_where(&self, metric: Metric, label: &str, is: &str) -> f64 {
        let at = metric.labels().iter().position(|name| *name == label);
        let each = self.each(metric);
        each.iter()
            .filter(|(labels, _)| at.is_some_and(|at| labels[at] == is))
            .fold(0.0, |sum, (_, value)| sum + value)
    }

    /// The largest of them; 0 if there is none.
    #[must_use]
    pub fn largest(&self, metric: Metric) -> f64 {
        let each = self.each(metric);
        each.iter().map(|(_, value)| *value).fold(0.0, f64::max)
    }

    /// Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        debug_assert!(encoded.is_ok(), "{encoded:?}");
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Family {
    fn new(metric: Metric) -> Self {
        let (name, labels) = (metric.name(), metric.labels());
        let valid = "names and labels are valid";
        let opts = Opts::new(name, metric.help());
        match metric.kind() {
            Kind::Counter => Self::Counter(CounterVec::new(opts, labels).expect(valid)),
            Kind::Gauge => Self::Gauge(GaugeVec::new(opts, labels).expect(valid)),
            Kind::Histogram(bounds) => {
                let opts = HistogramOpts::from(opts).buckets(bounds.to_vec());
                Self::Histogram(HistogramVec::new(opts, labels).expect(valid))
            }
        }
    }

    fn collector(&self) -> Box<dyn Collector> {
        match self {
            Self::Counter(family) => Box::new(family.clone()),
            Self::Gauge(family) => Box::new(family.clone()),
            Self::Histogram(family) => Box::new(family.clone()),
        }
    }
}

/// A wrong number of labels is a mistake of ours: it fails tests, and costs an operator one number, not the server.
fn known<T>(metric: Metric, found: prometheus::Result<T>) -> Option<T> {
    debug_assert!(found.is_ok(), "{metric:?}: wrong labels");
    found.ok()
}

/// So is the wrong kind.
fn mistaken(metric: Metric) -> Option<()> {
    debug_assert!(false, "{metric:?}: wrong kind");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_described_and_named_as_prometheus_asks() {
        let telemetry = Telemetry::new();
        for &metric in Metric::ALL {
            let labels: Vec<&str> = metric.labels().iter().map(|_| "x").collect();
            match metric.kind() {
                Kind::Counter => telemetry.count(metric, &labels),
                Kind::Gauge => telemetry.set(metric, &labels, 1.0),
                Kind::Histogram(_) => telemetry.observe(metric, &labels, 1.0),
            }
            assert_eq!(
                metric.kind() == Kind::Counter,
                metric.name().ends_with("_total"),
                "{metric:?}"
            );
            assert!(metric.help().ends_with('.'), "{metric:?}");
            assert!(
                (telemetry.value(metric, &labels) - 1.0).abs() < 1e-9,
                "{metric:?}"
            );
        }
        telemetry.add(Metric::Downloads, &["index", "full"], 3);
        telemetry.add(Metric::Downloads, &["batch", "full"], 2);
        let each = telemetry.each(Metric::Downloads);
        assert_eq!(each[0], (vec!["batch".to_owned(), "full".to_owned()], 2.0));
        assert!((telemetry.sum(Metric::Downloads) - 6.0).abs() < 1e-9);
        assert!((telemetry.sum_where(Metric::Downloads, "answer", "full") - 5.0).abs() < 1e-9);
        assert!((telemetry.sum_where(Metric::Downloads, "what", "index") - 3.0).abs() < 1e-9);
        assert!((telemetry.largest(Metric::Downloads) - 3.0).abs() < 1e-9);
        let text = telemetry.render();
        for &metric in Metric::ALL {
            let help = format!("# HELP {} {}\n", metric.name(), metric.help());
            assert!(text.contains(&help), "{help}");
        }
    }
}
