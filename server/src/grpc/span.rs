//! A span around every call of ours, for traces: which call it is, and nothing of who makes it.
//!
//! What became of a phone's report is not said: by its span a decoy is what an upload is.

use std::{collections::HashSet, convert::Infallible, sync::OnceLock};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::server::NamedService;
use tower::ServiceExt as _;
use tracing::{Instrument as _, Span, field::Empty, info_span};
use truyvet_proto::FILE_DESCRIPTOR_SET;

use crate::telemetry::SPANS;

/// The service whose answers' outcomes are nobody's business.
const OF_REPORTS: &str = "truyvet.v1.ReportService";

/// The service, with a span around each of its calls.
pub(super) fn with_spans<S>(
    service: S,
) -> impl tower::Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>
+ Clone
+ Send
+ Sync
+ 'static
where
    S: tower::Service<Request, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    tower::service_fn(move |request: Request| {
        let span = span_of(S::NAME, request.uri().path());
        let service = service.clone();
        let inside = span.clone();
        async move {
            let response = service.oneshot(request).await?.into_response();
            if S::NAME != OF_REPORTS
                && let Some(status) = response.headers().get("grpc-status")
                && let Ok(status) = status.to_str()
            {
                inside.record("rpc.grpc.status_code", status);
            }
            Ok(response)
        }
        .instrument(span)
    })
}

/// - `path`: as it was asked for; only a name that a service of ours has is repeated.
fn span_of(service: &'static str, path: &str) -> Span {
    if !service.starts_with("truyvet.") {
        return Span::none();
    }
    let name = path.trim_start_matches('/');
    let name = calls().get(name).map_or("unknown", String::as_str);
    info_span!(
        target: SPANS,
        parent: None,
        "call",
        otel.name = name,
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = service,
        rpc.grpc.status_code = Empty,
    )
}

/// All calls that there are, as `package.Service/Method`.
fn calls() -> &'static HashSet<String> {
    static CALLS: OnceLock<HashSet<String>> = OnceLock::new();
    CALLS.get_or_init(|| {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)
            .expect("descriptors were compiled with the crate");
        let mut calls = HashSet::new();
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let names = (file.package(), service.name(), method.name());
                    calls.insert(format!("{}.{}/{}", names.0, names.1, names.2));
                }
            }
        }
        calls
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_that_there_are_are_known_by_name() {
        for call in ["ReportService/Upload", "OfficerService/IssueCode"] {
            assert!(calls().contains(&format!("truyvet.v1.{call}")), "{call}");
        }
        assert!(calls().len() > 15, "{:?}", calls());
        assert!(!calls().contains("truyvet.v1.ReportService/NguyenVanAn"));
    }
}
