//! Bar charts as inline SVG, drawn on 440 units of width so that text stays readable on a telephone.

use maud::{Markup, html};

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 230.0;
/// Room for the numbers of the axis, and for the labels below.
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 12.0;

/// One group of columns.
pub(super) struct Column {
    /// Below it.
    pub(super) label: String,
    /// One bar for each series.
    pub(super) values: Vec<f64>,
}

/// One horizontal bar.
pub(super) struct Row {
    /// In front of it.
    pub(super) label: String,
    /// How long.
    pub(super) value: f64,
    /// Behind it.
    pub(super) shown: String,
}

/// Columns side by side.
///
/// - `title`: what a screen reader says.
/// - `series`: style class of each series, which gives its colour.
/// - `show`: a value in words, for the axis and the tips.
pub(super) fn columns(
    title: &str,
    series: &[&str],
    columns: &[Column],
    show: impl Fn(f64) -> String,
) -> Markup {
    let step = tick_step(
        columns
            .iter()
            .flat_map(|c| c.values.iter().copied())
            .fold(0.0, f64::max),
    );
    let ticks = ticks(columns, step);
    let top_value = ticks.last().copied().unwrap_or(step);
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top_value;
    let group = (WIDTH - LEFT) / number(columns.len().max(1));
    // A date takes 48 units.
    let every = (48.0 / group).ceil();
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
            @for &tick in &ticks {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y(tick)) y2=(y(tick)) {}
                text class="axis" x=(LEFT - 8.0) y=(y(tick) + 4.0) text-anchor="end" { (show(tick)) }
            }
            @for (i, column) in columns.iter().enumerate() {
                @let x = LEFT + group * number(i);
                @let width = (group * 0.72 / number(series.len())).min(34.0);
                @let start = x + (group - width * number(series.len())) / 2.0;
                g {
                    title { (column.label) ": " (values(column, &show)) }
                    rect class="touch" x=(x) y=(TOP) width=(group) height=(HEIGHT - BOTTOM - TOP) {}
                    @for (j, (&value, class)) in column.values.iter().zip(series).enumerate() {
                        rect class=(class) x=(round(start + width * number(j)))
                            y=(round(y(value))) width=(round((width - 1.5).max(1.0)))
                            height=(round(HEIGHT - BOTTOM - y(value))) rx=(round((width / 6.0).min(2.5))) {}
                    }
                }
                @if (number(i) % every) == 0.0 {
                    text class="axis" x=(round(x + group / 2.0)) y=(HEIGHT - 7.0) text-anchor="middle" { (column.label) }
                }
            }
        }
    }
}

/// Bars one below the other.
pub(super) fn rows(title: &str, rows: &[Row]) -> Markup {
    const LABEL: f64 = 176.0;
    const SHOWN: f64 = 64.0;
    const LINE: f64 = 26.0;
    let longest = rows
        .iter()
        .map(|row| row.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {}", LINE * number(rows.len()) + 4.0)) role="img" aria-label=(title) {
            @for (i, row) in rows.iter().enumerate() {
                @let y = LINE * number(i);
                @let length = (WIDTH - LABEL - SHOWN) * row.value / longest;
                text class="label" x=(LABEL - 10.0) y=(y + 18.0) text-anchor="end" { (row.label) }
                rect class="told" x=(LABEL) y=(y + 5.0) width=(round(length.max(1.5))) height=(LINE - 9.0) rx="2.5" {}
                text class="axis" x=(round(LABEL + length + 8.0)) y=(y + 18.0) { (row.shown) }
            }
        }
    }
}

fn values(column: &Column, show: &impl Fn(f64) -> String) -> String {
    column
        .values
        .iter()
        .map(|&v| show(v))
        .collect::<Vec<_>>()
        .join(", ")
}

fn ticks(columns: &[Column], step: f64) -> Vec<f64> {
    let highest = columns
        .iter()
        .flat_map(|c| c.values.iter().copied())
        .fold(0.0, f64::max);
    let mut ticks = vec![0.0];
    while ticks[ticks.len() - 1] < highest || ticks.len() < 2 {
        ticks.push(step * number(ticks.len()));
    }
    ticks
}

/// 1, 2 or 5 times a power of ten, for three to six lines above zero; at least 1.
fn tick_step(highest: f64) -> f64 {
    let rough = (highest / 5.0).max(1.0);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * magnitude >= rough);
    factor.unwrap_or(10.0) * magnitude
}

/// Small counts of things on a page.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

fn round(units: f64) -> f64 {
    (units * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axis_lines_are_round_numbers_up_to_the_highest_bar() {
        for (highest, expected) in [
            (0.0, vec![0.0, 1.0]),
            (3.0, vec![0.0, 1.0, 2.0, 3.0]),
            (21.0, vec![0.0, 5.0, 10.0, 15.0, 20.0, 25.0]),
            (
                20_100.0,
                vec![0.0, 5_000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0],
            ),
        ] {
            let columns = [Column {
                label: String::new(),
                values: vec![highest],
            }];
            assert_eq!(ticks(&columns, tick_step(highest)), expected);
        }
    }

    #[test]
    fn labels_are_escaped() {
        let column = Column {
            label: "<script>".into(),
            values: vec![1.0],
        };
        let svg = columns("a & b", &["told"], &[column], |v| v.to_string()).into_string();
        assert!(svg.contains("&lt;script&gt;") && !svg.contains("<script>"));
        assert!(svg.contains("a &amp; b"));
    }
}
