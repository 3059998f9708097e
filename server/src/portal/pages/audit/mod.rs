//! The audit log: who did what and when, and whether anything was changed afterwards.

use maud::{Markup, html};

use crate::portal::{
    calendar::{Date, Moment},
    forms::{self, Choice, Input, Problems},
    icons::{Icon, icon},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    /// The filters.
    pub(crate) filter: Filter,
    /// Today: the last day that can be chosen.
    pub(crate) today: Date,
    /// Newest first.
    pub(crate) entries: Vec<Entry>,
    /// Counted from 1.
    pub(crate) page: u64,
    /// In all; at least 1.
    pub(crate) pages: u64,
    /// Whether the entries hang together.
    pub(crate) chain: Chain,
}

/// Which entries are shown.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// First day.
    pub(crate) first: Date,
    /// Last day, included.
    pub(crate) last: Date,
    /// One kind alone.
    pub(crate) action: Option<Action>,
    /// Part of an account's name; empty for all.
    pub(crate) officer: String,
}

/// An entry.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// When.
    pub(crate) at: Moment,
    /// The account's sign-in name, or the server's own.
    pub(crate) who: String,
    /// What.
    pub(crate) action: Action,
    /// To what: a serial, an account, a unit. Never a code, never a patient.
    pub(crate) about: String,
}

/// Whether each entry fits the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// All do.
    Verified {
        /// How many.
        entries: u64,
    },
    /// One does not: something was changed or taken out.
    Broken {
        /// Its number.
        entry: u64,
    },
}

/// What an entry can say. The names in [`ACTIONS`] stand in forms and exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Came in.
    SignedIn,
    /// Was not let in.
    SignInRefused,
    /// Went out, or ended other sessions.
    SignedOut,
    /// Issued one code.
    CodeIssued,
    /// Issued one withdrawal code.
    WithdrawalIssued,
    /// Uploaded a file.
    FileImported,
    /// Issued a sheet of codes.
    SheetIssued,
    /// Replaced a sheet of codes.
    SheetReissued,
    /// Looked up a code's state.
    CodeLookedUp,
    /// Revoked a code.
    CodeRevoked,
    /// Sent a daily or weekly report.
    ReportSent,
    /// Invited an officer.
    OfficerInvited,
    /// Accepted an invitation.
    InvitationAccepted,
    /// Closed an account.
    OfficerDeactivated,
    /// Took away password and second factor.
    SignInReset,
    /// Changed their own password, second factor or recovery codes.
    SignInChanged,
    /// Made a client key.
    KeyCreated,
    /// Revoked a client key.
    KeyRevoked,
    /// Added a unit.
    UnitAdded,
    /// Exported figures or this log.
    Exported,
}

/// All actions, with what stands for each.
pub(crate) const ACTIONS: [(Action, &str); 20] = [
    (Action::SignedIn, "signed-in"),
    (Action::SignInRefused, "sign-in-refused"),
    (Action::SignedOut, "signed-out"),
    (Action::CodeIssued, "code-issued"),
    (Action::WithdrawalIssued, "withdrawal-issued"),
    (Action::FileImported, "file-imported"),
    (Action::SheetIssued, "sheet-issued"),
    (Action::SheetReissued, "sheet-reissued"),
    (Action::CodeLookedUp, "code-looked-up"),
    (Action::CodeRevoked, "code-revoked"),
    (Action::ReportSent, "report-sent"),
    (Action::OfficerInvited, "officer-invited"),
    (Action::InvitationAccepted, "invitation-accepted"),
    (Action::OfficerDeactivated, "officer-deactivated"),
    (Action::SignInReset, "sign-in-reset"),
    (Action::SignInChanged, "sign-in-changed"),
    (Action::KeyCreated, "key-created"),
    (Action::KeyRevoked, "key-revoked"),
    (Action::UnitAdded, "unit-added"),
    (Action::Exported, "exported"),
];

impl Action {
    /// What stands for it in forms and exports.
    pub(crate) fn value(self) -> &'static str {
        ACTIONS
            .iter()
            .find(|(action, _)| *action == self)
            .map_or("", |(_, value)| value)
    }

    fn name(self, texts: &Texts) -> String {
        match self {
            Self::SignedIn => texts.say("action-signed-in"),
            Self::SignInRefused => texts.say("action-sign-in-refused"),
            Self::SignedOut => texts.say("action-signed-out"),
            Self::CodeIssued => texts.say("action-code-issued"),
            Self::WithdrawalIssued => texts.say("action-withdrawal-issued"),
            Self::FileImported => texts.say("action-file-imported"),
            Self::SheetIssued => texts.say("action-sheet-issued"),
            Self::SheetReissued => texts.say("action-sheet-reissued"),
            Self::CodeLookedUp => texts.say("action-code-looked-up"),
            Self::CodeRevoked => texts.say("action-code-revoked"),
            Self::ReportSent => texts.say("action-report-sent"),
            Self::OfficerInvited => texts.say("action-officer-invited"),
            Self::InvitationAccepted => texts.say("action-invitation-accepted"),
            Self::OfficerDeactivated => texts.say("action-officer-deactivated"),
            Self::SignInReset => texts.say("action-sign-in-reset"),
            Self::SignInChanged => texts.say("action-sign-in-changed"),
            Self::KeyCreated => texts.say("action-key-created"),
            Self::KeyRevoked => texts.say("action-key-revoked"),
            Self::UnitAdded => texts.say("action-unit-added"),
            Self::Exported => texts.say("action-exported"),
        }
    }
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Audit) -> Markup {
    let title = texts.say("nav-audit");
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("audit-lead"))))
            (chain(texts, view.chain))
            div class="card" {
                (filter(texts, view))
                @if view.entries.is_empty() {
                    p class="soft gap" role="status" { (texts.say("audit-none")) }
                } @else {
                    (entries(texts, &view.entries))
                    (pager(texts, view))
                }
            }
            p class="actions" {
                a class="button secondary" href=(link(paths::AUDIT_CSV, &view.filter, None)) {
                    (icon(Icon::Download)) (texts.say("audit-csv"))
                }
            }
        },
    )
}

fn chain(texts: &Texts, chain: Chain) -> Markup {
    match chain {
        Chain::Verified { entries } => parts::notice(
            Tone::Good,
            &texts.say_with("audit-verified", &[("entries", entries.into())]),
            html! {},
        ),
        Chain::Broken { entry } => parts::notice(
            Tone::Problem,
            &texts.say_with("audit-broken", &[("entry", entry.into())]),
            html! { p { (texts.say("audit-broken-body")) } },
        ),
    }
}

fn filter(texts: &Texts, view: &Audit) -> Markup {
    let none = Problems::default();
    let (first, last, today) = (
        view.filter.first.iso(),
        view.filter.last.iso(),
        view.today.iso(),
    );
    let mut actions = vec![Choice::new("", texts.say("audit-all"))];
    actions.extend(ACTIONS.map(|(action, value)| Choice::new(value, action.name(texts))));
    let chosen = view.filter.action.map_or("", Action::value);
    forms::get(
        paths::AUDIT,
        "row",
        &html! {
            (Input::date("first", texts.say("figures-first"), today.clone()).value(&first).show(&none))
            (Input::date("last", texts.say("figures-last"), today).value(&last).show(&none))
            (forms::select("action", &texts.say("audit-action"), &actions, chosen, &none))
            (Input::text("officer", texts.say("account")).value(&view.filter.officer).longest(80).optional().show(&none))
            button class="secondary" { (texts.say("search")) }
        },
    )
}

fn entries(texts: &Texts, entries: &[Entry]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(texts.say("nav-audit")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("audit-time")) } th scope="col" { (texts.say("account")) }
                    th scope="col" { (texts.say("audit-action")) } th scope="col" { (texts.say("audit-about")) }
                } }
                tbody {
                    @for entry in entries {
                        tr {
                            td { (parts::time(texts, entry.at)) } td { (entry.who) }
                            td { (entry.action.name(texts)) } td { (entry.about) }
                        }
                    }
                }
            }
        }
    }
}

fn pager(texts: &Texts, view: &Audit) -> Markup {
    html! {
        p class="quick-links" {
            span { (texts.say_with("audit-page", &[("page", view.page.into()), ("pages", view.pages.into())])) }
            @if view.page > 1 {
                a href=(link(paths::AUDIT, &view.filter, Some(view.page - 1))) { (texts.say("audit-newer")) }
            }
            @if view.page < view.pages {
                a href=(link(paths::AUDIT, &view.filter, Some(view.page + 1))) { (texts.say("audit-older")) }
            }
        }
    }
}

fn link(path: &str, filter: &Filter, page: Option<u64>) -> String {
    let (first, last) = (filter.first.iso(), filter.last.iso());
    let page = page.map(|page| page.to_string());
    let mut query = vec![
        ("first", first.as_str()),
        ("last", last.as_str()),
        ("action", filter.action.map_or("", Action::value)),
        ("officer", filter.officer.as_str()),
    ];
    query.extend(page.as_deref().map(|page| ("page", page)));
    paths::with_query(path, &query)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_action_has_a_value_of_its_own() {
        let values: HashSet<&str> = ACTIONS.iter().map(|(action, _)| action.value()).collect();
        assert_eq!(values.len(), ACTIONS.len());
        assert!(!values.contains(""));
    }
}
