//! Figures as tables: a row for each day, and a row for each unit below.

use maud::{Markup, html};

use super::{FiguresView, number, shown::hours, shows_ends, sum};
use crate::{
    figures::{DayFigures, Figures, RegionFigures, Shown, UnitFigures},
    portal::{calendar::Date, paths, texts::Texts},
};

/// Regions whose uploads belong beside the shown codes: the country's, beside the country's.
pub(super) fn uploads(figures: &Figures) -> Vec<&RegionFigures> {
    let of_country = figures.total.unit.parent_code.is_none();
    let known = |region: &&RegionFigures| of_country && !region.uploads.is_empty();
    figures.regions.iter().filter(known).collect()
}

/// Uploads of one day, if they are kept.
pub(super) fn uploads_on(region: &RegionFigures, day: u32) -> Option<Shown> {
    let found = region.uploads.iter().find(|(on, _)| *on == day);
    found.map(|(_, uploads)| *uploads)
}

pub(super) fn by_day(texts: &Texts, figures: &Figures) -> Markup {
    let unit = &figures.total;
    let (ends, regions) = (shows_ends(unit), uploads(figures));
    html! {
        section class="card" {
            h2 { (texts.say("figures-by-day")) }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("figures-by-day")) {
                table {
                    thead { tr {
                        th scope="col" { (texts.say("day")) }
                        (count_heads(texts, ends))
                        @for region in &regions {
                            th scope="col" class="n" {
                                (texts.say("count-uploads"))
                                @if regions.len() > 1 { " " (region.region.to_string()) }
                            }
                        }
                        th scope="col" class="n" { (texts.say("figures-median")) }
                    } }
                    tbody {
                        @for day in unit.days.iter().rev() { (day_row(texts, day, ends, &regions)) }
                    }
                    @if unit.days.len() > 1 { (total_row(texts, unit, ends, regions.len())) }
                }
            }
        }
    }
}

fn day_row(texts: &Texts, day: &DayFigures, ends: bool, regions: &[&RegionFigures]) -> Markup {
    let name = Date::from_number(day.day).map_or_else(String::new, |date| date.with_weekday(texts));
    html! {
        tr {
            th scope="row" {
                (name)
                @if day.incomplete { " " span class="soft" { "(" (texts.say("figures-incomplete")) ")" } }
            }
            td class="n" { (number(texts, day.issued)) }
            td class="n" { (number(texts, day.redeemed)) }
            @if ends {
                td class="n" { (number(texts, day.expired)) }
                td class="n" { (number(texts, day.revoked)) }
            }
            @for region in regions {
                td class="n" { (uploads_on(region, day.day).map_or_else(|| "–".into(), |count| number(texts, count))) }
            }
            td class="n" { (hours(day.median_hours)) }
        }
    }
}

fn total_row(texts: &Texts, unit: &UnitFigures, ends: bool, others: usize) -> Markup {
    html! {
        tfoot { tr {
            th scope="row" { (texts.say("figures-total")) }
            (sums(texts, unit, ends))
            @for _ in 0..=others { td {} }
        } }
    }
}

pub(super) fn by_unit(texts: &Texts, view: &FiguresView, figures: &Figures) -> Markup {
    let ends = figures.units.iter().any(shows_ends);
    // Of several days no median is known.
    let one_day = figures.total.days.len() == 1;
    html! {
        section class="card" {
            h2 { (texts.say("figures-by-unit")) }
            div class="scroll" tabindex="0" role="region" aria-label=(texts.say("figures-by-unit")) {
                table {
                    thead { tr {
                        th scope="col" { (texts.say("unit")) }
                        (count_heads(texts, ends))
                        @if one_day { th scope="col" class="n" { (texts.say("figures-median")) } }
                    } }
                    tbody {
                        @for unit in &figures.units {
                            tr {
                                th scope="row" { (unit_name(texts, view, unit)) }
                                (sums(texts, unit, ends))
                                @if one_day { td class="n" { (hours(unit.days[0].median_hours)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A unit below leads to its own days.
fn unit_name(texts: &Texts, view: &FiguresView, unit: &UnitFigures) -> Markup {
    let (code, name) = (&unit.unit.unit_code, &unit.unit.name);
    html! {
        @if unit.with_below {
            a href=(view.link(paths::FIGURES, code, view.first, view.last)) { (name) }
            " " span class="soft" { (code) }
        } @else {
            (name) " " span class="soft" { "(" (texts.say("figures-alone")) ")" }
        }
    }
}

fn count_heads(texts: &Texts, ends: bool) -> Markup {
    html! {
        th scope="col" class="n" { (texts.say("count-issued")) }
        th scope="col" class="n" { (texts.say("count-redeemed")) }
        @if ends {
            th scope="col" class="n" { (texts.say("count-expired")) }
            th scope="col" class="n" { (texts.say("count-revoked")) }
        }
    }
}

fn sums(texts: &Texts, unit: &UnitFigures, ends: bool) -> Markup {
    html! {
        td class="n" { (sum(texts, unit, |day| day.issued)) }
        td class="n" { (sum(texts, unit, |day| day.redeemed)) }
        @if ends {
            td class="n" { (sum(texts, unit, |day| day.expired)) }
            td class="n" { (sum(texts, unit, |day| day.revoked)) }
        }
    }
}
