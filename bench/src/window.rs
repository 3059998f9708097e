//! A window's way from disclosed keys to a file that is published, by the server's own functions: how many tags a second,
//! step by step, and how much memory.

use std::{
    fs,
    num::NonZero,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use clap::{Args, value_parser};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use truyvet_bench::workload;
use truyvet_crypto::{Day, DisclosedKey, Scheme, Timestamp, sign::SigningKey};
use truyvet_matching::{
    BatchKind, Codec, Digest,
    build::{BatchParameters, build_with_threads},
};
use truyvet_server::{
    batch_store::BatchStore,
    publish::select_with_threads,
    store::{AcceptedKey, ClosedWindow, Closing},
};

/// What to publish, and how.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Tags of the window, before padding
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u32).range(1..=20_000_000))]
    tags: u32,
    /// Threads that expand and build
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=64))]
    threads: u16,
    /// Key schedule: bluezone, gaen or dp3t
    #[arg(long, value_name = "NAME", default_value = "bluezone")]
    scheme: Scheme,
    /// How often; the figures are medians
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = value_parser!(u16).range(1..=1_000))]
    rounds: u16,
    /// One JSON object in place of the table
    #[arg(long)]
    json: bool,
}

const STEPS: [&str; 5] = ["select", "pad", "build", "sign", "publish"];

/// Wall-clock time and processor time of all threads.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

/// Measures and prints.
///
/// # Errors
/// If the folder cannot be written, or the system does not say how much memory was used.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let threads = NonZero::new(usize::from(arguments.threads)).context("a thread at least")?;
    let before = reset_peak_bytes()?;
    let (keys, tags) = accepted(arguments.scheme, arguments.tags);
    let mut rounds = Vec::new();
    let mut bytes = 0;
    let mut peak = 0;
    for round in 0..arguments.rounds {
        let (spent, file_bytes) = publish(&keys, tags, threads).await?;
        rounds.push(spent);
        bytes = file_bytes;
        if round == 0 {
            peak = peak_bytes()? - before;
        }
    }
    let of_step = |step: usize, time: fn(&Spent) -> Duration| {
        median(rounds.iter().map(|round| time(&round[step])).collect())
    };
    let all = |time: fn(&Spent) -> Duration| {
        median(
            rounds
                .iter()
                .map(|round| round.iter().map(time).sum())
                .collect(),
        )
    };
    let per_second = |time: Duration| f64::from(tags) / time.as_secs_f64();
    let peak_a_tag = peak as f64 / f64::from(tags);
    let (wall, cpu) = (all(|spent| spent.wall), all(|spent| spent.cpu));
    if arguments.json {
        let steps: serde_json::Map<_, _> = (0..)
            .zip(STEPS)
            .map(|(i, step)| {
                let (wall, cpu) = (of_step(i, |s| s.wall), of_step(i, |s| s.cpu));
                let figures = json!({
                    "wall_ms": wall.as_secs_f64() * 1e3,
                    "cpu_ms": cpu.as_secs_f64() * 1e3,
                });
                (step.to_owned(), figures)
            })
            .collect();
        let figures = json!({
            "tags": tags,
            "threads": arguments.threads,
            "file_bytes": bytes,
            "tags_per_second": per_second(wall),
            "tags_per_cpu_second": per_second(cpu),
            "peak_bytes_per_tag": peak_a_tag,
            "steps": steps,
        });
        println!("{figures}");
        return Ok(());
    }
    println!(
        "{tags} tags of {} on {} threads, {bytes} bytes",
        arguments.scheme, arguments.threads
    );
    println!(
        "{:>8} {:>9} {:>9} {:>8}",
        "step", "wall ms", "CPU ms", "ns/tag"
    );
    let line = |step: &str, wall: Duration, cpu: Duration| {
        println!(
            "{step:>8} {:>9.1} {:>9.1} {:>8.1}",
            wall.as_secs_f64() * 1e3,
            cpu.as_secs_f64() * 1e3,
            wall.as_secs_f64() * 1e9 / f64::from(tags),
        );
    };
    for (i, step) in (0..).zip(STEPS) {
        line(step, of_step(i, |s| s.wall), of_step(i, |s| s.cpu));
    }
    line("all", wall, cpu);
    println!(
        "{:.0} tags a second, {:.0} a second of processor time; {peak_a_tag:.1} bytes of memory a tag at the most",
        per_second(wall),
        per_second(cpu),
    );
    Ok(())
}

/// Whole days of people who uploaded since the last window closed, and how many tags they have.
fn accepted(scheme: Scheme, tags: u32) -> (Vec<AcceptedKey>, u32) {
    let count = tags.div_ceil(scheme.slots_per_day());
    let accepted = |key: DisclosedKey| AcceptedKey {
        key,
        accepted_window: 1,
    };
    let keys = workload::keys(scheme, count).into_iter().map(accepted);
    (keys.collect(), count * scheme.slots_per_day())
}

/// One window, as `truyvet_server::publish` does it. Also checks the outcome.
async fn publish(
    keys: &[AcceptedKey],
    tags: u32,
    threads: NonZero<usize>,
) -> anyhow::Result<([Spent; 5], usize)> {
    let folder = tempfile::tempdir()?;
    let store = BatchStore::in_folder(folder.path())?;
    let window = window();
    let closing = &window.closing;
    let key = SigningKey::from_seed(&[7; 32]);
    let mut steps = [Spent::default(); 5];
    let selected = timed(&mut steps[0], || {
        select_with_threads(&window, keys, threads)
    });
    ensure!(selected.len() == tags as usize, "{} tags", selected.len());
    let padded = timed(&mut steps[1], || {
        selected.padded(
            &closing.padding_seed,
            closing.pad_floor_tags,
            closing.pad_step_tags,
        )
    });
    let parameters = BatchParameters {
        window_start: closing.window_start,
        window_end: closing.closed_at,
        closed_at: closing.closed_at,
        ..workload::batch_parameters(closing.codec, closing.fingerprint_bits)
    };
    let batch = timed(&mut steps[2], || {
        build_with_threads(&parameters, &padded, threads)
    })?;
    drop(padded);
    let signed = timed(&mut steps[3], || batch.sign(&key));
    let digest = signed.digest();
    let bytes = Bytes::from(signed.into_bytes());
    let begun = begin();
    store.put_file(digest, bytes.clone()).await?;
    steps[4] = spent(begun);
    Ok((steps, bytes.len()))
}

/// Closes after all days of the workload.
fn window() -> ClosedWindow {
    let closed_at = Day::from_number(18_500).start();
    ClosedWindow {
        closing: Closing {
            region: "VN".parse().expect("a region's name"),
            closed_at,
            slots_until: closed_at,
            window_start: Timestamp::MIN,
            salt: [5; 16],
            padding_seed: [6; 32],
            key_id: SigningKey::from_seed(&[7; 32]).verifying_key().id(),
            codec: Codec::DEFAULT,
            fingerprint_bits: 40,
            pad_floor_tags: 4_096,
            pad_step_tags: 4_096,
        },
        kind: BatchKind::Delta,
        sequence: 1,
        previous_slots_until: None,
        previous: Digest::ZERO,
    }
}

fn timed<T>(into: &mut Spent, work: impl FnOnce() -> T) -> T {
    let begun = begin();
    let done = work();
    *into = spent(begun);
    done
}

fn begin() -> (Instant, Duration) {
    (Instant::now(), cpu())
}

fn spent((wall, before): (Instant, Duration)) -> Spent {
    Spent {
        wall: wall.elapsed(),
        cpu: cpu() - before,
    }
}

/// Processor time of this process, all its threads together.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().expect("processor time is not negative")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Forgets the peak of this process' memory so far; gives what it has now.
fn reset_peak_bytes() -> anyhow::Result<u64> {
    // proc_pid_clear_refs(5).
    fs::write("/proc/self/clear_refs", "5")?;
    peak_bytes()
}

fn peak_bytes() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"))
        .context("no VmHWM")?
        .trim()
        .parse()?;
    Ok(kibibytes * 1_024)
}
