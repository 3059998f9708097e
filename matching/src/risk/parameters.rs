//! The rules of one authority, as data.

use super::{
    CalibrationConfidence, ExposureWindow, Infectiousness, Nearness, ReportType, Risk,
    ScanInstance, Score, built_in,
};
use crate::exposure::LocalDay;

/// No weight is larger: 10.
pub const MAX_WEIGHT_PERCENT: u16 = 1_000;

/// No list in a parameter set has more rows.
pub const MAX_ROWS: usize = 64;

/// From windows to risk: everything in which authorities differ.
///
/// All fields are public: make one, or change one of [`Self::built_in`], or read one with [`Self::parse`]. Any values
/// give an answer without a panic; [`Self::check`] says whether they make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RiskParameters {
    /// For people and logs.
    pub name: String,
    /// How a signal becomes an attenuation.
    pub nearness: Nearness,
    /// Which attenuation of a scan is looked at, everywhere below.
    pub measure: Measure,
    /// By attenuation, ascending. What lies beyond the last weighs nothing.
    pub buckets: Vec<Bucket>,
    /// By report type and infectiousness. Windows of a pair that has no row do not count at all.
    pub classes: Vec<Class>,
    /// Infectiousness by days from onset; days outside of all ranges are [`Infectiousness::None`].
    pub onset: Vec<OnsetRange>,
    /// Infectiousness if the onset is not known, or if there are no ranges at all.
    pub onset_unknown: Infectiousness,
    /// A window is dropped if any of these applies.
    pub drop_rules: Vec<DropRule>,
    /// Windows of these levels are dropped.
    pub drop_levels: Vec<u8>,
    /// Days on which fewer distinct tags matched make no windows in [`windows`](super::windows): against chance hits, see
    /// [`budget`](crate::budget). 0 and 1 let every day pass.
    pub min_matched_tags: u32,
    /// Windows with fewer weighted seconds are dropped.
    pub min_window_seconds: u32,
    /// A day's seconds in one bucket are rounded up to a multiple of this before they are weighed; 0 and 1 change nothing.
    pub bucket_step_seconds: u32,
    /// A day's weighted seconds are rounded to the nearest multiple of this; 0 leaves them alone.
    pub day_step_seconds: u32,
    /// For single windows. These only tell encounters of low risk from those of high risk.
    pub window_thresholds: Thresholds,
    /// For the sum of a day.
    pub day_thresholds: Thresholds,
    /// Windows from longer ago do not count: 0 is today alone.
    pub days_back: u32,
}

/// One of the two attenuations of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// [`ScanInstance::min_attenuation_db`].
    Min,
    /// [`ScanInstance::typical_attenuation_db`].
    Typical,
}

/// What seconds at an attenuation weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// First attenuation that is not in it any more, dB, at most 256. It begins where the one before ends.
    pub below_db: u16,
    /// 0 to [`MAX_WEIGHT_PERCENT`].
    pub percent: u16,
}

/// What windows of one kind of case weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// How the case is known.
    pub report_type: ReportType,
    /// On the day of the window.
    pub infectiousness: Infectiousness,
    /// Tells encounters apart (Germany's transmission risk level).
    pub level: u8,
    /// 0 to [`MAX_WEIGHT_PERCENT`]. Where an authority has two weights, their product.
    pub percent: u16,
}

/// Infectiousness from one day to another, counted from the onset of symptoms; both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnsetRange {
    /// Negative before the onset.
    pub first_day: i16,
    /// Not before `first_day`.
    pub last_day: i16,
    /// In those days.
    pub infectiousness: Infectiousness,
}

/// Drops a window for the seconds it has within a range of attenuations. Both ranges without their upper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropRule {
    /// Attenuations from, dB.
    pub from_db: u16,
    /// To below, dB.
    pub below_db: u16,
    /// Dropped from so many seconds.
    pub from_seconds: u32,
    /// To below so many.
    pub below_seconds: u32,
}

/// Weighted seconds from which on risk is low, and from which on it is high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Low from.
    pub low_seconds: u32,
    /// High from; not below `low_seconds`. Equal: there is no low risk.
    pub high_seconds: u32,
}

/// Why a set of parameters makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Empty, or longer than 64 bytes.
    #[error("name must have 1 to 64 bytes")]
    Name,
    /// More than [`MAX_ROWS`].
    #[error("a list has more than {MAX_ROWS} rows")]
    Rows,
    /// A pair of phones has two limits.
    #[error("a pair of phones has two limits")]
    PairTwice,
    /// None, not ascending, or beyond 256 dB.
    #[error("buckets must be ascending and end at 256 dB at most")]
    Buckets,
    /// More than [`MAX_WEIGHT_PERCENT`].
    #[error("a weight is above {MAX_WEIGHT_PERCENT} %")]
    Weight,
    /// None, or one pair twice.
    #[error("classes must be there, each pair of report type and infectiousness once")]
    Classes,
    /// A range ends before it begins, or two overlap.
    #[error("onset ranges must be ascending and apart")]
    Onset,
    /// A range is empty.
    #[error("a drop rule has an empty range")]
    DropRule,
    /// High below low.
    #[error("high risk must not begin below low risk")]
    Thresholds,
}

impl RiskParameters {
    /// Those that come with this library: `bluezone`, `germany-1.15`, `switzerland`, `us-narrow-v2`, `us-wide-v1`.
    ///
    /// Source of the figures and what they leave open: comments in `parameters/`.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        built_in::find(name)
    }

    /// Names that [`Self::built_in`] knows, by alphabet.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        built_in::names()
    }

    /// Whether the values fit together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Unusable> {
        let ensure = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
        ensure((1..=64).contains(&self.name.len()), Unusable::Name)?;
        let pairs = match &self.nearness {
            Nearness::TxPower => &[][..],
            Nearness::Pairs(pairs) => pairs,
        };
        let rows = [
            pairs.len(),
            self.buckets.len(),
            self.classes.len(),
            self.onset.len(),
            self.drop_rules.len(),
            self.drop_levels.len(),
        ];
        ensure(rows.iter().all(|&rows| rows <= MAX_ROWS), Unusable::Rows)?;
        ensure(
            all_differ(pairs, |pair| (pair.observer, pair.seen)),
            Unusable::PairTwice,
        )?;
        let bounds = || self.buckets.iter().map(|bucket| bucket.below_db);
        ensure(
            bounds().is_sorted_by(|a, b| a < b)
                && bounds().next_back().is_some_and(|last| last <= 256),
            Unusable::Buckets,
        )?;
        let mut weights =
            (self.buckets.iter().map(|b| b.percent)).chain(self.classes.iter().map(|c| c.percent));
        ensure(
            weights.all(|percent| percent <= MAX_WEIGHT_PERCENT),
            Unusable::Weight,
        )?;
        ensure(
            !self.classes.is_empty()
                && all_differ(&self.classes, |c| (c.report_type, c.infectiousness)),
            Unusable::Classes,
        )?;
        ensure(
            self.onset.iter().all(|r| r.first_day <= r.last_day)
                && self.onset.is_sorted_by(|a, b| a.last_day < b.first_day),
            Unusable::Onset,
        )?;
        ensure(
            (self.drop_rules.iter())
                .all(|r| r.from_db < r.below_db && r.from_seconds < r.below_seconds),
            Unusable::DropRule,
        )?;
        ensure(
            [self.window_thresholds, self.day_thresholds]
                .iter()
                .all(|t| t.low_seconds <= t.high_seconds),
            Unusable::Thresholds,
        )
    }

    /// How infectious a case was on `day`.
    #[must_use]
    pub fn infectiousness_on(&self, day: LocalDay, onset: Option<LocalDay>) -> Infectiousness {
        let Some(onset) = onset.filter(|_| !self.onset.is_empty()) else {
            return self.onset_unknown;
        };
        let days = day.days_since(onset);
        self.onset
            .iter()
            .find(|range| (i64::from(range.first_day)..=range.last_day.into()).contains(&days))
            .map_or(Infectiousness::None, |range| range.infectiousness)
    }

    /// The attenuation that counts.
    pub(super) fn attenuation_db(&self, scan: &ScanInstance) -> u16 {
        match self.measure {
            Measure::Min => scan.min_attenuation_db.into(),
            Measure::Typical => scan.typical_attenuation_db.into(),
        }
    }

    /// Index of the bucket a scan falls in; `None` beyond the last.
    pub(super) fn bucket_of(&self, scan: &ScanInstance) -> Option<usize> {
        let attenuation_db = self.attenuation_db(scan);
        self.buckets
            .iter()
            .position(|bucket| attenuation_db < bucket.below_db)
    }

    /// The class of a window; `None` if it has none or is dropped whatever its scans are.
    pub(super) fn class_of(&self, window: &ExposureWindow) -> Option<&Class> {
        let kind = (window.report_type, window.infectiousness);
        self.classes
            .iter()
            .find(|class| (class.report_type, class.infectiousness) == kind)
            .filter(|class| !self.drop_levels.contains(&class.level))
    }

    /// What tells an encounter from another of its day.
    pub(super) fn encounter_key(
        class: &Class,
        window: &ExposureWindow,
    ) -> (u8, CalibrationConfidence) {
        (class.level, window.calibration_confidence)
    }
}

impl Thresholds {
    /// The risk at `score`, if any.
    #[must_use]
    pub fn risk_at(&self, score: Score) -> Option<Risk> {
        if score >= Score::of_seconds(self.high_seconds) {
            Some(Risk::High)
        } else if score >= Score::of_seconds(self.low_seconds) {
            Some(Risk::Low)
        } else {
            None
        }
    }
}

fn all_differ<T, K: Ord>(rows: &[T], key: impl Fn(&T) -> K) -> bool {
    let mut keys: Vec<K> = rows.iter().map(key).collect();
    keys.sort_unstable();
    keys.is_sorted_by(|a, b| a < b)
}
