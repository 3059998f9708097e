//! Says that a form was sent before, and did nothing a second time: what was shown once is not shown again.

use maud::{Markup, html};

use crate::portal::{
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What was issued before.
#[derive(Clone, Debug)]
pub(crate) enum Already {
    /// A code.
    Code {
        /// Of its slip.
        serial: String,
        /// Where the form is that issues another.
        again: &'static str,
    },
    /// A sheet of codes.
    Sheet {
        /// Names the import.
        import: String,
        /// Counted from 1.
        sheet: u32,
    },
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Already) -> Markup {
    match view {
        Already::Code { serial, again } => {
            let look = texts.say_with("already-look", &[("serial", serial.as_str().into())]);
            let links = [
                (paths::with_query(paths::CODE, &[("serial", serial)]), look),
                ((*again).to_owned(), texts.say("issue-another")),
            ];
            let (lead, next) = (texts.say("already-lead"), texts.say("already-next"));
            told(
                texts,
                chrome,
                &texts.say("already-title"),
                &lead,
                &next,
                &links,
            )
        }
        Already::Sheet { import, sheet } => {
            let number = sheet.to_string();
            let of_sheet = [("import", import.as_str()), ("sheet", number.as_str())];
            let title = texts.say_with("already-sheet-title", &[("sheet", (*sheet).into())]);
            let links = [
                (
                    paths::with_query(paths::IMPORT, &of_sheet[..1]),
                    texts.say("sheet-next"),
                ),
                (
                    paths::with_query(paths::REISSUE, &of_sheet),
                    texts.say("sheet-reissue"),
                ),
            ];
            let lead = texts.say("already-sheet-lead");
            let next = texts.say("already-sheet-next");
            told(texts, chrome, &title, &lead, &next, &links)
        }
    }
}

fn told(
    texts: &Texts,
    chrome: &Chrome,
    title: &str,
    lead: &str,
    next: &str,
    links: &[(String, String); 2],
) -> Markup {
    let [(first, first_name), (second, second_name)] = links;
    layout::desk(
        texts,
        chrome,
        title,
        &html! {
            div class="medium" {
                (parts::heading(title, Some(lead)))
                p { (next) }
                p class="actions" {
                    a class="button" href=(first) { (first_name) }
                    a class="button secondary" href=(second) { (second_name) }
                }
            }
        },
    )
}
