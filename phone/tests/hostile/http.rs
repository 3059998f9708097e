//! An HTTP server in forty lines that answers as a test tells it to: late, short, altered or not at all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use truyvet_crypto::sign::Purpose;
use truyvet_phone::{ConnectOptions, Connection};
use truyvet_proto::v1 as pb;

use crate::publisher::{Publisher, signed};

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// First byte wanted.
    pub(crate) range: Option<usize>,
    pub(crate) if_none_match: Option<String>,
}

/// What is sent for one path.
#[derive(Clone, Default)]
pub(crate) struct Page {
    pub(crate) body: Vec<u8>,
    pub(crate) etag: Option<String>,
    /// Ranges are not known, the whole is sent.
    pub(crate) ignores_ranges: bool,
    /// The connection breaks after so many bytes of the body.
    pub(crate) breaks_after: Option<usize>,
    /// Answers with this status instead, and no body.
    pub(crate) status: Option<u16>,
    /// More lines of the head, each with its end.
    pub(crate) head: &'static str,
}

#[derive(Default)]
struct State {
    pages: HashMap<String, Page>,
    asked: Vec<Asked>,
}

/// A server that can be told at any time what to send.
pub(crate) struct Responder {
    pub(crate) connection: Connection,
    state: Arc<Mutex<State>>,
}

impl Responder {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self {
            connection: Connection::open(&url, &ConnectOptions::default()).unwrap(),
            state,
        }
    }

    pub(crate) fn send(&self, path: &str, page: Page) {
        self.state
            .lock()
            .unwrap()
            .pages
            .insert(path.to_owned(), page);
    }

    /// Changes what is sent for a path.
    pub(crate) fn change(&self, path: &str, change: impl FnOnce(&mut Page)) {
        change(self.state.lock().unwrap().pages.get_mut(path).unwrap());
    }

    /// Sends all of a publisher's batches, and this index with the payload's bytes as ETag.
    pub(crate) fn send_all(&self, publisher: &Publisher, index: &pb::Index) {
        for position in 0..publisher.batches.len() {
            let (path, body) = publisher.file(position);
            self.send(
                &path,
                Page {
                    body,
                    ..Page::default()
                },
            );
        }
        let body = signed(&publisher.key, Purpose::Index, index).encode_to_vec();
        let etag = Some(format!("\"{}\"", truyvet_matching::Digest::of(&body)));
        self.send(
            &format!("/v1/{}/index", publisher.region),
            Page {
                body,
                etag,
                ..Page::default()
            },
        );
    }

    /// What was asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        request.push(byte);
    }
    let asked = parse(&String::from_utf8_lossy(&request));
    let page = {
        let mut state = state.lock().unwrap();
        state.asked.push(asked.clone());
        state.pages.get(&asked.path).cloned()
    };
    // The peer may be gone: that is its affair.
    let _ = stream.write_all(&response(&asked, page)).await;
    let _ = stream.shutdown().await;
}

fn response(asked: &Asked, page: Option<Page>) -> Vec<u8> {
    let Some(page) = page else {
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            .to_vec();
    };
    if let Some(status) = page.status {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return head.into_bytes();
    }
    if page.etag.is_some() && page.etag == asked.if_none_match {
        let head = page.head;
        let head = format!("HTTP/1.1 304 Not Modified\r\n{head}connection: close\r\n\r\n");
        return head.into_bytes();
    }
    let from = asked.range.filter(|_| !page.ignores_ranges);
    let mut head = match from {
        Some(from) => format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {from}-{}/{}\r\n",
            page.body.len() - 1,
            page.body.len()
        ),
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let body = &page.body[from.unwrap_or(0)..];
    if let Some(etag) = &page.etag {
        head += &format!("etag: {etag}\r\n");
    }
    head += page.head;
    head += &format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let sent = page.breaks_after.unwrap_or(body.len()).min(body.len());
    [head.as_bytes(), &body[..sent]].concat()
}

fn parse(request: &str) -> Asked {
    let header = |name: &str| {
        request.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let range = header("range").map(|range| {
        let range = range.strip_prefix("bytes=").unwrap();
        range.strip_suffix('-').unwrap().parse().unwrap()
    });
    Asked {
        path: request.split(' ').nth(1).unwrap_or_default().to_owned(),
        range,
        if_none_match: header("if-none-match"),
    }
}
