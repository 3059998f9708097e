//! The German app's published cases: exposure windows in, risk out.

use std::fs;

use serde_json::Value;
use truyvet_matching::{
    LocalDay,
    risk::{
        Bucket, CalibrationConfidence, Class, ExposureWindow, Infectiousness, Overview, ReportType,
        Risk, RiskParameters, ScanInstance, Thresholds, assess,
    },
};

use crate::data_file;

const TODAY: i64 = 18_600;

#[test]
fn the_german_apps_cases_come_out_as_published() {
    let Some(file) = data_file("interop/cwa-risk-windows.json") else {
        return;
    };
    let json: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let germany = RiskParameters::built_in("germany-1.15").unwrap();
    assert_same_rules(&germany, &json["defaultRiskCalculationConfiguration"]);
    let cases = json["testCases"].as_array().unwrap();
    for case in cases {
        let windows: Vec<_> = list(&case["exposureWindows"]).map(window).collect();
        let days = assess(&windows, &germany, LocalDay::from_number(TODAY));
        assert_eq!(
            figures(&Overview::of(&days)),
            expected(case),
            "{}",
            case["description"]
        );
    }
    println!("{} cases", cases.len());
    assert_eq!(cases.len(), 15);
}

/// Total risk, ages of the latest days, days, encounters; low before high.
type Figures = (Risk, [Option<i64>; 2], [i64; 2], [i64; 2]);

fn figures(overview: &Overview) -> Figures {
    let age = |day: Option<LocalDay>| day.map(|day| TODAY - day.number());
    let number = |count: usize| i64::try_from(count).unwrap();
    (
        // The app has no state below low.
        overview.risk.unwrap_or(Risk::Low),
        [age(overview.last_low_day), age(overview.last_high_day)],
        [number(overview.low_days), number(overview.high_days)],
        [
            number(overview.low_encounters),
            number(overview.high_encounters),
        ],
    )
}

fn expected(case: &Value) -> Figures {
    let pair =
        |name: &str| ["Low", "High"].map(|risk| case[format!("exp{name}With{risk}Risk")].as_i64());
    let risk = match case["expTotalRiskLevel"].as_i64().unwrap() {
        1 => Risk::Low,
        2 => Risk::High,
        other => panic!("risk level {other}"),
    };
    (
        risk,
        pair("AgeOfMostRecentDate"),
        pair("NumberOfDays").map(Option::unwrap),
        pair("TotalMinimumDistinctEncounters").map(Option::unwrap),
    )
}

fn window(json: &Value) -> ExposureWindow {
    let number = |name: &str| json[name].as_i64().unwrap();
    ExposureWindow {
        day: LocalDay::from_number(TODAY - number("ageInDays")),
        report_type: match number("reportType") {
            1 => ReportType::ConfirmedTest,
            2 => ReportType::ClinicalDiagnosis,
            3 => ReportType::SelfReport,
            4 => ReportType::Recursive,
            other => panic!("report type {other}"),
        },
        infectiousness: match number("infectiousness") {
            0 => Infectiousness::None,
            1 => Infectiousness::Standard,
            2 => Infectiousness::High,
            other => panic!("infectiousness {other}"),
        },
        calibration_confidence: match number("calibrationConfidence") {
            0 => CalibrationConfidence::Lowest,
            1 => CalibrationConfidence::Low,
            2 => CalibrationConfidence::Medium,
            3 => CalibrationConfidence::High,
            other => panic!("calibration confidence {other}"),
        },
        scans: list(&json["scanInstances"]).map(scan).collect(),
    }
}

fn scan(json: &Value) -> ScanInstance {
    let number = |name: &str| json[name].as_i64().unwrap();
    ScanInstance {
        min_attenuation_db: number("minAttenuation").try_into().unwrap(),
        typical_attenuation_db: number("typicalAttenuation").try_into().unwrap(),
        // Below 0 "should never happen"; it is taken as 0.
        seconds: number("secondsSinceLastScan").max(0).try_into().unwrap(),
    }
}

/// The built-in set says what the configuration beside the cases says.
fn assert_same_rules(germany: &RiskParameters, configuration: &Value) {
    for filters in ["minutesAtAttenuationFilters", "trlFilters"] {
        assert_eq!(list(&configuration[filters]).count(), 0);
    }
    assert_eq!(
        (germany.drop_rules.len(), germany.drop_levels.len()),
        (0, 0)
    );
    let buckets: Vec<_> = list(&configuration["minutesAtAttenuationWeights"])
        .map(|weight| Bucket {
            below_db: whole(&weight["attenuationRange"]["max"], 1.0),
            percent: whole(&weight["weight"], 100.0),
        })
        .collect();
    assert_eq!(germany.buckets, buckets);
    let from = |mapping: &str| {
        let [low, high] = [0, 1].map(|i| {
            whole(
                &configuration[mapping][i]["normalizedTimeRange"]["min"],
                60.0,
            )
            .into()
        });
        Thresholds {
            low_seconds: low,
            high_seconds: high,
        }
    };
    assert_eq!(
        germany.window_thresholds,
        from("normalizedTimePerEWToRiskLevelMapping")
    );
    assert_eq!(
        germany.day_thresholds,
        from("normalizedTimePerDayToRiskLevelMapping")
    );
    let offset = |name: &str| -> u16 { whole(&configuration["trlEncoding"][name], 1.0) };
    let mut classes = vec![];
    for (report_type, name) in [
        (ReportType::Recursive, "reportTypeOffsetRecursive"),
        (ReportType::SelfReport, "reportTypeOffsetSelfReport"),
        (
            ReportType::ClinicalDiagnosis,
            "reportTypeOffsetConfirmedClinicalDiagnosis",
        ),
        (ReportType::ConfirmedTest, "reportTypeOffsetConfirmedTest"),
    ] {
        for (infectiousness, strength) in [
            (Infectiousness::Standard, "infectiousnessOffsetStandard"),
            (Infectiousness::High, "infectiousnessOffsetHigh"),
        ] {
            let level = offset(name) + offset(strength);
            let mapping = list(&configuration["transmissionRiskValueMapping"])
                .find(|mapping| mapping["transmissionRiskLevel"] == level)
                .unwrap();
            classes.push(Class {
                report_type,
                infectiousness,
                level: level.try_into().unwrap(),
                percent: whole(&mapping["transmissionRiskValue"], 100.0),
            });
        }
    }
    assert_eq!(germany.classes, classes);
}

fn list(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().unwrap().iter()
}

/// The number times `factor`, which must be whole.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be whole and within range"
)]
fn whole(json: &Value, factor: f64) -> u16 {
    let number = json.as_f64().unwrap() * factor;
    assert!((number - number.round()).abs() < 1e-9 && (0.0..65_536.0).contains(&number));
    number.round() as u16
}
