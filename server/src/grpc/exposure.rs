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
use crate::{context::Context, download, publish::PublishError};

/// Longest piece of a file in one message.
const PIECE_BYTES: usize = 64 << 10;

pub(super) struct Exposure(Arc<Context>);

impl Exposure {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }
}

#[async_trait]
impl ExposureService for Exposure {
    async fn get_config(
        &self,
        _: Request<GetConfigRequest>,
    ) -> Result<Response<GetConfigResponse>, Status> {
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
            .ok_or_else(|| status::of_publish(&PublishError::UnknownRegion))?;
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
            .ok_or_else(|| status::not_found("NO_SUCH_BATCH", &"no such batch"))?;
        if offset >= batch.file_bytes {
            let text = "offset: behind the end of the file";
            return Err(status::bad_field("OFFSET", "offset", &text));
        }
        let pieces = download::open(&self.0, &batch, offset..batch.file_bytes)
            .await
            .map_err(|error| status::of_publish(&error.into()))?
            .flat_map(|read| {
                let pieces: Vec<_> = match read {
                    Ok(mut bytes) => {
                        let mut pieces = Vec::new();
                        while !bytes.is_empty() {
                            let piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
                            pieces.push(Ok(DownloadBatchResponse { piece }));
                        }
                        pieces
                    }
                    Err(error) => vec![Err(status::of_publish(&error.into()))],
                };
                futures_util::stream::iter(pieces)
            });
        Ok(Response::new(Box::pin(pieces)))
    }
}
