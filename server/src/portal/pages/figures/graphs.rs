//! Figures by day as charts.

use maud::{Markup, html};

use super::{number, shown::hours, tables};
use crate::{
    charts::{self, Bar, Column, Series},
    figures::{DayFigures, Figures, Shown},
    portal::{calendar::Date, texts::Texts},
};

pub(super) fn show(texts: &Texts, figures: &Figures) -> Markup {
    html! {
        div class="charts" {
            section class="card" {
                h2 { (texts.say("figures-chart-codes")) }
                (codes(texts, figures))
                @if figures.floor > 0 { p class="hint" { (texts.say("figures-chart-hidden")) } }
            }
            section class="card" {
                h2 { (texts.say("figures-chart-hours")) }
                (median_hours(texts, &figures.total.days))
            }
        }
    }
}

fn codes(texts: &Texts, figures: &Figures) -> Markup {
    let mut series = vec![
        Series {
            name: texts.say("count-issued"),
            class: "one",
        },
        Series {
            name: texts.say("count-redeemed"),
            class: "two",
        },
    ];
    // Those of several regions stand in the table alone: a fourth colour would be hard to tell.
    let uploads = match tables::uploads(figures)[..] {
        [region] => Some(region),
        _ => None,
    };
    if uploads.is_some() {
        series.push(Series {
            name: texts.say("count-uploads"),
            class: "three",
        });
    }
    let columns: Vec<Column> = figures
        .total
        .days
        .iter()
        .map(|day| {
            let mut bars = vec![bar(texts, day.issued), bar(texts, day.redeemed)];
            bars.extend(uploads.map(|region| {
                let none = Bar {
                    value: None,
                    shown: "–".into(),
                };
                tables::uploads_on(region, day.day).map_or(none, |count| bar(texts, count))
            }));
            column(texts, day, bars)
        })
        .collect();
    let title = texts.say("figures-chart-codes");
    charts::columns(&title, &series, &columns, |tick| texts.round(tick))
}

fn median_hours(texts: &Texts, days: &[DayFigures]) -> Markup {
    let series = [Series {
        name: texts.say("figures-median"),
        class: "one",
    }];
    let columns: Vec<Column> = days
        .iter()
        .map(|day| {
            let bar = Bar {
                value: day.median_hours.map(f64::from),
                shown: hours(day.median_hours),
            };
            column(texts, day, vec![bar])
        })
        .collect();
    let title = texts.say("figures-chart-hours");
    charts::columns(&title, &series, &columns, |tick| texts.round(tick))
}

fn column(texts: &Texts, day: &DayFigures, bars: Vec<Bar>) -> Column {
    let label = Date::from_number(day.day).map_or_else(String::new, |day| day.short(texts));
    Column { label, bars }
}

fn bar(texts: &Texts, shown: Shown) -> Bar {
    Bar {
        // A hidden number gets no bar that could be measured.
        value: shown
            .exact()
            .and_then(|number| u32::try_from(number).ok())
            .map(f64::from),
        shown: number(texts, shown),
    }
}
