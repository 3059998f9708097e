//! The figures of one server beside those of several, and in words what bounds them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use truyvet_server::telemetry::Metric;

use super::meters::{Shares, Used};
use crate::load::figures::Both;

/// What several servers are to reach, as a multiple of one, on a machine with room for them.
const FLOOR: f64 = 1.3;

/// From here on there is no room for more.
const FULL: f64 = 0.9;

/// What the servers said of their commits of uploads.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Commits {
    count: f64,
    /// In all of them together.
    uploads: f64,
    /// From the start of each transaction until it was durable.
    seconds: f64,
}

impl Commits {
    /// From `/metrics` of one server.
    pub(super) fn read(metrics: &str) -> Self {
        let value = |metric: Metric, part: &str| -> f64 {
            let name = format!("{}_{part} ", metric.name());
            let told = metrics.lines().find_map(|line| line.strip_prefix(&name));
            // Before its first commit a server says nothing of them.
            told.and_then(|told| told.trim().parse().ok())
                .unwrap_or(0.0)
        };
        Self {
            count: value(Metric::CommitGroup, "count"),
            uploads: value(Metric::CommitGroup, "sum"),
            seconds: value(Metric::CommitSeconds, "sum"),
        }
    }

    pub(super) fn sum(all: &[Self]) -> Self {
        all.iter().fold(Self::default(), |sum, one| Self {
            count: sum.count + one.count,
            uploads: sum.uploads + one.uploads,
            seconds: sum.seconds + one.seconds,
        })
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            count: self.count - before.count,
            uploads: self.uploads - before.uploads,
            seconds: self.seconds - before.seconds,
        }
    }

    /// None: without commits.
    fn uploads_each(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.uploads / self.count)
    }

    /// None: without commits.
    fn milliseconds_each(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.seconds * 1e3 / self.count)
    }
}

/// One turn of phones at one server or several.
pub(super) struct Turn {
    pub(super) servers: usize,
    pub(super) calls: Both,
    /// While they redeemed and while they uploaded.
    pub(super) used: Used,
    /// While they uploaded.
    pub(super) commits: Commits,
    pub(super) uploading_seconds: f64,
}

impl Turn {
    fn json(&self) -> Value {
        let shares = self.used.shares();
        json!({
            "servers": self.servers,
            "uploads_per_second": self.calls.per_second(),
            "redeem": self.calls.redeem.json(),
            "upload": self.calls.upload.json(),
            "busy_share": shares.busy,
            "server_share": shares.servers,
            "postgres_share": shares.postgres,
            "caller_share": shares.callers,
            "other_share": shares.others,
            "commits_per_second": self.commits.count / self.uploading_seconds,
            "uploads_per_commit": self.commits.uploads_each(),
            "commit_ms": self.commits.milliseconds_each(),
        })
    }
}

/// All turns of so many servers, together.
struct Case {
    /// The median turn's.
    uploads_per_second: f64,
    shares: Shares,
    commits: Commits,
    commits_per_second: f64,
    /// Until an upload is answered, in the median; the median turn's.
    upload_milliseconds: f64,
}

impl Case {
    fn of(turns: &[Turn]) -> Self {
        let used: Vec<Used> = turns.iter().map(|turn| turn.used).collect();
        let commits: Vec<Commits> = turns.iter().map(|turn| turn.commits).collect();
        let commits = Commits::sum(&commits);
        let seconds: f64 = turns.iter().map(|turn| turn.uploading_seconds).sum();
        let times = turns
            .iter()
            .filter_map(|turn| turn.calls.upload.milliseconds(0.5));
        Self {
            uploads_per_second: median(turns.iter().map(|turn| turn.calls.per_second())),
            shares: Used::sum(&used).shares(),
            commits,
            commits_per_second: commits.count / seconds,
            upload_milliseconds: median(times),
        }
    }
}

/// Of an even number, the middle between the two in the middle; not a number for none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// What keeps several servers from taking more.
///
/// - `commit_milliseconds`: of each commit; none: there was none.
/// - `upload_milliseconds`: in which half of the uploads are answered.
fn bound_by(shares: &Shares, commit_milliseconds: Option<f64>, upload_milliseconds: f64) -> String {
    let busy = shares.busy * 100.0;
    if shares.busy >= FULL {
        let of_which = [
            ("servers", Some(shares.servers)),
            ("PostgreSQL", shares.postgres),
            ("callers", Some(shares.callers)),
            ("others", shares.others),
        ]
        .into_iter()
        .filter_map(|(who, share)| Some(format!("{who} {:.0} %", share? * 100.0)))
        .collect::<Vec<_>>()
        .join(", ");
        return format!(
            "bound by the processors: {busy:.0} % busy, of which {of_which}; more servers cannot help on this machine"
        );
    }
    let commits = match commit_milliseconds {
        Some(each) => format!("for commits ({each:.1} ms each)"),
        None => "not for commits, of which there was none".to_owned(),
    };
    format!(
        "bound by waiting: {commits}; an upload is answered after {upload_milliseconds:.0} ms, the processors are \
         {busy:.0} % busy"
    )
}

/// All of one run.
pub(super) struct Report {
    pub(super) servers: u16,
    pub(super) processors: usize,
    pub(super) connections: u16,
    pub(super) calls_per_connection: u16,
    pub(super) seconds: u32,
    pub(super) one: Vec<Turn>,
    pub(super) many: Vec<Turn>,
    /// Calls that failed, by reason.
    pub(super) failed: BTreeMap<String, u64>,
}

impl Report {
    fn cases(&self) -> [Case; 2] {
        [Case::of(&self.one), Case::of(&self.many)]
    }

    pub(super) fn json(&self) -> Value {
        let [one, many] = self.cases();
        let runs = self.one.iter().zip(&self.many);
        let runs: Vec<Value> = runs
            .flat_map(|(one, many)| [one.json(), many.json()])
            .collect();
        json!({
            "servers": self.servers,
            "processors": self.processors,
            "one_per_second": one.uploads_per_second,
            "many_per_second": many.uploads_per_second,
            "ratio": many.uploads_per_second / one.uploads_per_second,
            "floor": FLOOR,
            "busy_share_one": one.shares.busy,
            "busy_share_many": many.shares.busy,
            "server_share": many.shares.servers,
            "postgres_share": many.shares.postgres,
            "caller_share": many.shares.callers,
            "other_share": many.shares.others,
            "bound_by": words(&many),
            "errors": self.failed.values().sum::<u64>(),
            "failed": self.failed,
            "run": {
                "connections": self.connections,
                "calls_per_connection": self.calls_per_connection,
                "seconds": self.seconds,
            },
            "runs": runs,
        })
    }

    pub(super) fn print(&self) {
        let [one, many] = self.cases();
        println!(
            "one server and {} on one PostgreSQL: {} connections with {} calls at a time on each, {} turns of {} s of each kind \
             of call, {} processors",
            self.servers,
            self.connections,
            self.calls_per_connection,
            self.one.len(),
            self.seconds,
            self.processors,
        );
        println!(
            "{:<12}{:>10}  | % of the processors:{:>9}{:>12}{:>9}{:>8}{:>6}  |{:>10}{:>10}{:>10}",
            "",
            "uploads/s",
            "servers",
            "PostgreSQL",
            "callers",
            "others",
            "idle",
            "commits/s",
            "uploads/c",
            "ms/commit",
        );
        let several = format!("{} servers", self.servers);
        for (name, case) in [("one server", &one), (&*several, &many)] {
            let Shares {
                servers,
                postgres,
                callers,
                others,
                busy,
            } = case.shares;
            println!(
                "{name:<12}{:>10.0}  |{:>30}{:>12}{:>9}{:>8}{:>6}  |{:>10.0}{:>10}{:>10}",
                case.uploads_per_second,
                percent(Some(servers)),
                percent(postgres),
                percent(Some(callers)),
                percent(others),
                percent(Some(1.0 - busy)),
                case.commits_per_second,
                or_dash(case.commits.uploads_each()),
                or_dash(case.commits.milliseconds_each()),
            );
        }
        for (name, turns) in [("one server", &self.one), (&*several, &self.many)] {
            let rates: Vec<String> = turns
                .iter()
                .map(|turn| format!("{:.0}", turn.calls.per_second()))
                .collect();
            println!("turns of {name}: {}", rates.join(", "));
        }
        println!("errors: {}", self.failed.values().sum::<u64>());
        for (reason, count) in &self.failed {
            println!("  {count} × {reason}");
        }
        println!(
            "uploads: durable ones, redeem, then upload: 1/(1/redeems + 1/uploads), the median turn's. Callers, servers and\n\
             PostgreSQL share the processors. Commits are those of uploads."
        );
        println!(
            "{} servers / one server: {:.2} (floor {FLOOR} where the machine allows)",
            self.servers,
            many.uploads_per_second / one.uploads_per_second
        );
        println!("{}", words(&many));
    }
}

fn words(case: &Case) -> String {
    bound_by(
        &case.shares,
        case.commits.milliseconds_each(),
        case.upload_milliseconds,
    )
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.0}", share * 100.0))
}

fn or_dash(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::drive::{Answered, Outcome};

    const SHARES: Shares = Shares {
        servers: 0.3,
        postgres: Some(0.4),
        callers: 0.25,
        others: Some(0.02),
        busy: 0.97,
    };

    fn outcome(calls: u64, seconds: f64) -> Outcome<()> {
        Outcome {
            seconds,
            cpu_seconds: None,
            answered: (0..calls)
                .map(|_| Answered {
                    number: 0,
                    took: Duration::from_millis(40),
                    answer: (),
                })
                .collect(),
            failed: BTreeMap::new(),
        }
    }

    /// Half as many durable uploads a second as there are calls of each kind.
    fn turn(servers: usize, calls: u64) -> Turn {
        let mut both = Both::default();
        both.redeem.add(&outcome(calls, 1.0));
        both.upload.add(&outcome(calls, 1.0));
        Turn {
            servers,
            calls: both,
            used: Used {
                available: 4.0,
                servers: 1.0,
                postgres: Some(0.5),
                callers: 0.5,
                machine: None,
            },
            commits: Commits {
                count: 10.0,
                uploads: calls as f64,
                seconds: 0.2,
            },
            uploading_seconds: 1.0,
        }
    }

    fn report() -> Report {
        Report {
            servers: 2,
            processors: 2,
            connections: 4,
            calls_per_connection: 1,
            seconds: 1,
            one: vec![turn(1, 100), turn(1, 80), turn(1, 500)],
            many: vec![turn(2, 120), turn(2, 150), turn(2, 600)],
            failed: BTreeMap::from([("a".to_owned(), 2)]),
        }
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 50.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }

    #[test]
    fn commits_are_read_from_the_metrics() {
        let metrics = "# TYPE truyvet_commit_group histogram\n\
                       truyvet_commit_group_bucket{le=\"1\"} 3\n\
                       truyvet_commit_group_sum 120\n\
                       truyvet_commit_group_count 10\n\
                       truyvet_commit_seconds_sum 0.25\n\
                       truyvet_commit_seconds_count 10\n";
        let commits = Commits::read(metrics);
        let expected = Commits {
            count: 10.0,
            uploads: 120.0,
            seconds: 0.25,
        };
        assert_eq!(commits, expected);
        assert_eq!(commits.uploads_each(), Some(12.0));
        assert_eq!(commits.milliseconds_each(), Some(25.0));
        let both = Commits::sum(&[commits, commits]);
        assert_eq!(both.since(commits), commits);
        assert_eq!(Commits::read(""), Commits::default());
        assert_eq!(Commits::default().uploads_each(), None);
    }

    #[test]
    fn full_processors_are_the_bound_and_it_is_said_whose_work_they_do() {
        assert_eq!(
            bound_by(&SHARES, Some(12.0), 80.0),
            "bound by the processors: 97 % busy, of which servers 30 %, PostgreSQL 40 %, callers 25 %, others 2 %; more \
             servers cannot help on this machine"
        );
        let unknown = Shares {
            postgres: None,
            others: None,
            ..SHARES
        };
        let said = bound_by(&unknown, Some(12.0), 80.0);
        assert!(said.contains("servers 30 %, callers 25 %;"), "{said}");
    }

    #[test]
    fn with_room_on_the_processors_waiting_is_the_bound() {
        let idle = Shares {
            busy: 0.6,
            ..SHARES
        };
        assert_eq!(
            bound_by(&idle, Some(12.34), 80.0),
            "bound by waiting: for commits (12.3 ms each); an upload is answered after 80 ms, the processors are 60 % busy"
        );
        assert!(bound_by(&idle, None, 80.0).contains("there was none"));
    }

    #[test]
    fn the_record_has_the_ratio_of_the_medians_and_every_turn() {
        let json = report().json();
        let near = |name: &str, expected: f64| {
            let found = json[name]
                .as_f64()
                .unwrap_or_else(|| panic!("{name}: {json}"));
            assert!((found - expected).abs() < 1e-9, "{name}: {found}");
        };
        near("one_per_second", 50.0);
        near("many_per_second", 75.0);
        near("ratio", 1.5);
        near("busy_share_one", 0.5);
        near("busy_share_many", 0.5);
        near("server_share", 0.25);
        near("postgres_share", 0.125);
        near("caller_share", 0.125);
        near("errors", 2.0);
        let runs = json["runs"].as_array().unwrap();
        let servers: Vec<_> = runs.iter().map(|run| run["servers"].as_u64()).collect();
        assert_eq!(servers, [1, 2, 1, 2, 1, 2].map(Some));
        assert_eq!(runs[0]["commits_per_second"], 10.0);
        assert_eq!(runs[0]["uploads_per_commit"], 10.0);
        assert_eq!(runs[0]["commit_ms"], 20.0);
        assert!(runs[0]["other_share"].is_null());
    }
}
