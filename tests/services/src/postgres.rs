//! A PostgreSQL server of the tests' own, with empty databases for whoever asks.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use tempfile::TempDir;

use crate::{Running, Service, absent, free_ports, random_name, run, wait_until};

/// Its only user, and the one of this machine that it runs as where we are root: it refuses to be root itself.
pub(crate) const USER: &str = "postgres";

/// Tests of one process run side by side, each with several servers of several connections.
const MAX_CONNECTIONS: u32 = 500;

/// A server on a loopback port. Ends when dropped, at once, and its databases with it.
///
/// It writes as durably as in production. Starting takes a second or two, and blocks.
pub struct Postgres {
    // Ends before its folder goes.
    running: Mutex<Option<Running>>,
    /// Where `initdb`, `postgres`, `createdb` are.
    programs: PathBuf,
    port: u16,
    /// Whether we are: then it runs as [`USER`].
    is_root: bool,
    secured: Option<Secured>,
    folder: TempDir,
}

/// What a server wants of whoever comes, and shows.
struct Secured {
    password: String,
    /// PEM.
    certificate: String,
}

impl Postgres {
    /// Starts one; `None`, after saying so, if it is not installed.
    ///
    /// # Panics
    /// If it does not start, or under `CI=true` if it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_as(None)
    }

    /// Starts one that speaks TLS, with a certificate for `localhost`, and asks for a password (SCRAM).
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn secured() -> Option<Self> {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let certificate = certificate.expect("a certificate");
        Self::start_as(Some((
            certificate.cert.pem(),
            certificate.signing_key.serialize_pem(),
        )))
    }

    /// - `tls`: certificate and key, PEM.
    fn start_as(tls: Option<(String, String)>) -> Option<Self> {
        let Some(programs) = programs() else {
            return absent(
                "PostgreSQL's server",
                "on Debian: apt-get install postgresql",
            );
        };
        let [port] = free_ports();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let owner = fs::metadata(folder.path()).expect("it was just made").uid();
        let postgres = Self {
            running: Mutex::default(),
            programs,
            port,
            is_root: owner == 0,
            secured: tls.as_ref().map(|(certificate, _)| Secured {
                password: random_name(),
                certificate: certificate.clone(),
            }),
            folder,
        };
        if postgres.is_root {
            let owner = format!("{USER}:");
            run(Command::new("chown").arg(owner).arg(postgres.folder.path()));
        }
        let mut initdb = postgres.as_its_user("initdb");
        initdb.arg("--pgdata").arg(postgres.data()).args([
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            // What is made here alone is not forced to the disk: nobody was told of anything in it yet.
            "--no-sync",
        ]);
        let in_folder = |name: &str| postgres.folder.path().join(name);
        match &postgres.secured {
            None => initdb.arg("--auth=trust"),
            Some(secured) => {
                fs::write(in_folder("password"), &secured.password).expect("a file");
                initdb
                    .arg("--auth=scram-sha-256")
                    .arg("--pwfile")
                    .arg(in_folder("password"))
            }
        };
        if let Some((certificate, key)) = &tls {
            fs::write(in_folder("server.pem"), certificate).expect("a file");
            fs::write(in_folder("server.key"), key).expect("a file");
            run(Command::new("chmod")
                .arg("600")
                .arg(in_folder("server.key")));
            if postgres.is_root {
                run(Command::new("chown")
                    .arg(format!("{USER}:"))
                    .args([in_folder("server.key"), in_folder("password")]));
            }
        }
        run(initdb
            .arg(format!("--username={USER}"))
            .current_dir(postgres.folder.path()));
        postgres.start_again();
        Some(postgres)
    }

    /// The one that all tests of this process share: each takes a database of its own, and none stops it. It ends with
    /// the process.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Makes an empty database. Returns its URL, without a password: none is asked for.
    ///
    /// # Panics
    /// If the server is stopped.
    #[must_use]
    pub fn create_database(&self) -> String {
        let name = format!("test_{}", random_name());
        // Of template1 there could be no copy while anybody looks at it.
        run(self
            .client("createdb")
            .arg("--template=template0")
            .arg(&name));
        if self.secured.is_some() {
            return format!("postgres://{USER}@localhost:{}/{name}", self.port);
        }
        format!(
            "postgres://{USER}@127.0.0.1:{}/{name}?sslmode=disable",
            self.port
        )
    }

    /// Its password, if it asks for one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        Some(&self.secured.as_ref()?.password)
    }

    /// Its certificate, if it has one, PEM.
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        Some(&self.secured.as_ref()?.certificate)
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it as an administrator would: what runs is broken off, what was acknowledged is on the disk.
    ///
    /// # Panics
    /// If it is stopped.
    pub fn stop(&self) {
        self.end("INT");
    }

    /// Stops it at once, without any warning to anybody: the next start finds what a crash would leave.
    ///
    /// # Panics
    /// If it is stopped.
    pub fn kill(&self) {
        self.end("QUIT");
    }

    /// Starts it after [`Self::stop`] or [`Self::kill`], on the same port and with the same databases.
    ///
    /// # Panics
    /// If it does not start, or is running.
    pub fn start_again(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(running.is_none(), "it is running");
        let mut command = self.as_its_user("postgres");
        command.arg("-D").arg(self.data());
        for setting in [
            format!("port={}", self.port),
            format!("max_connections={MAX_CONNECTIONS}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        if self.secured.is_some() {
            let file = |name: &str| self.folder.path().join(name).display().to_string();
            for setting in [
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", file("server.pem")),
                format!("ssl_key_file={}", file("server.key")),
            ] {
                command.arg("-c").arg(setting);
            }
        }
        *running = Some(Running::start(&Service {
            command: &command,
            folder: self.folder.path(),
            last_signal: "QUIT",
            sockets: "",
        }));
        wait_until("PostgreSQL", self.folder.path(), || {
            let mut asks = self.client("pg_isready");
            asks.stdout(Stdio::null()).stderr(Stdio::null());
            asks.status().is_ok_and(|status| status.success())
        });
    }

    fn end(&self, signal: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.take().expect("it is running").end(signal);
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of the server's.
    fn as_its_user(&self, program: &str) -> Command {
        as_user(&self.programs.join(program), self.is_root)
    }

    /// A program that calls it.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--host=127.0.0.1");
        command.arg(format!("--port={}", self.port));
        command.arg(format!("--username={USER}"));
        command.current_dir(self.folder.path());
        if let Some(secured) = &self.secured {
            command.env("PGPASSWORD", &secured.password);
        }
        command
    }
}

/// A program that refuses to be run by root, as [`USER`] where we are.
pub(crate) fn as_user(program: &Path, is_root: bool) -> Command {
    if !is_root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={USER}"));
    command.arg(format!("--regid={USER}"));
    command.arg("--init-groups").arg(program);
    command
}

/// Where the newest version's programs are. Debian has only those on everybody's `PATH` that call a server.
pub(crate) fn programs() -> Option<PathBuf> {
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
