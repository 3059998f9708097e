//! Asks for the password again before something changes about signing in: a browser left open must not be a way in for good.

use maud::{Markup, html};

use super::{
    account, invitation,
    sign_in::{Refusal, problems},
};
use crate::portal::{
    forms::{self, Input},
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) struct StepUp {
    /// What is about to change.
    pub(crate) change: Change,
    /// Whose password it is.
    pub(crate) sign_in_name: String,
    /// What was wrong.
    pub(crate) refusal: Option<Refusal>,
}

/// What is about to change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// An authenticator app comes.
    Totp {
        /// And another one goes.
        replaces: bool,
    },
    /// A passkey comes.
    AddPasskey,
    /// A passkey goes.
    RemovePasskey {
        /// Names it in forms.
        passkey: String,
        /// What it is called.
        label: String,
    },
    /// Recovery codes come in place of those before.
    RecoveryCodes,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &StepUp) -> Markup {
    let (title, consequence, action) = match &view.change {
        Change::Totp { replaces } => (
            account::authenticator(texts, *replaces),
            replaces.then(|| texts.say("step-up-totp")),
            paths::ADD_TOTP,
        ),
        Change::AddPasskey => (texts.say("passkey-add"), None, paths::ADD_PASSKEY),
        Change::RemovePasskey { label, .. } => (
            texts.say_with("step-up-passkey", &[("label", label.as_str().into())]),
            None,
            paths::REMOVE_PASSKEY,
        ),
        Change::RecoveryCodes => (
            texts.say("recovery-codes-new"),
            Some(texts.say("recovery-codes-new-hint")),
            paths::NEW_RECOVERY_CODES,
        ),
    };
    let problems = problems(texts, view.refusal, "old_password", "problem-password-old");
    let password = Input::password(
        "old_password",
        texts.say("old-password"),
        "current-password",
    )
    .hint(texts.say("step-up-hint"));
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, consequence.as_deref()))
                (problems.summary(texts))
                div class="card" {
                    (forms::post(action, &chrome.csrf, "", &html! {
                        (invitation::username(&view.sign_in_name))
                        @if let Change::RemovePasskey { passkey, .. } = &view.change {
                            input type="hidden" name="passkey_id" value=(passkey);
                        }
                        (password.show(&problems))
                        p class="actions" {
                            button { (texts.say("step-up-button")) }
                            a class="button secondary" href=(paths::ACCOUNT) { (texts.say("cancel")) }
                        }
                    }))
                }
            }
        },
    )
}
