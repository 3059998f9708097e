//! Sign-in: name and password, then a second factor, or a recovery code in its place.

use maud::{Markup, html};

use crate::portal::{
    forms::{self, Input, Problems},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// Why somebody is not let in. One answer for an unknown name, a wrong password and a closed account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// What was typed is not right.
    Wrong,
    /// The passkey is not right.
    Passkey,
    /// Too often: wait.
    TooManyTries {
        /// How long.
        minutes: u32,
    },
}

/// Name and password.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignIn {
    /// As typed.
    pub(crate) sign_in_name: String,
    /// What was wrong.
    pub(crate) refusal: Option<Refusal>,
    /// Whether the officer comes here because the session ended by itself.
    pub(crate) session_ended: bool,
    /// What the provider is called by which one may sign in instead.
    pub(crate) provider: Option<String>,
}

/// The page for name and password.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &SignIn) -> Markup {
    let title = texts.say("sign-in-title");
    let problems = problems(texts, view.refusal, "sign_in_name", "sign-in-wrong");
    let name = Input::text("sign_in_name", texts.say("sign-in-name"))
        .hint(texts.say("sign-in-name-hint"))
        .value(&view.sign_in_name)
        .autocomplete("username")
        .longest(80);
    let password = Input::password("password", texts.say("password"), "current-password");
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("sign-in-lead"))))
            @if view.session_ended {
                (parts::notice(Tone::Note, &texts.say("session-ended"), html! {}))
            }
            (problems.summary(texts))
            div class="card" {
                (forms::post(paths::SIGN_IN, &chrome.csrf, "", &html! {
                    (name.show(&problems))
                    (password.show(&problems))
                    button class="wide" { (texts.say("sign-in-button")) }
                }))
                @if let Some(name) = &view.provider { (provider_link(texts, name, paths::OIDC)) }
            }
            p class="aside" { (texts.say("sign-in-forgotten")) }
        },
    )
}

/// The other way, by the ministry's own provider.
///
/// - `path`: of [`paths::OIDC`], which sends the browser there.
pub(crate) fn provider_link(texts: &Texts, name: &str, path: &str) -> Markup {
    html! {
        p class="or" { (texts.say("or")) }
        p { a class="button secondary" href=(path) {
            (texts.say_with("oidc-button", &[("name", name.into())]))
        } }
        p class="hint" { (texts.say("oidc-hint")) }
    }
}

/// The second factor.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecondFactor {
    /// Whether the account has an authenticator app.
    pub(crate) totp: bool,
    /// WebAuthn's request options as JSON, if the account has a passkey.
    pub(crate) passkey_options: Option<String>,
    /// What was wrong.
    pub(crate) refusal: Option<Refusal>,
}

/// The page for the second factor.
pub(crate) fn second_factor_page(texts: &Texts, chrome: &Chrome, view: &SecondFactor) -> Markup {
    let title = texts.say("second-factor-title");
    let problems = problems(texts, view.refusal, "totp", "totp-wrong");
    let at_field = match view.refusal {
        Some(Refusal::Passkey) => &Problems::default(),
        _ => &problems,
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("second-factor-lead"))))
            @if view.totp && view.refusal != Some(Refusal::Passkey) { (problems.summary(texts)) }
            @else { @for text in problems.texts() { (parts::notice(Tone::Problem, text, html! {})) } }
            div class="card" {
                @if view.totp {
                    (forms::post(paths::SECOND_FACTOR, &chrome.csrf, "", &html! {
                        (Input::totp(texts.say("totp")).hint(texts.say("totp-hint")).show(at_field))
                        button class="wide" { (texts.say("sign-in-button")) }
                    }))
                }
                @if let Some(options) = &view.passkey_options {
                    (parts::passkey_form(paths::SECOND_FACTOR_PASSKEY, &chrome.csrf, "get", options, &html! {
                        @if view.totp { p class="or" { (texts.say("or")) } }
                        (parts::passkey_fields(texts, &texts.say("passkey-use")))
                    }))
                    noscript { p class="hint" { (texts.say("passkey-needs-script")) } }
                }
            }
            p class="aside" { a href=(paths::RECOVERY) { (texts.say("recovery-link")) } }
        },
    )
}

/// A recovery code.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Recovery {
    /// What was wrong.
    pub(crate) refusal: Option<Refusal>,
}

/// The page for a recovery code.
pub(crate) fn recovery_page(texts: &Texts, chrome: &Chrome, view: &Recovery) -> Markup {
    let title = texts.say("recovery-title");
    let problems = problems(texts, view.refusal, "recovery_code", "recovery-wrong");
    let code = Input::text("recovery_code", texts.say("recovery-code"))
        .hint(texts.say("recovery-code-hint"))
        .longest(40)
        .class("digits");
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("recovery-lead"))))
            (problems.summary(texts))
            div class="card" {
                (forms::post(paths::RECOVERY, &chrome.csrf, "", &html! {
                    (code.show(&problems))
                    button class="wide" { (texts.say("sign-in-button")) }
                }))
            }
            p class="aside" { a href=(paths::SECOND_FACTOR) { (texts.say("recovery-back")) } }
        },
    )
}

/// What was wrong, in words.
pub(crate) fn problems(
    texts: &Texts,
    refusal: Option<Refusal>,
    field: &'static str,
    wrong: &str,
) -> Problems {
    let mut problems = Problems::default();
    match refusal {
        None => {}
        Some(Refusal::Passkey) => problems.add(field, texts.say("passkey-failed")),
        Some(Refusal::Wrong) => problems.add(field, texts.say(wrong)),
        Some(Refusal::TooManyTries { minutes }) => problems.add(
            field,
            texts.say_with("too-many-tries", &[("minutes", minutes.into())]),
        ),
    }
    problems
}
