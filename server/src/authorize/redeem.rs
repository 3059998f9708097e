//! The step from an upload code to a blind token: after it, nothing ties the upload to the code.

use prost::Message as _;
use truyvet_crypto::{
    CodeError, UploadCode,
    token::{BlindedNonce, Evaluation, TokenError, TokenMetadata},
};
use truyvet_matching::Region;
use truyvet_proto::{uniform::REDEEM_REQUEST_BYTES, v1 as pb};

use super::Source;
use crate::{
    context::{Context, Step},
    store::{Grant, Redeemed, Redemption, StoreError},
    telemetry::Metric,
};

/// What the phone unblinds into a token.
#[derive(Debug)]
pub struct RedeemedToken {
    /// The issuer's answer.
    pub evaluation: Evaluation,
    /// What the token says in the open.
    pub metadata: TokenMetadata,
    /// Where the officer said to publish.
    pub region: Region,
}

/// What a redeem call came to.
#[derive(Debug)]
pub enum RedeemAnswer {
    /// The code became a token.
    Token(RedeemedToken),
    /// It was a decoy: nothing was looked at, nothing is kept.
    Decoy,
}

/// Why no token was given. No code is spent then.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// Every call has one size, so that its length tells nothing.
    #[error(
        "padding: the request has {found} bytes, every redeem request has {REDEEM_REQUEST_BYTES}"
    )]
    Size {
        /// Size of this one.
        found: usize,
    },
    /// Cannot be a code: mistyped. Says nothing of which codes exist.
    #[error("upload_code: {0}")]
    Malformed(#[from] CodeError),
    /// Not a group element.
    #[error("blinded_element: {0}")]
    BlindedElement(#[from] TokenError),
    /// Unknown, used, expired and revoked get one answer, so guessing teaches nothing.
    #[error("upload code refused")]
    CodeRefused,
    /// Too many wrong codes came from where this one comes from, or from everywhere: it was not looked at.
    #[error("too many wrong upload codes: come again in {retry_after_seconds} s")]
    Braked {
        /// When.
        retry_after_seconds: u32,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Spends a code on a blinded nonce. The same code with the same blinded nonce gets the same answer again, so that a
/// lost answer costs nobody their code. Of a decoy nothing but its size is looked at: it costs neither the brake nor the
/// store anything, and whoever calls a request a decoy gets nothing for it.
///
/// - `source`: where the call came from; forgotten with the call, but for the brake's counts.
///
/// # Errors
/// [`RedeemError`]; the code is not spent then.
pub async fn redeem(
    context: &Context,
    source: &Source,
    request: pb::RedeemRequest,
) -> Result<RedeemAnswer, RedeemError> {
    let found = request.encoded_len();
    if found != REDEEM_REQUEST_BYTES {
        return Err(RedeemError::Size { found });
    }
    // No `..` here: a field added to the proto must be handled before this compiles again.
    let pb::RedeemRequest {
        upload_code,
        blinded_element,
        decoy,
        padding: _,
    } = request;
    if decoy {
        return Ok(RedeemAnswer::Decoy);
    }
    context.reached(Step::RedeemReceived);
    let code = UploadCode::parse(&zeroize::Zeroizing::new(upload_code))?;
    let blinded = BlindedNonce::parse(&blinded_element)?;
    let now = context.now();
    // Before the look-up, so that a source that is held learns of no code whether it is good.
    let guess = context
        .brake
        .admit(source, now)
        .map_err(|braked| RedeemError::Braked {
            retry_after_seconds: braked.retry_after_seconds,
        })?;
    let redemption = Redemption {
        code_hash: code.hash(&context.keys.code_key),
        blinded_digest: blinded.digest(),
        now,
    };
    let redeemed = context.store.redeem_code(redemption).await;
    if !matches!(redeemed, Ok(Redeemed::Refused)) {
        guess.was_no_guess();
    }
    match redeemed? {
        Redeemed::Refused => {
            context.telemetry.count(Metric::WrongGuesses, &[]);
            Err(RedeemError::CodeRefused)
        }
        Redeemed::Granted(Grant { metadata, region }) => {
            context.reached(Step::RedeemStored);
            let issuer = &context.keys.token_issuer;
            Ok(RedeemAnswer::Token(RedeemedToken {
                evaluation: issuer.evaluate(&blinded, &metadata, &mut context.rng()),
                metadata,
                region,
            }))
        }
    }
}
