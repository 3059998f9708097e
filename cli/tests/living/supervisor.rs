//! What a service manager is told over a real datagram socket.

use std::{
    os::unix::net::UnixDatagram,
    path::Path,
    time::{Duration, Instant},
};

use super::{DEADLINE, Serving, get, text};

/// The service manager's end.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self(socket)
    }

    fn next(&self) -> String {
        let mut message = [0; 1_024];
        let length = self.0.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    }

    /// The next message with this line.
    fn until(&self, line: &str) -> String {
        let began = Instant::now();
        loop {
            let message = self.next();
            if message.lines().any(|said| said == line) {
                return message;
            }
            assert!(began.elapsed() < DEADLINE, "{line} was not said");
        }
    }

    /// Whether the watchdog is told anything within this time.
    fn hears_the_watchdog_within(&self, time: Duration) -> bool {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.0
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .unwrap();
            let mut message = [0; 1_024];
            if let Ok(length) = self.0.recv(&mut message)
                && message[..length].starts_with(b"WATCHDOG=1")
            {
                return true;
            }
        }
        false
    }
}

#[test]
fn it_says_when_it_is_ready_reloads_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager::listen(&path);
    let variables = [("NOTIFY_SOCKET", text(&path))];
    let mut server = Serving::start(&folder.path().join("country"), &[], &variables);
    let ready = manager.next();
    assert!(ready.starts_with("READY=1\nSTATUS=serving"), "{ready}");
    for (address, path) in [
        (server.public, "/v1/VN/index"),
        (server.staff, "/portal/"),
        (server.ops, "/readyz"),
    ] {
        assert!(get(address, path).is_some(), "{path}");
    }
    server.signal("HUP");
    let reloading = manager.until("RELOADING=1");
    let time = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(time.unwrap().parse::<u64>().unwrap() > 0, "{reloading}");
    manager.until("READY=1");
    server.signal("TERM");
    let stopping = manager.until("STOPPING=1");
    assert!(stopping.contains("EXTEND_TIMEOUT_USEC="), "{stopping}");
    assert!(server.ended().0.success());
}

#[test]
fn a_writer_that_hangs_is_not_vouched_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager::listen(&path);
    let data_dir = folder.path().join("country");
    // Told three times in this time.
    let watchdog = Duration::from_millis(900);
    let microseconds = watchdog.as_micros().to_string();
    let variables = [
        ("NOTIFY_SOCKET", text(&path)),
        ("WATCHDOG_USEC", &microseconds),
    ];
    let _server = Serving::start(&data_dir, &[], &variables);
    for _ in 0..3 {
        manager.until("WATCHDOG=1");
    }
    // Whoever holds the database keeps the writer waiting.
    let database = rusqlite::Connection::open(data_dir.join("truyvet.db")).unwrap();
    database.busy_timeout(DEADLINE).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    // One may be on its way; after it there is none.
    manager.hears_the_watchdog_within(watchdog / 3);
    assert!(!manager.hears_the_watchdog_within(2 * watchdog));
    database.execute_batch("ROLLBACK").unwrap();
    assert!(manager.hears_the_watchdog_within(DEADLINE));
}
