//! Holds the texts of both languages against each other and against the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Pattern, PatternElement},
    parser,
};

const SOURCES: [(&str, &str); 2] = [
    ("vi.ftl", include_str!("../texts/vi.ftl")),
    ("en.ftl", include_str!("../texts/en.ftl")),
];

/// Each text's variables.
fn variables(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let resource = parser::parse(source).expect("well-formed texts");
    let mut texts = BTreeMap::new();
    for entry in resource.body {
        let Entry::Message(message) = entry else {
            continue;
        };
        let mut found = BTreeSet::new();
        collect(&message.value.expect("a text has words"), &mut found);
        let before = texts.insert(message.id.name.to_owned(), found);
        assert!(before.is_none(), "{} stands there twice", message.id.name);
    }
    assert!(texts.len() > 100);
    texts
}

fn collect(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else {
            continue;
        };
        let (Expression::Inline(inline)
        | Expression::Select {
            selector: inline, ..
        }) = expression;
        let InlineExpression::VariableReference { id } = inline else {
            panic!("only variables stand in braces");
        };
        found.insert(id.name.to_owned());
        if let Expression::Select { variants, .. } = expression {
            for variant in variants {
                collect(&variant.value, found);
            }
        }
    }
}

#[test]
fn both_languages_say_the_same_things() {
    let [vi, en] = SOURCES.map(|(_, source)| variables(source));
    assert_eq!(vi.keys().collect::<Vec<_>>(), en.keys().collect::<Vec<_>>());
    for (id, variables) in &vi {
        assert_eq!(variables, &en[id], "variables of {id}");
    }
}

#[test]
fn texts_stand_in_the_same_order_so_that_translators_can_compare() {
    let [vi, en] = SOURCES.map(|(_, source)| -> Vec<String> {
        let ids = source.lines().filter_map(|line| line.split_once(" = "));
        ids.filter(|(id, _)| !id.starts_with([' ', '#']))
            .map(|(id, _)| id.to_owned())
            .collect()
    });
    assert_eq!(vi, en);
}

#[test]
fn every_text_that_a_page_asks_for_exists_and_none_is_left_over() {
    let texts = variables(SOURCES[0].1);
    let mut asked = BTreeSet::new();
    let mut literals = BTreeSet::new();
    for source in sources() {
        // Formatting may break the line after the parenthesis.
        for call in ["say(", "say_with("] {
            for (at, _) in source.match_indices(call) {
                let rest = source[at + call.len()..].trim_start();
                if let Some(id) = rest.strip_prefix('"').and_then(|r| r.split('"').next()) {
                    asked.insert(id.to_owned());
                }
            }
        }
        literals.extend(source.split('"').map(str::to_owned));
    }
    for id in &asked {
        assert!(texts.contains_key(id), "no text {id}");
    }
    for id in texts.keys() {
        assert!(literals.contains(id), "{id} is said nowhere");
    }
}

#[test]
fn texts_are_plain() {
    for (file, source) in SOURCES {
        for forbidden in ["http:", "https:", "&", "\t", " \n"] {
            assert!(!source.contains(forbidden), "{file} has {forbidden:?}");
        }
    }
}

/// The portal's sources without its tests.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/portal");
    let mut folders: Vec<PathBuf> = vec![root];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                sources.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    sources
}
