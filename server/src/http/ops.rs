//! What operators' tools ask: is it alive, is it ready, which version is it, what has it done.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware,
    response::IntoResponse,
    routing::get,
};

use crate::{
    console::{console_routes, only_to_this_machine_by_name},
    context::Context,
};

pub(crate) fn ops_routes(context: Arc<Context>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route(
            "/version",
            get(async || concat!(env!("CARGO_PKG_VERSION"), "\n")),
        )
        .merge(console_routes())
        .layer(middleware::from_fn_with_state(
            Arc::clone(&context),
            only_to_this_machine_by_name,
        ))
        .with_state(context)
}

async fn ready(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    match context.ready_state.look(&context).await {
        Ok(()) => (StatusCode::OK, "ready\n".into()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

async fn metrics(State(context): State<Arc<Context>>) -> impl IntoResponse {
    context.sampler.look_if_due(&context).await;
    // Prometheus' text format, as the library writes it.
    let kind = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (kind, context.telemetry.render())
}
