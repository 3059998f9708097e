//! Sets up the second factor: an authenticator app by QR code or typed secret, or a passkey.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::portal::{
    forms::{self, Input, Problems},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths, qr,
    texts::Texts,
};

/// What the page shows. No `Debug`: it would print the secret.
pub(crate) struct Setup {
    /// Where it is set up.
    pub(crate) place: Place,
    /// `otpauth://totp/…`, for the QR code.
    pub(crate) otpauth_uri: Zeroizing<String>,
    /// The same secret in base32, in groups of four.
    pub(crate) secret: Zeroizing<String>,
    /// WebAuthn's creation options as JSON, if a passkey will do too.
    pub(crate) passkey_options: Option<String>,
    /// Sealed; comes back with the code. Empty while accepting an invitation: a cookie stands for it.
    pub(crate) state: String,
    /// What was wrong.
    pub(crate) wrong: Option<Wrong>,
}

/// What was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The code to confirm.
    Totp,
    /// The passkey.
    Passkey,
}

/// Where a second factor is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// While accepting an invitation.
    Invitation,
    /// Later, in one's own account.
    Account,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Setup) -> Markup {
    let title = texts.say("totp-title");
    let mut problems = Problems::default();
    if view.wrong == Some(Wrong::Totp) {
        problems.add("totp", texts.say("totp-wrong"));
    }
    let action = match view.place {
        Place::Invitation => paths::INVITATION_FACTOR,
        Place::Account => paths::ADD_TOTP,
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("totp-lead"))))
            (problems.summary(texts))
            @if view.wrong == Some(Wrong::Passkey) {
                (parts::notice(Tone::Problem, &texts.say("passkey-failed"), html! {}))
            }
            div class="card" {
                ol class="steps" {
                    li { (texts.say("totp-step-app")) }
                    li {
                        (texts.say("totp-step-scan"))
                        (qr::svg(&view.otpauth_uri, &texts.say("totp-qr-label")))
                        p class="hint" { (texts.say("totp-step-type")) }
                        p { code class="secret" { (view.secret.as_str()) } }
                    }
                    li { (texts.say("totp-step-confirm")) }
                }
                (forms::post(action, &chrome.csrf, "", &html! {
                    @if !view.state.is_empty() { input type="hidden" name="state" value=(view.state); }
                    (Input::totp(texts.say("totp")).show(&problems))
                    button class="wide" { (texts.say("totp-button")) }
                }))
                @if let Some(options) = &view.passkey_options {
                    (parts::passkey_form(paths::INVITATION_PASSKEY, &chrome.csrf, "create", options, &html! {
                        p class="or" { (texts.say("or")) }
                            (parts::passkey_fields(texts, &texts.say("passkey-instead")))
                    }))
                }
            }
            @if view.place == Place::Account {
                p class="aside" { a href=(paths::ACCOUNT) { (texts.say("cancel")) } }
            }
        },
    )
}
