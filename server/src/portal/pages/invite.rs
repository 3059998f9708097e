//! Invites an officer, and shows the link that makes the account theirs. Shown this once.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::{
    officers::Role,
    portal::{
        calendar::Moment,
        forms::{self, Choice, Input, Pick, Problems},
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// The form.
#[derive(Clone, Debug)]
pub(crate) struct Invite {
    /// As typed.
    pub(crate) label: String,
    /// As chosen or typed.
    pub(crate) unit_code: String,
    /// As chosen.
    pub(crate) role: Role,
    /// Units that can be chosen: code and name. With none, the code is typed.
    pub(crate) units: Vec<(String, String)>,
    /// What was wrong.
    pub(crate) problems: Vec<InviteProblem>,
}

/// What can be wrong with the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InviteProblem {
    /// Empty, too long, or with signs that a sign-in name cannot have.
    Label,
    /// The unit has an account of that name.
    LabelTaken,
    /// No such unit, or not below one's own.
    Unit,
    /// More than one's own.
    Role,
}

/// The form's page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Invite) -> Markup {
    let title = texts.say("invite-title");
    let problems = problems(texts, &view.problems);
    let roles = Role::ALL.map(|role| {
        let hint = match role {
            Role::Officer => texts.say("role-officer-hint"),
            Role::Supervisor => texts.say("role-supervisor-hint"),
            Role::Administrator => texts.say("role-administrator-hint"),
            Role::Auditor => texts.say("role-auditor-hint"),
        };
        Choice::with_hint(role_value(role), parts::role(texts, role), hint)
    });
    let units: Vec<Choice> = view
        .units
        .iter()
        .map(|(code, name)| Choice::new(code, format!("{name} ({code})")))
        .collect();
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, Some(&texts.say("invite-lead"))))
                (problems.summary(texts))
                div class="card" {
                    (forms::post(paths::INVITE, &chrome.csrf, "", &html! {
                        (Input::text("label", texts.say("invite-label")).hint(texts.say("invite-label-hint"))
                            .value(&view.label).longest(64).show(&problems))
                        @if units.is_empty() {
                            (Input::text("unit_code", texts.say("invite-unit-code")).value(&view.unit_code).longest(16)
                                .show(&problems))
                        } @else {
                            (forms::select("unit_code", &texts.say("unit"), &units, &view.unit_code, &problems))
                        }
                        (forms::choices(
                            Pick::One, "role", &texts.say("role"), &roles, &[role_value(view.role)], &problems,
                        ))
                        button { (texts.say("invite-button")) }
                    }))
                }
            }
        },
    )
}

/// What stands for a role in forms.
pub(crate) fn role_value(role: Role) -> &'static str {
    match role {
        Role::Officer => "officer",
        Role::Supervisor => "supervisor",
        Role::Administrator => "administrator",
        Role::Auditor => "auditor",
    }
}

/// A link that was just made, for a new account or one whose sign-in is reset. No `Debug`: it would print the link.
pub(crate) struct InvitationLink {
    /// What the officer will type to sign in.
    pub(crate) sign_in_name: String,
    /// The whole address.
    pub(crate) link: Zeroizing<String>,
    /// Until when it is good.
    pub(crate) expires_at: Moment,
}

/// The link's page.
pub(crate) fn link_page(texts: &Texts, chrome: &Chrome, view: &InvitationLink) -> Markup {
    let title = texts.say_with(
        "invited-title",
        &[("account", view.sign_in_name.as_str().into())],
    );
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, Some(&texts.say("invited-lead"))))
                div class="card" {
                    h2 { (texts.say("invited-link")) }
                    (parts::copyable(texts, "invitation-link", &view.link))
                    p class="soft gap" { (texts.say("expires-at")) " " (parts::time(texts, view.expires_at)) }
                }
                (parts::notice(Tone::Warning, &texts.say("invited-safely"), html! {
                    p { (texts.say("invited-safely-body")) }
                }))
                p class="actions" { a class="button secondary" href=(paths::OFFICERS) { (texts.say("officer-back")) } }
            }
        },
    )
}

fn problems(texts: &Texts, found: &[InviteProblem]) -> Problems {
    let mut problems = Problems::default();
    for problem in found {
        let (field, text) = match problem {
            InviteProblem::Label => ("label", texts.say("problem-label")),
            InviteProblem::LabelTaken => ("label", texts.say("problem-label-taken")),
            InviteProblem::Unit => ("unit_code", texts.say("problem-unit")),
            InviteProblem::Role => ("role", texts.say("problem-role")),
        };
        problems.add(field, text);
    }
    problems
}
