//! Judges exposure windows: which count, what they weigh, what a day of them amounts to.
//!
//! Pure arithmetic; every figure comes from [`RiskParameters`].

use std::collections::{BTreeMap, BTreeSet};

use super::{CalibrationConfidence, ExposureWindow, Risk, RiskParameters, Score};
use crate::exposure::LocalDay;

/// A day on which at least one window counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailySummary {
    /// Which.
    pub day: LocalDay,
    /// By the day's thresholds; `None` if it stays below both.
    pub risk: Option<Risk>,
    /// Sum of the windows, rounded as the parameters say.
    pub score: Score,
    /// The heaviest single window, not rounded.
    pub max_window_score: Score,
    /// All seconds of all scans, without any weight.
    pub seconds: u64,
    /// How many windows count.
    pub windows: usize,
    /// Encounters there were at least: pairs of level and calibration confidence among windows of low risk.
    pub low_encounters: usize,
    /// The same among windows of high risk.
    pub high_encounters: usize,
}

/// All days together, as an app shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// The highest of any day.
    pub risk: Option<Risk>,
    /// Latest day of low risk.
    pub last_low_day: Option<LocalDay>,
    /// Latest day of high risk.
    pub last_high_day: Option<LocalDay>,
    /// Days of low risk.
    pub low_days: usize,
    /// Days of high risk.
    pub high_days: usize,
    /// Sum over days that have a risk.
    pub low_encounters: usize,
    /// Sum over days that have a risk.
    pub high_encounters: usize,
}

/// Judges windows, in any order; days ascending.
///
/// - `today`: windows of later days, and of those longer ago than the parameters look back, do not count.
#[must_use]
pub fn assess(
    windows: &[ExposureWindow],
    parameters: &RiskParameters,
    today: LocalDay,
) -> Vec<DailySummary> {
    let mut days = BTreeMap::<LocalDay, Tally>::new();
    for window in windows {
        let age_days = today.days_since(window.day);
        if !(0..=i64::from(parameters.days_back)).contains(&age_days) {
            continue;
        }
        if let Some(weighed) = weigh(window, parameters) {
            days.entry(window.day).or_default().add(weighed, parameters);
        }
    }
    days.into_iter()
        .map(|(day, tally)| tally.summary(day, parameters))
        .collect()
}

impl Overview {
    /// Adds days up, in any order.
    #[must_use]
    pub fn of(days: &[DailySummary]) -> Self {
        let mut overview = Self::default();
        for day in days {
            let (count, last) = match day.risk {
                None => continue,
                Some(Risk::Low) => (&mut overview.low_days, &mut overview.last_low_day),
                Some(Risk::High) => (&mut overview.high_days, &mut overview.last_high_day),
            };
            *count += 1;
            *last = (*last).max(Some(day.day));
            overview.risk = overview.risk.max(day.risk);
            overview.low_encounters += day.low_encounters;
            overview.high_encounters += day.high_encounters;
        }
        overview
    }
}

/// A window that counts.
struct Weighed {
    encounter: (u8, CalibrationConfidence),
    class_percent: u16,
    /// Seconds by index of the bucket; those beyond the last are only in `all_seconds`.
    bucket_seconds: BTreeMap<usize, u64>,
    all_seconds: u64,
    score: Score,
}

/// `None` if the window is dropped.
fn weigh(window: &ExposureWindow, parameters: &RiskParameters) -> Option<Weighed> {
    let class = parameters.class_of(window)?;
    if is_dropped(window, parameters) {
        return None;
    }
    let mut bucket_seconds = BTreeMap::<usize, u64>::new();
    let mut all_seconds = 0_u64;
    for scan in &window.scans {
        all_seconds = all_seconds.saturating_add(scan.seconds.into());
        if let Some(bucket) = parameters.bucket_of(scan) {
            let seconds = bucket_seconds.entry(bucket).or_default();
            *seconds = seconds.saturating_add(scan.seconds.into());
        }
    }
    let score = bucket_seconds
        .iter()
        .map(|(&bucket, &seconds)| {
            Score::weighted(seconds, parameters.buckets[bucket].percent, class.percent)
        })
        .fold(Score::ZERO, Score::plus);
    (score >= Score::of_seconds(parameters.min_window_seconds)).then_some(Weighed {
        encounter: RiskParameters::encounter_key(class, window),
        class_percent: class.percent,
        bucket_seconds,
        all_seconds,
        score,
    })
}

fn is_dropped(window: &ExposureWindow, parameters: &RiskParameters) -> bool {
    parameters.drop_rules.iter().any(|rule| {
        let seconds: u64 = window
            .scans
            .iter()
            .filter(|scan| (rule.from_db..rule.below_db).contains(&parameters.attenuation_db(scan)))
            .map(|scan| u64::from(scan.seconds))
            .sum();
        (u64::from(rule.from_seconds)..rule.below_seconds.into()).contains(&seconds)
    })
}

/// What counts of one day.
#[derive(Default)]
struct Tally {
    /// Seconds by bucket and weight of the class.
    seconds: BTreeMap<(usize, u16), u64>,
    all_seconds: u64,
    max_window_score: Score,
    windows: usize,
    low: BTreeSet<(u8, CalibrationConfidence)>,
    high: BTreeSet<(u8, CalibrationConfidence)>,
}

impl Tally {
    fn add(&mut self, window: Weighed, parameters: &RiskParameters) {
        for (bucket, seconds) in window.bucket_seconds {
            let sum = self
                .seconds
                .entry((bucket, window.class_percent))
                .or_default();
            *sum = sum.saturating_add(seconds);
        }
        self.all_seconds = self.all_seconds.saturating_add(window.all_seconds);
        self.max_window_score = self.max_window_score.max(window.score);
        self.windows += 1;
        match parameters.window_thresholds.risk_at(window.score) {
            None => {}
            Some(Risk::Low) => _ = self.low.insert(window.encounter),
            Some(Risk::High) => _ = self.high.insert(window.encounter),
        }
    }

    fn summary(self, day: LocalDay, parameters: &RiskParameters) -> DailySummary {
        let step = u64::from(parameters.bucket_step_seconds.max(1));
        let score = self
            .seconds
            .into_iter()
            .map(|((bucket, class_percent), seconds)| {
                let seconds = seconds.div_ceil(step).saturating_mul(step);
                Score::weighted(seconds, parameters.buckets[bucket].percent, class_percent)
            })
            .fold(Score::ZERO, Score::plus)
            .rounded_to(parameters.day_step_seconds);
        DailySummary {
            day,
            risk: parameters.day_thresholds.risk_at(score),
            score,
            max_window_score: self.max_window_score,
            seconds: self.all_seconds,
            windows: self.windows,
            low_encounters: self.low.len(),
            high_encounters: self.high.len(),
        }
    }
}

#[cfg(test)]
mod tests;
