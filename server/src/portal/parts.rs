//! Small parts of pages: notices, badges, facts, times, secrets shown once.

use maud::{Markup, html};

use super::{
    calendar::Moment,
    icons::{Icon, icon},
    texts::Texts,
};
use crate::officers::Role;

/// How good or bad a piece of news is. Always said in words and by an icon too, never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Neither.
    Note,
    /// It worked.
    Good,
    /// Look at it soon.
    Warning,
    /// It did not work.
    Problem,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    fn icon(self) -> Icon {
        match self {
            Self::Note => Icon::Note,
            Self::Good => Icon::Good,
            Self::Warning => Icon::Warning,
            Self::Problem => Icon::Problem,
        }
    }
}

/// A boxed piece of news; read aloud by screen readers, at once if it is bad.
pub(crate) fn notice(tone: Tone, title: &str, body: Markup) -> Markup {
    html! {
        div class={ "notice " (tone.class()) } role=(if tone == Tone::Problem { "alert" } else { "status" }) {
            (icon(tone.icon()))
            div { p class="notice-title" { (title) } (body) }
        }
    }
}

/// A state in a word.
pub(crate) fn badge(tone: Tone, drawing: Icon, text: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (icon(drawing)) (text) } }
}

/// A page's heading, with a sentence that says what it is for.
pub(crate) fn heading(title: &str, lead: Option<&str>) -> Markup {
    html! {
        div class="heading" {
            h1 { (title) }
            @if let Some(lead) = lead { p class="lead" { (lead) } }
        }
    }
}

/// Names and values, one below the other.
pub(crate) fn facts(facts: &[(String, Markup)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in facts { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// Large numbers side by side.
pub(crate) fn tiles(tiles: &[(String, String)]) -> Markup {
    html! {
        dl class="tiles" {
            @for (name, value) in tiles { div class="tile" { dt { (name) } dd { (value) } } }
        }
    }
}

/// A moment that machines can read too.
pub(crate) fn time(texts: &Texts, moment: Moment) -> Markup {
    html! { time datetime=(moment.iso()) { (moment.show(texts)) } }
}

/// What a role is called.
pub(crate) fn role(texts: &Texts, role: Role) -> String {
    match role {
        Role::Officer => texts.say("role-officer"),
        Role::Supervisor => texts.say("role-supervisor"),
        Role::Administrator => texts.say("role-administrator"),
        Role::Auditor => texts.say("role-auditor"),
    }
}

/// A line to copy, with a button where the browser can.
pub(crate) fn copyable(texts: &Texts, id: &str, text: &str) -> Markup {
    html! {
        div class="copyable" {
            code id=(id) { (text) }
            button type="button" class="secondary" data-copy=(id) data-copied=(texts.say("copied"))
                aria-describedby={ (id) "-copied" } hidden { (texts.say("copy")) }
            span id={ (id) "-copied" } class="copied" role="status" {}
        }
    }
}

/// A button that prints, where scripts run, and what to press where they do not.
pub(crate) fn print_button(texts: &Texts, label: &str) -> Markup {
    html! {
        button type="button" data-print hidden { (icon(Icon::Print)) (label) }
        noscript { p class="hint" { (texts.say("print-by-keys")) } }
    }
}

/// The button and status line of a passkey form; the script shows the form where the browser can.
pub(crate) fn passkey_fields(texts: &Texts, label: &str) -> Markup {
    html! {
        input type="hidden" name="passkey" value="";
        button type="button" class="secondary" data-start { (icon(Icon::Key)) (label) }
        p class="hint" role="status" data-status data-failed=(texts.say("passkey-failed")) {}
    }
}

/// A form that a passkey fills in.
///
/// - `what`: `get` to sign in, `create` to register.
/// - `options`: WebAuthn's options as JSON, buffers in base64url.
pub(crate) fn passkey_form(
    action: &str,
    csrf: &str,
    what: &str,
    options: &str,
    fields: &Markup,
) -> Markup {
    html! {
        form method="post" action=(action) class="passkey" data-passkey=(what) data-options=(options) hidden {
            input type="hidden" name=(super::paths::CSRF_FIELD) value=(csrf);
            (fields)
        }
    }
}
