//! Processes that a bench starts, looks at and stops; none outlives the bench.
//!
//! Linux only, because of `/proc`.

use std::{
    env,
    fs::{self, File},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A server that neither answers nor stops within this is broken, not slow.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// For a process that is dropped: enough for nginx to take its workers with it.
const GRACE: Duration = Duration::from_secs(1);

/// The release binary of this workspace, made if it is not up to date.
pub(crate) fn release_binary() -> anyhow::Result<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["build", "--release", "--locked", "--package", "truyvet"])
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit());
    // What `cargo run` tells us of our own package; ring's build script would see a change in it and run again.
    for (variable, _) in env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    let output = command.output().context("cargo")?;
    ensure!(output.status.success(), "the release build failed");
    String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "truyvet")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo names no binary `truyvet`")
}

/// `truyvet` with this folder and no other settings than those of its arguments.
pub(crate) fn truyvet(binary: &Path, arguments: &[&str], data_dir: &Path) -> Command {
    let mut command = Command::new(binary);
    command.args(arguments).arg("--data-dir").arg(data_dir);
    // Whoever measures may have a server of their own: its database is not to be filled.
    for (variable, _) in env::vars_os() {
        if variable.to_string_lossy().starts_with("TRUYVET_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// `truyvet serve` on these addresses, for phones, staff and operators.
pub(crate) fn serve(
    binary: &Path,
    data_dir: &Path,
    [public, staff, ops]: [SocketAddr; 3],
    log: &Path,
) -> anyhow::Result<Command> {
    let mut command = truyvet(binary, &["serve"], data_dir);
    command
        .args(["--public-listen", &public.to_string()])
        .args(["--staff-listen", &staff.to_string()])
        .args(["--ops-listen", &ops.to_string()])
        .stdout(Stdio::null())
        .stderr(File::create(log)?);
    Ok(command)
}

/// Loopback addresses that were free just now; all held at once, so that they differ.
pub(crate) fn free_addresses<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::new();
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        held.push(listener);
    }
    Ok(addresses)
}

/// A process; stopped when dropped, so that no run leaves one behind.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It has usually stopped by itself, and then this says so and does nothing.
        if self.terminate().is_ok() {
            let asked = Instant::now();
            while matches!(self.0.try_wait(), Ok(None)) && asked.elapsed() < GRACE {
                thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let program = command.get_program().display().to_string();
        Ok(Self(command.spawn().context(program)?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What it prints, if that is piped.
    pub(crate) fn stdout(&mut self) -> Option<impl io::Read + use<>> {
        self.0.stdout.take()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    fn terminate(&mut self) -> io::Result<()> {
        // Once waited for, its number may be another process's.
        if self.0.try_wait()?.is_none() {
            // Rust's own `kill` sends SIGKILL.
            kill_process(Pid::from_child(&self.0), Signal::TERM)?;
        }
        Ok(())
    }

    /// Asks it to stop, and waits until it has, without an error.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<()> {
        self.terminate()?;
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "after SIGTERM: {status}");
                return Ok(());
            }
            ensure!(started.elapsed() < DEADLINE, "SIGTERM did not stop it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Resident set of a process, in 10^6 bytes.
pub(crate) fn resident_megabytes(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kibibytes: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .context("no VmRSS")?
        .trim()
        .parse()?;
    Ok(kibibytes * 1_024.0 / 1e6)
}

/// Processor time of a process since it started, its ended threads included; in steps of 10 ms on most systems.
pub(crate) fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    // proc_pid_stat(5): utime, stime.
    stat_seconds(pid, 2)
}

/// The same, with that of the processes it had started and that have ended.
pub(crate) fn cpu_seconds_with_ended(pid: u32) -> anyhow::Result<f64> {
    // And cutime, cstime.
    stat_seconds(pid, 4)
}

/// The sum of the first `fields` times in `/proc/<pid>/stat`.
fn stat_seconds(pid: u32, fields: usize) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before it may hold anything, blanks and parentheses too.
    let (_, after_name) = stat.rsplit_once(')').context("no process name")?;
    // proc_pid_stat(5): the times are 14 to 17; the name is 2.
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(fields)
        .map(|field| field.parse::<u64>())
        .sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Processes that a process has started.
pub(crate) fn children(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut children = Vec::new();
    // Each is listed with the thread that started it.
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let listed = fs::read_to_string(thread?.path().join("children"))?;
        for child in listed.split_whitespace() {
            children.push(child.parse()?);
        }
    }
    Ok(children)
}

#[cfg(test)]
mod tests {
    use std::{hint::black_box, process};

    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let before = cpu_seconds(process::id()).unwrap();
        let started = Instant::now();
        // Others may have the processor: as long as it takes, within reason.
        while cpu_seconds(process::id()).unwrap() < before + 0.05 {
            black_box((0..100_000_u64).sum::<u64>());
            assert!(started.elapsed() < DEADLINE, "no time is counted");
        }
        let megabytes = resident_megabytes(process::id()).unwrap();
        assert!((0.5..10_000.0).contains(&megabytes), "{megabytes} MB");
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let process = Process::spawn(Command::new("sleep").arg("60")).unwrap();
        let pid = process.id();
        assert!(children(process::id()).is_ok_and(|children| children.contains(&pid)));
        drop(process);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn free_addresses_differ() {
        let [a, b, c] = free_addresses().unwrap();
        assert!(a != b && b != c && a != c);
    }
}
