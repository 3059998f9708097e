//! Client keys of an account: what a hospital's system signs in with, and may do.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::portal::{
    calendar::Date,
    forms::{self, Choice, Input, Pick, Problems},
    icons::Icon,
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Issue codes.
    Issue,
    /// Look up states by serial.
    LookUp,
    /// Revoke codes.
    Revoke,
    /// Read figures.
    Figures,
}

impl Scope {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Issue, Self::LookUp, Self::Revoke, Self::Figures];

    /// What stands for it in forms.
    pub(crate) fn value(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::LookUp => "look-up",
            Self::Revoke => "revoke",
            Self::Figures => "figures",
        }
    }

    fn name(self, texts: &Texts) -> String {
        match self {
            Self::Issue => texts.say("scope-issue"),
            Self::LookUp => texts.say("scope-look-up"),
            Self::Revoke => texts.say("scope-revoke"),
            Self::Figures => texts.say("scope-figures"),
        }
    }
}

/// A key as the list shows it.
#[derive(Clone, Debug)]
pub(crate) struct ClientKey {
    /// Names it in forms.
    pub(crate) key: String,
    /// What it is called.
    pub(crate) label: String,
    /// What it may do.
    pub(crate) scopes: Vec<Scope>,
    /// When it was made.
    pub(crate) created_on: Date,
    /// When it was last used.
    pub(crate) last_used: Option<Date>,
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
pub(crate) fn section(
    texts: &Texts,
    chrome: &Chrome,
    officer: &str,
    keys: &[ClientKey],
    found: &[KeyProblem],
) -> Markup {
    let mut problems = Problems::default();
    for problem in found {
        match problem {
            KeyProblem::Label => problems.add("key_label", texts.say("problem-key-label")),
            KeyProblem::NoScope => problems.add("scope", texts.say("problem-key-scope")),
        }
    }
    let scopes = Scope::ALL.map(|scope| Choice::new(scope.value(), scope.name(texts)));
    html! {
        section class="card" {
            h2 { (texts.say("keys-title")) }
            p class="soft" { (texts.say("keys-lead")) }
            @if keys.is_empty() {
                p class="gap" { (texts.say("keys-none")) }
            } @else {
                (list(texts, officer, keys))
            }
            h3 { (texts.say("keys-new")) }
            (problems.summary(texts))
            (forms::post(paths::CREATE_KEY, &chrome.csrf, "", &html! {
                input type="hidden" name="officer" value=(officer);
                (Input::text("key_label", texts.say("keys-label")).hint(texts.say("keys-label-hint")).longest(64)
                    .show(&problems))
                (forms::choices(
                    Pick::Several, "scope", &texts.say("keys-scopes"), &scopes, &[Scope::Issue.value()], &problems,
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
                    th scope="col" { (texts.say("keys-created")) } th scope="col" { (texts.say("keys-last-used")) }
                    th scope="col" { (texts.say("state")) }
                } }
                tbody {
                    @for key in keys {
                        tr {
                            th scope="row" { (key.label) }
                            td { (scope_names(texts, &key.scopes)) }
                            td { (key.created_on.show(texts)) }
                            td { (key.last_used.map_or_else(|| texts.say("never"), |day| day.show(texts))) }
                            td {
                                @if key.revoked {
                                    (parts::badge(Tone::Problem, Icon::Stopped, &texts.say("state-revoked")))
                                } @else {
                                    a href=(paths::with_query(paths::REVOKE_KEY, &[("officer", officer), ("key", &key.key)])) {
                                        (texts.say("keys-revoke"))
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

fn scope_names(texts: &Texts, scopes: &[Scope]) -> String {
    let names: Vec<String> = scopes.iter().map(|scope| scope.name(texts)).collect();
    names.join(", ")
}

/// A key that was just made. No `Debug`: it would print the key.
pub(crate) struct NewKey {
    /// Names the account.
    pub(crate) officer: String,
    /// What it is called.
    pub(crate) label: String,
    /// What it may do.
    pub(crate) scopes: Vec<Scope>,
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
                    p class="soft gap" { (texts.say("keys-scopes")) ": " (scope_names(texts, &view.scopes)) }
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
