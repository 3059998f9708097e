//! What became of a code, found by the serial of its slip.

use maud::{Markup, html};

use super::home;
use crate::{
    authorize::CodeState,
    portal::{
        calendar::Moment,
        forms::Problems,
        icons::Icon,
        layout::{self, Chrome},
        parts::{self, Tone},
        paths,
        texts::Texts,
    },
};

/// What the page shows.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// The search form alone.
    Nothing,
    /// No slip with this serial in the officer's reach, or no serial at all.
    NotFound {
        /// As typed.
        serial: String,
    },
    /// A code.
    Found(Found),
}

/// A code.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// From the slip.
    pub(crate) serial: String,
    /// Where it is in its life.
    pub(crate) state: CodeState,
    /// What it allows, in words.
    pub(crate) allows: String,
    /// The unit's name.
    pub(crate) unit: String,
    /// To the hour.
    pub(crate) issued_at: Moment,
    /// To the hour.
    pub(crate) expires_at: Moment,
    /// To the hour, once it was.
    pub(crate) redeemed_at: Option<Moment>,
    /// Whether the officer may revoke it.
    pub(crate) may_revoke: bool,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Look) -> Markup {
    let title = texts.say("find-title");
    let mut problems = Problems::default();
    let typed = match view {
        Look::Nothing => "",
        Look::NotFound { serial } => {
            problems.add("serial", texts.say("problem-serial"));
            serial
        }
        Look::Found(found) => &found.serial,
    };
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("find-lead"))))
            (problems.summary(texts))
            div class="card medium" { (home::find_form(texts, typed, &problems)) }
            @if let Look::Found(found) = view { (result(texts, found)) }
            p class="aside" { a href=(paths::CODES) { (texts.say("codes-link")) } }
        },
    )
}

fn result(texts: &Texts, found: &Found) -> Markup {
    let mut facts = vec![
        (
            texts.say("serial"),
            html! { span class="number" { (found.serial) } },
        ),
        (texts.say("issued-allows"), html! { (found.allows) }),
        (texts.say("unit"), html! { (found.unit) }),
        (texts.say("issued-at"), parts::time(texts, found.issued_at)),
        (
            texts.say("expires-at"),
            parts::time(texts, found.expires_at),
        ),
    ];
    if let Some(redeemed_at) = found.redeemed_at {
        facts.push((texts.say("redeemed-at"), parts::time(texts, redeemed_at)));
    }
    html! {
        section class="card medium" aria-live="polite" {
            p class="state" { (state(texts, found.state)) }
            p class="lead" { (next(texts, found.state)) }
            (parts::facts(&facts))
            p class="hint" { (texts.say("times-to-the-hour")) }
            @if found.may_revoke && found.state == CodeState::Issued {
                p class="actions" {
                    a class="button secondary" href=(paths::with_query(paths::REVOKE, &[("serial", &found.serial)])) {
                        (texts.say("revoke-link"))
                    }
                }
            }
        }
    }
}

/// A code's state in a word.
pub(crate) fn state(texts: &Texts, state: CodeState) -> Markup {
    match state {
        CodeState::Issued => parts::badge(Tone::Note, Icon::Waiting, &texts.say("state-issued")),
        CodeState::Redeemed => parts::badge(Tone::Good, Icon::Good, &texts.say("state-redeemed")),
        CodeState::Expired => {
            parts::badge(Tone::Warning, Icon::Warning, &texts.say("state-expired"))
        }
        CodeState::Revoked => {
            parts::badge(Tone::Problem, Icon::Stopped, &texts.say("state-revoked"))
        }
    }
}

/// What that means for the patient on the line.
fn next(texts: &Texts, state: CodeState) -> String {
    match state {
        CodeState::Issued => texts.say("state-issued-next"),
        CodeState::Redeemed => texts.say("state-redeemed-next"),
        CodeState::Expired => texts.say("state-expired-next"),
        CodeState::Revoked => texts.say("state-revoked-next"),
    }
}
