//! Adds a passkey to one's own account, after the password was shown.

use maud::{Markup, html};

use crate::portal::{
    forms::{Input, Problems},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What the page shows. No `Debug`: it would print the state.
pub(crate) struct NewPasskey {
    /// WebAuthn's creation options as JSON.
    pub(crate) options: String,
    /// Sealed; comes back with the answer.
    pub(crate) state: String,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &NewPasskey) -> Markup {
    let title = texts.say("passkey-add");
    let label = Input::text("passkey_label", texts.say("passkey-label"))
        .hint(texts.say("passkey-label-hint"))
        .longest(40)
        .optional();
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, Some(&texts.say("passkey-lead"))))
                div class="card" {
                    (parts::passkey_form(paths::ADD_PASSKEY, &chrome.csrf, "create", &view.options, &html! {
                        input type="hidden" name="state" value=(view.state);
                        (label.show(&Problems::default()))
                        (parts::passkey_fields(texts, &texts.say("passkey-add")))
                    }))
                    noscript { (parts::notice(Tone::Note, &texts.say("passkey-needs-script"), html! {})) }
                }
                p class="aside" { a href=(paths::ACCOUNT) { (texts.say("cancel")) } }
            }
        },
    )
}
