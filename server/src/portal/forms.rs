//! Forms and their fields: each with a label, a hint and, if it is wrong, a text that says how to put it right.

use maud::{Markup, html};

use super::{
    icons::{Icon, icon},
    paths,
    texts::Texts,
};

/// A form that changes something.
pub(crate) fn post(action: &str, csrf: &str, class: &str, fields: &Markup) -> Markup {
    html! {
        form method="post" action=(action) class=(class) {
            input type="hidden" name=(paths::CSRF_FIELD) value=(csrf);
            (fields)
        }
    }
}

/// A form that sends a file.
pub(crate) fn post_file(action: &str, csrf: &str, fields: &Markup) -> Markup {
    html! {
        form method="post" action=(action) enctype="multipart/form-data" {
            input type="hidden" name=(paths::CSRF_FIELD) value=(csrf);
            (fields)
        }
    }
}

/// The number of a form that works once.
pub(crate) fn once(number: &str) -> Markup {
    html! { input type="hidden" name=(paths::ONCE_FIELD) value=(number); }
}

/// A form that only asks.
pub(crate) fn get(action: &str, class: &str, fields: &Markup) -> Markup {
    html! { form method="get" action=(action) class=(class) { (fields) } }
}

/// What is wrong with a form, in the order of its fields.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<(&'static str, String)>);

impl Problems {
    /// Adds one.
    ///
    /// - `field`: the id of the field that can put it right.
    pub(crate) fn add(&mut self, field: &'static str, text: String) {
        self.0.push((field, text));
    }

    /// The texts alone, for pages without the field.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, text)| text.as_str())
    }

    fn of(&self, field: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(id, _)| *id == field)
            .map(|(_, text)| text.as_str())
    }

    /// The list above the form, each entry a link to its field.
    pub(crate) fn summary(&self, texts: &Texts) -> Markup {
        html! {
            @if !self.0.is_empty() {
                div class="notice problem summary" role="alert" tabindex="-1" autofocus {
                    (icon(Icon::Problem))
                    div {
                        p class="notice-title" { (texts.say("form-problems")) }
                        ul { @for (field, text) in &self.0 { li { a href={ "#" (field) } { (text) } } } }
                    }
                }
            }
        }
    }

    /// The text at the field.
    fn at(&self, field: &str) -> Markup {
        html! {
            @if let Some(text) = self.of(field) {
                p class="error" id={ (field) "-error" } { (icon(Icon::Problem)) (text) }
            }
        }
    }

    fn described_by(&self, field: &str, hint: bool) -> Option<String> {
        let mut ids = Vec::new();
        if hint {
            ids.push(format!("{field}-hint"));
        }
        if self.of(field).is_some() {
            ids.push(format!("{field}-error"));
        }
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self, field: &str) -> Option<&'static str> {
        self.of(field).map(|_| "true")
    }
}

/// A field of one line. Its name is its id.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a> {
    name: &'a str,
    label: String,
    kind: &'static str,
    hint: Option<String>,
    value: &'a str,
    autocomplete: &'static str,
    inputmode: Option<&'static str>,
    longest: Option<usize>,
    first: Option<String>,
    last: Option<String>,
    optional: bool,
    chooses: Option<&'static str>,
    class: &'static str,
}

impl<'a> Input<'a> {
    /// A required line of text that the browser does not fill in.
    pub(crate) fn text(name: &'a str, label: String) -> Self {
        Self {
            name,
            label,
            kind: "text",
            hint: None,
            value: "",
            autocomplete: "off",
            inputmode: None,
            longest: None,
            first: None,
            last: None,
            optional: false,
            chooses: None,
            class: "",
        }
    }

    /// A password.
    ///
    /// - `autocomplete`: `current-password` or `new-password`.
    pub(crate) fn password(name: &'a str, label: String, autocomplete: &'static str) -> Self {
        Self {
            kind: "password",
            autocomplete,
            ..Self::text(name, label)
        }
    }

    /// Six digits out of an authenticator app.
    pub(crate) fn totp(label: String) -> Self {
        Self {
            autocomplete: "one-time-code",
            inputmode: Some("numeric"),
            // Some apps show, and people type, a space in the middle.
            longest: Some(7),
            class: "digits",
            ..Self::text("totp", label)
        }
    }

    /// A date, `YYYY-MM-DD`, not after the last.
    pub(crate) fn date(name: &'a str, label: String, last: String) -> Self {
        Self {
            kind: "date",
            last: Some(last),
            ..Self::text(name, label)
        }
    }

    /// The first date that can be chosen.
    pub(crate) fn earliest(mut self, first: String) -> Self {
        self.first = Some(first);
        self
    }

    /// A file with that ending.
    pub(crate) fn csv_file(name: &'a str, label: String) -> Self {
        Self {
            kind: "file",
            ..Self::text(name, label)
        }
    }

    /// Explains what is expected.
    pub(crate) fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// What stands there at first.
    pub(crate) fn value(mut self, value: &'a str) -> Self {
        self.value = value;
        self
    }

    /// What the browser may fill in.
    pub(crate) fn autocomplete(mut self, what: &'static str) -> Self {
        self.autocomplete = what;
        self
    }

    /// Most characters.
    pub(crate) fn longest(mut self, characters: usize) -> Self {
        self.longest = Some(characters);
        self
    }

    /// May stay empty.
    pub(crate) fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Digits are likely: telephones show their number pad.
    pub(crate) fn numeric(mut self) -> Self {
        self.inputmode = Some("numeric");
        self
    }

    /// Which radio button is meant by typing here.
    pub(crate) fn chooses(mut self, id: &'static str) -> Self {
        self.chooses = Some(id);
        self
    }

    /// How it looks.
    pub(crate) fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The field with all that belongs to it.
    pub(crate) fn show(&self, problems: &Problems) -> Markup {
        let text_like = self.kind == "text" || self.kind == "password";
        html! {
            div class="field" {
                label for=(self.name) { (self.label) }
                @if let Some(hint) = &self.hint {
                    p class="hint" id={ (self.name) "-hint" } { (hint) }
                }
                (problems.at(self.name))
                input type=(self.kind) id=(self.name) name=(self.name) class=[(!self.class.is_empty()).then_some(self.class)]
                    value=[(self.kind != "file" && !self.value.is_empty()).then_some(self.value)]
                    autocomplete=[(self.kind != "file").then_some(self.autocomplete)]
                    inputmode=[self.inputmode] maxlength=[self.longest]
                    accept=[(self.kind == "file").then_some(".csv,text/csv")]
                    min=[self.first.as_ref()] max=[self.last.as_ref()]
                    autocapitalize=[text_like.then_some("off")] spellcheck=[text_like.then_some("false")]
                    data-chooses=[self.chooses]
                    aria-describedby=[problems.described_by(self.name, self.hint.is_some())]
                    aria-invalid=[problems.invalid(self.name)] required[!self.optional];
            }
        }
    }
}

/// An entry of a list or of radio buttons.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// What is sent.
    pub(crate) value: String,
    /// What is read.
    pub(crate) label: String,
    /// A line below, for radio buttons and boxes.
    pub(crate) hint: Option<String>,
}

impl Choice {
    /// Without a line below.
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            hint: None,
        }
    }

    /// With a line below.
    pub(crate) fn with_hint(
        value: impl Into<String>,
        label: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            hint: Some(hint.into()),
            ..Self::new(value, label)
        }
    }
}

/// One out of a list. Its name is its id.
pub(crate) fn select(
    name: &str,
    label: &str,
    choices: &[Choice],
    chosen: &str,
    problems: &Problems,
) -> Markup {
    html! {
        div class="field" {
            label for=(name) { (label) }
            (problems.at(name))
            select id=(name) name=(name) aria-describedby=[problems.described_by(name, false)]
                aria-invalid=[problems.invalid(name)] {
                @for choice in choices {
                    option value=(choice.value) selected[choice.value == chosen] { (choice.label) }
                }
            }
        }
    }
}

/// Whether one or several of a group can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// Radio buttons.
    One,
    /// Boxes.
    Several,
}

/// A group of radio buttons or boxes. The first one's id is the group's name, so that an error can lead there.
pub(crate) fn choices(
    pick: Pick,
    name: &str,
    legend: &str,
    choices: &[Choice],
    chosen: &[&str],
    problems: &Problems,
) -> Markup {
    html! {
        fieldset class="field" aria-describedby=[problems.described_by(name, false)] {
            legend { (legend) }
            (problems.at(name))
            div class="choices" {
                @for (i, choice) in choices.iter().enumerate() {
                    @let id = if i == 0 { name.to_owned() } else { format!("{name}-{}", choice.value) };
                    div class="choice" {
                        input type=(if pick == Pick::One { "radio" } else { "checkbox" }) id=(id) name=(name)
                            value=(choice.value) checked[chosen.contains(&choice.value.as_str())]
                            required[pick == Pick::One]
                            aria-describedby=[choice.hint.as_ref().map(|_| format!("{id}-hint"))];
                        label for=(id) { (choice.label) }
                        @if let Some(hint) = &choice.hint { p class="hint" id={ (id) "-hint" } { (hint) } }
                    }
                }
            }
        }
    }
}
