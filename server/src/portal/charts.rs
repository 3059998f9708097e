//! Charts of figures as inline SVG, drawn on 560 units of width. A table on the same page says the same in numbers.

use maud::{Markup, html};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 220.0;
/// Room for the numbers of the axis, and for the labels below.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 26.0;
const TOP: f64 = 12.0;

/// What one colour stands for.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// In the key.
    pub(crate) name: String,
    /// Style class, which gives the colour: `one`, `two`, `three`.
    pub(crate) class: &'static str,
}

/// One day.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Below it.
    pub(crate) label: String,
    /// One bar for each series.
    pub(crate) bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// How high; `None` draws nothing.
    pub(crate) value: Option<f64>,
    /// In words.
    pub(crate) shown: String,
}

/// Columns side by side, with a key if there are several series.
///
/// - `title`: what a screen reader says.
pub(crate) fn columns(title: &str, series: &[Series], columns: &[Column]) -> Markup {
    let highest = columns
        .iter()
        .flat_map(|column| column.bars.iter().filter_map(|bar| bar.value))
        .fold(0.0, f64::max);
    let ticks = ticks(highest);
    let top_value = ticks.last().copied().unwrap_or(1.0);
    let y = |value: f64| round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top_value);
    let group = (WIDTH - LEFT) / number(columns.len().max(1));
    // A date takes 54 units.
    let every = (54.0 / group).ceil();
    html! {
        @if series.len() > 1 {
            ul class="key" { @for entry in series { li class=(entry.class) { (entry.name) } } }
        }
        svg class="chart" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
            @for &tick in &ticks {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y(tick)) y2=(y(tick)) {}
                text x=(LEFT - 8.0) y=(y(tick) + 4.0) text-anchor="end" { (tick) }
            }
            @for (i, column) in columns.iter().enumerate() {
                @let x = LEFT + group * number(i);
                @let width = (group * 0.76 / number(series.len())).min(30.0);
                @let start = x + (group - width * number(series.len())) / 2.0;
                g {
                    title { (tip(column, series)) }
                    rect class="touch" x=(round(x)) y=(TOP) width=(round(group)) height=(HEIGHT - BOTTOM - TOP) {}
                    @for (j, (bar, entry)) in column.bars.iter().zip(series).enumerate() {
                        @if let Some(value) = bar.value {
                            rect class=(entry.class) x=(round(start + width * number(j))) y=(y(value))
                                width=(round((width - 1.5).max(1.0))) height=(round(HEIGHT - BOTTOM - y(value)))
                                rx=(round((width / 6.0).min(2.5))) {}
                        }
                    }
                }
                @if (number(i) % every) == 0.0 {
                    text x=(round(x + group / 2.0)) y=(HEIGHT - 7.0) text-anchor="middle" { (column.label) }
                }
            }
        }
    }
}

/// `22/11: đã cấp 12, đã dùng 9`.
fn tip(column: &Column, series: &[Series]) -> String {
    let bars: Vec<String> = column
        .bars
        .iter()
        .zip(series)
        .map(|(bar, entry)| format!("{} {}", entry.name, bar.shown))
        .collect();
    format!("{}: {}", column.label, bars.join(", "))
}

/// Round numbers from 0 to the highest bar or just above.
fn ticks(highest: f64) -> Vec<f64> {
    let step = tick_step(highest);
    let mut ticks = vec![0.0];
    while ticks[ticks.len() - 1] < highest || ticks.len() < 2 {
        ticks.push(step * number(ticks.len()));
    }
    ticks
}

/// 1, 2 or 5 times a power of ten, for two to five lines above zero; at least 1.
fn tick_step(highest: f64) -> f64 {
    let rough = (highest / 4.0).max(1.0);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * magnitude >= rough);
    factor.unwrap_or(10.0) * magnitude
}

#[expect(clippy::cast_precision_loss, reason = "counts of things on a page")]
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
            (21.0, vec![0.0, 10.0, 20.0, 30.0]),
            (1_204.0, vec![0.0, 500.0, 1_000.0, 1_500.0]),
        ] {
            assert_eq!(ticks(highest), expected);
        }
    }

    #[test]
    fn labels_are_escaped_and_missing_values_leave_gaps() {
        let column = Column {
            label: "<script>".into(),
            bars: vec![Bar {
                value: None,
                shown: "–".into(),
            }],
        };
        let series = [Series {
            name: "a & b".into(),
            class: "one",
        }];
        let svg = columns("t", &series, &[column]).into_string();
        assert!(svg.contains("&lt;script&gt;: a &amp; b –"));
        assert!(!svg.contains("<script>") && !svg.contains("class=\"one\""));
    }
}
