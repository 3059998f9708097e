//! Forms as they come in: from this site, from this visitor, of a bounded size; anything else is refused before it is read.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts as _, Request},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    answer::{Answer, Failure},
    visitor::{Desk, Visitor},
};
use crate::{
    context::Context,
    portal::paths::{self, CSRF_FIELD},
};

/// A form of somebody who is not signed in (or need not be).
pub(super) struct DoorForm<T> {
    pub(super) visitor: Visitor,
    pub(super) form: T,
}

/// A form of somebody who is signed in.
pub(super) struct DeskForm<T> {
    pub(super) desk: Desk,
    pub(super) form: T,
}

impl<T: DeserializeOwned + Send> FromRequest<Arc<Context>> for DoorForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let body = Bytes::from_request(whole, context).await;
        // Only now: a body that comes slowly must not outlive the session it came with.
        let visitor = Visitor::from_request_parts(&mut parts, context).await?;
        let body = body.map_err(|_| visitor.fail(Failure::TooLarge).into_response())?;
        let from_here = is_from_here(&visitor.headers, &context.settings.portal_origin);
        let ours = from_here && carries_token(&visitor, &body);
        match serde_html_form::from_bytes(&body) {
            Ok(form) if ours => Ok(Self { visitor, form }),
            // They signed in in another tab meanwhile, where the token changed: nothing is left to do here.
            _ if from_here && visitor.session.is_some() && visitor.is_signing_in() => {
                Err(Answer::to(paths::HOME).into_response())
            }
            _ => Err(visitor.fail(Failure::FormRefused).into_response()),
        }
    }
}

impl<T: DeserializeOwned + Send> FromRequest<Arc<Context>> for DeskForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        // First: whose session has ended is told so, and not that the form was forged.
        Desk::from_request_parts(&mut parts, context).await?;
        let request = Request::from_parts(parts, body);
        let DoorForm { visitor, form } = DoorForm::from_request(request, context).await?;
        let desk = Desk::of(visitor)
            .await
            .map_err(|answer| answer.into_response())?;
        Ok(Self { desk, form })
    }
}

fn carries_token(visitor: &Visitor, body: &[u8]) -> bool {
    form_urlencoded::parse(body)
        .find(|(name, _)| name == CSRF_FIELD)
        .is_some_and(|(_, token)| visitor.is_form_token(&token))
}

/// Whether the browser says that a page of this site sent it. Old ones say nothing: then the token alone decides.
pub(super) fn is_from_here(headers: &HeaderMap, portal_origin: &Url) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    match text(header::ORIGIN) {
        // What a page that tells no referrer sends.
        None | Some("null") => true,
        Some(origin) => {
            // HTTP/2 and some proxies leave out, or change, what the browser called us: then the settings say it.
            let host = origin.split_once("://").map(|(_, host)| host);
            (host.is_some() && host == text(header::HOST))
                || origin == portal_origin.origin().ascii_serialization()
        }
    }
}
