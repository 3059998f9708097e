//! `AuditService`: list, export, verify.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Request, Response, Status, async_trait};
use truyvet_crypto::Timestamp;
use truyvet_proto::v1::{
    self as pb, ExportAuditRequest, ExportAuditResponse, ListAuditRequest, ListAuditResponse,
    VerifyAuditRequest, VerifyAuditResponse, audit_service_server::AuditService,
};

use super::{auth, status};
use crate::{
    audit::{self, Action, AuditFilter, AuditLine, ExportFormat, Head},
    context::Context,
};

/// Longest piece of an export in one message.
const PIECE_BYTES: usize = 64 << 10;

pub(super) struct Audit(Arc<Context>);

impl Audit {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }
}

fn parse_filter(filter: Option<pb::AuditFilter>) -> Result<AuditFilter, Status> {
    let pb::AuditFilter {
        unit_code,
        officer_id,
        action,
        from,
        until,
    } = filter.unwrap_or_default();
    let some = |text: String| (!text.is_empty()).then_some(text);
    let action = some(action)
        .map(|name| {
            Action::from_name(&name).ok_or_else(|| {
                status::bad_field("ACTION", "filter.action", &"filter.action: no such action")
            })
        })
        .transpose()?;
    Ok(AuditFilter {
        unit_code: some(unit_code),
        officer_id: some(officer_id),
        action,
        from: parse_time("filter.from", from)?,
        until: parse_time("filter.until", until)?,
    })
}

fn parse_time(field: &str, unix_seconds: i64) -> Result<Option<Timestamp>, Status> {
    match unix_seconds {
        0 => Ok(None),
        seconds => Timestamp::from_unix_seconds(seconds)
            .map(Some)
            .ok_or_else(|| status::bad_field("TIME", field, &format!("{field}: no time of ours"))),
    }
}

fn pb_head(head: Head) -> pb::AuditHead {
    pb::AuditHead {
        sequence: head.sequence,
        hash: head.hash.to_vec(),
    }
}

fn pb_row(line: AuditLine) -> pb::AuditRow {
    let AuditLine {
        row,
        officer_label,
        officer_unit_code,
    } = line;
    pb::AuditRow {
        sequence: row.sequence,
        at: row.at,
        officer_id: row.officer_id.unwrap_or_default(),
        officer_label: officer_label.unwrap_or_default(),
        officer_unit_code: officer_unit_code.unwrap_or_default(),
        key_id: row.key_id.unwrap_or_default(),
        action: row.action,
        unit_code: row.unit_code,
        subject: row.subject,
        hash: row.hash,
    }
}

#[async_trait]
impl AuditService for Audit {
    async fn list_audit(
        &self,
        request: Request<ListAuditRequest>,
    ) -> Result<Response<ListAuditResponse>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let ListAuditRequest {
            filter,
            before_sequence,
            limit,
        } = message;
        let before = (before_sequence > 0).then_some(before_sequence);
        let lines = audit::list(&self.0, &actor, parse_filter(filter)?, before, limit)
            .await
            .map_err(|error| status::of_audit(&error))?;
        Ok(Response::new(ListAuditResponse {
            rows: lines.into_iter().map(pb_row).collect(),
        }))
    }

    type ExportAuditStream =
        Pin<Box<dyn Stream<Item = Result<ExportAuditResponse, Status>> + Send>>;

    async fn export_audit(
        &self,
        request: Request<ExportAuditRequest>,
    ) -> Result<Response<Self::ExportAuditStream>, Status> {
        let (actor, message) = auth::actor(&self.0, request).await?;
        let format = match message.format() {
            pb::AuditFormat::Unspecified | pb::AuditFormat::JsonLines => ExportFormat::JsonLines,
            pb::AuditFormat::Csv => ExportFormat::Csv,
        };
        let ExportAuditRequest { filter, format: _ } = message;
        let export = audit::export(&self.0, &actor, parse_filter(filter)?, format)
            .await
            .map_err(|error| status::of_audit(&error))?;
        let first = ExportAuditResponse {
            piece: Vec::new(),
            head: Some(pb_head(export.head)),
            whole: export.whole,
        };
        let pieces = export.pieces.flat_map(|piece| {
            let messages: Vec<_> = match piece {
                Ok(bytes) => bytes
                    .chunks(PIECE_BYTES)
                    .map(|piece| {
                        Ok(ExportAuditResponse {
                            piece: piece.to_vec(),
                            ..ExportAuditResponse::default()
                        })
                    })
                    .collect(),
                Err(error) => vec![Err(status::of_store(&error))],
            };
            stream::iter(messages)
        });
        let answer = stream::iter([Ok(first)]).chain(pieces);
        Ok(Response::new(Box::pin(answer)))
    }

    async fn verify_audit(
        &self,
        request: Request<VerifyAuditRequest>,
    ) -> Result<Response<VerifyAuditResponse>, Status> {
        let (actor, VerifyAuditRequest { known }) = auth::actor(&self.0, request).await?;
        let known = known
            .map(|pb::AuditHead { sequence, hash }| match hash.try_into() {
                Ok(hash) => Ok(Head { sequence, hash }),
                Err(_) => Err(status::bad_field(
                    "HEAD",
                    "known.hash",
                    &"known.hash: 32 bytes",
                )),
            })
            .transpose()?;
        let verdict = audit::verify(&self.0, &actor, known)
            .await
            .map_err(|error| status::of_audit(&error))?;
        Ok(Response::new(VerifyAuditResponse {
            head: Some(pb_head(verdict.head)),
            fault: verdict
                .fault
                .map_or_else(String::new, |fault| fault.to_string()),
            fault_sequence: verdict.fault.map_or(0, audit::Break::sequence),
        }))
    }
}
