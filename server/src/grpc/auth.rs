//! Who calls: the officer behind `authorization: Bearer <credential>`.

use tonic::{Request, Status};

use super::status;
use crate::{
    context::Context,
    officers::{self, Actor},
};

/// Tells who calls and gives the message.
pub(super) async fn actor<T>(context: &Context, request: Request<T>) -> Result<(Actor, T), Status> {
    let credential = request
        .metadata()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(status::unauthenticated)?;
    let actor = officers::identify(context, credential)
        .await
        .map_err(|error| status::of_store(&error))?
        .ok_or_else(status::unauthenticated)?;
    Ok((actor, request.into_inner()))
}
