//! Help: how to read a code aloud, what an officer cannot see, how figures hide small numbers, and what to do if something
//! happens.

use maud::{Markup, html};

use crate::portal::{
    layout::{self, Chrome},
    parts, paths, spelling,
    texts::Texts,
};

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome) -> Markup {
    let title = texts.say("nav-help");
    let questions = [
        (texts.say("help-wrong"), texts.say("help-wrong-answer")),
        (texts.say("help-expired"), texts.say("help-expired-answer")),
        (texts.say("help-misread"), texts.say("help-misread-answer")),
        (texts.say("help-false"), texts.say("help-false-answer")),
        (texts.say("help-lost"), texts.say("help-lost-answer")),
        (
            texts.say("help-telephone"),
            texts.say("help-telephone-answer"),
        ),
    ];
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, None))
            div class="columns" {
                div class="stack" {
                    section class="card" {
                        h2 { (texts.say("help-read")) }
                        ol class="steps" {
                            @for step in [
                                texts.say("help-read-groups"), texts.say("help-read-words"),
                                texts.say("help-read-back"), texts.say("help-read-check"),
                            ] { li { (step) } }
                        }
                    }
                    section class="card" {
                        h2 { (texts.say("help-if")) }
                        dl class="questions" {
                            @for (question, answer) in &questions { dt { (question) } dd { (answer) } }
                        }
                    }
                    (figures(texts))
                }
                div class="stack" {
                    section class="card" {
                        h2 { (texts.say("help-symbols")) }
                        ul class="symbols" {
                            @for (symbol, spelled) in spelling::all(texts.language()) {
                                li { b { (symbol) } " " (spelled) }
                            }
                        }
                    }
                    section class="card" {
                        h2 { (texts.say("help-unseen")) }
                        ul {
                            @for line in [
                                texts.say("help-unseen-patient"), texts.say("help-unseen-contacts"),
                                texts.say("help-unseen-code"), texts.say("help-unseen-upload"),
                            ] { li { (line) } }
                        }
                    }
                    p { a href=(paths::HOME) { (texts.say("trouble-home")) } }
                }
            }
        },
    )
}

/// The rules of `crate::figures::floor`, for whoever reads figures.
fn figures(texts: &Texts) -> Markup {
    html! {
        section class="card" {
            h2 { (texts.say("help-figures")) }
            ul {
                @for line in [
                    texts.say("help-figures-below"), texts.say("help-figures-withheld"), texts.say("help-figures-own"),
                    texts.say("help-figures-ends"), texts.say("help-figures-sums"), texts.say("help-figures-same"),
                ] { li { (line) } }
            }
        }
    }
}
