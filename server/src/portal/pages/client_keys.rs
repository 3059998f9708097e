//! Client keys of an account: what a hospital's system signs in with, and may do.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::{
    officers::{Permission, Permissions},
    portal::{
        calendar::Date,
        forms::{self, Choice, Input, Pick, Problems},
        icons::Icon,
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// What stands for a permission in forms.
pub(crate) fn scope_value(scope: Permission) -> &'static str {
    match scope {
        Permission::IssueCodes => "issue",
        Permission::LookUpCodes => "look-up",
        Permission::RevokeCodes => "revoke",
        Permission::SeeFigures => "figures",
        Permission::KeepOfficers => "officers",
        Permission::ReadAudit => "audit",
    }
}

fn scope_name(texts: &Texts, scope: Permission) -> String {
    match scope {
        Permission::IssueCodes => texts.say("scope-issue"),
        Permission::LookUpCodes => texts.say("scope-look-up"),
        Permission::RevokeCodes => texts.say("scope-revoke"),
        Permission::SeeFigures => texts.say("scope-figures"),
        Permission::KeepOfficers => texts.say("scope-officers"),
        Permission::ReadAudit => texts.say("scope-audit"),
    }
}

fn scope_names(texts: &Texts, scopes: Permissions) -> String {
    let names: Vec<String> = scopes
        .iter()
        .map(|scope| scope_name(texts, scope))
        .collect();
    names.join(", ")
}

/// The part of an account's page.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientKeys {
    /// Those there are, newest first.
    pub(crate) keys: Vec<ClientKey>,
    /// What a new one can be given.
    pub(crate) grantable: Permissions,
    /// The form as sent.
    pub(crate) label: String,
    /// The form as sent.
    pub(crate) chosen: Permissions,
    /// Why no key was made.
    pub(crate) problems: Vec<KeyProblem>,
}

/// A key as the list shows it.
#[derive(Clone, Debug)]
pub(crate) struct ClientKey {
    /// Names it in forms.
    pub(crate) key: String,
    /// What it is called.
    pub(crate) label: String,
    /// What it may do.
    pub(crate) scopes: Permissions,
    /// When it was made.
    pub(crate) created_on: Date,
    /// Whether it was revoked.
    pub(crate) revoked: bool,
}

/// Why no key was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyProblem {
    /// No name, or too long a one.
    Label,
    /// It could do nothing.
    NoScope,
}

/// The part of an account's page.
pub(crate) fn section(texts: &Texts, chrome: &Chrome, officer: &str, view: &ClientKeys) -> Markup {
    let mut problems = Problems::default();
    for problem in &view.problems {
        match problem {
            KeyProblem::Label => problems.add("key_label", texts.say("problem-key-label")),
            KeyProblem::NoScope => problems.add("scope", texts.say("problem-key-scope")),
        }
    }
    let choice = |scope| Choice::new(scope_value(scope), scope_name(texts, scope));
    let scopes: Vec<Choice> = view.grantable.iter().map(choice).collect();
    let chosen: Vec<&str> = view.chosen.iter().map(scope_value).collect();
    html! {
        section class="card" {
            h2 { (texts.say("keys-title")) }
            p class="soft" { (texts.say("keys-lead")) }
            @if view.keys.is_empty() {
                p class="gap" { (texts.say("keys-none")) }
            } @else {
                (list(texts, officer, &view.keys))
            }
            h3 { (texts.say("keys-new")) }
            (problems.summary(texts))
            (forms::post(paths::CREATE_KEY, &chrome.csrf, "", &html! {
                input type="hidden" name="officer" value=(officer);
                (Input::text("key_label", texts.say("keys-label")).hint(texts.say("keys-label-hint")).longest(64)
                    .value(&view.label).show(&problems))
                (forms::choices(
                    Pick::Several, "scope", &texts.say("keys-scopes"), &scopes, &chosen, &problems,
                ))
                button class="secondary" { (texts.say("keys-create")) }
            }))
        }
    }
}

fn list(texts: &Texts, officer: &str, keys: &[ClientKey]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(texts.say("keys-title")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("keys-label")) } th scope="col" { (texts.say("keys-scopes")) }
                    th scope="col" { (texts.say("keys-created")) }
                    th scope="col" { (texts.say("state")) }
                } }
                tbody {
                    @for key in keys {
                        tr {
                            th scope="row" { (key.label) }
                            td { (scope_names(texts, key.scopes)) }
                            td { (key.created_on.show(texts)) }
                            td {
                                @if key.revoked {
                                    (parts::badge(Tone::Problem, Icon::Stopped, &texts.say("state-revoked")))
                                } @else {
                                    a href=(paths::with_query(paths::REVOKE_KEY, &[("officer", officer), ("key", &key.key)])) {
                                        (texts.say("keys-revoke")) span class="unseen" { " " (key.label) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A key that was just made. No `Debug`: it would print the key.
pub(crate) struct NewKey {
    /// Names the account.
    pub(crate) officer: String,
    /// What it is called.
    pub(crate) label: String,
    /// What it may do.
    pub(crate) scopes: Permissions,
    /// The bearer credential.
    pub(crate) credential: Zeroizing<String>,
}

/// The page of a key that was just made. Shown this once.
pub(crate) fn new_key_page(texts: &Texts, chrome: &Chrome, view: &NewKey) -> Markup {
    let title = texts.say_with("key-title", &[("label", view.label.as_str().into())]);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, Some(&texts.say("key-lead"))))
                div class="card" {
                    (parts::copyable(texts, "client-key", &view.credential))
                    p class="soft gap" { (texts.say("keys-scopes")) ": " (scope_names(texts, view.scopes)) }
                }
                p class="actions" {
                    a class="button secondary" href=(paths::with_query(paths::OFFICER, &[("officer", &view.officer)])) {
                        (texts.say("key-done"))
                    }
                }
            }
        },
    )
}
