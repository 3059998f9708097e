//! Who calls: the officer behind `authorization: Bearer <credential>`.

use tonic::{Request, Status};

use super::status;
use crate::{
    authorize::{self, Officer},
    context::Context,
};

/// Tells who calls and gives the message.
pub(super) async fn officer<T>(
    context: &Context,
    request: Request<T>,
) -> Result<(Officer, T), Status> {
    let credential = request
        .metadata()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(status::unauthenticated)?;
    let officer = authorize::identify(context, credential)
        .await
        .map_err(|error| status::of_store(&error))?
        .ok_or_else(status::unauthenticated)?;
    Ok((officer, request.into_inner()))
}
