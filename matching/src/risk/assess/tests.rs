//! The rules of assessment, on cases worked out by hand.

use super::*;
use crate::risk::{
    Bucket, DropRule, Infectiousness, OnsetRange, ReportType, ScanInstance, Thresholds,
};
use Infectiousness::{High, Standard};
use ReportType::{ClinicalDiagnosis, ConfirmedTest, Recursive, SelfReport};

const TODAY: i64 = 18_500;

fn of(name: &str) -> RiskParameters {
    RiskParameters::built_in(name).unwrap()
}

/// `scans`: (minimum attenuation, seconds); the typical one is two higher.
fn window(
    age_days: i64,
    report_type: ReportType,
    infectiousness: Infectiousness,
    scans: &[(u8, u32)],
) -> ExposureWindow {
    ExposureWindow {
        day: LocalDay::from_number(TODAY - age_days),
        report_type,
        infectiousness,
        calibration_confidence: CalibrationConfidence::Lowest,
        scans: scans
            .iter()
            .map(|&(attenuation, seconds)| ScanInstance {
                min_attenuation_db: attenuation,
                typical_attenuation_db: attenuation.saturating_add(2),
                seconds,
            })
            .collect(),
    }
}

fn days(windows: &[ExposureWindow], parameters: &RiskParameters) -> Vec<DailySummary> {
    assess(windows, parameters, LocalDay::from_number(TODAY))
}

/// The only day's score, in seconds, and risk.
fn day(windows: &[ExposureWindow], parameters: &RiskParameters) -> (f64, Option<Risk>) {
    let [day] = &days(windows, parameters)[..] else {
        panic!("one day")
    };
    (day.score.seconds(), day.risk)
}

#[test]
fn german_minutes_are_weighted_twice_and_rounded_to_a_tenth() {
    let germany = of("germany-1.15");
    // 599 s × 0.8 × 1.2 = 575.04 s = 9.584 min: 9.6.
    let near = [window(1, ClinicalDiagnosis, High, &[(30, 300), (30, 299)])];
    assert_eq!(day(&near, &germany), (576.0, Some(Risk::High)));
    // 290 s × 1.0 × 1.0 = 4.83 min: 4.8, below low.
    let short = [window(1, ClinicalDiagnosis, Standard, &[(65, 290)])];
    assert_eq!(day(&short, &germany), (288.0, None));
    // 3,000 s × 0.1 × 1.2 = 6 min.
    let far = [window(1, ClinicalDiagnosis, High, &[(73, 3_000)])];
    assert_eq!(day(&far, &germany), (360.0, Some(Risk::Low)));
    // (300 × 0.1 + 240 + 180) × 1.2 = 540 s, on the threshold: whole numbers reach it.
    let bound =
        [(73, 300), (72, 240), (70, 180)].map(|scan| window(1, ClinicalDiagnosis, High, &[scan]));
    assert_eq!(day(&bound, &germany), (540.0, Some(Risk::High)));
    // On the lower threshold; half a tenth of a minute is 3 s.
    let low = |seconds| [window(1, ClinicalDiagnosis, Standard, &[(65, seconds)])];
    assert_eq!(day(&low(300), &germany), (300.0, Some(Risk::Low)));
    assert_eq!(day(&low(297), &germany), (300.0, Some(Risk::Low)));
    assert_eq!(day(&low(296), &germany), (294.0, None));
    // Value 0, and beyond the last bucket.
    for nothing in [
        window(1, Recursive, High, &[(30, 6_000)]),
        window(1, ConfirmedTest, High, &[(79, 6_000)]),
        window(1, ConfirmedTest, High, &[]),
    ] {
        assert_eq!(day(&[nothing], &germany), (0.0, None));
    }
}

#[test]
fn german_encounters_are_told_apart_by_level_and_confidence() {
    let germany = of("germany-1.15");
    // Each 600 s × 0.8 × 0.6 = 4.8 min: low as a window, together 14.4 and high.
    let low = window(1, SelfReport, Standard, &[(30, 600)]);
    let other = ExposureWindow {
        calibration_confidence: CalibrationConfidence::High,
        ..low.clone()
    };
    // 840 s × 0.8 × 1.6 = 17.92 min.
    let high = window(3, ConfirmedTest, High, &[(30, 840)]);
    // 4 min: its day has no risk, so it counts for nothing.
    let nothing = window(2, ClinicalDiagnosis, Standard, &[(65, 240)]);
    let found = days(
        &[low.clone(), high, low.clone(), other, nothing, low],
        &germany,
    );
    assert_eq!(
        Overview::of(&found),
        Overview {
            risk: Some(Risk::High),
            last_low_day: None,
            last_high_day: Some(LocalDay::from_number(TODAY - 1)),
            low_days: 0,
            high_days: 2,
            low_encounters: 2,
            high_encounters: 1,
        }
    );
    assert_eq!(found.len(), 3);
    assert_eq!(Overview::of(&[]), Overview::default());
}

#[test]
fn swiss_seconds_are_rounded_up_by_bucket_over_the_day() {
    let switzerland = of("switzerland");
    // Typical 54 and 62: 14 min and 1 s, made 15; 55 is in the second bucket.
    let full = [
        window(0, ConfirmedTest, High, &[(52, 400)]),
        window(0, SelfReport, High, &[(52, 441)]),
    ];
    assert_eq!(day(&full, &switzerland), (900.0, Some(Risk::High)));
    let half = [window(0, ConfirmedTest, High, &[(53, 841), (61, 300)])];
    assert_eq!(day(&half, &switzerland), (450.0, None));
    // 601 s → 11 min; 421 s → 8 min, half: 15.
    let both = [window(10, ConfirmedTest, High, &[(10, 601), (60, 421)])];
    assert_eq!(day(&both, &switzerland), (900.0, Some(Risk::High)));
    // The eleventh day does not count.
    assert_eq!(
        days(
            &[window(11, ConfirmedTest, High, &[(10, 9_000)])],
            &switzerland
        ),
        []
    );
}

#[test]
fn american_nets_weigh_bucket_and_infectiousness() {
    // Typical 55, 67, 75, 76: 1.75, 1, 0.33, 0; standard: 0.3.
    let scans = [(53, 100), (65, 100), (73, 100), (74, 100)];
    let (high, standard) = (
        [window(0, ConfirmedTest, High, &scans)],
        [window(0, SelfReport, Standard, &scans)],
    );
    assert_eq!(day(&high, &of("us-narrow-v2")), (308.0, Some(Risk::Low)));
    assert_eq!(day(&standard, &of("us-narrow-v2")), (92.4, None));
    // Typical 55, 67, 75, 76: 1, 1, 0.25, 0.25; high 2, standard 0.6.
    assert_eq!(day(&high, &of("us-wide-v1")), (500.0, Some(Risk::Low)));
    assert_eq!(day(&standard, &of("us-wide-v1")), (150.0, None));
    let none = window(0, ConfirmedTest, Infectiousness::None, &scans);
    assert_eq!(days(&[none], &of("us-wide-v1")), []);
}

#[test]
fn infectiousness_goes_by_days_from_onset() {
    let narrow = of("us-narrow-v2");
    let onset = LocalDay::from_number(TODAY);
    let on = |days: i64| narrow.infectiousness_on(LocalDay::from_number(TODAY + days), Some(onset));
    let expected = |days: i64| match days {
        -2..=3 => High,
        -4 | -3 | 4 | 5 => Standard,
        _ => Infectiousness::None,
    };
    for days in -20..20 {
        assert_eq!(on(days), expected(days), "{days}");
    }
    assert_eq!(narrow.infectiousness_on(onset, None), Standard);
    let wide = of("us-wide-v1");
    let on = |days: i64| wide.infectiousness_on(LocalDay::from_number(TODAY + days), Some(onset));
    assert_eq!([-6, -5, -3, 4, 9, 10].map(on), {
        let none = Infectiousness::None;
        [none, Standard, High, High, Standard, none]
    });
    // Sets without a map do not look at it.
    let far = Some(LocalDay::from_number(TODAY - 100));
    assert_eq!(of("bluezone").infectiousness_on(onset, far), Standard);
}

#[test]
fn one_near_second_is_a_bluezone_contact() {
    let bluezone = of("bluezone");
    let near = [window(14, ConfirmedTest, Standard, &[(0, 1)])];
    assert_eq!(day(&near, &bluezone), (1.0, Some(Risk::High)));
    let far = [window(14, ConfirmedTest, Standard, &[(1, 9_000)])];
    assert_eq!(day(&far, &bluezone), (0.0, None));
    assert_eq!(
        days(&[window(15, ConfirmedTest, Standard, &[(0, 1)])], &bluezone),
        []
    );
    // Tomorrow has not been.
    assert_eq!(
        days(&[window(-1, ConfirmedTest, Standard, &[(0, 1)])], &bluezone),
        []
    );
}

#[test]
fn windows_are_dropped_by_seconds_level_and_minimum() {
    // Less than 10 minutes below 73 dB is no contact, as in Germany early on.
    let parameters = RiskParameters {
        drop_rules: vec![DropRule {
            from_db: 0,
            below_db: 73,
            from_seconds: 0,
            below_seconds: 600,
        }],
        drop_levels: vec![4],
        min_window_seconds: 500,
        ..of("germany-1.15")
    };
    let kept = |window| days(&[window], &parameters).len();
    assert_eq!(kept(window(0, ConfirmedTest, High, &[(72, 600)])), 1);
    assert_eq!(
        kept(window(0, ConfirmedTest, High, &[(72, 599), (73, 900)])),
        0
    );
    assert_eq!(
        kept(window(0, SelfReport, High, &[(30, 1_800)])),
        0,
        "level 4"
    );
    // 0.6 × 1 × 833 s = 499.8 s.
    assert_eq!(kept(window(0, SelfReport, Standard, &[(70, 833)])), 0);
    assert_eq!(kept(window(0, SelfReport, Standard, &[(70, 834)])), 1);
}

#[test]
fn absurd_parameters_and_windows_give_an_answer() {
    let mut parameters = of("germany-1.15");
    parameters.buckets = vec![Bucket {
        below_db: u16::MAX,
        percent: u16::MAX,
    }];
    for class in &mut parameters.classes {
        class.percent = u16::MAX;
    }
    parameters.bucket_step_seconds = u32::MAX;
    parameters.day_step_seconds = u32::MAX;
    parameters.days_back = u32::MAX;
    parameters.onset = vec![OnsetRange {
        first_day: i16::MAX,
        last_day: i16::MIN,
        infectiousness: High,
    }];
    parameters.day_thresholds = Thresholds {
        low_seconds: u32::MAX,
        high_seconds: 0,
    };
    let long = vec![(255, u32::MAX); 9];
    let mut windows = vec![window(0, ConfirmedTest, High, &long); 9];
    windows[0].day = LocalDay::from_number(i64::MIN);
    windows[1].day = LocalDay::from_number(i64::MAX);
    assert_eq!(days(&windows, &parameters)[0].risk, Some(Risk::High));
    let ends = [i64::MIN, i64::MAX].map(LocalDay::from_number);
    assert_eq!(
        parameters.infectiousness_on(ends[0], Some(ends[1])),
        Infectiousness::None
    );
    assert_eq!(assess(&windows, &parameters, ends[0]).len(), 1);
}
