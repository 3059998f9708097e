//! The two calls of an upload, a withdrawal or a decoy: always both, in one order, with the same gaps between them.
//!
//! What this phone computes and writes between two calls differs from one to the other, and would show as time. So each
//! call begins a constant time after the answer before it (or, if that was too short, at the next multiple).

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tonic::{Response, Status};
use truyvet_proto::v1::{
    GrantedToken, RedeemRequest, UploadRequest, report_service_client::ReportServiceClient,
};

use super::UploadError;
use crate::{connection::Connection, refusal::ServerRefusal};

/// The calls that follow a configuration which was fetched just now.
pub(super) struct Calls<'a> {
    connection: &'a Connection,
    /// When the last answer came.
    answered: Instant,
    /// The last call got no answer at all, as whoever watches saw.
    cut_off: bool,
}

impl<'a> Calls<'a> {
    pub(super) fn begin(connection: &'a Connection) -> Self {
        Self {
            connection,
            answered: Instant::now(),
            cut_off: false,
        }
    }

    /// Presents a code, or only looks like it, over the connection that the configuration came by.
    pub(super) async fn redeem(
        &mut self,
        request: RedeemRequest,
    ) -> Result<GrantedToken, ServerRefusal> {
        self.gap().await;
        let mut client = ReportServiceClient::new(self.connection.channel());
        let answer = client.redeem(request).await;
        Ok(self.ended(answer)?.into_result()?)
    }

    /// Sends an upload, or what looks like one, over a connection of its own: nothing is to tie it to the code.
    pub(super) async fn upload(&mut self, request: UploadRequest) -> Result<(), UploadError> {
        self.gap().await;
        let mut client = ReportServiceClient::new(self.connection.fresh_channel()?);
        let answer = client.upload(request).await;
        let answer = self.ended(answer).map(|answer| answer.into_result());
        answer
            .flatten()
            .map_err(|status| UploadError::Refused(status.into()))
    }

    /// In the place of a code that was presented before.
    pub(super) async fn decoy_redeem(&mut self) -> Result<(), UploadError> {
        let answer = self.redeem(RedeemRequest::decoy()).await;
        answer.map(drop).map_err(UploadError::Redeem)
    }

    /// In the place of an upload that there will not be. After a call that got no answer nobody expects one.
    ///
    /// - `upload_bytes`: of the deployment.
    pub(super) async fn decoy_upload(&mut self, upload_bytes: usize) -> Result<(), UploadError> {
        if self.cut_off {
            return Ok(());
        }
        let request = UploadRequest::decoy(upload_bytes).map_err(|_| UploadError::Size {
            found: 0,
            upload_bytes,
        })?;
        self.upload(request).await
    }

    fn ended<T>(&mut self, answer: Result<Response<T>, Status>) -> Result<T, Status> {
        self.answered = Instant::now();
        self.cut_off = answer.is_err();
        answer.map(Response::into_inner)
    }

    async fn gap(&self) {
        let gap = self.connection.report_gap();
        let gaps = gaps(self.answered.elapsed(), gap);
        sleep_until(self.answered + gap * gaps).await;
    }
}

/// The first multiple of `gap` that has not passed, from 1.
fn gaps(passed: Duration, gap: Duration) -> u32 {
    let whole = passed.as_nanos().checked_div(gap.as_nanos()).unwrap_or(0);
    u32::try_from(whole).unwrap_or(u32::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_than_the_gap_waits_for_its_next_multiple() {
        let gap = Duration::from_millis(250);
        for (passed_ms, multiple) in [(0, 1), (249, 1), (250, 2), (600, 3)] {
            assert_eq!(gaps(Duration::from_millis(passed_ms), gap), multiple);
        }
        assert_eq!(gaps(Duration::from_millis(7), Duration::ZERO), 1);
    }
}
