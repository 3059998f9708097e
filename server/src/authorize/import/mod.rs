//! Issues many codes from a list, sheet by sheet, so that what is cut short goes on where it stopped.
//!
//! The list is read and kept once ([`import`]); then its lines are issued a sheet of up to [`SHEET_LINES`] at a time
//! ([`issue_sheet`]). A sheet's codes are in the one answer and nowhere else. If that answer is lost they are of no use to
//! anybody: [`reissue_sheet`] makes them so, and issues others.

mod csv;
mod slips;

use data_encoding::HEXLOWER;
use rand::Rng as _;

use super::{
    CodeOrder, IssuedCode, QuotaOf,
    codes::{Issuer, OrderFault, check_order, draw, tell_of_quotas},
    quota,
};
use crate::{
    audit::Action,
    context::Context,
    officers::{Actor, Permission, own_unit, unit_in_reach, visible_units},
    store::{
        ImportRecord, ImportedLine, NewImport, NewSheet, SheetIssued, SheetRecord, StoreError,
    },
    telemetry::Metric,
};

/// Most lists of one officer that are not issued to the end: each holds the writing thread and the disk.
pub const MAX_OPEN_LISTS: usize = 20;

pub use csv::{Column, FileFault, Line, LineFault, MAX_BYTES, MAX_LINES};
pub use slips::slips_csv;

/// Most lines of a sheet.
pub const SHEET_LINES: usize = 100;

/// What became of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The lines that can be issued; `None` if there is none.
    pub import: Option<Import>,
    /// The lines that cannot, in order.
    pub faults: Vec<Line<LineFault>>,
}

/// A list of codes to issue, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Who made it, for which unit, when.
    pub record: ImportRecord,
    /// Its sheets, from 1.
    pub sheets: Vec<SheetRecord>,
}

impl Import {
    /// The first sheet that was not issued; `None` if all were.
    #[must_use]
    pub fn next_sheet(&self) -> Option<u32> {
        let next = self.sheets.iter().find(|sheet| !sheet.issued);
        next.map(|sheet| sheet.sheet)
    }
}

/// A code and the line it was issued for.
#[derive(Debug)]
pub struct IssuedLine {
    /// Of the list.
    pub line: u32,
    /// Shown this once.
    pub code: IssuedCode,
}

/// A sheet's codes.
#[derive(Debug)]
pub struct IssuedSheet {
    /// In the order of the list.
    pub codes: Vec<IssuedLine>,
    /// Lines whose code was redeemed before it could be replaced, and the serials of their slips.
    pub kept: Vec<KeptLine>,
}

/// A line whose code stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptLine {
    /// Of the list.
    pub line: u32,
    /// Of its slip.
    pub serial: String,
}

/// Why a list was not read, or a sheet not issued. Repeats nothing of what is in the list.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The role does not allow it.
    #[error("not allowed")]
    NotAllowed,
    /// Not a list of ours.
    #[error("csv: {0}")]
    File(#[from] FileFault),
    /// No such list of the actor's or in their reach.
    #[error("no such import")]
    NoSuchImport,
    /// The list has no such sheet.
    #[error("sheet: no such sheet")]
    NoSuchSheet,
    /// It was issued before: its codes cannot be shown again, only replaced.
    #[error("the sheet was issued already")]
    SheetIssued,
    /// The list's unit has none below or in it any more: codes are issued elsewhere.
    #[error("the unit is closed")]
    UnitClosed,
    /// A line that was right when the list came is not any more: its day is too old, or its region not served.
    #[error("line {line}: its day is too old by now, or its region is not served any more")]
    Outdated {
        /// Where it stood in the file.
        line: u32,
    },
    /// Enough lists wait.
    #[error("at most {MAX_OPEN_LISTS} lists that are not issued to the end")]
    TooManyLists,
    /// More than may still be issued today.
    #[error("only {left} more codes may be issued today, fewer than the sheet has")]
    Quota {
        /// Whose quota it is.
        whose: QuotaOf,
        /// Codes that may still be issued.
        left: u64,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a list and keeps the lines that can be issued. Issues nothing yet.
///
/// # Errors
/// [`ImportError::File`] if the list has anything in it but what a code needs; nothing of it is kept then.
pub async fn import(
    context: &Context,
    actor: &Actor,
    file: &[u8],
) -> Result<Imported, ImportError> {
    if !actor.may(Permission::IssueCodes) {
        return Err(ImportError::NotAllowed);
    }
    let now = context.now();
    if own_unit(context, actor)
        .await?
        .is_some_and(|unit| unit.closed)
    {
        return Err(ImportError::UnitClosed);
    }
    let unit_codes = vec![actor.officer.unit_code.clone()];
    let lists = context.store.imports(unit_codes).await?;
    let open = lists.iter().filter(|(record, sheets)| {
        record.officer_id == actor.officer.officer_id && sheets.iter().any(|sheet| !sheet.issued)
    });
    if open.count() >= MAX_OPEN_LISTS {
        return Err(ImportError::TooManyLists);
    }
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for Line { number, says } in csv::parse(file)? {
        let checked = says.and_then(|order| match check_order(&context.settings, now, &order) {
            Ok(()) => Ok(order),
            Err(OrderFault::OnsetInFuture) => Err(LineFault::OnsetInFuture),
            Err(OrderFault::OnsetTooOld) => Err(LineFault::OnsetTooOld),
            Err(OrderFault::UnknownRegion) => Err(LineFault::Region),
        });
        match checked {
            Ok(order) => lines.push(ImportedLine {
                line: number,
                sheet: u32::try_from(lines.len() / SHEET_LINES + 1).expect("lines are few"),
                report_type: order.report_type,
                onset_day: order.onset_day,
                region: order.region.unwrap_or(context.settings.regions[0]),
            }),
            Err(fault) => faults.push(Line {
                number,
                says: fault,
            }),
        }
    }
    if lines.is_empty() {
        return Ok(Imported {
            import: None,
            faults,
        });
    }
    let mut id = [0; 8];
    context.rng().fill_bytes(&mut id);
    let record = ImportRecord {
        import_id: HEXLOWER.encode(&id),
        officer_id: actor.officer.officer_id.clone(),
        unit_code: actor.officer.unit_code.clone(),
        created_at: now.hour_start(),
        lines: u32::try_from(lines.len()).expect("lines are few"),
    };
    let sheets = lines
        .chunk_by(|a, b| a.sheet == b.sheet)
        .map(|sheet| SheetRecord {
            sheet: sheet[0].sheet,
            lines: u32::try_from(sheet.len()).expect("lines are few"),
            first_line: sheet[0].line,
            last_line: sheet[sheet.len() - 1].line,
            issued: false,
            redeemed: 0,
        })
        .collect();
    let entry = actor.entry(
        now,
        Action::CodesImported,
        &record.unit_code,
        &record.import_id,
    );
    let new = NewImport {
        record: record.clone(),
        lines,
    };
    context.store.add_import(new, entry).await?;
    Ok(Imported {
        import: Some(Import { record, sheets }),
        faults,
    })
}

/// How far a list is.
///
/// # Errors
/// [`ImportError::NoSuchImport`] unless it is the actor's own or, for whoever supervises, of a unit in their reach.
pub async fn find_import(
    context: &Context,
    actor: &Actor,
    import_id: &str,
) -> Result<Import, ImportError> {
    if !actor.may(Permission::IssueCodes) {
        return Err(ImportError::NotAllowed);
    }
    let found = context.store.import(import_id.to_owned()).await?;
    let (record, sheets) = found.ok_or(ImportError::NoSuchImport)?;
    let reach = Reach::of(context, actor).await?;
    if !reach.includes(&record) {
        return Err(ImportError::NoSuchImport);
    }
    Ok(Import { record, sheets })
}

/// The lists that the actor may go on with, newest first.
///
/// # Errors
/// [`ImportError::NotAllowed`], [`ImportError::Store`].
pub async fn list_imports(context: &Context, actor: &Actor) -> Result<Vec<Import>, ImportError> {
    if !actor.may(Permission::IssueCodes) {
        return Err(ImportError::NotAllowed);
    }
    let reach = Reach::of(context, actor).await?;
    let mut imports = context.store.imports(reach.unit_codes.clone()).await?;
    imports.retain(|(record, _)| reach.includes(record));
    let imports = imports.into_iter();
    Ok(imports
        .map(|(record, sheets)| Import { record, sheets })
        .collect())
}

/// Whose lists the actor may go on with.
struct Reach {
    unit_codes: Vec<String>,
    /// Own lists alone: whoever does not supervise.
    only_of: Option<String>,
}

impl Reach {
    async fn of(context: &Context, actor: &Actor) -> Result<Self, StoreError> {
        let units = visible_units(context, actor).await?;
        let supervises = actor.officer.role.reaches_below();
        Ok(Self {
            unit_codes: units.into_iter().map(|unit| unit.unit_code).collect(),
            only_of: (!supervises).then(|| actor.officer.officer_id.clone()),
        })
    }

    fn includes(&self, record: &ImportRecord) -> bool {
        let own = self.only_of.as_ref();
        self.unit_codes.contains(&record.unit_code)
            && own.is_none_or(|officer_id| *officer_id == record.officer_id)
    }
}

/// Issues a sheet's codes, all or none. They are in the answer and nowhere else.
///
/// # Errors
/// [`ImportError::SheetIssued`] if it was issued before; [`ImportError::Quota`].
pub async fn issue_sheet(
    context: &Context,
    actor: &Actor,
    import_id: &str,
    sheet: u32,
) -> Result<IssuedSheet, ImportError> {
    issue(context, actor, import_id, sheet, false).await
}

/// Issues a sheet's codes whose answer was lost: those before are useless from now on, but for redeemed ones, which stay
/// and are named. Issues a sheet that was never issued as well.
///
/// # Errors
/// As for [`issue_sheet`]; nothing was replaced then.
pub async fn reissue_sheet(
    context: &Context,
    actor: &Actor,
    import_id: &str,
    sheet: u32,
) -> Result<IssuedSheet, ImportError> {
    issue(context, actor, import_id, sheet, true).await
}

async fn issue(
    context: &Context,
    actor: &Actor,
    import_id: &str,
    sheet: u32,
    again: bool,
) -> Result<IssuedSheet, ImportError> {
    let import = find_import(context, actor, import_id).await?;
    let lines = context.store.import_lines(import_id.to_owned(), sheet);
    let lines = lines.await?;
    if lines.is_empty() {
        return Err(ImportError::NoSuchSheet);
    }
    let now = context.now();
    let unit_code = &import.record.unit_code;
    let unit = unit_in_reach(context, actor, unit_code).await?;
    if unit.is_none_or(|unit| unit.closed) {
        return Err(ImportError::UnitClosed);
    }
    let issuer = Issuer {
        officer_id: &actor.officer.officer_id,
        // The list's, also when somebody above goes on with it.
        unit_code,
    };
    loop {
        let mut rng = context.rng();
        let mut codes = Vec::with_capacity(lines.len());
        let mut issued = Vec::with_capacity(lines.len());
        for line in &lines {
            let order = CodeOrder {
                report_type: line.report_type,
                onset_day: line.onset_day,
                region: Some(line.region),
            };
            // The list may have waited for days.
            let line_number = line.line;
            check_order(&context.settings, now, &order)
                .map_err(|_| ImportError::Outdated { line: line_number })?;
            let (new, code) = draw(context, issuer, &order, now, &mut rng);
            codes.push((line.line, new));
            issued.push(IssuedLine {
                line: line.line,
                code,
            });
        }
        let new = NewSheet {
            import_id: import_id.to_owned(),
            sheet,
            codes,
            again,
        };
        let limits = quota::limits(&context.settings, now);
        let entry = actor.entry(now, Action::CodeIssued, unit_code, "");
        match context.store.issue_sheet(new, limits, entry).await? {
            SheetIssued::Issued { kept, crossed } => {
                tell_of_quotas(unit_code, &crossed);
                issued.retain(|one| kept.iter().all(|(line, _)| *line != one.line));
                let number = issued.len() as u64;
                context.telemetry.add(Metric::CodesIssued, &[], number);
                let kept = kept
                    .into_iter()
                    .map(|(line, serial)| KeptLine { line, serial });
                return Ok(IssuedSheet {
                    codes: issued,
                    kept: kept.collect(),
                });
            }
            SheetIssued::Before => return Err(ImportError::SheetIssued),
            SheetIssued::OverQuota { whose, left } => {
                return Err(ImportError::Quota { whose, left });
            }
            // A code or serial that is taken: as good as never; draw all again.
            SheetIssued::Exists => {}
        }
    }
}
