//! Ours and what a developer could take instead, on the same tags in one process.
//!
//! Thread CPU time, since other processes share the machine; medians; contenders in turn within each repetition, since a
//! figure means little outside the run it comes from. Fresh queries every time, none of them in the batch, and a cache
//! emptied before each: repeated ones train the branch predictor and make filters look several times as fast.

mod clock;
mod contenders;
mod gaen;
mod report;

use std::{num::NonZero, path::PathBuf, time::Instant};

use anyhow::ensure;
use clap::{Args, value_parser};
use truyvet_bench::workload;
use truyvet_crypto::Tag;
use truyvet_matching::build::{TagSet, build_with_threads};

use self::{
    clock::{Flush, cpu_nanoseconds},
    contenders::{ALL, Contender, OURS},
    report::{Figures, Report},
};

/// A tag that is in no batch is found with chance 2^-40, the default.
const BITS: u8 = 40;
/// So many queries that starting does not count.
const STEADY: usize = 1_000_000;
/// Tags in the batches of which chance hits are counted.
const CHANCE_TAGS: usize = 100_000;

/// What to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Tags in the batch
    #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u32).range(1..=100_000_000))]
    n: u32,
    /// Queries of one question; 1,000 and 10,000 are measured too
    #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(1..=10_000_000))]
    q: u32,
    /// Repetitions of each question
    #[arg(long, default_value_t = 7, value_parser = value_parser!(u32).range(1..))]
    runs: u32,
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
    /// Tags of the keys in a Google/Apple key export, in place of random ones
    #[arg(long, value_name = "FILE")]
    gaen_export: Option<PathBuf>,
    /// Leave out the count of chance hits, which takes half a minute
    #[arg(long)]
    no_chance: bool,
}

/// Measures and prints.
///
/// # Errors
/// If the export cannot be read, or a contender gives a wrong answer.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let tags = match &arguments.gaen_export {
        Some(path) => gaen::tags(path)?,
        None => workload::tags(arguments.n as usize, 0),
    };
    // Sorted and without repeats, as all that is published; the time for that is nobody's.
    let tags = TagSet::new(tags);
    let (mut built, mut figures) = (vec![], vec![]);
    for kind in ALL {
        let (contender, nanoseconds) = build_each(kind, BITS, &tags, builds(tags.len()));
        let every_tenth: Vec<Tag> = tags.iter().step_by(10).copied().collect();
        ensure!(
            contender.count(&every_tenth) == every_tenth.len(),
            "{} loses tags",
            kind.name()
        );
        figures.push(Figures::new(&contender, tags.len(), nanoseconds));
        built.push(contender);
    }
    let mut questions = vec![1_000, 10_000, arguments.q as usize, STEADY];
    questions.sort_unstable();
    questions.dedup();
    ask(&built, &questions, arguments.runs, &mut figures)?;
    for (contender, figures) in built.iter().zip(&mut figures) {
        let mut times = (0..arguments.runs)
            .filter_map(|_| clock::time_of(|| contender.verify()))
            .collect::<Vec<_>>();
        figures.verify_milliseconds =
            clock::median(&mut times).map(|nanoseconds| nanoseconds / 1e6);
    }
    drop(built);
    if !arguments.no_chance {
        chance(&mut figures);
    }
    let report = Report {
        tags: tags.len(),
        queries: arguments.q as usize,
        steady: STEADY,
        bits: BITS,
        runs: arguments.runs,
        two_threads: two_threads(&tags),
        figures,
    };
    if arguments.json {
        println!("{}", report.json());
    } else {
        report.print();
    }
    Ok(())
}

/// The largest take seconds each.
fn builds(tags: usize) -> u32 {
    if tags > 2_000_000 { 1 } else { 3 }
}

fn build_each(kind: contenders::Kind, bits: u8, tags: &TagSet, runs: u32) -> (Contender, f64) {
    let mut times = vec![];
    loop {
        let started = cpu_nanoseconds();
        let contender = Contender::build(kind, bits, tags);
        times.push((cpu_nanoseconds() - started) / tags.len() as f64);
        if times.len() == runs as usize {
            let median = clock::median(&mut times).expect("at least one run");
            return (contender, median);
        }
    }
}

/// Every question to every contender, in turn.
fn ask(
    built: &[Contender],
    questions: &[usize],
    runs: u32,
    figures: &mut [Figures],
) -> anyhow::Result<()> {
    let flush = Flush::new();
    for &queries in questions {
        let mut times = vec![vec![]; built.len()];
        for run in 0..runs {
            let asked =
                workload::tags(queries, 1_000 * u64::from(run + 1) + queries.ilog2() as u64);
            for (contender, times) in built.iter().zip(&mut times) {
                flush.caches();
                let started = cpu_nanoseconds();
                let found = contender.count(&asked);
                times.push(cpu_nanoseconds() - started);
                ensure!(
                    found == 0,
                    "{} finds what is not there",
                    contender.kind.name()
                );
            }
        }
        for (times, figures) in times.iter_mut().zip(&mut *figures) {
            let median = clock::median(times).expect("at least one run");
            figures.answers.push((queries, median));
        }
    }
    Ok(())
}

/// Chance hits at R = 10 and 20, over what is to be expected.
fn chance(figures: &mut [Figures]) {
    let tags = TagSet::new(workload::tags(CHANCE_TAGS, 0));
    for figures in figures {
        for bits in [10_u8, 20] {
            if !figures.kind.has_width(bits) {
                continue;
            }
            let contender = Contender::build(figures.kind, bits, &tags);
            // Ours must be within 10 % at R = 20; for peers a look is enough.
            let asked: u64 = 1
                << if bits == 10 {
                    25
                } else if figures.kind == OURS {
                    30
                } else {
                    26
                };
            let mut found = 0_usize;
            let mut block = vec![Tag::from_bytes([0; 16]); 1 << 16];
            let mut number = 0_u64;
            while number < asked {
                for tag in &mut block {
                    // All contenders hash: counting is as good as drawing, and faster.
                    *tag = Tag::from_bytes((1_u128 << 100 | u128::from(number)).to_le_bytes());
                    number += 1;
                }
                found += contender.count(&block);
            }
            let expected = asked as f64 * (-f64::from(bits)).exp2();
            figures.chance.push((bits, asked, found as f64 / expected));
        }
    }
}

/// Time of one thread over that of two, by the clock.
fn two_threads(tags: &TagSet) -> f64 {
    let parameters = workload::batch_parameters(contenders::OUR_CODEC, BITS);
    let time = |threads: usize| {
        let threads = NonZero::new(threads).expect("one or two");
        let mut times: Vec<f64> = (0..3)
            .map(|_| {
                let started = Instant::now();
                let batch = build_with_threads(&parameters, tags, threads).expect("valid");
                let elapsed = started.elapsed().as_secs_f64();
                drop(batch);
                elapsed
            })
            .collect();
        clock::median(&mut times).expect("three runs")
    };
    time(1) / time(2)
}
