//! `OfficerService`: issue, look up, revoke, figures.

use std::sync::Arc;

use tonic::{Request, Response, Status, async_trait};
use truyvet_crypto::{Day, Timestamp, token::ReportType};
use truyvet_proto::v1::{
    self as pb, ExportFiguresRequest, ExportFiguresResponse, GetCodeRequest, GetCodeResponse,
    GetFiguresRequest, GetFiguresResponse, GetImportRequest, GetImportResponse, GetSelfRequest,
    GetSelfResponse, ImportCodesRequest, ImportCodesResponse, IssueCodeRequest, IssueCodeResponse,
    IssueCodesRequest, IssueCodesResponse, IssueSheetRequest, IssueSheetResponse,
    ListAlertsRequest, ListAlertsResponse, ListCodesRequest, ListCodesResponse, ListImportsRequest,
    ListImportsResponse, ListMissingReportsRequest, ListMissingReportsResponse,
    ReissueSheetRequest, ReissueSheetResponse, RevokeCodeRequest, RevokeCodeResponse,
    SendReportRequest, SendReportResponse, officer_service_server::OfficerService,
};

use super::{
    admin::{pb_officer, pb_unit},
    auth, client_keys, figures, imports, status,
};
use crate::{
    authorize::{
        self, Alert, CodeActionError, CodeOrder, CodeQuery, CodeState, CodeStatus, IssueError,
        IssuedCode, QuotaState, import,
    },
    context::Context,
    officers::{self, Actor},
    store::CodePosition,
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
        region,
    } = order;
    let report_type = u8::try_from(report_type)
        .ok()
        .and_then(ReportType::from_byte)
        .ok_or_else(|| {
            let field = format!("orders[{index}].report_type");
            let text = format!("{field}: unknown");
            status::bad_field("REPORT_TYPE", field, &text)
        })?;
    // The empty text stands for the deployment's first region; that a region is served is for the domain to say.
    let region = match region.as_str() {
        "" => None,
        name => Some(
            name.parse()
                .map_err(|_| status::of_issue(&IssueError::UnknownRegion { index }))?,
        ),
    };
    Ok(CodeOrder {
        report_type,
        onset_day: Day::from_number(onset_day),
        region,
    })
}

pub(super) fn issued_code(issued: &IssuedCode) -> pb::IssuedCode {
    pb::IssuedCode {
        upload_code: issued.upload_code.to_string(),
        serial: issued.serial.clone(),
        expires_at: issued.expires_at.unix_seconds(),
        region: issued.region.to_string(),
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

fn parse_state(state: i32) -> Result<Option<CodeState>, Status> {
    match pb::CodeState::try_from(state) {
        Ok(pb::CodeState::Unspecified) => Ok(None),
        Ok(pb::CodeState::Issued) => Ok(Some(CodeState::Issued)),
        Ok(pb::CodeState::Redeemed) => Ok(Some(CodeState::Redeemed)),
        Ok(pb::CodeState::Expired) => Ok(Some(CodeState::Expired)),
        Ok(pb::CodeState::Revoked) => Ok(Some(CodeState::Revoked)),
        Err(_) => Err(status::bad_field("CODE_STATE", "state", &"state: unknown")),
    }
}

fn code_status(status: CodeStatus) -> GetCodeResponse {
    let record = status.record;
    GetCodeResponse {
        serial: record.serial,
        state: code_state(status.state).into(),
        issued_at: record.issued_at.unix_seconds(),
        expires_at: record.expires_at.unix_seconds(),
        redeemed_at: record.redeemed_at.map_or(0, Timestamp::unix_seconds),
        report_type: record.report_type.byte().into(),
        region: record.region.to_string(),
        unit_code: record.unit_code,
    }
}

fn pb_quota(quota: QuotaState) -> pb::Quota {
    pb::Quota {
        issued_today: quota.issued_today,
        limit: quota.limit,
    }
}

fn pb_alert(alert: Alert) -> pb::Alert {
    use pb::alert::What;
    pb::Alert {
        what: Some(match alert {
            Alert::OfficerQuota {
                officer_id,
                label,
                unit_code,
                quota,
            } => What::OfficerQuota(pb::OfficerQuotaAlert {
                officer_id,
                label,
                unit_code,
                quota: Some(pb_quota(quota)),
            }),
            Alert::WrongGuesses(brake) => What::WrongGuesses(pb::WrongGuessesAlert {
                wrong_guesses: brake.wrong_guesses,
                budget: brake.budget,
            }),
            Alert::UnitQuota { unit_code, quota } => What::UnitQuota(pb::UnitQuotaAlert {
                unit_code,
                quota: Some(pb_quota(quota)),
            }),
        }),
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
        Ok(Response::new(code_status(status)))
    }

    async fn list_codes(
        &self,
        request: Request<ListCodesRequest>,
    ) -> Result<Response<ListCodesResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let ListCodesRequest {
            unit_code,
            state,
            page_size,
            page_token,
        } = message;
        let bad_token = || {
            let text = "page_token: not one of ours";
            status::bad_field("PAGE_TOKEN", "page_token", &text)
        };
        let after = match page_token.as_str() {
            "" => None,
            token => Some(CodePosition::from_token(token).ok_or_else(bad_token)?),
        };
        let query = CodeQuery {
            unit_code: Some(unit_code).filter(|unit_code| !unit_code.is_empty()),
            state: parse_state(state)?,
            after,
            limit: page_size,
        };
        let page = authorize::list(&self.0, &actor, &query)
            .await
            .map_err(|error| status::of_code_action(&error))?;
        Ok(Response::new(ListCodesResponse {
            codes: page.codes.into_iter().map(code_status).collect(),
            next_page_token: page.next.map_or_else(String::new, |next| next.token()),
            counts: Some(pb::StateCounts {
                issued: page.counts.issued,
                redeemed: page.counts.redeemed,
                expired: page.counts.expired,
                revoked: page.counts.revoked,
            }),
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

    async fn import_codes(
        &self,
        request: Request<ImportCodesRequest>,
    ) -> Result<Response<ImportCodesResponse>, Status> {
        let (actor, ImportCodesRequest { csv }) = auth::actor(&self.0, request).await?;
        let imported = import::import(&self.0, &actor, &csv).await;
        imported
            .map(|imported| Response::new(imports::imported(imported)))
            .map_err(|error| status::of_import(&error))
    }

    async fn get_import(
        &self,
        request: Request<GetImportRequest>,
    ) -> Result<Response<GetImportResponse>, Status> {
        let (actor, GetImportRequest { import_id }) = auth::actor(&self.0, request).await?;
        let found = import::find_import(&self.0, &actor, &import_id)
            .await
            .map_err(|error| status::of_import(&error))?;
        Ok(Response::new(GetImportResponse {
            import: Some(imports::import(found)),
        }))
    }

    async fn list_imports(
        &self,
        request: Request<ListImportsRequest>,
    ) -> Result<Response<ListImportsResponse>, Status> {
        let (actor, ListImportsRequest {}) = auth::actor(&self.0, request).await?;
        let found = import::list_imports(&self.0, &actor)
            .await
            .map_err(|error| status::of_import(&error))?;
        Ok(Response::new(ListImportsResponse {
            imports: found.into_iter().map(imports::import).collect(),
        }))
    }

    async fn issue_sheet(
        &self,
        request: Request<IssueSheetRequest>,
    ) -> Result<Response<IssueSheetResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let IssueSheetRequest { import_id, sheet } = message;
        let issued = import::issue_sheet(&self.0, &actor, &import_id, sheet)
            .await
            .map_err(|error| status::of_import(&error))?;
        let (codes, _) = imports::sheet(&issued);
        Ok(Response::new(IssueSheetResponse { codes }))
    }

    async fn reissue_sheet(
        &self,
        request: Request<ReissueSheetRequest>,
    ) -> Result<Response<ReissueSheetResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let ReissueSheetRequest { import_id, sheet } = message;
        let issued = import::reissue_sheet(&self.0, &actor, &import_id, sheet)
            .await
            .map_err(|error| status::of_import(&error))?;
        let (codes, kept) = imports::sheet(&issued);
        Ok(Response::new(ReissueSheetResponse { codes, kept }))
    }

    async fn list_alerts(
        &self,
        request: Request<ListAlertsRequest>,
    ) -> Result<Response<ListAlertsResponse>, Status> {
        let (actor, ListAlertsRequest {}) = auth::actor(&self.0, request).await?;
        let alerts = authorize::alerts(&self.0, &actor)
            .await
            .map_err(|error| status::of_code_action(&error))?;
        // An auditor issues no codes, and has no quota.
        let quotas = match authorize::quotas(&self.0, &actor).await {
            Ok(quotas) => Some(quotas),
            Err(CodeActionError::NotAllowed) => None,
            Err(error) => return Err(status::of_code_action(&error)),
        };
        Ok(Response::new(ListAlertsResponse {
            officer_quota: quotas.map(|quotas| pb_quota(quotas.officer)),
            unit_quota: quotas.map(|quotas| pb_quota(quotas.unit)),
            alerts: alerts.into_iter().map(pb_alert).collect(),
        }))
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
