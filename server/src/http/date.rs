//! `Date`, for all answers but gRPC's.
//!
//! hyper puts it into every answer. Compressed as HTTP/2 does, its length differs from second to second, so that not even
//! two equal calls of a phone would have the same number of bytes; and no gRPC client asks for it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{Router, extract::State, http::header::CONTENT_TYPE, middleware, response::Response};
use headers::HeaderMapExt as _;

use crate::context::Context;

/// Puts the server's time into all answers of these routes but gRPC's. Over HTTP/2 nobody else does.
pub(crate) fn dated(routes: Router, context: Arc<Context>) -> Router {
    routes.layer(middleware::map_response_with_state(context, add_date))
}

async fn add_date(State(context): State<Arc<Context>>, mut response: Response) -> Response {
    let kind = response.headers().get(CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        return response;
    }
    if let Ok(seconds) = u64::try_from(context.now().unix_seconds()) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        response
            .headers_mut()
            .typed_insert(headers::Date::from(now));
    }
    response
}
