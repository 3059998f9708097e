//! What every page must be: well-formed, labelled, self-contained.

use std::{collections::HashSet, rc::Rc};

use html5ever::{parse_document, tendril::TendrilSink as _};
use markup5ever_rcdom::{Node, NodeData, RcDom};

use super::samples;
use crate::portal::{
    paths,
    texts::{Language, Texts},
};

/// A page with its elements in document order.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) dom: RcDom,
}

impl Page {
    pub(crate) fn parse(name: String, html: &str) -> Self {
        let dom = parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(html);
        Self { name, dom }
    }

    pub(crate) fn elements(&self) -> Vec<Rc<Node>> {
        below(&self.dom.document)
    }
}

fn below(node: &Rc<Node>) -> Vec<Rc<Node>> {
    let mut found = Vec::new();
    for child in node.children.borrow().iter() {
        if matches!(child.data, NodeData::Element { .. }) {
            found.push(child.clone());
        }
        found.extend(below(child));
    }
    found
}

pub(crate) fn tag(node: &Node) -> &str {
    match &node.data {
        NodeData::Element { name, .. } => &name.local,
        _ => "",
    }
}

pub(crate) fn attributes(node: &Node) -> Vec<(String, String)> {
    match &node.data {
        NodeData::Element { attrs, .. } => attrs
            .borrow()
            .iter()
            .map(|a| (a.name.local.to_string(), a.value.to_string()))
            .collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn attribute(node: &Node, name: &str) -> Option<String> {
    attributes(node)
        .into_iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value)
}

pub(crate) fn text(node: &Rc<Node>) -> String {
    let mut all = String::new();
    for child in node.children.borrow().iter() {
        if let NodeData::Text { contents } = &child.data {
            all.push_str(&contents.borrow());
        }
        all.push_str(&text(child));
    }
    all.trim().to_owned()
}

fn pages() -> Vec<Page> {
    let mut pages = Vec::new();
    for language in Language::ALL {
        for (name, page) in samples::all(Texts::of(language)) {
            pages.push(Page::parse(
                format!("{} {name}", language.tag()),
                &page.into_string(),
            ));
        }
    }
    pages
}

#[test]
fn pages_are_well_formed() {
    for page in pages() {
        let errors = page.dom.errors.borrow();
        assert!(errors.is_empty(), "{}: {errors:?}", page.name);
        let html = &page.elements()[0];
        let language = page.name.split(' ').next().unwrap();
        assert_eq!(attribute(html, "lang").as_deref(), Some(language));
    }
}

#[test]
fn the_parser_notices_what_browsers_forgive() {
    for bad in [
        "<!DOCTYPE html><html><head><title>t</title></head><body><p><div></p></body></html>",
        "<!DOCTYPE html><html><head><title>t</title></head><body><a href=x href=y>a</a></body></html>",
        "<!DOCTYPE html><html><head><title>t</title></head><body><form><form></form></form></body></html>",
        "<title>t</title>",
    ] {
        let page = Page::parse(String::new(), bad);
        assert!(!page.dom.errors.borrow().is_empty(), "{bad}");
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    for page in pages() {
        let mut ids = HashSet::new();
        for element in page.elements() {
            if let Some(id) = attribute(&element, "id") {
                assert!(ids.insert(id.clone()), "{}: two #{id}", page.name);
            }
        }
        for element in page.elements() {
            for name in [
                "for",
                "aria-describedby",
                "aria-labelledby",
                "data-copy",
                "data-chooses",
            ] {
                for id in attribute(&element, name).unwrap_or_default().split(' ') {
                    assert!(
                        id.is_empty() || ids.contains(id),
                        "{}: {name} names #{id}, which is not there",
                        page.name
                    );
                }
            }
            if let Some(id) = attribute(&element, "href")
                && let Some(id) = id.strip_prefix('#')
            {
                assert!(ids.contains(id), "{}: a link to #{id}", page.name);
            }
        }
    }
}

#[test]
fn every_control_has_a_label() {
    for page in pages() {
        let labelled: HashSet<String> = page
            .elements()
            .iter()
            .filter(|e| tag(e) == "label")
            .filter(|label| !text(label).is_empty())
            .filter_map(|label| attribute(label, "for"))
            .collect();
        for control in page.elements() {
            let kind = attribute(&control, "type").unwrap_or_default();
            match tag(&control) {
                "input" if kind == "hidden" || attribute(&control, "hidden").is_some() => {}
                "input" | "select" | "textarea" | "progress" => {
                    let id = attribute(&control, "id").unwrap_or_default();
                    assert!(labelled.contains(&id), "{}: no label for {id:?}", page.name);
                }
                "button" | "a" | "th" | "legend" | "caption" => {
                    assert!(
                        !text(&control).is_empty(),
                        "{}: an empty {}",
                        page.name,
                        tag(&control)
                    );
                }
                _ => {}
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_shows_where_it_came_from() {
    for page in pages() {
        for form in page.elements().iter().filter(|e| tag(e) == "form") {
            let action = attribute(form, "action").expect("a form says where it goes");
            assert!(action.starts_with(paths::HOME), "{}: {action}", page.name);
            let has_csrf = below(form).iter().any(|field| {
                attribute(field, "name").as_deref() == Some(paths::CSRF_FIELD)
                    && attribute(field, "value").as_deref() == Some("sample-csrf")
            });
            match attribute(form, "method").as_deref() {
                Some("post") => assert!(has_csrf, "{}: {action}", page.name),
                // It would stand in the address, and so in logs.
                Some("get") => assert!(!has_csrf, "{}: {action}", page.name),
                other => panic!("{}: {action}: method {other:?}", page.name),
            }
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_is_fetched_from_elsewhere() {
    for page in pages() {
        for element in page.elements() {
            let name = tag(&element).to_owned();
            assert!(
                !["style", "iframe", "object", "embed", "base"].contains(&name.as_str()),
                "{}: a {name}",
                page.name
            );
            if name == "script" {
                assert_eq!(
                    attribute(&element, "src").as_deref(),
                    Some(paths::SCRIPT),
                    "{}",
                    page.name
                );
                assert_eq!(text(&element), "", "{}", page.name);
            }
            for (attribute, value) in attributes(&element) {
                let at = format!("{}: {name} {attribute}={value}", page.name);
                assert!(attribute != "style" && !attribute.starts_with("on"), "{at}");
                assert!(
                    !value.contains("http:") && !value.contains("https:"),
                    "{at}"
                );
                if ["src", "href", "action"].contains(&attribute.as_str()) {
                    let own = value.starts_with(paths::HOME)
                        || value.starts_with('#')
                        || value.starts_with("data:text/csv;");
                    assert!(own, "{at}");
                }
            }
        }
    }
}

#[test]
fn pictures_say_what_they_are_or_are_skipped() {
    for page in pages() {
        for picture in page.elements() {
            if !["svg", "img"].contains(&tag(&picture)) {
                continue;
            }
            let hidden = attribute(&picture, "aria-hidden").as_deref() == Some("true");
            let named = attribute(&picture, "role").as_deref() == Some("img")
                && attribute(&picture, "aria-label").is_some_and(|label| !label.is_empty());
            assert!(hidden || named, "{}: a nameless picture", page.name);
        }
    }
}

#[test]
fn headings_and_landmarks_are_in_order() {
    for page in pages() {
        let mut level = 0;
        for element in page.elements() {
            let Some(next) = tag(&element)
                .strip_prefix('h')
                .and_then(|l| l.parse::<u32>().ok())
            else {
                continue;
            };
            assert!(
                next <= level + 1 && (next > 1 || level == 0),
                "{}: h{next} after h{level}: {}",
                page.name,
                text(&element)
            );
            level = next;
        }
        assert!(level > 0, "{}: no heading", page.name);
        for landmark in ["main", "header", "footer"] {
            let found = page
                .elements()
                .iter()
                .filter(|e| tag(e) == landmark)
                .count();
            assert_eq!(found, 1, "{}: {landmark}", page.name);
        }
    }
}

#[test]
fn an_error_is_linked_to_its_field_and_tells_it() {
    let page = pages()
        .into_iter()
        .find(|page| page.name == "vi home-busy")
        .unwrap();
    let field = page
        .elements()
        .into_iter()
        .find(|e| attribute(e, "id").as_deref() == Some("other_day"))
        .unwrap();
    assert_eq!(attribute(&field, "aria-invalid").as_deref(), Some("true"));
    assert_eq!(
        attribute(&field, "aria-describedby").as_deref(),
        Some("other_day-error")
    );
    assert!(
        page.elements()
            .iter()
            .any(|e| attribute(e, "href").as_deref() == Some("#other_day"))
    );
}
