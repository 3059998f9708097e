//! Recovery codes, for a day without telephone or passkey. Shown this once.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::portal::{
    layout::{self, Chrome, Done},
    pages::totp::Place,
    parts, paths,
    texts::Texts,
};

/// What the page shows. No `Debug`: it would print the codes.
pub(crate) struct RecoveryCodes {
    /// Where they were made.
    pub(crate) place: Place,
    /// What they are for, on paper.
    pub(crate) sign_in_name: String,
    /// In groups.
    pub(crate) codes: Vec<Zeroizing<String>>,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &RecoveryCodes) -> Markup {
    let title = texts.say("recovery-codes-title");
    let next = match view.place {
        Place::Invitation => paths::with_query(paths::HOME, &[("done", Done::Welcome.tag())]),
        Place::Account => paths::ACCOUNT.to_owned(),
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("recovery-codes-lead"))))
            div class="card" {
                p class="soft" { (view.sign_in_name) }
                ol class="recovery" { @for code in &view.codes { li { code { (code.as_str()) } } } }
            }
            p class="actions" {
                (parts::print_button(texts, &texts.say("print")))
                a class="button secondary" href=(next) { (texts.say("recovery-codes-done")) }
            }
        },
    )
}
