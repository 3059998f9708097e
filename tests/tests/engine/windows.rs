//! The exposure windows that Google's matcher made of the same scenes, through the engine.

use std::{fs::File, io::Read as _};

use flate2::read::GzDecoder;
use serde_json::Value;
use truyvet_matching::{
    LocalDay,
    risk::{
        CalibrationConfidence, ExposureWindow, Infectiousness, ReportType, RiskParameters,
        ScanInstance, assess,
    },
};

use crate::data_file;

const DAY_MS: i64 = 86_400_000;

#[test]
fn windows_of_another_matcher_weigh_what_their_scans_weigh() {
    let Some(path) = data_file("ble-epfl-people/exposure-windows-2020-07-30.tar.gz") else {
        return;
    };
    let mut archive = vec![];
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut archive)
        .unwrap();
    let (mut files, mut windows, mut scans) = (0, 0, 0);
    for json in json_files(&archive) {
        let json: Value = serde_json::from_slice(json).unwrap();
        for experiment in json.as_object().unwrap().values() {
            let read: Vec<_> = experiment.as_array().unwrap().iter().map(window).collect();
            files += 1;
            windows += read.len();
            scans += read.iter().map(|window| window.scans.len()).sum::<usize>();
            for name in ["switzerland", "us-narrow-v2", "us-wide-v1"] {
                check(&read, &RiskParameters::built_in(name).unwrap());
            }
        }
    }
    println!("{files} files, {windows} windows, {scans} scans");
    assert_eq!((files, windows, scans), (270, 17_699, 91_103));
}

/// The sets that go by typical attenuation and weigh a high infectiousness by one factor.
fn check(windows: &[ExposureWindow], parameters: &RiskParameters) {
    let today = windows.iter().map(|window| window.day).max();
    let Some(today) = today else {
        return;
    };
    let days = assess(windows, parameters, today);
    assert_eq!(days.len(), 1, "one day of scenes");
    let (mut all, mut by_bucket) = (0_u64, vec![0_u64; parameters.buckets.len()]);
    for scan in windows.iter().flat_map(|window| &window.scans) {
        all += u64::from(scan.seconds);
        let attenuation = u16::from(scan.typical_attenuation_db);
        let weighs = |bucket: &usize| attenuation < parameters.buckets[*bucket].below_db;
        if let Some(bucket) = (0..by_bucket.len()).find(weighs) {
            by_bucket[bucket] += u64::from(scan.seconds);
        }
    }
    let factor = if parameters.name == "us-wide-v1" {
        2.0
    } else {
        1.0
    };
    let score: f64 = by_bucket
        .iter()
        .zip(&parameters.buckets)
        .map(|(&seconds, bucket)| {
            // Google counts in whole minutes: nothing is rounded up.
            assert_eq!(seconds % 60, 0);
            f64::from(u32::try_from(seconds).unwrap()) * f64::from(bucket.percent) / 100.0 * factor
        })
        .sum();
    assert_eq!((days[0].seconds, days[0].windows), (all, windows.len()));
    let off = (days[0].score.seconds() - score).abs();
    assert!(
        off < 1e-6 * score.max(1.0),
        "{}: {:?}, expected {score}",
        parameters.name,
        days[0]
    );
}

fn window(json: &Value) -> ExposureWindow {
    assert_eq!(json["reportType"], 1);
    ExposureWindow {
        day: LocalDay::from_number(json["dateMillisSinceEpoch"].as_i64().unwrap() / DAY_MS),
        report_type: ReportType::ConfirmedTest,
        infectiousness: Infectiousness::High,
        calibration_confidence: CalibrationConfidence::Lowest,
        scans: json["scanInstances"]
            .as_array()
            .unwrap()
            .iter()
            .map(scan)
            .collect(),
    }
}

fn scan(json: &Value) -> ScanInstance {
    let number = |name: &str| json[name].as_i64().unwrap();
    ScanInstance {
        min_attenuation_db: number("minAttenuationDb").clamp(0, 255).try_into().unwrap(),
        typical_attenuation_db: number("typicalAttenuationDb")
            .clamp(0, 255)
            .try_into()
            .unwrap(),
        seconds: number("secondsSinceLastScan").try_into().unwrap(),
    }
}

/// Contents of the `.json` members of a tar archive: headers of 512 bytes, contents padded to as many.
fn json_files(archive: &[u8]) -> Vec<&[u8]> {
    let mut files = vec![];
    let mut rest = archive;
    while let Some((header, after)) = rest.split_at_checked(512).filter(|(h, _)| h[0] != 0) {
        let text = |range: std::ops::Range<usize>| {
            std::str::from_utf8(&header[range])
                .unwrap()
                .trim_end_matches(['\0', ' '])
        };
        let bytes = usize::from_str_radix(text(124..136), 8).unwrap();
        if text(0..100).ends_with(".json") {
            files.push(&after[..bytes]);
        }
        rest = &after[bytes.next_multiple_of(512)..];
    }
    files
}
