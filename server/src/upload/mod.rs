//! Takes in what confirmed cases disclose, or take back: checks a request ([`parse`]), then spends its token and stores its
//! keys, or takes them back.

mod valid;

pub(crate) use valid::TOKEN_GRACE_DAYS;
pub use valid::{KeyFault, Terms, UploadError, ValidUpload, check_size, parse, upload_bytes};

use truyvet_proto::v1 as pb;

use crate::{
    context::{Context, Step},
    store::Stored,
};

/// What an upload call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is durable now.
    Stored,
    /// It was before.
    Again,
    /// It was a decoy: nothing was looked at, nothing is kept.
    Decoy,
}

/// Takes one upload. When it returns, the upload is durable. The same request again changes nothing. Of a decoy nothing but
/// its size is looked at.
///
/// # Errors
/// [`UploadError`]; nothing is stored then and the token is not spent.
pub async fn accept(context: &Context, request: pb::UploadRequest) -> Result<Taken, UploadError> {
    check_size(&request, &context.settings)?;
    if request.decoy {
        return Ok(Taken::Decoy);
    }
    context.reached(Step::UploadReceived);
    let terms = Terms {
        settings: &context.settings,
        issuer: &context.keys.token_issuer,
        now: context.now(),
    };
    let valid = parse(request, &terms)?;
    context.reached(Step::UploadValidated);
    match context.store.store_upload(valid.into_new()).await? {
        Stored::Stored => {
            context.reached(Step::UploadStored);
            Ok(Taken::Stored)
        }
        Stored::Again => {
            context.reached(Step::UploadStored);
            Ok(Taken::Again)
        }
        Stored::TokenSpent => Err(UploadError::TokenSpent),
    }
}
