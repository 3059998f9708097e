//! `ReportService`: redeem and upload.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use truyvet_proto::v1::{
    RedeemRequest, RedeemResponse, TokenMetadata, UploadRequest, UploadResponse,
    report_service_server::ReportService,
};

use super::{source, status};
use crate::{authorize, context::Context, upload};

pub(super) struct Report(Arc<Context>);

impl Report {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ReportService for Report {
    async fn redeem(
        &self,
        request: Request<RedeemRequest>,
    ) -> Result<Response<RedeemResponse>, Status> {
        let source = source::source(&self.0.settings, &request);
        let token = authorize::redeem(&self.0, &source, request.into_inner())
            .await
            .map_err(|error| status::of_redeem(&error))?;
        Ok(Response::new(RedeemResponse {
            evaluated_element: token.evaluation.element.to_vec(),
            proof: token.evaluation.proof.to_vec(),
            metadata: Some(TokenMetadata {
                report_type: token.metadata.report_type.byte().into(),
                first_day: token.metadata.first_day.number(),
                last_day: token.metadata.last_day.number(),
            }),
            region: token.region.to_string(),
        }))
    }

    async fn upload(
        &self,
        request: Request<UploadRequest>,
    ) -> Result<Response<UploadResponse>, Status> {
        upload::accept(&self.0, request.into_inner())
            .await
            .map(|()| Response::new(UploadResponse {}))
            .map_err(|error| status::of_upload(&error))
    }
}
