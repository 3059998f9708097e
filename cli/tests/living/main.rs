//! Living with the real binary: told to stop, watched by a service manager, given new certificates, backed up.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod backup;
mod certificate;
mod check;
mod drain;
mod supervisor;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

/// How long anything that must happen may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(30);

/// The standard output of a command that must succeed.
fn succeeds(args: &[&str]) -> String {
    let output = truyvet(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The standard error of a command that must fail.
fn fails(args: &[&str]) -> String {
    let output = truyvet(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn truyvet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(args)
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server process on free ports, killed when dropped.
struct Serving {
    process: Child,
    public: SocketAddr,
    staff: SocketAddr,
    ops: SocketAddr,
}

impl Serving {
    fn start(data_dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let free = "127.0.0.1:0";
        let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
            .args(["serve", "--data-dir", text(data_dir)])
            .args([
                "--public-listen",
                free,
                "--staff-listen",
                free,
                "--ops-listen",
                free,
            ])
            .args(["--publish-every-seconds", "0"])
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut public, mut staff, mut ops) = (None, None, None);
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let mut words = line.split_whitespace();
            let address = |url: &str| url.split("//").last().unwrap().parse().ok();
            match (words.next(), words.next()) {
                (Some("phones"), Some(url)) => public = address(url),
                (Some("staff"), Some(url)) => staff = address(url),
                (Some("operators"), Some(url)) => ops = address(url),
                (Some("Ctrl-C"), ..) => break,
                _ => {}
            }
        }
        Self {
            process,
            public: public.unwrap(),
            staff: staff.unwrap(),
            ops: ops.unwrap(),
        }
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.process.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself, however long its own limit is.
    fn ended(&mut self) -> (ExitStatus, Duration) {
        let began = Instant::now();
        let status = eventually(2 * DEADLINE, || self.process.try_wait().unwrap());
        (status, began.elapsed())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Asks again and again until there is an answer.
fn eventually<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < limit, "not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Head and body of an answer on a connection of its own; `None` if nobody listens.
fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// The credential of an administrator, in a file.
fn administrator(data_dir: &Path, file: &Path) {
    let credential = succeeds(&["admin", "create-officer", "--data-dir", text(data_dir)]);
    std::fs::write(file, credential).unwrap();
}

/// Closes the open window and publishes it.
fn publish(server: &Serving, credential: &Path) {
    let staff = format!("http://{}", server.staff);
    let admin = ["--server", &staff, "--credential-file", text(credential)];
    succeeds(&[&["admin", "publish"], admin.as_slice()].concat());
}
