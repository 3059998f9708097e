//! The PostgreSQL that the servers share: one for the run alone, or one that runs already.

use std::{fs, path::Path};

use anyhow::Context as _;
use tonic::codegen::http::Uri;
use truyvet_services::Postgres;

/// Where it listens if its URL does not say.
const DEFAULT_PORT: u16 = 5432;

/// A database for all servers of a run.
pub(super) struct Database {
    pub(super) url: String,
    /// Parent of all PostgreSQL's processes; none: they are on another machine, or hidden from us.
    pub(super) postmaster: Option<u32>,
    /// Ends when dropped.
    _own: Option<Postgres>,
}

impl Database {
    /// One that is there already.
    pub(super) fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            postmaster: local_port(url).and_then(postmaster),
            _own: None,
        }
    }

    /// A new one, in the temporary folder. It writes as durably as in production.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let own = tokio::task::spawn_blocking(Postgres::start).await?;
        let own = own.context("no PostgreSQL to start, and no --database is given")?;
        let database = Self::at(&own.create_database());
        Ok(Self {
            _own: Some(own),
            ..database
        })
    }
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
