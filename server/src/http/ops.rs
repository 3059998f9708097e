//! What operators' tools ask: is it alive, is it ready, which version is it.

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tracing::warn;

use crate::context::Context;

pub(crate) fn ops_routes(context: Arc<Context>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route(
            "/version",
            get(async || concat!(env!("CARGO_PKG_VERSION"), "\n")),
        )
        .with_state(context)
}

async fn ready(State(context): State<Arc<Context>>) -> (StatusCode, &'static str) {
    match context.store.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "store unavailable\n")
        }
    }
}
