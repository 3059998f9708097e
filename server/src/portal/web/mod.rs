//! The portal over HTTP: who visits, what they may, and which page they get.
//!
//! Decides nothing: a handler reads a form, calls the domain once, and shows what came of it. What every request has in
//! common (session, form token, language, headers) is done before a handler runs.
//!
//! | module | job |
//! |---|---|
//! | [`visitor`] | session and language of a request; the frame of its page |
//! | [`posted`], [`file`] | forms: from this site, with this visitor's token |
//! | [`once`] | forms that must not work twice |
//! | [`orders`] | what the forms that issue codes have in common |
//! | [`answer`] | pages, redirections, files, failures |
//! | [`cookies`], [`headers`] | what browsers keep, and what they are told to refuse |
//! | the others | one module for each group of pages, with its routes |

mod account;
mod alerts;
mod answer;
mod audit;
mod bulk;
mod client_keys;
mod codes;
mod cookies;
mod door;
mod factors;
mod figures;
mod file;
mod headers;
mod help;
mod home;
mod imports;
mod invitation;
mod officers;
#[cfg(feature = "oidc")]
mod oidc;
mod once;
mod orders;
mod posted;
mod reports;
mod units;
mod visitor;
mod withdrawal;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};

use self::{answer::Failure, visitor::Visitor};
use crate::{
    context::Context,
    portal::{assets, paths},
};

/// Most bytes of a form. Only the one that sends a file takes more.
const MAX_FORM_BYTES: usize = 64 << 10;

/// All pages.
pub(crate) fn portal_routes(context: Arc<Context>) -> Router {
    let router = Router::new();
    #[cfg(feature = "oidc")]
    let router = router.merge(oidc::routes());
    let mut router = router
        .merge(door::routes())
        .merge(invitation::routes())
        .merge(account::routes())
        .merge(factors::routes())
        .merge(officers::routes())
        .merge(client_keys::routes())
        .merge(units::routes())
        .merge(home::routes(&context))
        .merge(codes::routes())
        .merge(withdrawal::routes(&context))
        .merge(bulk::routes(&context))
        .merge(imports::routes(&context))
        .merge(figures::routes())
        .merge(reports::routes())
        .merge(audit::routes())
        .merge(help::routes())
        .route("/", get(|| async { Redirect::to(paths::HOME) }))
        .route(paths::ANYTHING_ELSE, get(no_such_page));
    for asset in assets::ALL {
        router = router.route(asset.path, get(move || async move { asset_file(asset) }));
    }
    router
        // Whoever types, or comes back to, the address of a form alone.
        .method_not_allowed_fallback(no_such_page)
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(middleware::from_fn(headers::add))
        .with_state(context)
}

async fn no_such_page(visitor: Visitor) -> answer::Answer {
    visitor.fail(Failure::NotFound)
}

/// Pages of the next version want its own style and script: browsers ask each time.
fn asset_file(asset: assets::Asset) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, asset.body).into_response()
}
