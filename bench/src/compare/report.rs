//! The figures as a table for people and as JSON for the record.

use std::fs;

use serde_json::{Map, Value, json};

use super::contenders::{Contender, Kind, OURS};

/// What was measured of one contender.
pub(super) struct Figures {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    /// Its false-positive rate is 2^-this.
    pub(super) bound_bits: Option<u8>,
    pub(super) build_nanoseconds: f64,
    /// Queries, nanoseconds for all of them.
    pub(super) answers: Vec<(usize, f64)>,
    pub(super) verify_milliseconds: Option<f64>,
    /// R, queries, chance hits over 2^-R.
    pub(super) chance: Vec<(u8, u64, f64)>,
}

impl Figures {
    pub(super) fn new(contender: &Contender, _tags: usize, build_nanoseconds: f64) -> Self {
        Self {
            kind: contender.kind,
            bytes: contender.bytes(),
            bound_bits: contender.bound_bits(super::BITS),
            build_nanoseconds,
            answers: vec![],
            verify_milliseconds: None,
            chance: vec![],
        }
    }

    fn answer(&self, queries: usize) -> f64 {
        let (_, nanoseconds) = self
            .answers
            .iter()
            .find(|(asked, _)| *asked == queries)
            .expect("was asked");
        *nanoseconds
    }
}

/// All of one run.
pub(super) struct Report {
    pub(super) tags: usize,
    pub(super) queries: usize,
    pub(super) steady: usize,
    pub(super) bits: u8,
    pub(super) runs: u32,
    /// How many times as fast two threads build.
    pub(super) two_threads: f64,
    pub(super) figures: Vec<Figures>,
}

impl Report {
    fn ours(&self) -> &Figures {
        self.figures
            .iter()
            .find(|figures| figures.kind == OURS)
            .expect("ours takes part")
    }

    fn bits_per_tag(&self, figures: &Figures) -> f64 {
        figures.bytes as f64 * 8.0 / self.tags as f64
    }

    fn over_bound(&self, figures: &Figures) -> Option<f64> {
        let bound = figures.bound_bits?;
        Some(self.bits_per_tag(figures) / f64::from(bound))
    }

    fn raw(&self, figures: &Figures) -> Value {
        let answers: Map<String, Value> = figures
            .answers
            .iter()
            .map(|(queries, nanoseconds)| (queries.to_string(), json!(nanoseconds / 1e3)))
            .collect();
        let chance: Map<String, Value> = figures
            .chance
            .iter()
            .map(|(bits, queries, ratio)| {
                (
                    bits.to_string(),
                    json!({ "queries": queries, "over_expected": ratio }),
                )
            })
            .collect();
        json!({
            "bytes": figures.bytes,
            "bits_per_tag": self.bits_per_tag(figures),
            "over_bound": self.over_bound(figures),
            "build_ns_per_tag": figures.build_nanoseconds,
            "answer_us": answers,
            "steady_ns_per_query": figures.answer(self.steady) / self.steady as f64,
            "verify_ms": figures.verify_milliseconds,
            "false_positives": chance,
        })
    }

    pub(super) fn json(&self) -> Value {
        let ours = self.ours();
        let (mut peers, mut ratios) = (Map::new(), Map::new());
        for figures in &self.figures {
            let name = figures.kind.name();
            peers.insert(name.into(), self.raw(figures));
            if figures.kind != OURS {
                let ratio = |of: fn(&Self, &Figures) -> f64| of(self, figures) / of(self, ours);
                let ratio = json!({
                    "bytes": ratio(|_, figures| figures.bytes as f64),
                    "answer": ratio(|report, figures| figures.answer(report.queries)),
                    "steady": ratio(|report, figures| figures.answer(report.steady)),
                    "build": ratio(|_, figures| figures.build_nanoseconds),
                });
                ratios.insert(name.into(), ratio);
            }
        }
        json!({
            "n": self.tags,
            "q": self.queries,
            "r": self.bits,
            "runs": self.runs,
            "cpu": cpu(),
            "over_bound": self.over_bound(ours),
            "bits_per_tag": self.bits_per_tag(ours),
            "build_speedup_two_threads": self.two_threads,
            "peers": peers,
            "ratios": ratios,
        })
    }

    pub(super) fn print(&self) {
        let Self {
            tags, bits, runs, ..
        } = self;
        println!("{tags} tags, R = {bits}, {runs} runs, {}", cpu());
        print!("{:<14}{:>9}{:>8}{:>9}", "", "bits/tag", "bound", "build ns");
        for (queries, _) in &self.ours().answers {
            print!("{:>12}", format!("{queries}, us"));
        }
        println!(
            "{:>10}{:>11}  chance hits over 2^-R",
            "steady ns", "verify ms"
        );
        for figures in &self.figures {
            let or_dash = |value: Option<f64>, digits: usize| {
                value.map_or("-".into(), |value| format!("{value:.digits$}"))
            };
            print!(
                "{:<14}{:>9.3}{:>8}{:>9.1}",
                figures.kind.name(),
                self.bits_per_tag(figures),
                or_dash(self.over_bound(figures), 4),
                figures.build_nanoseconds,
            );
            for (_, nanoseconds) in &figures.answers {
                print!("{:>12.1}", nanoseconds / 1e3);
            }
            print!(
                "{:>10.2}{:>11}",
                figures.answer(self.steady) / self.steady as f64,
                or_dash(figures.verify_milliseconds, 2)
            );
            for (bits, _, ratio) in &figures.chance {
                print!("  {ratio:.3} at {bits}");
            }
            println!();
        }
        println!(
            "two threads build {:.2} times as fast as one",
            self.two_threads
        );
        println!("\ntimes as many as ours   bytes  answer  steady   build");
        let ours = self.ours();
        for figures in self.figures.iter().filter(|figures| figures.kind != OURS) {
            println!(
                "{:<22}{:>7.3}{:>8.2}{:>8.2}{:>8.2}",
                figures.kind.name(),
                figures.bytes as f64 / ours.bytes as f64,
                figures.answer(self.queries) / ours.answer(self.queries),
                figures.answer(self.steady) / ours.answer(self.steady),
                figures.build_nanoseconds / ours.build_nanoseconds,
            );
        }
    }
}

/// As the system names it; empty where it does not.
fn cpu() -> String {
    let facts = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = facts
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model
        .map(|(_, name)| name.trim().to_owned())
        .unwrap_or_default()
}
