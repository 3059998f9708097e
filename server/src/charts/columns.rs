//! Columns side by side, one group for each day.

use maud::{Markup, html};

use super::axis::{BOTTOM, HEIGHT, LEFT, TOP, WIDTH, number, round, ticks};

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
/// - `show`: a number on the axis.
pub(crate) fn columns(
    title: &str,
    series: &[Series],
    columns: &[Column],
    show: impl Fn(f64) -> String,
) -> Markup {
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
                text x=(LEFT - 8.0) y=(y(tick) + 4.0) text-anchor="end" { (show(tick)) }
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let svg = columns("t", &series, &[column], |tick| tick.to_string()).into_string();
        assert!(svg.contains("&lt;script&gt;: a &amp; b –"));
        assert!(!svg.contains("<script>") && !svg.contains("class=\"one\""));
    }
}
