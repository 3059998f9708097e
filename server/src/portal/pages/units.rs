//! The tree of administrative units, to walk down or to search.

use maud::{Markup, html};

use crate::portal::{
    forms::{self, Input, Problems},
    layout::{self, Chrome},
    parts, paths,
    texts::Texts,
};

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Units {
    /// As typed: part of a name, or a code.
    pub(crate) query: String,
    /// The way from the officer's own unit down to the one whose units are listed; empty while searching.
    pub(crate) way: Vec<UnitLink>,
    /// Units below it, or found.
    pub(crate) units: Vec<UnitEntry>,
    /// How many more were found than are listed.
    pub(crate) more: u64,
}

/// A unit to go to.
#[derive(Clone, Debug)]
pub(crate) struct UnitLink {
    /// Official code.
    pub(crate) unit_code: String,
    /// Its name.
    pub(crate) name: String,
}

/// A unit in the list.
#[derive(Clone, Debug)]
pub(crate) struct UnitEntry {
    /// Which.
    pub(crate) unit: UnitLink,
    /// Units right below it.
    pub(crate) below: u64,
    /// Accounts in it, for those who keep accounts.
    pub(crate) accounts: Option<u64>,
}

/// The page.
pub(crate) fn page(texts: &Texts, chrome: &Chrome, view: &Units) -> Markup {
    let title = texts.say("nav-units");
    let search = Input::text("q", texts.say("units-search"))
        .value(&view.query)
        .longest(80)
        .optional();
    layout::desk(
        texts,
        chrome,
        &title,
        &html! {
            (parts::heading(&title, Some(&texts.say("units-lead"))))
            div class="card" {
                (forms::get(paths::UNITS, "row medium", &html! {
                    (search.show(&Problems::default()))
                    button class="secondary" { (texts.say("search")) }
                }))
                (way(texts, &view.way))
                @if view.units.is_empty() {
                    p class="soft gap" role="status" {
                        @if view.query.is_empty() { (texts.say("units-none-below")) } @else { (texts.say("units-none-found")) }
                    }
                } @else {
                    (list(texts, view))
                }
            }
        },
    )
}

fn way(texts: &Texts, way: &[UnitLink]) -> Markup {
    html! {
        @if !way.is_empty() {
            nav aria-label=(texts.say("units-way")) {
                ol class="way" {
                    @for (i, unit) in way.iter().enumerate() {
                        li {
                            @if i + 1 == way.len() { strong aria-current="page" { (unit.name) } } @else { (link(unit)) }
                        }
                    }
                }
            }
        }
    }
}

fn link(unit: &UnitLink) -> Markup {
    html! { a href=(paths::with_query(paths::UNITS, &[("unit", &unit.unit_code)])) { (unit.name) } }
}

fn list(texts: &Texts, view: &Units) -> Markup {
    let accounts = view.units.iter().any(|entry| entry.accounts.is_some());
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(texts.say("nav-units")) {
            table {
                thead { tr {
                    th scope="col" { (texts.say("unit")) } th scope="col" { (texts.say("units-code")) }
                    th scope="col" class="n" { (texts.say("units-below")) }
                    @if accounts { th scope="col" class="n" { (texts.say("units-accounts")) } }
                } }
                tbody {
                    @for entry in &view.units {
                        tr {
                            th scope="row" { (link(&entry.unit)) }
                            td { (entry.unit.unit_code) }
                            td class="n" { (texts.number(entry.below)) }
                            @if let Some(accounts) = entry.accounts { td class="n" { (texts.number(accounts)) } }
                        }
                    }
                }
            }
        }
        @if view.more > 0 { p class="soft" { (texts.say_with("units-more", &[("units", view.more.into())])) } }
    }
}
