//! The form that sends a file: the same checks as for every other form, and a size of its own.

use std::sync::Arc;

use axum::{
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts as _, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bytes::{Bytes, BytesMut};

use super::{answer::Failure, posted::is_from_here, visitor::Desk};
use crate::{
    authorize::import::MAX_BYTES,
    context::Context,
    portal::paths::{CSRF_FIELD, ONCE_FIELD},
};

/// Beyond [`MAX_BYTES`] a file is read and thrown away: a browser that is cut off while it sends shows no page that says
/// why, but that the connection failed.
const DRAINED_BYTES: usize = 16 << 20;

/// A form of somebody who is signed in, with one file.
pub(super) struct DeskFile {
    pub(super) desk: Desk,
    /// The form's number.
    pub(super) once: String,
    /// `None` if it is longer than any file that is taken.
    pub(super) file: Option<Bytes>,
}

/// For the route that takes files: all others keep the limit of forms.
pub(super) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(DRAINED_BYTES)
}

impl FromRequest<Arc<Context>> for DeskFile {
    type Rejection = Response;

    async fn from_request(request: Request, context: &Arc<Context>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let mut when_read = parts.clone();
        let desk = Desk::from_request_parts(&mut parts, context).await?;
        let refused = || desk.fail(Failure::FormRefused).into_response();
        if !is_from_here(
            &desk.visitor.headers,
            &desk.context().settings.portal_origin,
        ) {
            return Err(refused());
        }
        let request = Request::from_parts(parts, body);
        let form = Multipart::from_request(request, context).await;
        let mut form = form.map_err(|_| refused())?;
        match fields(&desk, &mut form).await {
            Ok(Some((once, file))) => {
                // Once more: a file that comes slowly must not outlive the session it came with.
                let desk = Desk::from_request_parts(&mut when_read, context).await?;
                Ok(Self { desk, once, file })
            }
            Ok(None) => Err(refused()),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(desk.fail(Failure::TooLarge).into_response())
            }
            Err(_) => Err(refused()),
        }
    }
}

type Fields = Option<(String, Option<Bytes>)>;

/// Number and file; `None` for a form that is none of ours. The token stands before all else: nothing more is read of a
/// forged one.
async fn fields(desk: &Desk, form: &mut Multipart) -> Result<Fields, MultipartError> {
    let token = text(form, CSRF_FIELD).await?;
    if !token.is_some_and(|token| desk.visitor.is_form_token(&token)) {
        return Ok(None);
    }
    let Some(once) = text(form, ONCE_FIELD).await? else {
        return Ok(None);
    };
    match form.next_field().await? {
        Some(field) if field.name() == Some("file") => Ok(Some((once, file(field).await?))),
        _ => Ok(None),
    }
}

/// The next field, if it is called so.
async fn text(form: &mut Multipart, name: &str) -> Result<Option<String>, MultipartError> {
    match form.next_field().await? {
        Some(field) if field.name() == Some(name) => field.text().await.map(Some),
        _ => Ok(None),
    }
}

async fn file(mut field: Field<'_>) -> Result<Option<Bytes>, MultipartError> {
    let mut file = BytesMut::new();
    let mut too_long = false;
    while let Some(chunk) = field.chunk().await? {
        too_long |= file.len() + chunk.len() > MAX_BYTES;
        if !too_long {
            file.extend_from_slice(&chunk);
        }
    }
    Ok((!too_long).then(|| file.freeze()))
}
