//! One import: which rows are in order, and how far its sheets are issued.

use maud::{Markup, html};

use crate::portal::{
    calendar::Moment,
    forms,
    icons::Icon,
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What the page shows: right after the upload with the rows at fault, later without.
#[derive(Clone, Debug)]
pub(crate) struct ImportView {
    /// Names it.
    pub(crate) import: String,
    /// When it was uploaded.
    pub(crate) uploaded_at: Moment,
    /// Rows that are in order.
    pub(crate) rows: u64,
    /// Of these, those with a code.
    pub(crate) issued: u64,
    /// Rows that are not, in the file's order.
    pub(crate) faults: Vec<RowFault>,
    /// How many more there are than are listed.
    pub(crate) more_faults: u64,
    /// Its sheets, in order.
    pub(crate) sheets: Vec<SheetState>,
    /// Why the next sheet was not issued.
    pub(crate) problem: Option<SheetProblem>,
}

/// Why a sheet was not issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SheetProblem {
    /// The day's codes are not enough for it.
    Quota {
        /// Codes that may still be issued today.
        left: u64,
    },
    /// The page was open for too long.
    TooOld,
}

/// A row that is not in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowFault {
    /// In the file, the header being line 1.
    pub(crate) line: u64,
    /// What is wrong.
    pub(crate) problem: RowProblem,
}

/// What can be wrong with a row. Says nothing of what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowProblem {
    /// Too many or too few columns.
    Columns,
    /// A quotation mark that is not closed.
    Quotes,
    /// No kind of report that we know.
    ReportType,
    /// No date.
    Day,
    /// A day that has not come.
    DayInFuture,
    /// A day whose contacts are not kept any more.
    DayTooOld,
    /// No region that the officer may issue for.
    Region,
}

/// A sheet of up to 100 codes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SheetState {
    /// Counted from 1.
    pub(crate) sheet: u64,
    /// How many codes it has.
    pub(crate) codes: u64,
    /// Whether it was issued.
    pub(crate) issued: bool,
    /// Of its codes, those that were redeemed.
    pub(crate) redeemed: u64,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &ImportView) -> Markup {
    let uploaded = view.uploaded_at.show(texts);
    let title = texts.say_with("import-title", &[("time", uploaded.into())]);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            @if let Some(problem) = view.problem { (not_issued(texts, problem)) }
            (ready(texts, view))
            @if !view.faults.is_empty() { (faults(texts, view)) }
            @if view.rows > 0 { (sheets(texts, chrome, view)) }
            p class="aside" { a href=(paths::BULK) { (texts.say("import-back")) } }
        },
    )
}

fn not_issued(texts: &Texts, problem: SheetProblem) -> Markup {
    let text = match problem {
        SheetProblem::Quota { left } => texts.say_with("import-quota", &[("left", left.into())]),
        SheetProblem::TooOld => texts.say("problem-form-old"),
    };
    parts::notice(Tone::Problem, &text, html! {})
}

fn ready(texts: &Texts, view: &ImportView) -> Markup {
    let tone = if view.rows == 0 {
        Tone::Problem
    } else {
        Tone::Good
    };
    parts::notice(
        tone,
        &texts.say_with("import-ready", &[("rows", view.rows.into())]),
        html! {},
    )
}

fn faults(texts: &Texts, view: &ImportView) -> Markup {
    let count = view.more_faults + u64::try_from(view.faults.len()).unwrap_or(u64::MAX);
    html! {
        section class="card" {
            h2 { (texts.say_with("import-faults", &[("rows", count.into())])) }
            p class="soft" { (texts.say("import-faults-body")) }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("import-line")) {
                table {
                    thead { tr {
                        th scope="col" class="n" { (texts.say("import-line")) }
                        th scope="col" { (texts.say("import-problem")) }
                    } }
                    tbody {
                        @for fault in &view.faults {
                            tr { td class="n" { (texts.number(fault.line)) } td { (problem(texts, fault.problem)) } }
                        }
                    }
                }
            }
            @if view.more_faults > 0 {
                p class="soft" { (texts.say_with("import-more-faults", &[("rows", view.more_faults.into())])) }
            }
        }
    }
}

fn sheets(texts: &Texts, chrome: &Chrome, view: &ImportView) -> Markup {
    let next = view.sheets.iter().find(|sheet| !sheet.issued);
    html! {
        section class="card" {
            h2 { (texts.say("import-sheets")) }
            p class="soft" { (texts.say("import-sheets-body")) }
            div class="quota" {
                label for="issued" { (texts.say_with("import-progress", &[
                    ("issued", view.issued.into()), ("rows", view.rows.into()),
                ])) }
                progress id="issued" max=(view.rows) value=(view.issued) {}
            }
            @if let Some(next) = next {
                (forms::post(paths::IMPORT, &chrome.csrf, "actions", &html! {
                    input type="hidden" name="import" value=(view.import);
                    // Named, so that a second click cannot issue the sheet after it.
                    input type="hidden" name="sheet" value=(next.sheet);
                    button { (texts.say_with("import-issue", &[
                        ("sheet", next.sheet.into()), ("codes", next.codes.into()),
                    ])) }
                }))
            }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("import-sheets")) {
                table {
                    thead { tr {
                        th scope="col" class="n" { (texts.say("sheet")) }
                        th scope="col" class="n" { (texts.say("sheet-codes")) }
                        th scope="col" { (texts.say("state")) }
                        th scope="col" class="n" { (texts.say("count-redeemed")) }
                        th scope="col" { (texts.say("sheet-lost")) }
                    } }
                    tbody { @for sheet in &view.sheets { (row(texts, &view.import, sheet)) } }
                }
            }
        }
    }
}

fn row(texts: &Texts, import: &str, sheet: &SheetState) -> Markup {
    let number = sheet.sheet.to_string();
    html! {
        tr {
            td class="n" { (number) }
            td class="n" { (texts.number(sheet.codes)) }
            td {
                @if sheet.issued {
                    (parts::badge(Tone::Good, Icon::Good, &texts.say("sheet-issued")))
                } @else {
                    (parts::badge(Tone::Note, Icon::Waiting, &texts.say("sheet-waiting")))
                }
            }
            td class="n" { (texts.number(sheet.redeemed)) }
            td {
                @if sheet.issued {
                    a href=(paths::with_query(paths::REISSUE, &[("import", import), ("sheet", &number)])) {
                        (texts.say("sheet-reissue"))
                    }
                }
            }
        }
    }
}

fn problem(texts: &Texts, problem: RowProblem) -> String {
    match problem {
        RowProblem::Columns => texts.say("row-columns"),
        RowProblem::Quotes => texts.say("row-quotes"),
        RowProblem::ReportType => texts.say("row-report-type"),
        RowProblem::Day => texts.say("row-day"),
        RowProblem::DayInFuture => texts.say("row-day-future"),
        RowProblem::DayTooOld => texts.say("row-day-old"),
        RowProblem::Region => texts.say("row-region"),
    }
}
