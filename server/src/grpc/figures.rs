//! Figures and reports as the wire has them, for `OfficerService`.

use tonic::Status;
use truyvet_proto::v1::{
    self as pb, ExportFiguresRequest, ExportFiguresResponse, GetFiguresRequest, GetFiguresResponse,
    ListMissingReportsRequest, ListMissingReportsResponse, SendReportRequest, SendReportResponse,
};

use super::{admin::pb_unit, status};
use crate::{
    context::Context,
    figures::{
        self, DayFigures, Figures, FiguresQuery, RegionFigures, ReportKind, ReportState, Shown,
        UnitFigures,
    },
    officers::Actor,
    store::Added,
};

pub(super) async fn get(
    context: &Context,
    actor: &Actor,
    message: GetFiguresRequest,
) -> Result<GetFiguresResponse, Status> {
    let Figures {
        total,
        units,
        waiting_hours,
        regions,
        floor,
    } = find(context, actor, message).await?;
    Ok(GetFiguresResponse {
        days: total.days.into_iter().map(pb_day).collect(),
        units: units.into_iter().map(pb_unit_figures).collect(),
        waiting_hours,
        regions: regions.into_iter().map(pb_region).collect(),
        floor,
    })
}

pub(super) async fn export(
    context: &Context,
    actor: &Actor,
    message: ExportFiguresRequest,
) -> Result<ExportFiguresResponse, Status> {
    let ExportFiguresRequest { figures } = message;
    let found = find(context, actor, figures.unwrap_or_default()).await?;
    Ok(ExportFiguresResponse {
        csv: figures::figures_csv(&found),
    })
}

async fn find(
    context: &Context,
    actor: &Actor,
    message: GetFiguresRequest,
) -> Result<Figures, Status> {
    let GetFiguresRequest {
        first_day,
        last_day,
        unit_code,
        by_unit,
    } = message;
    let query = FiguresQuery {
        unit_code: (!unit_code.is_empty()).then_some(unit_code),
        days: first_day..=last_day,
        by_unit,
    };
    figures::figures(context, actor, &query)
        .await
        .map_err(|error| status::of_figures(&error))
}

fn pb_shown(shown: Shown) -> (u64, i32) {
    let (number, state) = match shown {
        Shown::Exact(number) => (number, pb::FigureState::Unspecified),
        Shown::Below(_) => (0, pb::FigureState::BelowFloor),
        Shown::Withheld => (0, pb::FigureState::Withheld),
    };
    (number, state.into())
}

fn pb_day(figures: DayFigures) -> pb::DayFigures {
    let (issued, issued_state) = pb_shown(figures.issued);
    let (redeemed, redeemed_state) = pb_shown(figures.redeemed);
    let (revoked, revoked_state) = pb_shown(figures.revoked);
    let (expired, expired_state) = pb_shown(figures.expired);
    pb::DayFigures {
        day: figures.day,
        issued,
        redeemed,
        revoked,
        expired,
        issued_state,
        redeemed_state,
        revoked_state,
        expired_state,
        median_hours: figures.median_hours,
        incomplete: figures.incomplete,
    }
}

fn pb_unit_figures(figures: UnitFigures) -> pb::UnitFigures {
    pb::UnitFigures {
        unit: Some(pb_unit(figures.unit)),
        with_below: figures.with_below,
        days: figures.days.into_iter().map(pb_day).collect(),
    }
}

fn pb_region(figures: RegionFigures) -> pb::RegionFigures {
    let uploads = figures.uploads.into_iter().map(|(day, shown)| {
        let (uploads, state) = pb_shown(shown);
        pb::DayUploads {
            day,
            uploads,
            state,
        }
    });
    pb::RegionFigures {
        region: figures.region.to_string(),
        hours_behind: figures.hours_behind,
        uploads: uploads.collect(),
    }
}

fn parse_kind(kind: i32) -> Result<ReportKind, Status> {
    match pb::ReportKind::try_from(kind) {
        Ok(pb::ReportKind::Daily) => Ok(ReportKind::Daily),
        Ok(pb::ReportKind::Weekly) => Ok(ReportKind::Weekly),
        Ok(pb::ReportKind::Unspecified) | Err(_) => {
            Err(status::bad_field("REPORT_KIND", "kind", &"kind: unknown"))
        }
    }
}

pub(super) async fn send_report(
    context: &Context,
    actor: &Actor,
    message: SendReportRequest,
) -> Result<SendReportResponse, Status> {
    let SendReportRequest { kind, day } = message;
    let added = figures::send_report(context, actor, parse_kind(kind)?, day)
        .await
        .map_err(|error| status::of_report(&error))?;
    Ok(SendReportResponse {
        again: added == Added::Exists,
    })
}

pub(super) async fn missing(
    context: &Context,
    actor: &Actor,
    message: ListMissingReportsRequest,
) -> Result<ListMissingReportsResponse, Status> {
    let ListMissingReportsRequest {
        kind,
        day,
        with_csv,
    } = message;
    let reports = figures::reports(context, actor, parse_kind(kind)?, day)
        .await
        .map_err(|error| status::of_report(&error))?;
    let offset = context.settings.exposure_rule.utc_offset_seconds;
    let csv = match with_csv {
        true => figures::reports_csv(&reports, offset),
        false => String::new(),
    };
    Ok(ListMissingReportsResponse {
        day: reports.day,
        due: reports.due.unix_seconds(),
        own: Some(pb_state(reports.own)),
        sub_units: reports.sub_units.into_iter().map(pb_state).collect(),
        csv,
    })
}

fn pb_state(state: ReportState) -> pb::ReportState {
    pb::ReportState {
        unit: Some(pb_unit(state.unit)),
        sent_at: state.sent_at.map_or(0, |at| at.unix_seconds()),
        late: state.late,
    }
}
