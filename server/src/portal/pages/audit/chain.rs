//! Whether the audit's entries hang together, the last one's mark to note down, and the form that checks anew.

use maud::{Markup, html};

use crate::portal::{
    forms::{self, Input, Problems},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// Whether each entry fits the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// There are many: they are checked when somebody asks for it.
    NotAsked {
        /// How many.
        entries: u64,
    },
    /// The noted mark cannot be read.
    HeadUnreadable,
    /// All do.
    Verified {
        /// How many.
        entries: u64,
        /// Number and hash of the last, `NUMBER:HASH`.
        head: String,
        /// Whether one that was noted earlier was given, and is among them.
        known: bool,
    },
    /// One does not: something was changed or taken out.
    Broken {
        /// Its number.
        entry: u64,
    },
}

impl Chain {
    pub(super) fn breaks_at(&self, number: u64) -> bool {
        *self == Self::Broken { entry: number }
    }
}

pub(super) fn show(texts: &Texts, chain: &Chain, problems: &Problems) -> Markup {
    html! {
        @match chain {
            Chain::NotAsked { entries } => (parts::notice(
                Tone::Note, &texts.say_with("audit-not-verified", &[("entries", (*entries).into())]), html! {},
            )),
            Chain::HeadUnreadable => {}
            Chain::Verified { entries, head, known } => (parts::notice(
                Tone::Good,
                &texts.say_with("audit-verified", &[("entries", (*entries).into())]),
                html! {
                    @if *known { p { (texts.say("audit-head-known")) } }
                    p { (texts.say("audit-head-note")) }
                    (parts::copyable(texts, "chain-head", head))
                },
            )),
            Chain::Broken { entry } => (parts::notice(
                Tone::Problem,
                &texts.say_with("audit-broken", &[("entry", (*entry).into())]),
                html! { p { (texts.say("audit-broken-body")) } },
            )),
        }
        div class="card screen" {
            (forms::get(paths::AUDIT, "row", &html! {
                input type="hidden" name="verify" value="1";
                (Input::text("head", texts.say("audit-head")).hint(texts.say("audit-head-hint")).longest(90)
                    .optional().show(problems))
                button class="secondary" { (texts.say("audit-verify")) }
            }))
        }
    }
}
