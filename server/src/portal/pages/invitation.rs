//! Accepts an invitation: who one will be here, and a password. The second factor follows.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::{
    officers::Role,
    portal::{
        forms::{self, Input, Problems},
        layout::{self, Chrome},
        pages::sign_in::provider_link,
        parts, paths,
        texts::Texts,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct Invitation {
    /// From the link.
    pub(crate) invitation: Zeroizing<String>,
    /// What the officer will type to sign in.
    pub(crate) sign_in_name: String,
    /// The unit's name.
    pub(crate) unit: String,
    /// What they will be allowed to do.
    pub(crate) role: Role,
    /// Fewest characters of a password.
    pub(crate) minimum: u32,
    /// What was wrong.
    pub(crate) problems: Vec<PasswordProblem>,
    /// What the provider is called that can take the place of a password.
    pub(crate) provider: Option<String>,
}

/// What can be wrong with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordProblem {
    /// The one in use was not typed right.
    OldWrong,
    /// The one in use was typed wrong too often.
    TooManyTries {
        /// How long to wait.
        minutes: u32,
    },
    /// Too few characters, or far too many.
    Length,
    /// Among those that everybody tries first, or made of the sign-in name.
    TooCommon,
    /// Not typed the same twice.
    Different,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Invitation) -> Markup {
    let title = texts.say("invitation-title");
    let problems = password_problems(texts, &view.problems, view.minimum);
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("invitation-lead"))))
            (problems.summary(texts))
            div class="card" {
                (parts::facts(&[
                    (texts.say("sign-in-name"), html! { (view.sign_in_name) }),
                    (texts.say("unit"), html! { (view.unit) }),
                    (texts.say("role"), html! { (parts::role(texts, view.role)) }),
                ]))
                (forms::post(paths::INVITATION, &chrome.csrf, "gap", &html! {
                    input type="hidden" name="invitation" value=(view.invitation.as_str());
                    (username(&view.sign_in_name))
                    (new_password(texts, view.minimum, &problems))
                    button class="wide" { (texts.say("invitation-button")) }
                }))
                @if let Some(name) = &view.provider {
                    (provider_link(texts, name, &paths::with_query(
                        paths::OIDC,
                        &[("invitation", view.invitation.as_str())],
                    )))
                }
            }
            p class="aside" { (texts.say("invitation-step")) }
        },
    )
}

/// Tells password managers whose password it is. Without a name, so it is not sent.
pub(crate) fn username(sign_in_name: &str) -> Markup {
    html! { input type="text" autocomplete="username" value=(sign_in_name) readonly hidden; }
}

/// The fields for a new password, here and in one's own account.
pub(crate) fn new_password(texts: &Texts, minimum: u32, problems: &Problems) -> Markup {
    let hint = texts.say_with("new-password-hint", &[("minimum", minimum.into())]);
    html! {
        (Input::password("password", texts.say("new-password"), "new-password").hint(hint).show(problems))
        (Input::password("password_again", texts.say("password-again"), "new-password").show(problems))
    }
}

/// What was wrong, in words.
pub(crate) fn password_problems(
    texts: &Texts,
    found: &[PasswordProblem],
    minimum: u32,
) -> Problems {
    let mut problems = Problems::default();
    for problem in found {
        let (field, text) = match problem {
            PasswordProblem::OldWrong => ("old_password", texts.say("problem-password-old")),
            PasswordProblem::TooManyTries { minutes } => (
                "old_password",
                texts.say_with("too-many-tries", &[("minutes", (*minutes).into())]),
            ),
            PasswordProblem::Length => (
                "password",
                texts.say_with("problem-password-short", &[("minimum", minimum.into())]),
            ),
            PasswordProblem::TooCommon => ("password", texts.say("problem-password-common")),
            PasswordProblem::Different => {
                ("password_again", texts.say("problem-password-different"))
            }
        };
        problems.add(field, text);
    }
    problems
}
