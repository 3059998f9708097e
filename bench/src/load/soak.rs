//! Soak: phones' calls at a steady, modest rate for hours, and how the server's memory goes.
//!
//! Each second some redeem and upload, some ask for the index and a few fetch the newest batch; every other second each
//! call comes on a new connection. Windows are published all the while, as in production. Nothing is compared with
//! anything: what is looked for is growth.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::{Args, value_parser};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    downloads::{self, Downloads, Published},
    drive::{Calls, Failure, Manner, Meter, drive},
    phones::{self, Deployment, Redeem, Redeems, Uploads, Whom},
    remote::Http,
    rounds::granted,
    target::Target,
};
use crate::process;

/// Until the calls of one second are answered: far more than they take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Codes fetched at once.
const CODES: usize = 500;

const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// How to soak.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = value_parser!(u32).range(1..=1_440))]
    minutes: u32,
    /// Phones that redeem and upload each second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000))]
    uploads: u32,
    /// Phones that ask for the index each second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(0..=10_000))]
    indexes: u32,
    /// Phones that fetch the newest batch each second
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u32).range(0..=1_000))]
    batches: u32,
    /// Callers at a time. A server holds each answer to a redeem or upload call for a constant time: with 30 ms, 8 callers
    /// make at most 266 calls a second
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..=1_024))]
    callers: u16,
    /// Between two publications
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = value_parser!(u32).range(10..=86_400))]
    publish_every: u32,
    /// Room for batches in the server's memory, which fills with the first of them: what grows beyond it is a leak
    #[arg(long, value_name = "MB", default_value_t = 32)]
    batch_cache_mb: u32,
    /// The curve, one line every ten seconds: seconds, megabytes resident, processor share, uploads, failures, bytes of the data folder
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// The server to start; without it, this workspace's release build
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// One look at the server.
struct Sample {
    seconds: f64,
    resident_megabytes: f64,
}

/// Soaks and prints.
///
/// # Errors
/// If the server cannot be started, ends by itself, or answers nothing for a minute. Calls that fail are counted.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    super::until_told_to_stop(soak(arguments)).await
}

async fn soak(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = match &arguments.binary {
        Some(path) => path.clone(),
        None => process::release_binary()?,
    };
    let mut csv = arguments.csv.as_ref().map(File::create).transpose()?;
    if let Some(csv) = &mut csv {
        writeln!(
            csv,
            "seconds,resident_mb,cpu_share,uploads,failures,data_bytes"
        )?;
    }
    let cache = arguments.batch_cache_mb.to_string();
    let more = ["--batch-cache-mb", &cache];
    let target = Target::start(&binary, folder.path(), None, &more).await?;
    let mut phones = Phones::new(&target, arguments).await?;
    let started = Instant::now();
    let end = Duration::from_secs(u64::from(arguments.minutes) * 60);
    let (mut published, mut unpublished) = (Instant::now(), 0);
    let mut sampled = (Instant::now(), target.meter().seconds());
    let mut samples = Vec::new();
    let mut second = interval(Duration::from_secs(1));
    // A second that took longer is no reason for two at once.
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while started.elapsed() < end {
        second.tick().await;
        if let Err(error) = phones.second().await {
            return Err(target.explain(error));
        }
        if published.elapsed().as_secs() >= arguments.publish_every.into() {
            published = Instant::now();
            // One that takes longer than its call goes on without it, and the next takes up one that failed.
            match target.publish(&phones.deployment.region).await {
                Ok(()) => unpublished = 0,
                Err(error) => {
                    eprintln!(
                        "minute {:.0}: {error}",
                        started.elapsed().as_secs_f64() / 60.0
                    );
                    phones.failed += 1;
                    unpublished += 1;
                    ensure!(unpublished < 3, "three publications in a row failed");
                }
            }
            phones.look_again().await?;
        }
        if sampled.0.elapsed() >= SAMPLE_EVERY {
            let (seconds, cpu) = (sampled.0.elapsed().as_secs_f64(), target.meter().seconds());
            let used = cpu.zip(sampled.1).map_or(0.0, |(now, then)| now - then);
            sampled = (Instant::now(), cpu);
            let sample = Sample {
                seconds: started.elapsed().as_secs_f64(),
                resident_megabytes: target
                    .resident_megabytes()?
                    .context("its process is known")?,
            };
            if let Some(csv) = &mut csv {
                writeln!(
                    csv,
                    "{:.0},{:.1},{:.3},{},{},{}",
                    sample.seconds,
                    sample.resident_megabytes,
                    used / seconds,
                    phones.uploaded,
                    phones.failed,
                    bytes_of(folder.path())?,
                )?;
            }
            samples.push(sample);
        }
    }
    print(&samples, &phones)?;
    target.stop().await
}

/// All phones of the soak together.
struct Phones<'a> {
    target: &'a Target,
    arguments: &'a Arguments,
    deployment: Deployment,
    /// Ready, and not made yet.
    redeems: Vec<Redeem>,
    index: Published,
    batch: Option<Published>,
    new_connections: bool,
    uploaded: u64,
    downloaded: u64,
    failed: u64,
}

impl<'a> Phones<'a> {
    async fn new(target: &'a Target, arguments: &'a Arguments) -> anyhow::Result<Self> {
        let deployment = target.deployment().await?;
        let (index, batch) = downloads::published(&target.public, &deployment.region).await?;
        Ok(Self {
            target,
            arguments,
            deployment,
            redeems: Vec::new(),
            index,
            batch,
            new_connections: false,
            uploaded: 0,
            downloaded: 0,
            failed: 0,
        })
    }

    /// Takes note of what is published now.
    async fn look_again(&mut self) -> anyhow::Result<()> {
        (self.index, self.batch) =
            downloads::published(&self.target.public, &self.deployment.region).await?;
        Ok(())
    }

    /// The calls of one second.
    async fn second(&mut self) -> anyhow::Result<()> {
        self.new_connections = !self.new_connections;
        self.upload().await?;
        let index = self.index.clone();
        self.download(index, self.arguments.indexes).await?;
        if let Some(batch) = self.batch.clone() {
            self.download(batch, self.arguments.batches).await?;
        }
        Ok(())
    }

    async fn upload(&mut self) -> anyhow::Result<()> {
        let count = self.arguments.uploads as usize;
        if self.redeems.len() < count {
            let codes = self
                .target
                .codes(&self.deployment, CODES.max(count))
                .await?;
            self.redeems.extend(phones::redeems(codes, 0.0)?);
        }
        let calls = Arc::new(Redeems {
            to: self.target.public.clone(),
            whom: Whom::Server,
            redeems: self.redeems.drain(..count).collect(),
        });
        let redeemed = self.drive(&calls).await?;
        let calls = Arc::new(Uploads {
            to: self.target.public.clone(),
            whom: Whom::Server,
            uploads: phones::uploads(&self.deployment, &calls.redeems, granted(redeemed))?,
        });
        self.uploaded += self.drive(&calls).await?.answered.len() as u64;
        Ok(())
    }

    async fn download(&mut self, file: Published, count: u32) -> anyhow::Result<()> {
        let calls = Few {
            of: Downloads {
                from: self.target.public.clone(),
                file,
            },
            count: count as usize,
        };
        self.downloaded += self.drive(&Arc::new(calls)).await?.answered.len() as u64;
        Ok(())
    }

    async fn drive<C: Calls>(
        &mut self,
        calls: &Arc<C>,
    ) -> anyhow::Result<super::drive::Outcome<C::Answer>> {
        let manner = Manner {
            connections: usize::from(self.arguments.callers).min(calls.count()),
            new_connection_each: self.new_connections,
            calls_per_connection: 1,
            rate: None,
        };
        let outcome = drive(calls, manner, PATIENCE, &Meter::default()).await?;
        self.failed += outcome.failed.values().sum::<u64>();
        ensure!(
            !outcome.answered.is_empty() || calls.count() == 0,
            "no call was answered: {:?}",
            outcome.failed
        );
        Ok(outcome)
    }
}

/// Only so many of calls that have no end.
struct Few {
    of: Downloads,
    count: usize,
}

impl Calls for Few {
    type Line = Http;
    type Answer = ();

    fn count(&self) -> usize {
        self.count
    }

    async fn connect(&self) -> Result<Http, Failure> {
        self.of.connect().await
    }

    async fn call(&self, line: &mut Http, number: usize) -> Result<(), Failure> {
        self.of.call(line, number).await
    }
}

/// All files below a folder.
fn bytes_of(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        // A file that was deleted meanwhile has no bytes any more.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        bytes += match metadata.is_dir() {
            true => bytes_of(&entry.path())?,
            false => metadata.len(),
        };
    }
    Ok(bytes)
}

fn print(samples: &[Sample], phones: &Phones<'_>) -> anyhow::Result<()> {
    ensure!(samples.len() >= 4, "too short to say anything");
    println!(
        "{} uploads, {} downloads, {} failed calls",
        phones.uploaded, phones.downloaded, phones.failed
    );
    println!("minutes      resident MB: least  median    most");
    for part in samples.chunks(samples.len().div_ceil(8)) {
        let mut resident: Vec<f64> = part
            .iter()
            .map(|sample| sample.resident_megabytes)
            .collect();
        resident.sort_by(f64::total_cmp);
        println!(
            "{:5.0} to {:4.0}        {:8.1}{:8.1}{:8.1}",
            part[0].seconds / 60.0,
            part[part.len() - 1].seconds / 60.0,
            resident[0],
            resident[resident.len() / 2],
            resident[resident.len() - 1],
        );
    }
    let later = &samples[samples.len() / 2..];
    println!(
        "slope of the second half: {:+.2} MB an hour",
        slope(later) * 3_600.0
    );
    Ok(())
}

/// Megabytes a second, by least squares.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|s| s.seconds), mean(|s| s.resident_megabytes));
    let (mut xy, mut xx) = (0.0, 0.0);
    for sample in samples {
        xy += (sample.seconds - x) * (sample.resident_megabytes - y);
        xx += (sample.seconds - x).powi(2);
    }
    xy / xx
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_from_noise() {
        let samples = |megabytes: fn(u32) -> f64| -> Vec<Sample> {
            (0..100)
                .map(|n| Sample {
                    seconds: f64::from(n) * 10.0,
                    resident_megabytes: megabytes(n),
                })
                .collect()
        };
        let growing = slope(&samples(|n| 50.0 + f64::from(n) * 0.1));
        assert!((growing - 0.01).abs() < 1e-12, "{growing}");
        let flat = slope(&samples(|n| 50.0 + f64::from(n % 2)));
        assert!(flat.abs() < 1e-4, "{flat}");
    }
}
