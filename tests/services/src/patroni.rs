//! Three PostgreSQL servers of which one writes, kept by Patroni, which agree on it in etcd.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Running, Service, absent, free_ports,
    postgres::{USER, as_user, programs},
    random_name, run, wait_until,
};

const NODES: usize = 3;

/// The cluster. Ends when dropped.
///
/// A commit is on two nodes before it is acknowledged. Starting takes some ten seconds, and blocks.
pub struct Patroni {
    nodes: Vec<Node>,
    // Behind the nodes: they give up their lead in it.
    _etcd: Vec<Running>,
    programs: PathBuf,
    _folder: TempDir,
}

struct Node {
    name: String,
    _patroni: Running,
    port: u16,
    api_port: u16,
    data: PathBuf,
    settings: PathBuf,
}

impl Patroni {
    /// Starts a cluster; `None`, after saying so, if something of it is not installed.
    ///
    /// # Panics
    /// If it does not start, or under `CI=true` if it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            return absent(
                "PostgreSQL's server",
                "on Debian: apt-get install postgresql",
            );
        };
        for (program, argument) in [("patroni", "--version"), ("etcd", "--version")] {
            let asked = Command::new(program).arg(argument).output();
            if !asked.is_ok_and(|output| output.status.success()) {
                return absent(
                    "Patroni with etcd",
                    "on Debian: apt-get install patroni etcd-server",
                );
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let is_root = fs::metadata(folder.path()).expect("it was just made").uid() == 0;
        let (etcd, clients) = etcd(folder.path());
        let nodes = (1..=NODES)
            .map(|number| Node::start(number, folder.path(), &clients, &programs, is_root))
            .collect();
        let cluster = Self {
            nodes,
            _etcd: etcd,
            programs,
            _folder: folder,
        };
        wait_until("Patroni", cluster._folder.path(), || {
            let members = cluster.members();
            let role = |wanted: &str| members.iter().filter(|(_, role)| role == wanted).count();
            // One that answers for the leader's commits, and a spare.
            role("leader") == 1 && role("sync_standby") == 1 && members.len() == NODES
        });
        Some(cluster)
    }

    /// Makes an empty database. Returns its URL, with all nodes in it.
    ///
    /// # Panics
    /// If no node leads.
    #[must_use]
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", random_name());
        let leader = self.leader().expect("one of them leads");
        run(Command::new(self.programs.join("createdb"))
            .arg("--host=127.0.0.1")
            .arg(format!("--port={}", leader.port))
            .arg(format!("--username={USER}"))
            .arg("--template=template0")
            .arg(&name));
        let hosts: Vec<String> = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port))
            .collect();
        format!(
            "postgres://{USER}@{}/{name}?target_session_attrs=read-write&connect_timeout=2&sslmode=disable",
            hosts.join(",")
        )
    }

    /// Kills the leader: Patroni first, so that nobody starts it again, then PostgreSQL, without any warning.
    ///
    /// # Panics
    /// If no node leads.
    pub fn kill_leader(&self) {
        let leader = self.leader().expect("one of them leads");
        let postmaster = fs::read_to_string(leader.data.join("postmaster.pid"));
        let postmaster = postmaster.expect("it runs");
        let postmaster = postmaster.lines().next().expect("its number");
        // Itself, and not the shell that watches over it.
        let patroni = format!("^[^ ]*python.* [^ ]*patroni {}$", leader.settings.display());
        run(Command::new("pkill").args(["-KILL", "-f", &patroni]));
        run(Command::new("kill").args(["-KILL", postmaster]));
    }

    fn leader(&self) -> Option<&Node> {
        let members = self.members();
        let (name, _) = members.iter().find(|(_, role)| role == "leader")?;
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// Name and role of each member, as any of them says.
    fn members(&self) -> Vec<(String, String)> {
        let cluster = self.nodes.iter().find_map(|node| {
            let url = format!("http://127.0.0.1:{}/cluster", node.api_port);
            let asked = Command::new("curl")
                .args(["--silent", "--fail", "--max-time", "2", &url])
                .stderr(Stdio::null())
                .output()
                .ok()?;
            serde_json::from_slice::<Value>(&asked.stdout).ok()
        });
        let members = cluster
            .as_ref()
            .and_then(|cluster| cluster["members"].as_array());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let running =
            |member: &&Value| matches!(member["state"].as_str(), Some("running" | "streaming"));
        members
            .into_iter()
            .flatten()
            .filter(running)
            .map(|member| (text(&member["name"]), text(&member["role"])))
            .collect()
    }
}

/// Three of them. Returns also where they are asked.
fn etcd(folder: &Path) -> (Vec<Running>, String) {
    let ports: [u16; 2 * NODES] = free_ports();
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let cluster: Vec<String> = (0..NODES)
        .map(|i| format!("etcd{i}={}", url(ports[NODES + i])))
        .collect();
    let start = |i: usize| {
        let own = folder.join(format!("etcd{i}"));
        fs::create_dir(&own).expect("a folder");
        let mut command = Command::new("etcd");
        command
            .arg(format!("--name=etcd{i}"))
            .arg(format!("--data-dir={}", own.join("data").display()))
            .arg(format!("--listen-client-urls={}", url(ports[i])))
            .arg(format!("--advertise-client-urls={}", url(ports[i])))
            .arg(format!("--listen-peer-urls={}", url(ports[NODES + i])))
            .arg(format!(
                "--initial-advertise-peer-urls={}",
                url(ports[NODES + i])
            ))
            .arg(format!("--initial-cluster={}", cluster.join(",")));
        Running::start(&Service {
            command: &command,
            folder: &own,
            last_signal: "KILL",
            sockets: "",
        })
    };
    let running = (0..NODES).map(start).collect();
    let clients: Vec<String> = ports[..NODES]
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    (running, clients.join(","))
}

impl Node {
    fn start(number: usize, folder: &Path, etcd: &str, programs: &Path, is_root: bool) -> Self {
        let [port, api_port] = free_ports();
        let name = format!("node{number}");
        let own = folder.join(&name);
        fs::create_dir(&own).expect("a folder");
        let data = own.join("data");
        let trust = |database: &str| format!("host {database} all 127.0.0.1/32 trust");
        let account = |username: &str| json!({ "username": username, "password": "unused" });
        let settings = json!({
            "scope": "truyvet",
            "name": name,
            "restapi": {
                "listen": format!("127.0.0.1:{api_port}"),
                "connect_address": format!("127.0.0.1:{api_port}"),
            },
            "etcd3": { "hosts": etcd },
            "bootstrap": {
                "dcs": {
                    // A leader that falls silent is followed after ten seconds.
                    "ttl": 10, "loop_wait": 2, "retry_timeout": 3,
                    "synchronous_mode": true,
                    "postgresql": { "use_pg_rewind": true },
                },
                "initdb": [{ "encoding": "UTF8" }, { "locale": "C.UTF-8" }, "data-checksums"],
            },
            "postgresql": {
                "listen": format!("127.0.0.1:{port}"),
                "connect_address": format!("127.0.0.1:{port}"),
                "data_dir": data,
                "bin_dir": programs,
                "pgpass": own.join("pgpass"),
                "authentication": { "superuser": account(USER), "replication": account("replicator") },
                "pg_hba": [trust("all"), trust("replication")],
                "parameters": { "unix_socket_directories": own, "max_connections": 100 },
            },
        });
        let file = own.join(format!("{name}.json"));
        fs::write(&file, settings.to_string()).expect("a file");
        if is_root {
            run(Command::new("chown")
                .args(["-R", &format!("{USER}:")])
                .arg(&own));
            run(Command::new("chmod").arg("a+x").arg(folder));
        }
        let mut command = as_user("patroni".as_ref(), is_root);
        command.arg(&file);
        Self {
            _patroni: Running::start(&Service {
                command: &command,
                folder: &own,
                last_signal: "TERM",
                sockets: "",
            }),
            name,
            port,
            api_port,
            data,
            settings: file,
        }
    }
}
