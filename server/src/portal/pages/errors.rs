//! What went wrong with a whole request, and what to do next.

use maud::{Markup, html};

use crate::portal::{
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// 403: the role does not allow it.
    Forbidden,
    /// 404: no such page, or nothing of that name in the officer's reach.
    NotFound,
    /// 403: the form did not come from this session's own page.
    FormRefused,
    /// 429: too many requests or tries.
    TooManyTries {
        /// How long to wait.
        minutes: u32,
    },
    /// 410: the invitation was used, replaced, or has run out.
    InvitationGone,
    /// 410: too long between the two steps of accepting an invitation.
    EnrolmentGone,
    /// 413: more was sent than is taken.
    TooLarge,
    /// 500: ours.
    Server {
        /// Names the entry in the server's log; says nothing.
        reference: String,
    },
    /// 503: the store cannot be reached.
    Unavailable,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Trouble) -> Markup {
    let (title, next) = words(texts, view);
    let (path, link) = match view {
        Trouble::InvitationGone | Trouble::EnrolmentGone => {
            (paths::SIGN_IN, texts.say("trouble-sign-in"))
        }
        _ => (paths::HOME, texts.say("trouble-home")),
    };
    layout::door(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&next)))
            @if let Trouble::Server { reference } = view {
                p { (texts.say("trouble-reference")) " " code { (reference) } }
            }
            p class="actions" { a class="button" href=(path) { (link) } }
        },
    )
}

fn words(texts: &Texts, trouble: &Trouble) -> (String, String) {
    match trouble {
        Trouble::Forbidden => (
            texts.say("trouble-forbidden"),
            texts.say("trouble-forbidden-next"),
        ),
        Trouble::NotFound => (
            texts.say("trouble-not-found"),
            texts.say("trouble-not-found-next"),
        ),
        Trouble::FormRefused => (texts.say("trouble-form"), texts.say("trouble-form-next")),
        Trouble::TooManyTries { minutes } => (
            texts.say("trouble-tries"),
            texts.say_with("too-many-tries", &[("minutes", (*minutes).into())]),
        ),
        Trouble::InvitationGone => (
            texts.say("trouble-invitation"),
            texts.say("trouble-invitation-next"),
        ),
        Trouble::EnrolmentGone => (
            texts.say("trouble-enrolment"),
            texts.say("trouble-enrolment-next"),
        ),
        Trouble::TooLarge => (texts.say("trouble-large"), texts.say("trouble-large-next")),
        Trouble::Server { .. } => (
            texts.say("trouble-server"),
            texts.say("trouble-server-next"),
        ),
        Trouble::Unavailable => (
            texts.say("trouble-unavailable"),
            texts.say("trouble-unavailable-next"),
        ),
    }
}
