//! What every phone downloads: the index, and a batch; over HTTP/1.1, from the server or from whoever has the same files.

use std::{future::poll_fn, pin::Pin, sync::Arc};

use anyhow::{Context as _, ensure};
use hyper::{Request, StatusCode, body::Body as _, header::HOST};
use prost::Message as _;
use truyvet_matching::Digest;
use truyvet_proto::v1 as pb;

use super::{
    drive::{Calls, Failure},
    remote::{Http, Remote},
};

/// A file and where it lies.
#[derive(Clone)]
pub(super) struct Published {
    /// Begins with a slash.
    pub(super) path: String,
    pub(super) bytes: Arc<Vec<u8>>,
}

/// A region's index and its newest batch, if there is one.
pub(super) async fn published(
    server: &Remote,
    region: &str,
) -> anyhow::Result<(Published, Option<Published>)> {
    let index = fetch(server, format!("/v1/{region}/index")).await?;
    let signed = pb::Signed::decode(&**index.bytes)?;
    let newest = pb::Index::decode(&*signed.payload)?.batches.pop();
    let batch = match newest {
        Some(entry) => {
            let digest = Digest::from_bytes((*entry.digest).try_into()?);
            Some(fetch(server, format!("/v1/batches/{digest}.tvb")).await?)
        }
        None => None,
    };
    Ok((index, batch))
}

/// One file, all of it.
pub(super) async fn fetch(server: &Remote, path: String) -> anyhow::Result<Published> {
    let mut bytes = Vec::new();
    let status = get(&mut server.http().await?, &server.host(), &path, |piece| {
        bytes.extend_from_slice(piece);
    })
    .await
    .with_context(|| path.clone())?;
    ensure!(status == StatusCode::OK, "{path}: {status}");
    Ok(Published {
        path,
        bytes: Arc::new(bytes),
    })
}

/// Reads an answer to its end.
async fn get(
    line: &mut Http,
    host: &str,
    path: &str,
    mut each_piece: impl FnMut(&[u8]),
) -> anyhow::Result<StatusCode> {
    // Not by itself after an answer: the connection has to see that it is over.
    line.ready().await?;
    let request = Request::get(path).header(HOST, host).body(String::new())?;
    let answer = line.send_request(request).await?;
    let status = answer.status();
    let mut body = answer.into_body();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        if let Some(piece) = frame?.data_ref() {
            each_piece(piece);
        }
    }
    Ok(status)
}

/// Phones that download one file.
pub(super) struct Downloads {
    pub(super) from: Remote,
    pub(super) file: Published,
}

impl Calls for Downloads {
    type Line = Http;
    type Answer = ();

    async fn connect(&self) -> Result<Http, Failure> {
        Ok(self.from.http().await?)
    }

    async fn call(&self, line: &mut Http, _number: usize) -> Result<(), Failure> {
        let mut length = 0;
        let host = self.from.host();
        let status = get(line, &host, &self.file.path, |piece| length += piece.len()).await?;
        if status != StatusCode::OK {
            return Err(Failure::new(status));
        }
        if length != self.file.bytes.len() {
            return Err(Failure::new("an answer of another length"));
        }
        Ok(())
    }
}
