//! The slip that a patient takes home: the code to scan, to type and to hear, until when, and what to do with it.
//!
//! Fits a third of an A4 page or an A6 card, so that three fill a sheet. Nothing on it says whose it is.

use maud::{Markup, html};
use zeroize::Zeroizing;

use super::{calendar::Moment, qr, spelling, texts::Texts};

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A case's phone sends its keys.
    Upload,
    /// A case's phone takes back what it sent: the finding was wrong.
    Withdrawal,
}

/// A code with what belongs to it. No `Debug`: it would print the code.
#[derive(Clone)]
pub(crate) struct Slip {
    /// In read-aloud groups, as it is issued.
    pub(crate) upload_code: Zeroizing<String>,
    /// Names the slip.
    pub(crate) serial: String,
    /// Until when it is good.
    pub(crate) expires_at: Moment,
    /// What for.
    pub(crate) purpose: Purpose,
    /// The line of the list that it was issued for, so that whoever prints a sheet knows which slip is whose.
    pub(crate) line: Option<u32>,
}

/// The slip.
pub(crate) fn slip(texts: &Texts, slip: &Slip) -> Markup {
    let (title, steps) = match slip.purpose {
        Purpose::Upload => (
            texts.say("slip-title"),
            [
                texts.say("slip-step-open"),
                texts.say("slip-step-enter"),
                texts.say("slip-step-choose"),
            ],
        ),
        Purpose::Withdrawal => (
            texts.say("slip-title-withdrawal"),
            [
                texts.say("slip-step-open"),
                texts.say("slip-step-enter"),
                texts.say("slip-step-withdraw"),
            ],
        ),
    };
    html! {
        section class="slip" {
            div class="slip-qr" {
                (qr::svg(&slip.upload_code, &texts.say("qr-label")))
                p { (texts.say("slip-scan")) }
            }
            div class="slip-code" {
                p class="slip-title" { (title) }
                (groups(&slip.upload_code))
                (spelled(texts, &slip.upload_code))
                p class="slip-facts" {
                    span { (texts.say("expires-at")) " " strong { (slip.expires_at.show(texts)) } }
                    span { (texts.say("serial")) " " strong class="number" { (slip.serial) } }
                    @if let Some(line) = slip.line {
                        span { (texts.say("import-line")) " " strong class="number" { (line) } }
                    }
                }
            }
            div class="slip-steps" {
                ol { @for step in steps { li { (step) } } }
                p { (texts.say("slip-voluntary")) }
            }
        }
    }
}

/// The code, large, in groups that the eye takes in at once.
pub(crate) fn groups(upload_code: &str) -> Markup {
    html! {
        p class="code" translate="no" {
            @for group in spelling::groups(upload_code) { span { (group) } " " }
        }
    }
}

/// The code as it is spelled out, a line for each group.
fn spelled(texts: &Texts, upload_code: &str) -> Markup {
    html! {
        ul class="slip-spelling" {
            @for group in spelling::groups(upload_code) {
                li { (group.chars().map(|c| spelling::spelled(c, texts.language())).collect::<Vec<_>>().join(" · ")) }
            }
        }
    }
}
