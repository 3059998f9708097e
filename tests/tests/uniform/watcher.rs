//! Whoever watches: a relay in front of a server that passes on every byte and writes down every TLS record.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Instant,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use truyvet_tests::process::DEADLINE;

/// Content type of TLS records that are encrypted.
const ENCRYPTED: u8 = 23;

/// What a record of TLS 1.3 has besides its content: the content type inside, and AES-GCM's or Poly1305's tag.
const OVERHEAD: usize = 17;

/// Shorter than any request or answer of `ReportService`, longer than what HTTP/2 says besides.
const A_MESSAGE: usize = 256;

/// One TLS record, as it passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record {
    /// When its last byte passed.
    pub(crate) at: Instant,
    pub(crate) content_type: u8,
    /// Without the five bytes of its header.
    pub(crate) bytes: usize,
}

/// Everything that passed over one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// From phone to server.
    pub(crate) up: Vec<Record>,
    pub(crate) down: Vec<Record>,
}

/// The sizes of a line: the bytes each way that are not TLS's own framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sizes {
    pub(crate) up: usize,
    pub(crate) down: usize,
}

impl Line {
    pub(crate) fn sizes(&self) -> Sizes {
        let sum = |records: &[Record]| records.iter().map(Record::content).sum();
        Sizes {
            up: sum(&self.up),
            down: sum(self.down_until_goodbye()),
        }
    }

    /// Whether the server's own goodbye still finds the phone there is a race that both only see when all is over.
    fn down_until_goodbye(&self) -> &[Record] {
        // The phone's are its last two records: HTTP/2's, then TLS's.
        let goodbye = self.up.iter().nth_back(1).unwrap().at;
        let until = self.down.partition_point(|record| record.at < goodbye);
        &self.down[..until]
    }

    /// Sizes of all encrypted records, each way: how its content was cut into records.
    pub(crate) fn shape(&self) -> [Vec<usize>; 2] {
        [&self.up[..], self.down_until_goodbye()].map(|records| {
            let encrypted = records.iter().filter(|r| r.content_type == ENCRYPTED);
            encrypted.map(|record| record.bytes).collect()
        })
    }

    /// Records upward that hold (the end of) a request, in order.
    pub(crate) fn requests(&self) -> Vec<Record> {
        messages(&self.up)
    }

    /// Records downward that hold (the beginning of) an answer, in order; those of the handshake, which are as long, come
    /// before the first request.
    pub(crate) fn answers(&self) -> Vec<Record> {
        let Some(first) = self.requests().first().copied() else {
            return vec![];
        };
        let mut answers = messages(&self.down);
        answers.retain(|record| record.at > first.at);
        answers
    }

    /// Milliseconds from the last request to its answer.
    pub(crate) fn answered_in_ms(&self) -> f64 {
        let (asked, answered) = (self.requests().pop(), self.answers().pop());
        let (Some(asked), Some(answered)) = (asked, answered) else {
            panic!("no call on {self:?}");
        };
        milliseconds(asked.at, answered.at)
    }
}

pub(crate) fn milliseconds(from: Instant, until: Instant) -> f64 {
    until.duration_since(from).as_secs_f64() * 1e3
}

fn messages(records: &[Record]) -> Vec<Record> {
    let of_a_message = |r: &&Record| r.content_type == ENCRYPTED && r.content() >= A_MESSAGE;
    records.iter().filter(of_a_message).copied().collect()
}

impl Record {
    fn content(&self) -> usize {
        match self.content_type {
            ENCRYPTED => self.bytes.saturating_sub(OVERHEAD),
            _ => self.bytes,
        }
    }
}

/// The relay. One flow of calls at a time.
pub(crate) struct Watcher {
    pub(crate) address: SocketAddr,
    lines: Arc<Mutex<Vec<JoinHandle<Line>>>>,
    accepting: JoinHandle<()>,
}

impl Watcher {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let opened = Arc::clone(&lines);
        let accepting = tokio::spawn(async move {
            while let Ok((phone, _)) = listener.accept().await {
                opened
                    .lock()
                    .unwrap()
                    .push(tokio::spawn(relay(phone, server)));
            }
        });
        Self {
            address,
            lines,
            accepting,
        }
    }

    /// All connections since the last time, in the order in which they were opened; waits until they have ended.
    pub(crate) async fn take(&self) -> Vec<Line> {
        let opened = std::mem::take(&mut *self.lines.lock().unwrap());
        let mut lines = Vec::new();
        for line in opened {
            let ended = timeout(DEADLINE, line).await;
            lines.push(ended.expect("it ends in time").unwrap());
        }
        lines
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn relay(phone: TcpStream, server: SocketAddr) -> Line {
    let server = TcpStream::connect(server).await.unwrap();
    phone.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_phone, to_phone) = phone.into_split();
    let (from_server, to_server) = server.into_split();
    let (up, down) = tokio::join!(pass(from_phone, to_server), pass(from_server, to_phone));
    Line { up, down }
}

/// Passes bytes on until there are no more. A side that is gone has no more, and takes none.
async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Vec<Record> {
    let (mut records, mut pending) = (Vec::new(), Vec::new());
    let mut piece = vec![0; 32 << 10];
    while let Ok(length) = from.read(&mut piece).await
        && length > 0
    {
        let at = Instant::now();
        // Before it is passed on: the answer must not be seen before its request.
        pending.extend_from_slice(&piece[..length]);
        while let Some(bytes) = first_record(&pending) {
            records.push(Record {
                at,
                content_type: pending[0],
                bytes,
            });
            pending.drain(..5 + bytes);
        }
        let _ = to.write_all(&piece[..length]).await;
    }
    assert!(pending.is_empty(), "a record was cut off");
    let _ = to.shutdown().await;
    records
}

/// Length of the first record, if all of it is here.
fn first_record(bytes: &[u8]) -> Option<usize> {
    let &[_, _, _, high, low, ..] = bytes else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    (bytes.len() >= 5 + length).then_some(length)
}
