//! What all charts have in common: their size, and the lines behind them.

/// Units of width that a chart is drawn on.
pub(super) const WIDTH: f64 = 560.0;
/// And of height.
pub(super) const HEIGHT: f64 = 220.0;
/// Room for the numbers of the axis.
pub(super) const LEFT: f64 = 52.0;
/// Room for the labels below.
pub(super) const BOTTOM: f64 = 26.0;
/// Room above the highest line.
pub(super) const TOP: f64 = 12.0;

/// Round numbers from 0 to the highest bar or just above, whole ones.
pub(super) fn ticks(highest: f64) -> Vec<f64> {
    ticks_by(highest, tick_step(highest / 4.0).max(1.0))
}

/// The same, fractions too; up to 1 if all is 0.
pub(super) fn fine_ticks(highest: f64) -> Vec<f64> {
    let highest = if highest > 0.0 { highest } else { 1.0 };
    ticks_by(highest, tick_step(highest / 4.0))
}

fn ticks_by(highest: f64, step: f64) -> Vec<f64> {
    let mut ticks = vec![0.0];
    while ticks[ticks.len() - 1] < highest || ticks.len() < 2 {
        ticks.push(step * number(ticks.len()));
    }
    ticks
}

/// 1, 2 or 5 times a power of ten, `rough` or just above: for two to five lines above zero.
fn tick_step(rough: f64) -> f64 {
    let rough = rough.max(f64::MIN_POSITIVE);
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * magnitude >= rough);
    factor.unwrap_or(10.0) * magnitude
}

/// As what SVG is drawn with.
#[expect(clippy::cast_precision_loss, reason = "counts of things on a page")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// Hundredths of a unit are finer than any screen.
pub(super) fn round(units: f64) -> f64 {
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
        assert_eq!(fine_ticks(0.0), [0.0, 0.5, 1.0]);
        let fine = fine_ticks(0.3);
        assert!((fine[1] - 0.1).abs() < 1e-9 && fine.len() == 4, "{fine:?}");
    }
}
