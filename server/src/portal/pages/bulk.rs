//! Many codes from a CSV file: the upload, what is wrong with it, and earlier imports.

use maud::{Markup, html};

use crate::portal::{
    calendar::Moment,
    forms::{self, Input, Problems},
    icons::{Icon, icon},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// The columns that a file may have, as they stand in its first line.
pub(crate) const COLUMNS: [&str; 3] = ["report_type", "onset_day", "region"];

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bulk {
    /// Why the file was not taken.
    pub(crate) problem: Option<FileProblem>,
    /// The number that makes the form work once.
    pub(crate) once: String,
    /// What is known of earlier files, newest first.
    pub(crate) imports: Vec<Import>,
}

/// Why a file was not taken at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileProblem {
    /// None was chosen, or it has no rows.
    Empty,
    /// More than are taken at once.
    TooManyRows {
        /// Most.
        limit: u64,
    },
    /// Longer than is taken.
    TooLong,
    /// Not UTF-8, or no CSV.
    Unreadable,
    /// A column is missing.
    MissingColumn {
        /// Which.
        column: &'static str,
    },
    /// A column is there twice.
    RepeatedColumn {
        /// Which.
        column: &'static str,
    },
    /// A column that is not ours: it may be about patients, so nothing of the file was kept.
    ForeignColumn {
        /// Its place, counted from 1. Not its name: that may be a patient's.
        position: u64,
    },
    /// The page was open for too long.
    TooOld,
}

/// An earlier file.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// Names it.
    pub(crate) import: String,
    /// When it was uploaded.
    pub(crate) uploaded_at: Moment,
    /// Rows that are in order.
    pub(crate) rows: u64,
    /// Of these, those with a code.
    pub(crate) issued: u64,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Bulk) -> Markup {
    let title = texts.say("bulk-title");
    let mut problems = Problems::default();
    if let Some(problem) = &view.problem {
        problems.add("file", file_problem(texts, problem));
    }
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("bulk-lead"))))
            (problems.summary(texts))
            div class="columns" {
                div class="card" {
                    h2 { (texts.say("bulk-upload")) }
                    (forms::post_file(paths::BULK, &chrome.csrf, &html! {
                        (forms::once(&view.once))
                        (Input::csv_file("file", texts.say("bulk-file")).hint(texts.say("bulk-file-hint")).show(&problems))
                        button { (texts.say("bulk-check")) }
                    }))
                }
                section class="card" {
                    h2 { (texts.say("bulk-columns")) }
                    dl class="notes" {
                        div { dt { code { (COLUMNS[0]) } } dd { (texts.say("bulk-column-report-type")) } }
                        div { dt { code { (COLUMNS[1]) } } dd { (texts.say("bulk-column-onset-day")) } }
                        div { dt { code { (COLUMNS[2]) } } dd { (texts.say("bulk-column-region")) } }
                    }
                    p class="gap" {
                        a href=(paths::BULK_TEMPLATE) { (icon(Icon::Download)) " " (texts.say("bulk-template")) }
                    }
                    (parts::notice(Tone::Warning, &texts.say("bulk-no-person"), html! {
                        p { (texts.say("bulk-no-person-body")) }
                    }))
                }
            }
            section class="card" {
                h2 { (texts.say("bulk-imports")) }
                @if view.imports.is_empty() {
                    p class="soft" { (texts.say("bulk-no-imports")) }
                } @else {
                    (imports(texts, &view.imports))
                }
            }
        },
    )
}

fn imports(texts: &Texts, imports: &[Import]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(texts.say("bulk-imports")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("bulk-uploaded-at")) }
                    th scope="col" class="n" { (texts.say("bulk-rows")) }
                    th scope="col" class="n" { (texts.say("count-issued")) }
                    th scope="col" { (texts.say("bulk-progress")) }
                    th scope="col" { (texts.say("bulk-open")) }
                } }
                tbody {
                    @for (i, import) in imports.iter().enumerate() {
                        tr {
                            td { (parts::time(texts, import.uploaded_at)) }
                            td class="n" { (texts.number(import.rows)) }
                            td class="n" { (texts.number(import.issued)) }
                            td {
                                @let id = format!("progress-{i}");
                                label class="unseen" for=(id) { (texts.say("bulk-progress")) }
                                progress id=(id) max=(import.rows.max(1)) value=(import.issued) {}
                            }
                            td {
                                a href=(paths::with_query(paths::IMPORT, &[("import", &import.import)])) {
                                    @if import.issued < import.rows { (texts.say("bulk-continue")) }
                                    @else { (texts.say("bulk-look")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn file_problem(texts: &Texts, problem: &FileProblem) -> String {
    match problem {
        FileProblem::Empty => texts.say("problem-file-empty"),
        FileProblem::TooManyRows { limit } => {
            texts.say_with("problem-file-rows", &[("limit", (*limit).into())])
        }
        FileProblem::TooLong => texts.say("problem-file-long"),
        FileProblem::TooOld => texts.say("problem-form-old"),
        FileProblem::Unreadable => texts.say("problem-file-unreadable"),
        FileProblem::MissingColumn { column } => {
            texts.say_with("problem-file-missing", &[("column", (*column).into())])
        }
        FileProblem::RepeatedColumn { column } => {
            texts.say_with("problem-file-repeated", &[("column", (*column).into())])
        }
        FileProblem::ForeignColumn { position } => {
            texts.say_with("problem-file-foreign", &[("position", (*position).into())])
        }
    }
}
