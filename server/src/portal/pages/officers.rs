//! Accounts: the list, and one account with what can be done to it.

use maud::{Markup, html};

use super::client_keys::{self, ClientKeys};
use crate::{
    officers::Role,
    portal::{
        calendar::{Date, Moment},
        forms::{self, Input, Problems},
        icons::Icon,
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// The list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Officers {
    /// As typed: part of a name or unit.
    pub(crate) query: String,
    /// By unit, then name.
    pub(crate) accounts: Vec<Account>,
}

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// Names it in addresses and forms.
    pub(crate) officer: String,
    /// What the officer types to sign in.
    pub(crate) sign_in_name: String,
    /// The unit's name.
    pub(crate) unit: String,
    /// What they may do.
    pub(crate) role: Role,
    /// Whether it can be used.
    pub(crate) state: AccountState,
    /// The day of the last sign-in.
    pub(crate) last_seen: Option<Date>,
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccountState {
    /// It can.
    Active,
    /// The invitation was not accepted yet.
    Invited {
        /// Until when it is good.
        until: Moment,
    },
    /// It can, and a new invitation was made and not accepted yet.
    Reset {
        /// Until when it is good.
        until: Moment,
    },
    /// From a browser it cannot: no invitation was accepted, and none is open.
    NotSetUp,
    /// Closed for good.
    Deactivated,
}

/// The list's page.
pub(crate) fn list_page(texts: &Texts, chrome: &Chrome, view: &Officers) -> Markup {
    let title = texts.say("nav-officers");
    let search = Input::text("q", texts.say("officers-search"))
        .value(&view.query)
        .longest(80)
        .optional();
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("officers-lead"))))
            p class="actions" { a class="button" href=(paths::INVITE) { (texts.say("invite-title")) } }
            div class="card" {
                (forms::get(paths::OFFICERS, "row medium", &html! {
                    (search.show(&Problems::default()))
                    button class="secondary" { (texts.say("search")) }
                }))
                @if view.accounts.is_empty() {
                    p class="soft gap" role="status" { (texts.say("officers-none")) }
                } @else {
                    div class="scroll" tabindex="0" role="region" aria-label=(title) {
                        table {
                            thead { tr {
                                th scope="col" { (texts.say("account")) } th scope="col" { (texts.say("unit")) }
                                th scope="col" { (texts.say("role")) } th scope="col" { (texts.say("state")) }
                                th scope="col" { (texts.say("officers-last-seen")) }
                            } }
                            tbody { @for account in &view.accounts { (row(texts, account)) } }
                        }
                    }
                }
            }
        },
    )
}

fn row(texts: &Texts, account: &Account) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(paths::with_query(paths::OFFICER, &[("officer", &account.officer)])) { (account.sign_in_name) }
            }
            td { (account.unit) }
            td { (parts::role(texts, account.role)) }
            td { (state(texts, account.state)) }
            td { (last_seen(texts, account)) }
        }
    }
}

fn last_seen(texts: &Texts, account: &Account) -> String {
    account
        .last_seen
        .map_or_else(|| texts.say("never"), |day| day.show(texts))
}

fn state(texts: &Texts, state: AccountState) -> Markup {
    match state {
        AccountState::Active => parts::badge(Tone::Good, Icon::Good, &texts.say("account-active")),
        AccountState::Invited { until } => parts::badge(
            Tone::Note,
            Icon::Waiting,
            &texts.say_with("account-invited", &[("until", until.show(texts).into())]),
        ),
        AccountState::Reset { until } => html! {
            (parts::badge(Tone::Good, Icon::Good, &texts.say("account-active"))) " "
            (parts::badge(
                Tone::Note,
                Icon::Waiting,
                &texts.say_with("account-invited", &[("until", until.show(texts).into())]),
            ))
        },
        AccountState::NotSetUp => {
            parts::badge(Tone::Note, Icon::Note, &texts.say("account-not-set-up"))
        }
        AccountState::Deactivated => parts::badge(
            Tone::Problem,
            Icon::Stopped,
            &texts.say("account-deactivated"),
        ),
    }
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct OfficerView {
    /// Which.
    pub(crate) account: Account,
    /// Whether it is one's own: somebody else has to close it.
    pub(crate) own: bool,
    /// Its client keys.
    pub(crate) keys: ClientKeys,
}

/// One account's page.
pub(crate) fn officer_page(texts: &Texts, chrome: &Chrome, view: &OfficerView) -> Markup {
    let account = &view.account;
    let query = [("officer", account.officer.as_str())];
    let open = account.state != AccountState::Deactivated;
    layout::desk(
        texts,
        chrome,
        &account.sign_in_name,
        &html! {
            (parts::heading(&account.sign_in_name, None))
            section class="card" {
                (parts::facts(&[
                    (texts.say("unit"), html! { (account.unit) }),
                    (texts.say("role"), html! { (parts::role(texts, account.role)) }),
                    (texts.say("state"), state(texts, account.state)),
                    (texts.say("officers-last-seen"), html! { (last_seen(texts, account)) }),
                ]))
                @if open && !view.own {
                    p class="actions" {
                        a class="button secondary" href=(paths::with_query(paths::RESET_SIGN_IN, &query)) {
                            (texts.say("officer-reset"))
                        }
                        a class="button secondary" href=(paths::with_query(paths::DEACTIVATE, &query)) {
                            (texts.say("officer-deactivate"))
                        }
                    }
                } @else if view.own {
                    p class="hint gap" { (texts.say("officer-own")) }
                }
            }
            @if open { (client_keys::section(texts, chrome, &account.officer, &view.keys)) }
            p class="aside" { a href=(paths::OFFICERS) { (texts.say("officer-back")) } }
        },
    )
}
