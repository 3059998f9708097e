//! `GET /v1/{region}/index` and `GET /v1/batches/{digest}.tvb`, with entity tags, ranges and cache lifetimes.
//!
//! Served with identity encoding: batch files do not compress, trying only burns CPU.

use std::{ops::Range, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use headers::{ContentLength, ContentRange, HeaderMapExt as _};
use tracing::error;
use truyvet_matching::Region;

use crate::{
    context::Context,
    download::{self, digest_of_path},
    store::PublishedBatch,
};

/// Phones ask anew after this; a CDN absorbs the rest.
const INDEX_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// A file's name is its digest: it never changes.
const BATCH_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=1209600, immutable");

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(crate) fn download_routes(context: Arc<Context>) -> Router {
    Router::new()
        .route("/v1/{region}/index", get(index))
        .route("/v1/batches/{file}", get(batch))
        .with_state(context)
}

async fn index(
    State(context): State<Arc<Context>>,
    Path(region): Path<String>,
    request: HeaderMap,
) -> Response {
    let index = region
        .parse::<Region>()
        .ok()
        .and_then(|region| context.catalog.index(region));
    let Some(index) = index else {
        return (StatusCode::NOT_FOUND, "no such region\n").into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, INDEX_CACHE);
    insert_etag(&mut headers, &index.etag);
    if is_known(&request, &index.etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, PROTOBUF);
    (headers, index.bytes.clone()).into_response()
}

async fn batch(
    State(context): State<Arc<Context>>,
    Path(file): Path<String>,
    request: HeaderMap,
) -> Response {
    let batch = digest_of_path(&file.into()).and_then(|digest| context.catalog.batch(digest));
    let Some(batch) = batch else {
        return (StatusCode::NOT_FOUND, "no such batch\n").into_response();
    };
    let etag = format!("\"{}\"", batch.digest);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, BATCH_CACHE);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    insert_etag(&mut headers, &etag);
    if is_known(&request, &etag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, OCTETS);
    let (status, range) = match wanted(&request, &etag, &batch) {
        Wanted::All => (StatusCode::OK, 0..batch.file_bytes),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            headers.typed_insert(ContentRange::unsatisfied_bytes(batch.file_bytes));
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        let part = ContentRange::bytes(range.clone(), batch.file_bytes);
        headers.typed_insert(part.expect("a range that is within the file"));
    }
    headers.typed_insert(ContentLength(range.end - range.start));
    let is_whole = range == (0..batch.file_bytes);
    match download::open(&context, &batch, range).await {
        Ok(pieces) => {
            if is_whole {
                context.progress.handed_out(batch.digest);
            }
            (status, headers, Body::from_stream(pieces)).into_response()
        }
        Err(error) => {
            error!(%error, "a published batch cannot be read");
            (StatusCode::SERVICE_UNAVAILABLE, "batch store unavailable\n").into_response()
        }
    }
}

enum Wanted {
    All,
    Part(Range<u64>),
    Nothing,
}

/// What `Range` and `If-Range` ask for (RFC 9110, section 14). Several ranges at once get the whole file.
fn wanted(request: &HeaderMap, etag: &str, batch: &PublishedBatch) -> Wanted {
    let same_file = request
        .get(header::IF_RANGE)
        .is_none_or(|value| value.as_bytes() == etag.as_bytes());
    let Some(range) = request.typed_get::<headers::Range>().filter(|_| same_file) else {
        return Wanted::All;
    };
    // The last so many bytes of a file that has fewer are all of it; the parser takes that for unsatisfiable.
    if suffix_length(request).is_some_and(|length| length >= batch.file_bytes) {
        return Wanted::Part(0..batch.file_bytes);
    }
    let mut parts = range.satisfiable_ranges(batch.file_bytes);
    match (parts.next(), parts.next()) {
        (None, _) => Wanted::Nothing,
        (Some(_), Some(_)) => Wanted::All,
        (Some(part), None) => {
            let range = bounds(part, batch.file_bytes);
            if range.is_empty() {
                Wanted::Nothing
            } else {
                Wanted::Part(range)
            }
        }
    }
}

/// N of `Range: bytes=-N`.
fn suffix_length(request: &HeaderMap) -> Option<u64> {
    let range = request.get(header::RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes=-")?.parse().ok()
}

fn bounds(part: (std::ops::Bound<u64>, std::ops::Bound<u64>), file_bytes: u64) -> Range<u64> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let start = match part.0 {
        Included(first) => first,
        Excluded(before) => before.saturating_add(1),
        Unbounded => 0,
    };
    let end = match part.1 {
        Included(last) => last.saturating_add(1),
        Excluded(end) => end,
        Unbounded => file_bytes,
    };
    start..end.min(file_bytes)
}

fn is_known(request: &HeaderMap, etag: &str) -> bool {
    let etag: headers::ETag = etag.parse().expect("a quoted digest");
    request
        .typed_get::<headers::IfNoneMatch>()
        .is_some_and(|known| !known.precondition_passes(&etag))
}

fn insert_etag(headers: &mut HeaderMap, etag: &str) {
    let value = HeaderValue::from_str(etag).expect("a quoted digest");
    headers.insert(header::ETAG, value);
}
