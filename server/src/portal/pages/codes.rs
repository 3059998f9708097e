//! The codes that an officer sees, by their slips: newest first, by state, a page at a time.

use maud::{Markup, html};
use truyvet_crypto::token::ReportType;

use super::{code, home};
use crate::{
    authorize::CodeState,
    portal::{
        calendar::Moment,
        layout::{self, Chrome},
        parts, paths,
        texts::Texts,
    },
    store::StateCounts,
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    /// Those in one state alone.
    pub(crate) state: Option<CodeState>,
    /// Of all codes that the officer sees.
    pub(crate) counts: StateCounts,
    /// Newest first.
    pub(crate) rows: Vec<CodeRow>,
    /// Whether there are newer ones than those on the page.
    pub(crate) has_newer: bool,
    /// Where the next page begins.
    pub(crate) older: Option<String>,
    /// Whether rows can be of several units.
    pub(crate) several_units: bool,
}

/// A code.
#[derive(Clone, Debug)]
pub(crate) struct CodeRow {
    /// From the slip.
    pub(crate) serial: String,
    /// Where it is in its life.
    pub(crate) state: CodeState,
    /// Why the upload is authorized.
    pub(crate) report_type: ReportType,
    /// The unit's code.
    pub(crate) unit_code: String,
    /// To the hour.
    pub(crate) issued_at: Moment,
    /// Whether the officer may revoke it.
    pub(crate) may_revoke: bool,
}

/// What stands for a state in the query.
pub(crate) fn tag(state: CodeState) -> &'static str {
    match state {
        CodeState::Issued => "issued",
        CodeState::Redeemed => "redeemed",
        CodeState::Expired => "expired",
        CodeState::Revoked => "revoked",
    }
}

/// The state of that tag.
pub(crate) fn from_tag(text: &str) -> Option<CodeState> {
    use CodeState::{Expired, Issued, Redeemed, Revoked};
    let all = [Issued, Redeemed, Expired, Revoked];
    all.into_iter().find(|state| tag(*state) == text)
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Codes) -> Markup {
    let title = texts.say("codes-title");
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("codes-lead"))))
            (filter(texts, view))
            section class="card" {
                @if view.rows.is_empty() {
                    p class="soft" { (texts.say("codes-none")) }
                } @else {
                    (table(texts, view))
                }
                @if view.has_newer || view.older.is_some() {
                    p class="actions" {
                        @if view.has_newer {
                            a class="button secondary" href=(address(view.state, None)) { (texts.say("codes-newest")) }
                        }
                        @if let Some(older) = &view.older {
                            a class="button secondary" href=(address(view.state, Some(older))) { (texts.say("codes-older")) }
                        }
                    }
                }
            }
            p class="aside" { a href=(paths::CODE) { (texts.say("find-title")) } }
        },
    )
}

fn address(state: Option<CodeState>, after: Option<&str>) -> String {
    let state = state.map(|state| ("state", tag(state)));
    let after = after.map(|after| ("after", after));
    let query: Vec<(&str, &str)> = state.into_iter().chain(after).collect();
    paths::with_query(paths::CODES, &query)
}

fn filter(texts: &Texts, view: &Codes) -> Markup {
    let StateCounts {
        issued,
        redeemed,
        expired,
        revoked,
    } = view.counts;
    let all = issued + redeemed + expired + revoked;
    let choices = [
        (None, texts.say("codes-all"), all),
        (Some(CodeState::Issued), texts.say("state-issued"), issued),
        (
            Some(CodeState::Redeemed),
            texts.say("state-redeemed"),
            redeemed,
        ),
        (
            Some(CodeState::Expired),
            texts.say("state-expired"),
            expired,
        ),
        (
            Some(CodeState::Revoked),
            texts.say("state-revoked"),
            revoked,
        ),
    ];
    html! {
        nav class="tabs" aria-label=(texts.say("codes-filter")) {
            @for (state, name, count) in choices {
                a href=(address(state, None)) aria-current=[(state == view.state).then_some("page")] {
                    (name) " (" (texts.number(count)) ")"
                }
            }
        }
    }
}

fn table(texts: &Texts, view: &Codes) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(texts.say("codes-title")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("serial")) }
                    th scope="col" { (texts.say("state")) }
                    th scope="col" { (texts.say("report-type")) }
                    th scope="col" { (texts.say("issued-at")) }
                    @if view.several_units { th scope="col" { (texts.say("unit")) } }
                    th scope="col" { span class="unseen" { (texts.say("codes-revoke")) } }
                } }
                tbody { @for row in &view.rows { (code_row(texts, view, row)) } }
            }
        }
    }
}

fn code_row(texts: &Texts, view: &Codes, row: &CodeRow) -> Markup {
    let serial = [("serial", row.serial.as_str())];
    let revoke = texts.say_with(
        "codes-revoke-one",
        &[("serial", row.serial.as_str().into())],
    );
    html! {
        tr {
            td { a class="number" href=(paths::with_query(paths::CODE, &serial)) { (row.serial) } }
            td { (code::state(texts, row.state)) }
            td { (home::report_type(texts, row.report_type)) }
            td { (parts::time(texts, row.issued_at)) }
            @if view.several_units { td { (row.unit_code) } }
            td {
                @if row.may_revoke && row.state == CodeState::Issued {
                    a href=(paths::with_query(paths::REVOKE, &serial)) aria-label=(revoke) { (texts.say("codes-revoke")) }
                }
            }
        }
    }
}
