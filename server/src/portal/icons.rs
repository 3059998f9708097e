//! Small line drawings beside words. They say nothing that the words do not, so screen readers skip them.

use maud::{Markup, html};

/// What is drawn, as an SVG path on 24 units.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Icon {
    /// A tick in a circle.
    Good,
    /// An exclamation mark in a triangle.
    Warning,
    /// An exclamation mark in a circle.
    Problem,
    /// An i in a circle.
    Note,
    /// A clock.
    Waiting,
    /// A crossed circle.
    Stopped,
    /// A printer.
    Print,
    /// A key.
    Key,
    /// An arrow into a tray.
    Download,
}

/// The drawing.
pub(crate) fn icon(icon: Icon) -> Markup {
    let path = match icon {
        Icon::Good => "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M8 12.4l2.8 2.8 5.4-6",
        Icon::Warning => "M12 4 2.8 20h18.4zM12 10v4.6M12 17.4v.1",
        Icon::Problem => "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7.5v5.3M12 16.3v.1",
        Icon::Note => "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 11.4v5M12 7.8v.1",
        Icon::Waiting => "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M12 7v5.2l3.2 2",
        Icon::Stopped => "M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M5.8 18.2 18.2 5.8",
        Icon::Print => "M7 9V3.5h10V9M7 17.5H4V9h16v8.5h-3M7 14h10v6.5H7z",
        Icon::Key => "M3.5 15.5a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0M11.3 12.3 20 3.6M16.4 7.2l3 3",
        Icon::Download => "M12 4v11M7.5 10.8 12 15.3l4.5-4.5M4 19.5h16",
    };
    html! {
        svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}
