//! Figures and reports as tables for spreadsheets.

use super::{DayFigures, Figures, Reports, Shown, UnitFigures, date};
use crate::csv;

/// Figures, a line for each unit and day: hidden numbers as `<5`, withheld ones as `*`. Uploads by region at the end.
#[must_use]
pub fn figures_csv(figures: &Figures) -> String {
    let mut text = csv::BYTE_ORDER_MARK.to_owned();
    csv::push_line(
        &mut text,
        [
            "day",
            "unit_code",
            "unit",
            "with_below",
            "issued",
            "redeemed",
            "revoked",
            "expired",
            "median_hours",
            "incomplete",
            "uploads",
        ],
    );
    for unit in std::iter::once(&figures.total).chain(&figures.units) {
        for day in &unit.days {
            push_day(&mut text, unit, day);
        }
    }
    for region in &figures.regions {
        for (day, uploads) in &region.uploads {
            let mut cells = [const { String::new() }; 11];
            cells[0] = date::show_day(*day);
            cells[2] = region.region.to_string();
            cells[10] = shown(*uploads);
            csv::push_line(&mut text, cells);
        }
    }
    text
}

fn push_day(text: &mut String, unit: &UnitFigures, day: &DayFigures) {
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    csv::push_line(
        text,
        [
            date::show_day(day.day),
            unit.unit.unit_code.clone(),
            unit.unit.name.clone(),
            yes_or_no(unit.with_below),
            shown(day.issued),
            shown(day.redeemed),
            shown(day.revoked),
            shown(day.expired),
            day.median_hours
                .map_or_else(String::new, |hours| hours.to_string()),
            yes_or_no(day.incomplete),
            String::new(),
        ],
    );
}

fn shown(number: Shown) -> String {
    match number {
        Shown::Exact(number) => number.to_string(),
        Shown::Below(floor) => format!("<{floor}"),
        Shown::Withheld => "*".to_owned(),
    }
}

/// Reports, a line for each unit, one's own first.
#[must_use]
pub fn reports_csv(reports: &Reports, utc_offset_seconds: i32) -> String {
    let mut text = csv::BYTE_ORDER_MARK.to_owned();
    csv::push_line(
        &mut text,
        [
            "report",
            "first_day",
            "due",
            "unit_code",
            "unit",
            "sent",
            "late",
        ],
    );
    for state in std::iter::once(&reports.own).chain(&reports.sub_units) {
        csv::push_line(
            &mut text,
            [
                reports.kind.name().to_owned(),
                date::show_day(reports.day),
                date::show_hour(reports.due, utc_offset_seconds),
                state.unit.unit_code.clone(),
                state.unit.name.clone(),
                state
                    .sent_at
                    .map_or_else(String::new, |at| date::show_hour(at, utc_offset_seconds)),
                if state.late { "yes" } else { "no" }.to_owned(),
            ],
        );
    }
    text
}
