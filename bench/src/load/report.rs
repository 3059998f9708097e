//! The figures as a table for people and as JSON for the record; each beside what it is a ratio to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::figures::{Both, File, Kind, SHARES};

/// All of one run.
#[derive(Default)]
pub(super) struct Report {
    pub(super) connections: usize,
    pub(super) calls_per_connection: usize,
    /// Calls a second that were to be made; none: as many as could be.
    pub(super) rate: Option<f64>,
    pub(super) new_connection_each: bool,
    pub(super) tls: bool,
    pub(super) seconds: u32,
    pub(super) decoy_share: f64,
    /// Its redeem and upload calls bear the cost of the decoys among them.
    pub(super) server: Both,
    pub(super) decoys: Kind,
    pub(super) echo: Both,
    pub(super) index: File,
    /// None: a server that has not published.
    pub(super) batch: Option<File>,
    pub(super) server_rss_mb: Option<f64>,
    pub(super) echo_rss_mb: Option<f64>,
    /// Calls to the server that failed, by reason.
    pub(super) failed: BTreeMap<String, u64>,
    /// The same of echo and nginx: the ratios are worth less then.
    pub(super) peers_failed: BTreeMap<String, u64>,
}

impl Report {
    fn ratio_to_echo(&self) -> f64 {
        self.server.per_second() / self.echo.per_second()
    }

    pub(super) fn json(&self) -> Value {
        let times = |share| self.server.times.milliseconds(share);
        let (index, nginx_index) = self.index.per_second();
        let (batch, nginx_batch) = match self.batch.as_ref().map(File::megabytes_per_second) {
            Some((ours, nginx)) => (Some(ours), nginx),
            None => (None, None),
        };
        let ratio = |ours: Option<f64>, peer: Option<f64>| Some(ours? / peer?);
        json!({
            "uploads_per_second": self.server.per_second(),
            "echo_per_second": self.echo.per_second(),
            "ratio_to_echo": self.ratio_to_echo(),
            "p50_ms": times(0.5),
            "p99_ms": times(0.99),
            "p999_ms": times(0.999),
            "errors": self.failed.values().sum::<u64>(),
            "server_cpu_us_per_upload": self.server.cpu_microseconds(),
            "server_rss_mb": self.server_rss_mb,
            "index_per_second": index,
            "nginx_index_per_second": nginx_index,
            "batch_mb_per_second": batch,
            "nginx_batch_mb_per_second": nginx_batch,
            "run": {
                "connections": self.connections,
                "calls_per_connection": self.calls_per_connection,
                "rate": self.rate,
                "new_connection_each": self.new_connection_each,
                "tls": self.tls,
                "seconds": self.seconds,
                "decoys": self.decoy_share,
                "index_bytes": self.index.bytes,
                "batch_bytes": self.batch.as_ref().map(|file| file.bytes),
            },
            "redeem": self.server.redeem.json(),
            "upload": self.server.upload.json(),
            "decoy": self.decoys.json(),
            "echo": {
                "redeem": self.echo.redeem.json(),
                "upload": self.echo.upload.json(),
                "p50_ms": self.echo.times.milliseconds(0.5),
                "p99_ms": self.echo.times.milliseconds(0.99),
                "p999_ms": self.echo.times.milliseconds(0.999),
                "cpu_us_per_upload": self.echo.cpu_microseconds(),
                "rss_mb": self.echo_rss_mb,
            },
            "index": self.index.ours.json(),
            "nginx_index": self.index.nginx.as_ref().map(Kind::json),
            "batch": self.batch.as_ref().map(|file| file.ours.json()),
            "nginx_batch": self.batch.as_ref().and_then(|file| Some(file.nginx.as_ref()?.json())),
            "ratios": {
                "redeem": self.server.redeem.per_second() / self.echo.redeem.per_second(),
                "upload": self.server.upload.per_second() / self.echo.upload.per_second(),
                "p50": ratio(times(0.5), self.echo.times.milliseconds(0.5)),
                "p99": ratio(times(0.99), self.echo.times.milliseconds(0.99)),
                "p999": ratio(times(0.999), self.echo.times.milliseconds(0.999)),
                "cpu": ratio(self.server.cpu_microseconds(), self.echo.cpu_microseconds()),
                "rss": ratio(self.server_rss_mb, self.echo_rss_mb),
                "index": ratio(Some(index), nginx_index),
                "index_cpu": self.index.cpu_ratio(),
                "batch": ratio(batch, nginx_batch),
                "batch_cpu": self.batch.as_ref().and_then(File::cpu_ratio),
            },
            "failed": self.failed,
            "peers_failed": self.peers_failed,
        })
    }

    pub(super) fn print(&self) {
        println!(
            "{} connections{}{}{}, {}, {} s of each kind of call, {} % decoys",
            self.connections,
            match self.calls_per_connection {
                1 => String::new(),
                calls => format!(" with {calls} calls at a time on each"),
            },
            self.rate
                .map_or_else(String::new, |rate| format!(", {rate} calls a second")),
            if self.new_connection_each {
                ", a new one for each call"
            } else {
                ""
            },
            if self.tls { "TLS" } else { "plain text" },
            self.seconds,
            self.decoy_share * 100.0,
        );
        println!(
            "{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}",
            "", "a second", "p50 ms", "p99 ms", "p99.9 ms", "CPU us", "MB/s", "ratio"
        );
        let (server, echo) = (&self.server, &self.echo);
        row(
            "durable upload",
            &Row::of_both(server).to(server.per_second() / echo.per_second()),
        );
        row("  echo of it", &Row::of_both(echo));
        for (name, ours, peer) in [
            ("redeem", &server.redeem, &echo.redeem),
            ("upload", &server.upload, &echo.upload),
        ] {
            row(
                name,
                &Row::of(ours).to(ours.per_second() / peer.per_second()),
            );
            row("  echo of it", &Row::of(peer));
        }
        if self.decoys.calls() > 0 {
            row("a decoy, either call", &Row::of(&self.decoys));
        }
        let files = [("index", Some(&self.index)), ("batch", self.batch.as_ref())];
        for (name, file) in files {
            let Some(file) = file else { continue };
            let megabytes = file.megabytes_per_second();
            let mut ours = Row::of(&file.ours);
            ours.megabytes = Some(megabytes.0);
            if let Some(nginx) = &file.nginx {
                row(
                    &format!("{name}, {} bytes", file.bytes),
                    &ours.to(file.ours.per_second() / nginx.per_second()),
                );
                let mut nginx = Row::of(nginx);
                nginx.megabytes = megabytes.1;
                row("  nginx", &nginx);
            } else {
                row(&format!("{name}, {} bytes", file.bytes), &ours);
            }
        }
        if let (Some(ours), Some(echo)) = (self.server_rss_mb, self.echo_rss_mb) {
            println!("resident: server {ours:.1} MB, echo {echo:.1} MB");
        }
        println!("errors: {}", self.failed.values().sum::<u64>());
        for (whose, failed) in [("server", &self.failed), ("peers", &self.peers_failed)] {
            for (reason, count) in failed {
                println!("  {whose}: {count} × {reason}");
            }
        }
        println!(
            "ratio: of rates, to the echo and to nginx, in this run. \"durable upload\" is redeem, then upload: its rate\n\
             1/(1/redeems + 1/uploads), its times those of one phone for both answers. Callers share the processors."
        );
        if self.index.nginx.is_none() {
            println!("No nginx here: no figures of it (Debian: apt-get install nginx-light).");
        }
    }
}

struct Row {
    per_second: f64,
    times: [Option<f64>; 3],
    cpu_microseconds: Option<f64>,
    megabytes: Option<f64>,
    ratio: Option<f64>,
}

impl Row {
    fn of(kind: &Kind) -> Self {
        Self {
            per_second: kind.per_second(),
            times: SHARES.map(|share| kind.milliseconds(share)),
            cpu_microseconds: kind.cpu_microseconds(),
            megabytes: None,
            ratio: None,
        }
    }

    fn of_both(both: &Both) -> Self {
        Self {
            per_second: both.per_second(),
            times: SHARES.map(|share| both.times.milliseconds(share)),
            cpu_microseconds: both.cpu_microseconds(),
            megabytes: None,
            ratio: None,
        }
    }

    fn to(self, ratio: f64) -> Self {
        Self {
            ratio: Some(ratio),
            ..self
        }
    }
}

fn row(name: &str, row: &Row) {
    let or_dash = |value: Option<f64>, digits: usize| {
        value.map_or("-".into(), |value| format!("{value:.digits$}"))
    };
    let [p50, p99, p999] = row.times.map(|time| or_dash(time, 2));
    println!(
        "{name:<28}{:>10.0}{p50:>10}{p99:>10}{p999:>10}{:>10}{:>10}{:>8}",
        row.per_second,
        or_dash(row.cpu_microseconds, 1),
        or_dash(row.megabytes, 0),
        or_dash(row.ratio, 3),
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::drive::{Answered, Outcome};

    /// As many calls as told, of 1 ms, 2 ms and so on.
    fn kind(calls: u64, seconds: f64, cpu_seconds: f64) -> Kind {
        let mut kind = Kind::default();
        kind.add(&Outcome {
            seconds,
            cpu_seconds: Some(cpu_seconds),
            answered: (1..=calls)
                .map(|call| Answered {
                    number: 0,
                    took: Duration::from_millis(call),
                    answer: (),
                })
                .collect(),
            failed: BTreeMap::new(),
        });
        kind
    }

    fn both(redeems: u64, uploads: u64) -> Both {
        let mut both = Both {
            redeem: kind(redeems, 2.0, 1.0),
            upload: kind(uploads, 1.0, 0.5),
            ..Both::default()
        };
        for call in 1..=1_000 {
            both.times.record(Duration::from_millis(call));
        }
        both
    }

    fn report() -> Report {
        Report {
            server: both(200, 100),
            echo: both(800, 400),
            index: File {
                bytes: 100,
                ours: kind(50, 1.0, 0.1),
                nginx: None,
            },
            batch: Some(File {
                bytes: 2_000_000,
                ours: kind(10, 1.0, 0.2),
                nginx: Some(kind(40, 2.0, 0.4)),
            }),
            failed: BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 3)]),
            ..Report::default()
        }
    }

    #[test]
    fn the_record_has_every_figure_beside_its_measure() {
        let json = report().json();
        let near = |name: &str, expected: f64| {
            let found = json[name]
                .as_f64()
                .unwrap_or_else(|| panic!("{name}: {json}"));
            assert!((found / expected - 1.0).abs() < 1e-2, "{name}: {found}");
        };
        near("uploads_per_second", 50.0);
        near("echo_per_second", 200.0);
        near("ratio_to_echo", 0.25);
        near("p50_ms", 500.0);
        near("p99_ms", 990.0);
        near("p999_ms", 999.0);
        near("errors", 5.0);
        near("server_cpu_us_per_upload", 10_000.0);
        near("index_per_second", 50.0);
        near("batch_mb_per_second", 20.0);
        near("nginx_batch_mb_per_second", 40.0);
        for absent in ["nginx_index_per_second", "server_rss_mb"] {
            assert!(json.as_object().unwrap()[absent].is_null(), "{absent}");
        }
    }

    #[test]
    fn what_was_never_called_is_null() {
        let json = Report::default().json();
        assert!(json["uploads_per_second"].is_null(), "{json}");
        assert!(json["p50_ms"].is_null() && json["batch_mb_per_second"].is_null());
    }
}
