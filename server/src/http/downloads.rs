//! `GET /v1/{region}/index` and `GET /v1/batches/{digest}.tvb`, with entity tags, ranges and cache lifetimes.
//!
//! Served with identity encoding: batch files do not compress, trying only burns CPU. No answer depends on anything but
//! the path and its preconditions: no `Vary`, no cookie, so that any cache may stand in front.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse, Response},
    routing::get,
};
use headers::{ContentLength, ContentRange, HeaderMapExt as _};
use truyvet_matching::Region;

use super::{
    conditions::{Wanted, wanted},
    zero_copy::Outgoing,
};
use crate::{
    batch_store::lifetimes,
    context::Context,
    download::{Handout, digest_of_path},
    settings::Settings,
    store::PublishedBatch,
    telemetry::Metric,
};

/// A batch that is not there may be published the next moment.
const NOT_FOUND_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=5");

/// What went wrong is nobody's to keep.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// Length of the longest piece of a batch on its way to a connection: few system calls, and still told in time how much
/// was handed over.
const PIECE_BYTES: usize = 1 << 20;

#[derive(Clone)]
struct Downloads {
    context: Arc<Context>,
    index_cache: HeaderValue,
}

pub(crate) fn download_routes(context: Arc<Context>) -> Router {
    let index_cache = index_cache(&context.settings);
    Router::new()
        .route("/v1/{region}/index", get(index))
        .route("/v1/batches/{file}", get(batch))
        .with_state(Downloads {
            context,
            index_cache,
        })
}

fn index_cache(settings: &Settings) -> HeaderValue {
    HeaderValue::from_str(&lifetimes::index(settings)).expect("ASCII")
}

fn batch_cache(context: &Context, batch: &PublishedBatch) -> HeaderValue {
    let age_seconds = context.now().seconds_since(batch.closed_at);
    HeaderValue::from_str(&lifetimes::batch(&context.settings, age_seconds)).expect("ASCII")
}

async fn index(
    State(downloads): State<Downloads>,
    Path(region): Path<String>,
    request: Request,
) -> Response {
    let context = &downloads.context;
    let is_download = request.method() == Method::GET;
    let index = region
        .parse::<Region>()
        .ok()
        .and_then(|region| context.catalog.index(region));
    let Some(index) = index else {
        count(context, is_download, "index", "not_found");
        return not_found("no such region\n");
    };
    let mut headers = validators(downloads.index_cache.clone(), &index.etag);
    match wanted(request.method(), request.headers(), &index.etag, None) {
        Wanted::NotModified => {
            count(context, is_download, "index", "not_modified");
            (StatusCode::NOT_MODIFIED, headers).into_response()
        }
        Wanted::AnotherFile => another_file(context, is_download, "index"),
        // It is not handed out in parts.
        Wanted::All | Wanted::Part(_) | Wanted::NoSuchPart => {
            count(context, is_download, "index", "full");
            if is_download {
                let bytes = index.bytes.len() as u64;
                context
                    .telemetry
                    .add(Metric::DownloadBytes, &["index"], bytes);
            }
            headers.insert(header::CONTENT_TYPE, PROTOBUF);
            (headers, index.bytes.clone()).into_response()
        }
    }
}

async fn batch(
    State(downloads): State<Downloads>,
    Path(file): Path<String>,
    request: Request,
) -> Response {
    let context = &downloads.context;
    let is_download = request.method() == Method::GET;
    let batch = digest_of_path(&file.into()).and_then(|digest| context.catalog.batch(digest));
    let Some(batch) = batch else {
        count(context, is_download, "batch", "not_found");
        return not_found("no such batch\n");
    };
    let etag = format!("\"{}\"", batch.digest);
    let length = batch.file_bytes;
    let (status, range) = match wanted(request.method(), request.headers(), &etag, Some(length)) {
        Wanted::All => (StatusCode::OK, 0..length),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::NotModified => {
            count(context, is_download, "batch", "not_modified");
            let headers = validators(batch_cache(context, &batch), &etag);
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        Wanted::AnotherFile => return another_file(context, is_download, "batch"),
        Wanted::NoSuchPart => {
            count(context, is_download, "batch", "not_found");
            let mut headers = HeaderMap::from_iter([(header::CACHE_CONTROL, NO_STORE)]);
            headers.typed_insert(ContentRange::unsatisfied_bytes(length));
            return (StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response();
        }
    };
    let mut headers = validators(batch_cache(context, &batch), &etag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, OCTETS);
    if status == StatusCode::PARTIAL_CONTENT {
        let part = ContentRange::bytes(range.clone(), length);
        headers.typed_insert(part.expect("a range that is within the file"));
    }
    headers.typed_insert(ContentLength(range.end - range.start));
    if !is_download {
        return (status, headers).into_response();
    }
    match Handout::open(context, batch, range, PIECE_BYTES).await {
        Ok(pieces) => {
            if request.version() == Version::HTTP_11
                && let Some(outgoing) = request.extensions().get::<Outgoing>()
                && let Some(file) = pieces.file()
            {
                outgoing.announce(file);
            }
            (status, headers, Body::from_stream(pieces)).into_response()
        }
        // Logged where it was found out.
        Err(_) => {
            let headers = [
                (header::CACHE_CONTROL, NO_STORE),
                (header::RETRY_AFTER, RETRY_SECONDS),
            ];
            let text = "batch store unavailable\n";
            (StatusCode::SERVICE_UNAVAILABLE, headers, text).into_response()
        }
    }
}

/// Asking for the head alone is no download.
fn count(context: &Context, is_download: bool, what: &str, answer: &str) {
    if is_download {
        context.telemetry.count(Metric::Downloads, &[what, answer]);
    }
}

/// What says how long an answer is good, and how to ask whether it still is: of 200, 206 and 304 alike.
fn validators(cache: HeaderValue, etag: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::CACHE_CONTROL, cache);
    let etag = HeaderValue::from_str(etag).expect("a quoted digest");
    headers.insert(header::ETAG, etag);
    headers
}

fn not_found(text: &'static str) -> Response {
    let headers = [(header::CACHE_CONTROL, NOT_FOUND_CACHE)];
    (StatusCode::NOT_FOUND, headers, text).into_response()
}

fn another_file(context: &Context, is_download: bool, what: &str) -> Response {
    count(context, is_download, what, "not_found");
    let headers = [(header::CACHE_CONTROL, NO_STORE)];
    (StatusCode::PRECONDITION_FAILED, headers).into_response()
}
