//! Downloads one batch file: goes on where the last try stopped, and reads not a byte more than was announced.

use reqwest::{StatusCode, header};
use truyvet_matching::Digest;

use super::{BatchFault, MAX_FILE_BYTES, index::Entry, parts::Parts};
use crate::connection::{Connection, HttpError};

/// A download may take so many times as long as another request.
const TIMEOUTS: u32 = 10;

/// The whole file, its SHA-256 checked. What was downloaded stays in `parts` until the caller discards it; wrong bytes
/// are discarded here.
pub(super) async fn download(
    connection: &Connection,
    parts: &Parts,
    entry: &Entry,
) -> Result<Vec<u8>, BatchFault> {
    let digest = entry.digest;
    if entry.file_bytes > MAX_FILE_BYTES {
        return Err(HttpError::TooLong(MAX_FILE_BYTES).into());
    }
    if parts.len(digest)? > entry.file_bytes {
        parts.discard(digest)?;
    }
    if parts.len(digest)? < entry.file_bytes {
        fill(connection, parts, entry).await?;
    }
    let file = parts.read(digest)?;
    if Digest::of(&file) != digest {
        parts.discard(digest)?;
        return Err(BatchFault::Digest);
    }
    Ok(file)
}

/// Appends what is missing.
async fn fill(connection: &Connection, parts: &Parts, entry: &Entry) -> Result<(), BatchFault> {
    let digest = entry.digest;
    let mut have = parts.len(digest)?;
    let mut headers = header::HeaderMap::new();
    if have > 0 {
        let range = format!("bytes={have}-");
        headers.insert(header::RANGE, range.parse().expect("digits"));
    }
    let path = format!("v1/batches/{digest}.tvb");
    let mut response = connection.get(&path, headers, TIMEOUTS).await?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if starts_at(&response, have) => {}
        StatusCode::OK => {
            // The whole file: a server need not know ranges.
            parts.discard(digest)?;
            have = 0;
        }
        status => {
            // There is no such file, or no such range of it: the next try starts from the beginning. After anything
            // else, a busy server above all, it goes on from here.
            if matches!(
                status,
                StatusCode::PARTIAL_CONTENT
                    | StatusCode::NOT_FOUND
                    | StatusCode::GONE
                    | StatusCode::RANGE_NOT_SATISFIABLE
            ) {
                parts.discard(digest)?;
            }
            return Err(HttpError::Status(status.as_u16()).into());
        }
    }
    while let Some(piece) = response.chunk().await.map_err(HttpError::from)? {
        have += piece.len() as u64;
        if have > entry.file_bytes {
            parts.discard(digest)?;
            return Err(HttpError::TooLong(entry.file_bytes).into());
        }
        parts.append(digest, &piece)?;
    }
    if have < entry.file_bytes {
        return Err(BatchFault::Truncated {
            expected: entry.file_bytes,
            found: have,
        });
    }
    Ok(())
}

/// `Content-Range: bytes {have}-…`
fn starts_at(response: &reqwest::Response, have: u64) -> bool {
    response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok()?.strip_prefix("bytes "))
        .and_then(|range| range.split_once('-'))
        .is_some_and(|(start, _)| start.parse() == Ok(have))
}
