//! Sets up the second factor: an authenticator app by QR code or typed secret, or a passkey.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::portal::{
    forms::{self, Input, Problems},
    layout::{self, Chrome},
    parts, paths, qr,
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
    /// Whether the code to confirm was wrong.
    pub(crate) wrong: bool,
}

/// Where a second factor is set up.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// While accepting an invitation.
    Invitation {
        /// From the link.
        invitation: Zeroizing<String>,
    },
    /// Later, in one's own account.
    Account,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Setup) -> Markup {
    let title = texts.say("totp-title");
    let mut problems = Problems::default();
    if view.wrong {
        problems.add("totp", texts.say("totp-wrong"));
    }
    let (action, passkey_action, invitation) = match &view.place {
        Place::Invitation { invitation } => (
            paths::INVITATION_FACTOR,
            paths::INVITATION_PASSKEY,
            Some(invitation.as_str()),
        ),
        Place::Account => (paths::ADD_TOTP, paths::ADD_PASSKEY, None),
    };
    let invitation = html! {
        @if let Some(invitation) = invitation { input type="hidden" name="invitation" value=(invitation); }
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("totp-lead"))))
            (problems.summary(texts))
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
                    (invitation)
                    (Input::totp(texts.say("totp")).show(&problems))
                    button class="wide" { (texts.say("totp-button")) }
                }))
                @if let Some(options) = &view.passkey_options {
                    (parts::passkey_form(passkey_action, &chrome.csrf, "create", options, &html! {
                        p class="or" { (texts.say("or")) }
                        (invitation)
                        (parts::passkey_fields(texts, &texts.say("passkey-instead")))
                    }))
                }
            }
        },
    )
}
