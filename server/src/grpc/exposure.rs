//! `ExposureService`: configuration, index, batches.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, async_trait};
use truyvet_matching::{Digest, Region};
use truyvet_proto::v1::{
    DownloadBatchRequest, DownloadBatchResponse, GetConfigRequest, GetConfigResponse,
    ListBatchesRequest, ListBatchesResponse, exposure_service_server::ExposureService,
};

use super::status;
use crate::{
    context::Context,
    download::{self, Handout},
    publish::PublishError,
    telemetry::Metric,
};

/// Longest piece of a file in one message.
const PIECE_BYTES: usize = 64 << 10;

pub(super) struct Exposure(Arc<Context>);

impl Exposure {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }

    fn count(&self, what: &str, answer: &str) {
        let telemetry = &self.0.telemetry;
        telemetry.count(Metric::Downloads, &[what, answer]);
    }
}

#[async_trait]
impl ExposureService for Exposure {
    async fn get_config(
        &self,
        _: Request<GetConfigRequest>,
    ) -> Result<Response<GetConfigResponse>, Status> {
        self.count("config", "full");
        Ok(Response::new(GetConfigResponse {
            config: Some(download::signed_config(&self.0)),
        }))
    }

    async fn list_batches(
        &self,
        request: Request<ListBatchesRequest>,
    ) -> Result<Response<ListBatchesResponse>, Status> {
        let ListBatchesRequest { region } = request.into_inner();
        let index = region
            .parse::<Region>()
            .ok()
            .and_then(|region| self.0.catalog.index(region))
            .ok_or_else(|| {
                self.count("index", "not_found");
                status::of_publish(&PublishError::UnknownRegion)
            })?;
        self.count("index", "full");
        let bytes = index.bytes.len() as u64;
        let telemetry = &self.0.telemetry;
        telemetry.add(Metric::DownloadBytes, &["index"], bytes);
        Ok(Response::new(ListBatchesResponse {
            index: Some(index.signed.clone()),
        }))
    }

    type DownloadBatchStream =
        Pin<Box<dyn Stream<Item = Result<DownloadBatchResponse, Status>> + Send>>;

    async fn download_batch(
        &self,
        request: Request<DownloadBatchRequest>,
    ) -> Result<Response<Self::DownloadBatchStream>, Status> {
        let DownloadBatchRequest { digest, offset } = request.into_inner();
        let digest: [u8; 32] = digest
            .try_into()
            .map_err(|_| status::bad_field("DIGEST_LENGTH", "digest", &"digest: 32 bytes"))?;
        let batch = self
            .0
            .catalog
            .batch(Digest::from_bytes(digest))
            .ok_or_else(|| {
                self.count("batch", "not_found");
                status::not_found("NO_SUCH_BATCH", &"no such batch")
            })?;
        if offset >= batch.file_bytes {
            self.count("batch", "not_found");
            let text = "offset: behind the end of the file";
            return Err(status::bad_field("OFFSET", "offset", &text));
        }
        let pieces = Handout::open(&self.0, batch, offset..batch.file_bytes, PIECE_BYTES)
            .await
            .map_err(|_| status::batch_store_unavailable())?
            .map(|piece| match piece {
                Ok(piece) => Ok(DownloadBatchResponse { piece }),
                Err(_) => Err(status::batch_store_unavailable()),
            });
        Ok(Response::new(Box::pin(pieces)))
    }
}
