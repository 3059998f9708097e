//! `OfficerService`: issue, look up, revoke, figures.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use truyvet_crypto::{Day, Timestamp, token::ReportType};
use truyvet_proto::v1::{
    self as pb, ExportFiguresRequest, ExportFiguresResponse, GetCodeRequest, GetCodeResponse,
    GetFiguresRequest, GetFiguresResponse, GetSelfRequest, GetSelfResponse, IssueCodeRequest,
    IssueCodeResponse, IssueCodesRequest, IssueCodesResponse, ListMissingReportsRequest,
    ListMissingReportsResponse, RevokeCodeRequest, RevokeCodeResponse, SendReportRequest,
    SendReportResponse, officer_service_server::OfficerService,
};

use super::{
    admin::{pb_officer, pb_unit},
    auth, client_keys, figures, status,
};
use crate::{
    authorize::{self, CodeOrder, CodeState, IssuedCode},
    context::Context,
    officers::{self, Actor},
};

pub(super) struct Officers(Arc<Context>);

impl Officers {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }

    async fn issue(
        &self,
        actor: &Actor,
        orders: Vec<pb::CodeOrder>,
    ) -> Result<Vec<pb::IssuedCode>, Status> {
        let orders: Vec<CodeOrder> = orders
            .into_iter()
            .enumerate()
            .map(|(index, order)| parse_order(index, order))
            .collect::<Result<_, _>>()?;
        let issued = authorize::issue(&self.0, actor, &orders)
            .await
            .map_err(|error| status::of_issue(&error))?;
        Ok(issued.iter().map(issued_code).collect())
    }
}

fn parse_order(index: usize, order: pb::CodeOrder) -> Result<CodeOrder, Status> {
    let pb::CodeOrder {
        report_type,
        onset_day,
    } = order;
    let report_type = u8::try_from(report_type)
        .ok()
        .and_then(ReportType::from_byte)
        .ok_or_else(|| {
            let field = format!("orders[{index}].report_type");
            let text = format!("{field}: unknown");
            status::bad_field("REPORT_TYPE", field, &text)
        })?;
    Ok(CodeOrder {
        report_type,
        onset_day: Day::from_number(onset_day),
    })
}

fn issued_code(issued: &IssuedCode) -> pb::IssuedCode {
    pb::IssuedCode {
        upload_code: issued.upload_code.to_string(),
        serial: issued.serial.clone(),
        expires_at: issued.expires_at.unix_seconds(),
    }
}

fn code_state(state: CodeState) -> pb::CodeState {
    match state {
        CodeState::Issued => pb::CodeState::Issued,
        CodeState::Redeemed => pb::CodeState::Redeemed,
        CodeState::Expired => pb::CodeState::Expired,
        CodeState::Revoked => pb::CodeState::Revoked,
    }
}

#[async_trait]
impl OfficerService for Officers {
    async fn get_self(
        &self,
        request: Request<GetSelfRequest>,
    ) -> Result<Response<GetSelfResponse>, Status> {
        let (actor, GetSelfRequest {}) = auth::actor(&self.0, request).await?;
        let unit = officers::own_unit(&self.0, &actor)
            .await
            .map_err(|error| status::of_store(&error))?;
        Ok(Response::new(GetSelfResponse {
            scopes: client_keys::pb_scopes(actor.permissions()),
            key_id: actor.key_id.clone().unwrap_or_default(),
            unit: unit.map(pb_unit),
            officer: Some(pb_officer(actor.officer)),
        }))
    }

    async fn issue_code(
        &self,
        request: Request<IssueCodeRequest>,
    ) -> Result<Response<IssueCodeResponse>, Status> {
        let (actor, IssueCodeRequest { order }) = auth::actor(&self.0, request).await?;
        let order =
            order.ok_or_else(|| status::bad_field("ORDER_MISSING", "order", &"order: missing"))?;
        let code = self.issue(&actor, vec![order]).await?.pop();
        Ok(Response::new(IssueCodeResponse { code }))
    }

    async fn issue_codes(
        &self,
        request: Request<IssueCodesRequest>,
    ) -> Result<Response<IssueCodesResponse>, Status> {
        let (actor, IssueCodesRequest { orders }) = auth::actor(&self.0, request).await?;
        let codes = self.issue(&actor, orders).await?;
        Ok(Response::new(IssueCodesResponse { codes }))
    }

    async fn get_code(
        &self,
        request: Request<GetCodeRequest>,
    ) -> Result<Response<GetCodeResponse>, Status> {
        let (actor, GetCodeRequest { serial }) = auth::actor(&self.0, request).await?;
        let status = authorize::look_up(&self.0, &actor, &serial)
            .await
            .map_err(|error| status::of_code_action(&error))?;
        let record = status.record;
        Ok(Response::new(GetCodeResponse {
            serial: record.serial,
            state: code_state(status.state).into(),
            issued_at: record.issued_at.unix_seconds(),
            expires_at: record.expires_at.unix_seconds(),
            redeemed_at: record.redeemed_at.map_or(0, Timestamp::unix_seconds),
            report_type: record.report_type.byte().into(),
        }))
    }

    async fn revoke_code(
        &self,
        request: Request<RevokeCodeRequest>,
    ) -> Result<Response<RevokeCodeResponse>, Status> {
        let (actor, RevokeCodeRequest { serial }) = auth::actor(&self.0, request).await?;
        authorize::revoke(&self.0, &actor, &serial)
            .await
            .map(|()| Response::new(RevokeCodeResponse {}))
            .map_err(|error| status::of_code_action(&error))
    }

    async fn get_figures(
        &self,
        request: Request<GetFiguresRequest>,
    ) -> Result<Response<GetFiguresResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let found = figures::get(&self.0, &actor, message).await?;
        Ok(Response::new(found))
    }

    async fn export_figures(
        &self,
        request: Request<ExportFiguresRequest>,
    ) -> Result<Response<ExportFiguresResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let table = figures::export(&self.0, &actor, message).await?;
        Ok(Response::new(table))
    }

    async fn send_report(
        &self,
        request: Request<SendReportRequest>,
    ) -> Result<Response<SendReportResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let sent = figures::send_report(&self.0, &actor, message).await?;
        Ok(Response::new(sent))
    }

    async fn list_missing_reports(
        &self,
        request: Request<ListMissingReportsRequest>,
    ) -> Result<Response<ListMissingReportsResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let reports = figures::missing(&self.0, &actor, message).await?;
        Ok(Response::new(reports))
    }
}
