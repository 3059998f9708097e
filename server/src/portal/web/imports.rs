//! A list of codes to issue: how far it is, and its sheets, each shown once.

use std::sync::Arc;

use axum::{Extension, Router, extract::Query, routing::get};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Failure, Handled},
    once::{Once, Sent},
    orders::{local, slip},
    posted::DeskForm,
    visitor::Desk,
};
use crate::{
    authorize::import::{self, Import, ImportError, Imported, IssuedSheet, Line, LineFault},
    context::Context,
    officers::Permission,
    portal::{
        layout::{Chrome, Section},
        pages::{
            already::{self, Already},
            confirm::{self, Confirm},
            import::{ImportView, RowFault, RowProblem, SheetProblem, SheetState, page},
            sheet::{self, Sheet},
        },
        paths,
        slip::Purpose,
    },
    store::SheetRecord,
};

/// Faults on a page; there can be thousands.
const LISTED_FAULTS: usize = 200;

pub(super) fn routes(context: &Context) -> Router<Arc<Context>> {
    Router::new()
        .route(paths::IMPORT, get(show).post(issue))
        .route(paths::REISSUE, get(ask_reissue).post(reissue))
        .layer(Extension(Arc::new(Once::new(context))))
}

/// Where a list is looked at.
pub(super) fn address(import_id: &str) -> String {
    paths::with_query(paths::IMPORT, &[("import", import_id)])
}

/// Codes of these sheets that were issued.
pub(super) fn issued(sheets: &[SheetRecord]) -> u64 {
    let issued = sheets.iter().filter(|sheet| sheet.issued);
    issued.map(|sheet| u64::from(sheet.lines)).sum()
}

/// What is missing or wrong names no list or sheet, and so is not found.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Posted {
    import: String,
    sheet: String,
    once: String,
}

impl Posted {
    /// From 1.
    fn sheet(&self) -> u32 {
        self.sheet.parse().unwrap_or(0)
    }
}

/// The answer to an upload: what can be issued, and which lines cannot.
pub(super) fn checked(desk: &Desk, imported: Imported) -> Answer {
    let Imported { import, faults } = imported;
    let nothing = || ImportView {
        import: String::new(),
        uploaded_at: local(desk, desk.context().now().hour_start()),
        rows: 0,
        issued: 0,
        faults: vec![],
        more_faults: 0,
        sheets: vec![],
        problem: None,
    };
    // Another language comes back by GET, without the faults.
    let here = match &import {
        Some(import) => address(&import.record.import_id),
        None => paths::BULK.to_owned(),
    };
    let view = ImportView {
        more_faults: faults.len().saturating_sub(LISTED_FAULTS) as u64,
        faults: faults.iter().take(LISTED_FAULTS).map(row_fault).collect(),
        ..import.map_or_else(nothing, |import| view(desk, import))
    };
    let chrome = Chrome {
        here: Some(here),
        ..desk.chrome(Section::Bulk)
    };
    desk.visitor.show(page(desk.texts(), &chrome, &view))
}

fn row_fault(fault: &Line<LineFault>) -> RowFault {
    RowFault {
        line: fault.number.into(),
        problem: match fault.says {
            LineFault::Cells => RowProblem::Columns,
            LineFault::Quotes => RowProblem::Quotes,
            LineFault::ReportType => RowProblem::ReportType,
            LineFault::OnsetDay => RowProblem::Day,
            LineFault::OnsetInFuture => RowProblem::DayInFuture,
            LineFault::OnsetTooOld => RowProblem::DayTooOld,
            LineFault::Region => RowProblem::Region,
        },
    }
}

fn view(desk: &Desk, import: Import) -> ImportView {
    let Import { record, sheets } = import;
    ImportView {
        uploaded_at: local(desk, record.created_at),
        rows: record.lines.into(),
        issued: issued(&sheets),
        faults: vec![],
        more_faults: 0,
        sheets: sheets
            .iter()
            .map(|sheet| SheetState {
                sheet: sheet.sheet.into(),
                codes: sheet.lines.into(),
                issued: sheet.issued,
                redeemed: sheet.redeemed.into(),
            })
            .collect(),
        problem: None,
        import: record.import_id,
    }
}

async fn show(desk: Desk, Query(query): Query<Posted>) -> Handled {
    progress(&desk, &query.import, None).await
}

async fn progress(desk: &Desk, import_id: &str, problem: Option<SheetProblem>) -> Handled {
    desk.must(Permission::IssueCodes)?;
    let import = find(desk, import_id).await?;
    let view = ImportView {
        problem,
        ..view(desk, import)
    };
    let chrome = Chrome {
        here: Some(address(import_id)),
        ..desk.chrome(Section::Bulk)
    };
    Ok(desk.visitor.show(page(desk.texts(), &chrome, &view)))
}

async fn find(desk: &Desk, import_id: &str) -> Result<Import, Answer> {
    import::find_import(desk.context(), &desk.actor, import_id)
        .await
        .map_err(|error| desk.fail(failure(desk, &error)))
}

async fn issue(DeskForm { desk, form }: DeskForm<Posted>) -> Handled {
    let sheet = form.sheet();
    let import = form.import;
    let issued = import::issue_sheet(desk.context(), &desk.actor, &import, sheet).await;
    answer(&desk, import, sheet, issued.map(Sent::First)).await
}

async fn ask_reissue(
    desk: Desk,
    Extension(once): Extension<Arc<Once>>,
    Query(query): Query<Posted>,
) -> Handled {
    desk.must(Permission::IssueCodes)?;
    let import = find(&desk, &query.import).await?;
    let sheet = import
        .sheets
        .iter()
        .find(|sheet| sheet.sheet == query.sheet())
        .ok_or_else(|| desk.fail(Failure::NotFound))?;
    let view = Confirm::ReissueSheet {
        open: sheet.lines.saturating_sub(sheet.redeemed).into(),
        sheet: sheet.sheet.into(),
        import: query.import,
        once: once.number(desk.context(), &desk.session),
    };
    let chrome = desk.chrome(Section::Bulk);
    Ok(desk
        .visitor
        .show(confirm::page(desk.texts(), &chrome, &view)))
}

/// Once for each time it was asked for: a page loaded again would make slips useless that were just printed.
async fn reissue(
    Extension(once): Extension<Arc<Once>>,
    DeskForm { desk, form }: DeskForm<Posted>,
) -> Handled {
    let sheet = form.sheet();
    let Posted {
        import,
        once: number,
        ..
    } = form;
    let (context, actor) = (Arc::clone(desk.context()), desk.actor.clone());
    let import_id = import.clone();
    let work = async move {
        let issued = import::reissue_sheet(&context, &actor, &import_id, sheet).await?;
        Ok((issued, String::new()))
    };
    let sent = once.run(desk.context(), &desk.session, &number, work);
    let sent = sent.await;
    answer(&desk, import, sheet, sent).await
}

/// The sheet, or why there is none.
async fn answer(
    desk: &Desk,
    import: String,
    sheet: u32,
    sent: Result<Sent<IssuedSheet>, ImportError>,
) -> Handled {
    match sent {
        Ok(Sent::First(issued)) => Ok(sheet_page(desk, import, sheet, issued)),
        Ok(Sent::Before(_)) | Err(ImportError::SheetIssued) => {
            let chrome = desk.chrome_once(Section::Bulk);
            let view = Already::Sheet { import, sheet };
            Ok(desk
                .visitor
                .show(already::page(desk.texts(), &chrome, &view)))
        }
        Ok(Sent::Stale) => progress(desk, &import, Some(SheetProblem::TooOld)).await,
        Err(ImportError::Quota { left, .. }) => {
            progress(desk, &import, Some(SheetProblem::Quota { left })).await
        }
        Err(error) => Err(desk.fail(failure(desk, &error))),
    }
}

fn sheet_page(desk: &Desk, import: String, sheet: u32, issued: IssuedSheet) -> Answer {
    let offset = desk.context().settings.exposure_rule.utc_offset_seconds;
    let csv = import::slips_csv(&issued.codes, offset);
    let csv = std::str::from_utf8(&csv).expect("it was written as text");
    let kept = issued.kept.into_iter();
    let slips = issued.codes.into_iter();
    let view = Sheet {
        import,
        sheet: sheet.into(),
        csv: Zeroizing::new(csv.to_owned()),
        kept: kept.map(|kept| (kept.line, kept.serial)).collect(),
        slips: slips
            .map(|issued| slip(desk, issued.code, Purpose::Upload, Some(issued.line)))
            .collect(),
    };
    let chrome = desk.chrome_once(Section::Bulk);
    desk.visitor.show(sheet::page(desk.texts(), &chrome, &view))
}

/// Which page tells of it where no field is at fault.
pub(super) fn failure(desk: &Desk, error: &ImportError) -> Failure {
    match error {
        ImportError::NotAllowed => Failure::NotAllowed,
        ImportError::NoSuchImport | ImportError::NoSuchSheet => Failure::NotFound,
        ImportError::Store(error) => Failure::of_store(desk.context(), error),
        _ => Failure::FormRefused,
    }
}
