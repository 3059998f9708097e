//! On the way back from the ministry's provider: a page to step off from, and why somebody was not let in.

use maud::{Markup, html};

use crate::portal::{
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// The page that the provider sends browsers to; they go on by themselves.
///
/// - `next`: with what the provider gave along.
pub(crate) fn arrival_page(texts: &Texts, chrome: &Chrome, next: &str) -> Markup {
    let title = texts.say("oidc-arrival");
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            p class="actions" { a class="button" href=(next) { (texts.say("oidc-continue")) } }
        },
    )
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The provider vouches for somebody who has no account here.
    Unknown,
    /// The provider vouches for somebody who has another account here.
    Taken,
    /// The provider does not vouch for anybody, or not as it must.
    NotCompleted,
    /// Begun too long ago, elsewhere, or over already.
    Over,
    /// The provider does not answer.
    Unavailable,
}

/// The page that says so.
pub(crate) fn refusal_page(texts: &Texts, chrome: &Chrome, refusal: Refusal) -> Markup {
    let (title, next) = match refusal {
        Refusal::Unknown => (texts.say("oidc-unknown"), texts.say("oidc-unknown-next")),
        Refusal::Taken => (texts.say("oidc-taken"), texts.say("oidc-taken-next")),
        Refusal::NotCompleted => (texts.say("oidc-refused"), texts.say("oidc-refused-next")),
        Refusal::Over => (texts.say("oidc-over"), texts.say("oidc-over-next")),
        Refusal::Unavailable => (
            texts.say("oidc-unavailable"),
            texts.say("oidc-unavailable-next"),
        ),
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&next)))
            p class="actions" {
                a class="button" href=(paths::SIGN_IN) { (texts.say("trouble-sign-in")) }
            }
        },
    )
}
