//! What the portal says, in Vietnamese and English.
//!
//! The words stand in `vi.ftl` and `en.ftl` (Project Fluent). Tests hold the two against each other and against every
//! [`Texts::say`] in the sources, so a page cannot name a text that is missing.

use std::{borrow::Cow, sync::LazyLock};

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

/// A language of the portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// Where nothing else was chosen.
    #[default]
    Vietnamese,
    /// For officers who read it better.
    English,
}

impl Language {
    /// In the order in which they are offered.
    pub(crate) const ALL: [Self; 2] = [Self::Vietnamese, Self::English];

    /// What stands in `lang=` and in the cookie.
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Vietnamese => "vi",
            Self::English => "en",
        }
    }

    /// The language of that tag.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// What it calls itself.
    pub(crate) fn own_name(self) -> &'static str {
        match self {
            Self::Vietnamese => "Tiếng Việt",
            Self::English => "English",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Vietnamese => include_str!("vi.ftl"),
            Self::English => include_str!("en.ftl"),
        }
    }

    fn identifier(self) -> LanguageIdentifier {
        self.tag().parse().expect("a language tag")
    }

    fn thousands_separator(self) -> char {
        match self {
            Self::Vietnamese => '.',
            Self::English => ',',
        }
    }
}

/// The texts of one language.
pub(crate) struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

impl Texts {
    /// Those of that language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static VIETNAMESE: LazyLock<Texts> = LazyLock::new(|| Texts::load(Language::Vietnamese));
        static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::load(Language::English));
        match language {
            Language::Vietnamese => &VIETNAMESE,
            Language::English => &ENGLISH,
        }
    }

    /// Which language this is.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// A text without variables.
    pub(crate) fn say(&self, id: &str) -> String {
        self.format(id, None)
    }

    /// A text with variables.
    pub(crate) fn say_with(&self, id: &str, variables: &[(&'static str, Value<'_>)]) -> String {
        let arguments = variables
            .iter()
            .map(|(name, value)| (*name, value.clone()))
            .collect();
        self.format(id, Some(&arguments))
    }

    /// A number with thousands separated as this language does it.
    pub(crate) fn number(&self, number: u64) -> String {
        group(&number.to_string(), self.language.thousands_separator())
    }

    fn format(&self, id: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let mut errors = Vec::new();
        let text = self
            .bundle
            .get_message(id)
            .and_then(|message| message.value())
            .map(|pattern| self.bundle.format_pattern(pattern, arguments, &mut errors))
            .map(Cow::into_owned);
        debug_assert!(text.is_some(), "no text {id}");
        debug_assert!(errors.is_empty(), "{id}: {errors:?}");
        // A page with one odd word is of more use than none.
        text.unwrap_or_else(|| id.to_owned())
    }

    fn load(language: Language) -> Self {
        let resource = FluentResource::try_new(language.source().to_owned())
            .map_err(|(_, errors)| errors)
            .expect("the texts are well-formed, as a test shows");
        let mut bundle = FluentBundle::new_concurrent(vec![language.identifier()]);
        // Marks for mixed writing directions: neither language needs them, and copied text should be plain.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::Vietnamese => |value, _| grouped(value, Language::Vietnamese),
            Language::English => |value, _| grouped(value, Language::English),
        }));
        bundle
            .add_resource(resource)
            .expect("no text stands there twice, as a test shows");
        Self { language, bundle }
    }
}

/// What a variable of a text can be.
pub(crate) type Value<'a> = FluentValue<'a>;

fn grouped(value: &FluentValue<'_>, language: Language) -> Option<String> {
    match value {
        FluentValue::Number(number) if number.value.fract() == 0.0 => Some(group(
            &format!("{:.0}", number.value),
            language.thousands_separator(),
        )),
        _ => None,
    }
}

fn group(digits: &str, separator: char) -> String {
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_as_the_language_does() {
        for (number, vi, en) in [
            (7, "7", "7"),
            (999, "999", "999"),
            (1_000, "1.000", "1,000"),
            (1_234_567, "1.234.567", "1,234,567"),
        ] {
            assert_eq!(Texts::of(Language::Vietnamese).number(number), vi);
            assert_eq!(Texts::of(Language::English).number(number), en);
        }
    }

    #[test]
    fn a_tag_names_its_language() {
        for language in Language::ALL {
            assert_eq!(Language::from_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::from_tag("fr"), None);
    }
}
