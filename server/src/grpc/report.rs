//! `ReportService`: redeem and upload. All answers to a call have one size and leave after one time.

use std::sync::Arc;

use rand::Rng as _;
use tokio::time::Instant;
use tonic::{Request, Response, Status, async_trait};
use truyvet_crypto::token::ReportType;
use truyvet_proto::v1::{
    GrantedToken, RedeemRequest, RedeemResponse, TokenMetadata, UploadRequest, UploadResponse,
    report_service_server::ReportService,
};

use super::{
    hold::{Effort, Hold},
    source, status,
};
use crate::{
    authorize::{self, RedeemAnswer, RedeemError, RedeemedToken},
    context::Context,
    telemetry::Metric,
    upload::{self, Taken, UploadError},
};

pub(super) struct Report {
    context: Arc<Context>,
    redeems: Hold,
    uploads: Hold,
}

impl Report {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let after = context.settings.answer_after_ms;
        Self {
            redeems: Hold::new("redeem", after),
            uploads: Hold::new("upload", after),
            context,
        }
    }
}

#[async_trait]
impl ReportService for Report {
    // Both are called when the whole message is here and decoded.

    async fn redeem(
        &self,
        request: Request<RedeemRequest>,
    ) -> Result<Response<RedeemResponse>, Status> {
        let (arrived, context) = (Instant::now(), &*self.context);
        let source = source::source(&context.settings, &request);
        let answer = authorize::redeem(context, &source, request.into_inner()).await;
        let (outcome, effort) = kind_of_redeem(&answer);
        let response = match answer {
            Ok(RedeemAnswer::Token(token)) => RedeemResponse::granted(granted(token)),
            Ok(RedeemAnswer::Decoy) => RedeemResponse::granted(nothing_granted(context)),
            Err(error) => RedeemResponse::refused(&status::of_redeem(&error)),
        };
        context.telemetry.count(Metric::Redemptions, &[outcome]);
        self.redeems
            .until_due(arrived, effort, &context.telemetry, &mut context.rng())
            .await;
        Ok(Response::new(response))
    }

    async fn upload(
        &self,
        request: Request<UploadRequest>,
    ) -> Result<Response<UploadResponse>, Status> {
        let (arrived, context) = (Instant::now(), &*self.context);
        let taken = upload::accept(context, request.into_inner()).await;
        let (outcome, effort) = kind_of_upload(&taken);
        let response = match taken {
            Ok(_) => UploadResponse::accepted(),
            Err(error) => UploadResponse::refused(&status::of_upload(&error)),
        };
        context.telemetry.count(Metric::Uploads, &[outcome]);
        self.uploads
            .until_due(arrived, effort, &context.telemetry, &mut context.rng())
            .await;
        Ok(Response::new(response))
    }
}

/// As metrics name the outcome, and what it took.
fn kind_of_redeem(answer: &Result<RedeemAnswer, RedeemError>) -> (&'static str, Effort) {
    match answer {
        Ok(RedeemAnswer::Token(_)) => ("granted", Effort::Full),
        Ok(RedeemAnswer::Decoy) => ("decoy", Effort::Less),
        Err(RedeemError::CodeRefused) => ("refused", Effort::Less),
        Err(RedeemError::Braked { .. }) => ("braked", Effort::Less),
        Err(
            RedeemError::Size { .. } | RedeemError::Malformed(_) | RedeemError::BlindedElement(_),
        ) => ("malformed", Effort::Less),
        Err(RedeemError::Store(_)) => ("failed", Effort::Less),
    }
}

/// As metrics name the outcome, and what it took.
fn kind_of_upload(taken: &Result<Taken, UploadError>) -> (&'static str, Effort) {
    match taken {
        Ok(Taken::Stored) => ("accepted", Effort::Full),
        Ok(Taken::Again) => ("again", Effort::Less),
        Ok(Taken::Decoy) => ("decoy", Effort::Less),
        Err(UploadError::TokenRefused | UploadError::TokenSpent) => ("refused", Effort::Less),
        Err(
            UploadError::Size { .. }
            | UploadError::UnknownRegion
            | UploadError::NoKeys
            | UploadError::TooManyKeys { .. }
            | UploadError::Key { .. }
            | UploadError::TokenMalformed { .. },
        ) => ("malformed", Effort::Less),
        Err(UploadError::Store(_)) => ("failed", Effort::Less),
    }
}

fn granted(token: RedeemedToken) -> GrantedToken {
    GrantedToken {
        evaluated_element: token.evaluation.element.to_vec(),
        proof: token.evaluation.proof.to_vec(),
        metadata: Some(TokenMetadata {
            report_type: token.metadata.report_type.byte().into(),
            first_day: token.metadata.first_day.number(),
            last_day: token.metadata.last_day.number(),
        }),
        region: token.region.to_string(),
    }
}

/// In the form of a token, of random bytes: no proof of ours, so nothing that a phone could unblind.
fn nothing_granted(context: &Context) -> GrantedToken {
    let mut bytes = [0; 32 + 64];
    context.rng().fill_bytes(&mut bytes);
    let (element, proof) = bytes.split_at(32);
    let (settings, today) = (&context.settings, context.now().day());
    GrantedToken {
        evaluated_element: element.to_vec(),
        proof: proof.to_vec(),
        metadata: Some(TokenMetadata {
            report_type: ReportType::ConfirmedTest.byte().into(),
            first_day: today.minus_days(settings.retention_days).number(),
            last_day: today.number(),
        }),
        region: settings
            .regions
            .first()
            .map_or_else(String::new, ToString::to_string),
    }
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::{CodeError, KeyError, Scheme, SlotSet, UploadCode, token::BlindedNonce};
    use truyvet_proto::uniform::MAX_REFUSAL_BYTES;

    use super::*;
    use crate::{store::StoreError, upload::KeyFault};

    fn longest_of_each() -> Vec<Status> {
        let huge = usize::MAX;
        let key = |fault| UploadError::Key { index: 30, fault };
        let secret = KeyError::SecretBytes {
            expected: huge,
            found: huge,
        };
        let code: Vec<CodeError> = ["", "2222-222-222!", "2222-222-2223"]
            .iter()
            .filter_map(|text| UploadCode::parse(text).err())
            .collect();
        assert_eq!(code.len(), 3);
        let uploads = [
            UploadError::Size {
                expected: huge,
                found: huge,
            },
            UploadError::UnknownRegion,
            UploadError::NoKeys,
            UploadError::TooManyKeys {
                max: huge,
                found: huge,
            },
            key(KeyFault::Scheme(Scheme::Bluezone)),
            key(KeyFault::DayInFuture),
            key(KeyFault::DayTooOld),
            key(KeyFault::DayNotAuthorized),
            key(KeyFault::DayRepeated),
            key(KeyFault::Slots(
                SlotSet::parse(Scheme::Dp3t, &[0; 200_000]).unwrap_err(),
            )),
            key(KeyFault::NoSlots),
            key(KeyFault::SlotNotBegun(u32::MAX)),
            key(KeyFault::Secret(secret)),
            UploadError::TokenMalformed {
                field: "metadata.report_type",
            },
            UploadError::TokenRefused,
            UploadError::TokenSpent,
            UploadError::Store(StoreError::Busy),
            UploadError::Store(StoreError::Disk("full".into())),
            UploadError::Store(StoreError::Inconsistent("x".into())),
        ];
        let redeems = [
            RedeemError::Size { found: huge },
            RedeemError::BlindedElement(BlindedNonce::parse(&[]).unwrap_err()),
            RedeemError::CodeRefused,
            RedeemError::Braked {
                retry_after_seconds: u32::MAX,
            },
            RedeemError::Store(StoreError::Busy),
        ];
        let codes = code.into_iter().map(RedeemError::Malformed);
        let redeems = redeems.into_iter().chain(codes);
        let redeems = redeems.map(|error| status::of_redeem(&error));
        redeems
            .chain(uploads.iter().map(status::of_upload))
            .collect()
    }

    #[test]
    fn every_refusal_fits_into_an_answer_with_all_its_details() {
        for status in longest_of_each() {
            let bytes = status.details().len();
            assert!(
                (1..=MAX_REFUSAL_BYTES).contains(&bytes),
                "{bytes}: {status}"
            );
        }
    }
}
