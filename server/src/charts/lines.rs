//! Lines over time, the newest on the right.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::{BOTTOM, HEIGHT, LEFT, TOP, WIDTH, fine_ticks, number, round, ticks};

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Curve<'a> {
    /// In the key.
    pub(crate) name: &'a str,
    /// Style class, which gives the colour: `one`, `two`, `three`.
    pub(crate) class: &'static str,
    /// Oldest first; `None` leaves a gap.
    pub(crate) points: &'a [Option<f64>],
}

/// Lines over each other, with a key if there are several.
///
/// - `title`: what a screen reader says.
/// - `labels`: below the oldest point, the middle and the newest.
/// - `whole`: there are no fractions of what is shown.
/// - `show`: a number on the axis.
pub(crate) fn lines(
    title: &str,
    curves: &[Curve],
    labels: [&str; 3],
    whole: bool,
    show: impl Fn(f64) -> String,
) -> Markup {
    let points = curves
        .iter()
        .flat_map(|curve| curve.points.iter().flatten());
    let highest = points.copied().fold(0.0, f64::max);
    let ticks = if whole {
        ticks(highest)
    } else {
        fine_ticks(highest)
    };
    let top_value = ticks.last().copied().unwrap_or(1.0);
    let y = |value: f64| round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top_value);
    let below = HEIGHT - 7.0;
    html! {
        @if curves.len() > 1 {
            ul class="key" { @for curve in curves { li class=(curve.class) { (curve.name) } } }
        }
        svg class="chart" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
            @for &tick in &ticks {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y(tick)) y2=(y(tick)) {}
                text x=(LEFT - 8.0) y=(y(tick) + 4.0) text-anchor="end" { (show(tick)) }
            }
            @for curve in curves {
                path class={ "line " (curve.class) } d=(path(curve.points, y)) {}
            }
            text x=(LEFT) y=(below) { (labels[0]) }
            text x=(round((LEFT + WIDTH) / 2.0)) y=(below) text-anchor="middle" { (labels[1]) }
            text x=(WIDTH) y=(below) text-anchor="end" { (labels[2]) }
        }
    }
}

/// A point between two gaps is a line of no length, which round ends make visible.
fn path(points: &[Option<f64>], y: impl Fn(f64) -> f64) -> String {
    let step = (WIDTH - LEFT) / number(points.len().max(1));
    let mut path = String::new();
    let mut drawing = false;
    for (i, point) in points.iter().enumerate() {
        if let Some(value) = point {
            let x = round(LEFT + step * (number(i) + 0.5));
            let command = if drawing { "L" } else { "M" };
            let written = write!(path, "{command}{x} {}", y(*value));
            debug_assert!(written.is_ok(), "text takes all");
            if !drawing {
                path.push_str("h0");
            }
        }
        drawing = point.is_some();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_not_bridged() {
        let points = [Some(1.0), Some(2.0), None, Some(3.0)];
        let drawn = path(&points, |value| value);
        assert_eq!(drawn, "M115.5 1h0L242.5 2M496.5 3h0");
        assert_eq!(path(&[None, None], |value| value), "");
    }

    #[test]
    fn names_are_escaped() {
        let points = [Some(0.25)];
        let curve = |name| Curve {
            name,
            class: "one",
            points: &points,
        };
        let labels = ["<then>", "", "now"];
        let curves = [curve("<b>"), curve("c")];
        let svg = lines("a & b", &curves, labels, false, |tick| tick.to_string());
        let svg = svg.into_string();
        assert!(svg.contains("&lt;b&gt;") && !svg.contains("<b>"), "{svg}");
        assert!(
            svg.contains("a &amp; b") && svg.contains("&lt;then&gt;"),
            "{svg}"
        );
    }
}
