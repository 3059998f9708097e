//! The form for a code that takes warnings back, apart from the other so that nobody issues one by mistake.

use maud::{Markup, html};

use super::home::Region;
use crate::portal::{
    forms::{self, Choice, Input, Problems},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withdrawal {
    /// As typed: of the slip whose upload is to be taken back, if it is at hand.
    pub(crate) serial: String,
    /// Where codes can be for. The choice is offered if there are several.
    pub(crate) regions: Vec<Region>,
    /// Code of the region chosen so far.
    pub(crate) region: String,
    /// The number that makes the form work once.
    pub(crate) once: String,
    /// What was wrong.
    pub(crate) problem: Option<WithdrawalProblem>,
}

/// Why no code was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithdrawalProblem {
    /// No slip with this serial in the officer's reach.
    NoSuchSerial,
    /// Nothing was sent with that code: it can be revoked instead.
    NotRedeemed,
    /// The day's codes are used up.
    QuotaUsedUp,
    /// The officer's unit is closed.
    UnitClosed,
    /// No region that the officer may issue for.
    NoRegion,
    /// The page was open for too long: what it says may not be meant any more.
    TooOld,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Withdrawal) -> Markup {
    let title = texts.say("withdrawal-title");
    let mut problems = Problems::default();
    if let Some(problem) = view.problem {
        let (field, text) = match problem {
            WithdrawalProblem::NoSuchSerial => ("serial", texts.say("problem-serial")),
            WithdrawalProblem::NotRedeemed => ("serial", texts.say("problem-not-redeemed")),
            WithdrawalProblem::QuotaUsedUp => ("serial", texts.say("problem-quota")),
            WithdrawalProblem::UnitClosed => ("serial", texts.say("problem-unit-closed")),
            WithdrawalProblem::NoRegion => ("region", texts.say("problem-region")),
            WithdrawalProblem::TooOld => ("serial", texts.say("problem-form-old")),
        };
        problems.add(field, text);
    }
    let serial = Input::text("serial", texts.say("withdrawal-serial"))
        .hint(texts.say("withdrawal-serial-hint"))
        .value(&view.serial)
        .numeric()
        .longest(20)
        .class("number")
        .optional();
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="medium" {
                (parts::heading(&title, Some(&texts.say("withdrawal-lead"))))
                (problems.summary(texts))
                (parts::notice(Tone::Note, &texts.say("withdrawal-note"), html! {
                    p { (texts.say("withdrawal-note-body")) }
                    p { (texts.say("withdrawal-note-when")) }
                }))
                div class="card" {
                    (forms::post(paths::WITHDRAWAL, &chrome.csrf, "", &html! {
                        (forms::once(&view.once))
                        (serial.show(&problems))
                        @if let [_, _, ..] = view.regions.as_slice() {
                            @let regions: Vec<Choice> = view.regions.iter()
                                .map(|r| Choice::new(&r.code, &r.name)).collect();
                            (forms::select("region", &texts.say("region"), &regions, &view.region, &problems))
                        } @else {
                            input type="hidden" name="region" value=(view.region);
                        }
                        button { (texts.say("withdrawal-button")) }
                    }))
                }
            }
        },
    )
}
