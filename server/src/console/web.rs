//! Requests for the console, and who may make them.
//!
//! There is no sign-in: whoever reaches the ops address may look, as at `/metrics`; it is a loopback address unless
//! configured otherwise, and nothing shown is secret or about a person. A page elsewhere could still make an operator's
//! browser ask, by a name that it makes lead to this machine (DNS rebinding); browsers then say that name. So on a loopback
//! address names other than `localhost` are refused, for all of the ops listener. Who opens it to a network decides there
//! who gets through.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Authority},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;

use super::{gather, page, view::Span};
use crate::context::Context;

const STYLE: &str = concat!(
    include_str!("../portal/assets/portal.css"),
    include_str!("assets/console.css")
);
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = include_str!("../portal/assets/icon.svg");

/// Everything from here, nothing inline, nothing sent.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// `?span=six_hours`.
#[derive(Deserialize)]
struct Asked {
    span: Option<Span>,
}

pub(crate) fn console_routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/", get(async || Redirect::to(page::PATH)))
        .route(page::PATH, get(console))
        .route(page::JSON, get(json))
        .route(
            page::STYLE,
            get(async || file("text/css; charset=utf-8", STYLE)),
        )
        .route(
            page::SCRIPT,
            get(async || file("text/javascript; charset=utf-8", SCRIPT)),
        )
        .route(page::ICON, get(async || file("image/svg+xml", ICON)))
        .layer(middleware::map_response(with_headers))
}

async fn console(State(context): State<Arc<Context>>, Query(asked): Query<Asked>) -> Response {
    let view = gather::view(&context, asked.span.unwrap_or(Span::Hour)).await;
    let html = page::page(&view).into_string();
    file("text/html; charset=utf-8", html)
}

async fn json(State(context): State<Arc<Context>>, Query(asked): Query<Asked>) -> Response {
    let view = gather::view(&context, asked.span.unwrap_or(Span::Hour)).await;
    match serde_json::to_string(&view) {
        Ok(json) => file("application/json", json),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn file(content_type: &'static str, body: impl IntoResponse) -> Response {
    let kind = HeaderValue::from_static(content_type);
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Refuses a name other than `localhost` on a loopback address.
pub(crate) async fn only_to_this_machine_by_name(
    State(context): State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let loopback = context.settings.ops_listen.ip().is_loopback();
    // HTTP/2 has it in the address, HTTP/1 in a header.
    let authority = request.uri().authority().cloned();
    let host = authority.map_or_else(|| host(request.headers()), |a| Some(a.host().to_owned()));
    if loopback && !host.is_none_or(|host| leads_here(&host)) {
        let words = "This address answers to localhost and to its IP address alone.\n";
        return (StatusCode::MISDIRECTED_REQUEST, words).into_response();
    }
    next.run(request).await
}

/// Without its port. A request without one is from no browser.
fn host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().unwrap_or("?");
    let authority = host.parse::<Authority>();
    Some(authority.map_or_else(|_| "?".to_owned(), |authority| authority.host().to_owned()))
}

/// Whether nobody elsewhere can have given this name.
fn leads_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_can_give_do_not_lead_here() {
        for here in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "192.0.2.7"] {
            assert!(leads_here(here), "{here}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "",
            "?",
        ] {
            assert!(!leads_here(other), "{other}");
        }
        let headers = |host: &str| {
            [(header::HOST, host.parse().unwrap())]
                .into_iter()
                .collect()
        };
        assert_eq!(
            host(&headers("evil.example:8442")).as_deref(),
            Some("evil.example")
        );
        assert_eq!(host(&headers("[::1]:8442")).as_deref(), Some("[::1]"));
        assert_eq!(host(&headers("a b")).as_deref(), Some("?"));
        assert_eq!(host(&HeaderMap::new()), None);
    }

    #[test]
    fn assets_fetch_nothing_from_elsewhere() {
        for body in [STYLE, SCRIPT, ICON] {
            let body = body.replace("http://www.w3.org/2000/svg", "");
            for forbidden in ["http:", "https:", "url(", "@import", "@font-face", "eval("] {
                assert!(!body.contains(forbidden), "{forbidden}");
            }
        }
        assert!(SCRIPT.lines().count() < 100);
    }
}
