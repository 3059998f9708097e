//! A code that was just issued: large, spelled out, to scan and to print. Shown this once.

use maud::{Markup, html};

use crate::portal::{
    layout::{self, Chrome},
    parts, paths, qr,
    slip::{self, Purpose, Slip},
    spelling,
    texts::Texts,
};

/// What the page shows. No `Debug`: it would print the code.
pub(crate) struct Issued {
    /// The code.
    pub(crate) slip: Slip,
    /// What it allows, in words: kind of report and day, or the withdrawal.
    pub(crate) allows: String,
}

/// The page. What is printed is the slip alone.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Issued) -> Markup {
    let (title, again) = match view.slip.purpose {
        Purpose::Upload => (texts.say("issued-title"), paths::HOME),
        Purpose::Withdrawal => (texts.say("issued-title-withdrawal"), paths::WITHDRAWAL),
    };
    let code = &view.slip.upload_code;
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="screen" {
                (parts::heading(&title, Some(&texts.say("issued-lead"))))
                div class="card code-card" {
                    div class="code-and-qr" {
                        div {
                            (slip::groups(code))
                            p class="lead" {
                                (texts.say("expires-at")) " "
                                strong { time datetime=(view.slip.expires_at.iso()) {
                                    (view.slip.expires_at.with_weekday(texts))
                                } }
                            }
                        }
                        (qr::svg(code, &texts.say("qr-label")))
                    }
                    (spelled(texts, code))
                }
                (parts::facts(&[
                    (texts.say("serial"), html! { span class="number" { (view.slip.serial) } }),
                    (texts.say("issued-allows"), html! { (view.allows) }),
                ]))
                p class="actions" {
                    (parts::print_button(texts, &texts.say("print-slip")))
                    a class="button secondary" href=(again) { (texts.say("issue-another")) }
                }
                p class="hint" { (texts.say("issued-serial-hint")) }
            }
            div class="print" { (slip::slip(texts, &view.slip)) }
        },
    )
}

/// Symbol by symbol, a row for each group.
fn spelled(texts: &Texts, code: &str) -> Markup {
    html! {
        section {
            h2 { (texts.say("issued-spelling")) }
            ol class="spelling" {
                @for group in spelling::groups(code) {
                    li {
                        ul {
                            @for symbol in group.chars() {
                                li { b { (symbol) } span { (spelling::spelled(symbol, texts.language())) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
