//! The audit log: who did what and when, and whether anything was changed afterwards.

mod actions;
mod chain;

use maud::{Markup, html};

pub(crate) use self::chain::Chain;
use crate::{
    audit::Action,
    portal::{
        calendar::{Date, Moment},
        forms::{self, Choice, Input, Problems},
        icons::{Icon, icon},
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Audit {
    /// The filters.
    pub(crate) filter: Filter,
    /// What is wrong with them.
    pub(crate) problem: Option<FilterProblem>,
    /// Today: the last day that can be chosen.
    pub(crate) today: Date,
    /// Newest first.
    pub(crate) entries: Vec<Entry>,
    /// Whether newer ones than these were left out.
    pub(crate) has_newer: bool,
    /// Number before which the next page begins, if there is one.
    pub(crate) older: Option<u64>,
    /// Whether the entries hang together.
    pub(crate) chain: Chain,
}

/// Which entries are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// First day.
    pub(crate) first: Option<Date>,
    /// Last day, included.
    pub(crate) last: Option<Date>,
    /// One kind alone.
    pub(crate) action: Option<Action>,
    /// An account's sign-in name; empty for all.
    pub(crate) officer: String,
    /// Code of a unit, with those below; empty for all.
    pub(crate) unit: String,
}

/// What can be wrong with a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterProblem {
    /// No such unit in reach.
    Unit,
    /// The last day is before the first.
    Order,
}

/// An entry, as it stands there: it may have been changed.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Counted from 1.
    pub(crate) number: u64,
    /// When.
    pub(crate) at: Option<Moment>,
    /// The account's sign-in name; `None` for whoever runs the server.
    pub(crate) who: Option<String>,
    /// Whether a program did it in the account's name.
    pub(crate) by_key: bool,
    /// What.
    pub(crate) action: Result<Action, String>,
    /// On which unit.
    pub(crate) unit_code: String,
    /// To what: a serial, an account, a day. Never a code, never a patient.
    pub(crate) about: String,
}

impl Filter {
    /// Names and values, as they stand in addresses and forms.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let day = |day: Option<Date>| day.map_or_else(String::new, Date::iso);
        let mut fields = vec![
            ("first", day(self.first)),
            ("last", day(self.last)),
            ("action", self.action.map_or("", Action::name).to_owned()),
            ("officer", self.officer.clone()),
            ("unit", self.unit.clone()),
        ];
        fields.retain(|(_, value)| !value.is_empty());
        fields
    }
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Audit) -> Markup {
    let title = texts.say("nav-audit");
    let problems = problems(texts, view);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("audit-lead"))))
            (problems.summary(texts))
            (chain::show(texts, &view.chain, &problems))
            div class="card" {
                (filter(texts, view, &problems))
                @if view.entries.is_empty() {
                    p class="soft gap" role="status" { (texts.say("audit-none")) }
                } @else {
                    (entries(texts, view))
                    (pager(texts, view))
                }
            }
            (export(texts, chrome, view))
        },
    )
}

fn problems(texts: &Texts, view: &Audit) -> Problems {
    let mut problems = Problems::default();
    match view.problem {
        None => {}
        Some(FilterProblem::Unit) => problems.add("unit", texts.say("problem-unit")),
        Some(FilterProblem::Order) => problems.add("first", texts.say("problem-range-order")),
    }
    if view.chain == Chain::HeadUnreadable {
        problems.add("head", texts.say("problem-head"));
    }
    problems
}

fn filter(texts: &Texts, view: &Audit, problems: &Problems) -> Markup {
    let day = |day: Option<Date>| day.map_or_else(String::new, Date::iso);
    let (first, last, today) = (
        day(view.filter.first),
        day(view.filter.last),
        view.today.iso(),
    );
    let mut actions = vec![Choice::new("", texts.say("audit-all"))];
    let named = |action: &Action| Choice::new(action.name(), actions::name(texts, *action));
    actions.extend(Action::ALL.iter().map(named));
    let chosen = view.filter.action.map_or("", Action::name);
    forms::get(
        paths::AUDIT,
        "row",
        &html! {
            (Input::date("first", texts.say("figures-first"), today.clone()).value(&first).optional().show(problems))
            (Input::date("last", texts.say("figures-last"), today).value(&last).optional().show(problems))
            (forms::select("action", &texts.say("audit-action"), &actions, chosen, problems))
            (Input::text("officer", texts.say("sign-in-name")).value(&view.filter.officer).longest(80).optional().show(problems))
            (Input::text("unit", texts.say("invite-unit-code")).value(&view.filter.unit).longest(16).optional().show(problems))
            button class="secondary" { (texts.say("search")) }
        },
    )
}

fn entries(texts: &Texts, view: &Audit) -> Markup {
    html! {
        div class="scroll wide" tabindex="0" role="region" aria-label=(texts.say("nav-audit")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("audit-number")) }
                    th scope="col" { (texts.say("audit-time")) } th scope="col" { (texts.say("account")) }
                    th scope="col" { (texts.say("audit-action")) } th scope="col" { (texts.say("unit")) }
                    th scope="col" { (texts.say("audit-about")) }
                } }
                tbody { @for entry in &view.entries { (row(texts, view, entry)) } }
            }
        }
        p class="hint" { (texts.say("times-to-the-hour")) }
    }
}

fn row(texts: &Texts, view: &Audit, entry: &Entry) -> Markup {
    let broken = view.chain.breaks_at(entry.number);
    html! {
        tr class=[broken.then_some("broken")] {
            td {
                (entry.number)
                @if broken {
                    br; (parts::badge(Tone::Problem, Icon::Problem, &texts.say("audit-broken-here")))
                }
            }
            td { @if let Some(at) = entry.at { (parts::time(texts, at)) } }
            td {
                (entry.who.clone().unwrap_or_else(|| texts.say("audit-server")))
                @if entry.by_key { br; span class="soft" { (texts.say("audit-by-key")) } }
            }
            td {
                @match &entry.action {
                    Ok(action) => (actions::name(texts, *action)),
                    Err(unknown) => (unknown),
                }
            }
            td { (entry.unit_code) }
            td { (entry.about) }
        }
    }
}

fn pager(texts: &Texts, view: &Audit) -> Markup {
    let link = |before: Option<u64>| {
        let before = before.map(|before| before.to_string());
        let fields = view.filter.fields();
        let mut query: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        query.extend(before.as_deref().map(|before| ("before", before)));
        paths::with_query(paths::AUDIT, &query)
    };
    html! {
        p class="quick-links" {
            @if view.has_newer { a href=(link(None)) { (texts.say("audit-newest")) } }
            @if view.older.is_some() { a href=(link(view.older)) { (texts.say("audit-older")) } }
        }
    }
}

/// Of what the filters let through; all of it for whoever asks for all.
fn export(texts: &Texts, chrome: &Chrome, view: &Audit) -> Markup {
    html! {
        (forms::post(paths::AUDIT_CSV, &chrome.csrf, "actions", &html! {
            @for (name, value) in view.filter.fields() { input type="hidden" name=(name) value=(value); }
            button class="secondary" { (icon(Icon::Download)) (texts.say("audit-csv")) }
        }))
        p class="hint screen" { (texts.say("audit-csv-hint")) }
    }
}
