//! A sheet of codes that were just issued, to print as slips or to keep as CSV. Shown this once.

use maud::{Markup, html};
use zeroize::Zeroizing;

use crate::portal::{
    icons::{Icon, icon},
    layout::{self, Chrome},
    parts::{self, Tone},
    paths,
    slip::{self, Slip},
    texts::Texts,
};

/// What the page shows. No `Debug`: it would print codes.
pub(crate) struct Sheet {
    /// Names the import.
    pub(crate) import: String,
    /// Counted from 1.
    pub(crate) sheet: u64,
    /// The codes.
    pub(crate) slips: Vec<Slip>,
    /// The same as CSV, with a header.
    pub(crate) csv: Zeroizing<String>,
    /// Lines of the list whose code was redeemed before it could be replaced, and the serials of their slips.
    pub(crate) kept: Vec<(u32, String)>,
}

/// The page. What is printed is the slips alone, three to an A4 page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Sheet) -> Markup {
    let title = texts.say_with("sheet-title", &[("sheet", view.sheet.into())]);
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            div class="screen" {
                (parts::heading(&title, Some(&texts.say("sheet-lead"))))
                @if !view.kept.is_empty() { (kept(texts, &view.kept)) }
                p class="actions" {
                    (parts::print_button(texts, &texts.say("sheet-print")))
                    // Made of this page's own bytes: the server does not know the codes any more.
                    a class="button secondary" href=(data_url(&view.csv)) download={ "truyvet-" (view.sheet) ".csv" } {
                        (icon(Icon::Download)) (texts.say("sheet-csv"))
                    }
                    a class="button secondary" href=(paths::with_query(paths::IMPORT, &[("import", &view.import)])) {
                        (texts.say("sheet-next"))
                    }
                }
            }
            div class="slips" { @for entry in &view.slips { (slip::slip(texts, entry)) } }
        },
    )
}

fn kept(texts: &Texts, kept: &[(u32, String)]) -> Markup {
    let line = |(line, serial): &(u32, String)| {
        let facts = [("line", (*line).into()), ("serial", serial.as_str().into())];
        texts.say_with("sheet-kept-line", &facts)
    };
    parts::notice(
        Tone::Note,
        &texts.say("sheet-kept"),
        html! { ul { @for one in kept { li { (line(one)) } } } },
    )
}

fn data_url(csv: &str) -> String {
    let encoded = paths::with_query("", &[("", csv)]);
    format!(
        "data:text/csv;charset=utf-8,{}",
        encoded.trim_start_matches("?=")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_csv_is_inside_the_link() {
        assert_eq!(
            data_url("serial,upload_code\r\n1,7XK4-9AC\r\n"),
            "data:text/csv;charset=utf-8,serial%2Cupload_code%0D%0A1%2C7XK4-9AC%0D%0A"
        );
    }
}
