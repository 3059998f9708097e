//! The PostgreSQL that the servers share: one for the run alone, or one that runs already.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;
use tonic::codegen::http::Uri;

use crate::process::{DEADLINE, Process, free_addresses};

/// Its only user, and the one of this machine that it runs as where we are root: it refuses to be root itself.
const USER: &str = "postgres";

/// Beside the servers': of `admin create-officer`, and those that it keeps for administrators.
const OTHER_CONNECTIONS: u16 = 20;

/// Where it listens if its URL does not say.
const DEFAULT_PORT: u16 = 5432;

/// A database for all servers of a run.
pub(super) struct Database {
    pub(super) url: String,
    /// Parent of all PostgreSQL's processes; none: they are on another machine, or hidden from us.
    pub(super) postmaster: Option<u32>,
    own: Option<Own>,
}

/// Its process, and the folder that it works in, which goes after it.
struct Own(Process, TempDir);

impl Database {
    /// One that is there already.
    pub(super) fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            postmaster: local_port(url).and_then(postmaster),
            own: None,
        }
    }

    /// A new one, in the temporary folder. It writes as durably as in production; all settings but these are its defaults.
    ///
    /// - `connections`: of all servers together.
    pub(super) async fn start(connections: u16) -> anyhow::Result<Self> {
        let programs = programs().context(
            "PostgreSQL's server is not installed (on Debian: apt-get install postgresql), and no --database is given",
        )?;
        let folder = tempfile::tempdir()?;
        let is_root = fs::metadata(folder.path())?.uid() == 0;
        if is_root {
            let owner = format!("{USER}:");
            run(Command::new("chown").arg(owner).arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        let mut initdb = as_its_user(&programs.join("initdb"), is_root);
        initdb.arg("--pgdata").arg(&data).args([
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            // What is made here alone is not forced to the disk: nobody was told of anything in it yet.
            "--no-sync",
        ]);
        initdb.arg(format!("--username={USER}"));
        run(initdb.current_dir(folder.path()))?;

        let [address] = free_addresses()?;
        let port = address.port();
        let mut command = as_its_user(&programs.join("postgres"), is_root);
        command.arg("-D").arg(&data);
        for setting in [
            format!("port={port}"),
            format!("max_connections={}", connections + OTHER_CONNECTIONS),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        let log = folder.path().join("log");
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let mut process = Process::spawn(&mut command)?;
        let mut asks = Command::new(programs.join("pg_isready"));
        asks.args(["--quiet", "--host=127.0.0.1"])
            .arg(format!("--port={port}"))
            .current_dir(folder.path());
        answers(&mut process, &mut asks)
            .await
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(Self {
            url: format!("postgres://{USER}@127.0.0.1:{port}/{USER}?sslmode=disable"),
            // `setpriv` has become it.
            postmaster: Some(process.id()),
            own: Some(Own(process, folder)),
        })
    }

    /// Stops it if it is ours. Who is connected keeps it from that.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        match self.own {
            Some(Own(mut process, _folder)) => process.stop().await.context("PostgreSQL"),
            None => Ok(()),
        }
    }
}

/// - `asks`: succeeds when it does.
async fn answers(process: &mut Process, asks: &mut Command) -> anyhow::Result<()> {
    let started = Instant::now();
    while !asks.status()?.success() {
        if let Some(status) = process.ended()? {
            bail!("PostgreSQL ended by itself: {status}");
        }
        ensure!(started.elapsed() < DEADLINE, "PostgreSQL does not answer");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn as_its_user(program: &Path, is_root: bool) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={USER}"));
    command.arg(format!("--regid={USER}"));
    command.arg("--init-groups").arg(program);
    command
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().context(program)?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Where the newest version's programs are. Debian has only those on everybody's `PATH` that call a server.
fn programs() -> Option<PathBuf> {
    let has_server =
        |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.and_then(|output| String::from_utf8(output.stdout).ok());
    let told = told.map(|folder| PathBuf::from(folder.trim()));
    told.filter(has_server).or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let versions = versions.filter_map(|entry| Some(entry.ok()?.path()));
        let number = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
        versions
            .filter(|folder| has_server(&folder.join("bin")))
            .max_by_key(|folder| number(folder))
            .map(|folder| folder.join("bin"))
    })
}

/// The port of a database on this machine.
fn local_port(url: &str) -> Option<u16> {
    let url: Uri = url.parse().ok()?;
    let local = ["127.0.0.1", "localhost", "[::1]"].contains(&url.host()?);
    local.then(|| url.port_u16().unwrap_or(DEFAULT_PORT))
}

/// The PostgreSQL that listens on a port of this machine; what it started does not hold its sockets.
fn postmaster(port: u16) -> Option<u32> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening(&table, port))
        .collect();
    fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.trim() == "postgres")
        })
        .find(|pid| holds_any(*pid, &sockets))
}

fn holds_any(pid: u32, sockets: &[String]) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    open.filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .any(|file| sockets.iter().any(|socket| file == Path::new(socket)))
}

/// Sockets that listen on a port, as `/proc/<pid>/fd` names them.
///
/// - `table`: `/proc/net/tcp` or `/proc/net/tcp6`.
fn listening(table: &str, port: u16) -> Vec<String> {
    // proc_pid_net(5): its number for LISTEN.
    const LISTEN: &str = "0A";
    table
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
            let found =
                u16::from_str_radix(local_port, 16).ok()? == port && *fields.get(3)? == LISTEN;
            let inode = fields.get(9)?;
            found.then(|| format!("socket:[{inode}]"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_database_on_this_machine_has_a_port_here() {
        let ours = "postgres://postgres@127.0.0.1:15432/postgres?sslmode=disable";
        assert_eq!(local_port(ours), Some(15_432));
        assert_eq!(
            local_port("postgres://u@localhost/name"),
            Some(DEFAULT_PORT)
        );
        assert_eq!(local_port("postgres://u@[::1]:5433/name"), Some(5_433));
        for elsewhere in ["postgres://u@db.example:5432/name", "not a URL", ""] {
            assert_eq!(local_port(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn who_listens_is_found_by_the_port() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = listening(&fs::read_to_string("/proc/net/tcp").unwrap(), port);
        assert_eq!(sockets.len(), 1, "{sockets:?}");
        assert!(holds_any(std::process::id(), &sockets));
        assert!(!holds_any(std::process::id(), &[]));
        // It is no PostgreSQL.
        assert_eq!(postmaster(port), None);
    }
}
