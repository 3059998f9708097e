//! Real readings through the reference phone's sighting store, a batch, and the engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use truyvet_crypto::{
    EphemeralId, Scheme, Tag, Timestamp,
    sign::{SigningKey, TrustedKeys},
};
use truyvet_matching::{
    BatchKind, Codec, Digest, Encounter, LocalDay, Sighting, VerifiedBatch,
    build::{self, BatchParameters, TagSet},
    encounters, join,
    risk::{Circumstances, DailySummary, Platform, RiskParameters, assess, windows},
};
use truyvet_phone::{BIN_SECONDS, Heard, Phone};
use truyvet_tests::world::rng;

use crate::rows::{self, Row};

const SCHEME: Scheme = Scheme::Bluezone;
const BIN: i64 = BIN_SECONDS as i64;
const SLOT: i64 = 900;
const DAY: i64 = 86_400;
/// What iOS says when it has none; the night has 13 of them.
const NO_READING: i16 = 127;

#[test]
fn people_who_carried_phones_have_the_minutes_of_their_readings() {
    let Some(rows) = rows::people() else {
        return;
    };
    // Switzerland, in summer.
    let utc_offset_seconds = 2 * 3_600;
    let observers = rows::by_observer(rows);
    assert_eq!(observers.len(), 18);
    for (observer, rows) in &observers {
        check_observer(observer, rows, utc_offset_seconds);
    }
}

#[test]
fn phones_side_by_side_for_a_night_have_the_minutes_of_their_readings() {
    let Some(rows) = rows::phones() else {
        return;
    };
    // By UTC, the night has a midnight.
    let observers = rows::by_observer(rows);
    assert_eq!(observers.len(), 4);
    for (observer, rows) in &observers {
        check_observer(observer, rows, 0);
    }
}

/// What one phone heard, when everybody turns out to be a case, and when each alone does.
fn check_observer(observer: &str, rows: &[Row], utc_offset_seconds: i32) {
    let last = rows.iter().map(|row| row.unix_seconds).max().unwrap();
    let now = time(last + 1);
    let folder = tempfile::tempdir().unwrap();
    hear(folder.path(), rows, now);
    let sightings = stored(folder.path());
    assert_eq!(sightings.len(), expected_rows(rows), "{observer}: thinning");

    let everybody: BTreeSet<&str> = rows.iter().map(|row| row.seen.as_str()).collect();
    let minutes = check_cases(rows, &sightings, &everybody, utc_offset_seconds, now);
    println!(
        "{observer}: {} readings, {} rows, {} heard, {minutes} minutes",
        rows.len(),
        sightings.len(),
        everybody.len(),
    );
    for one in everybody {
        check_cases(
            rows,
            &sightings,
            &BTreeSet::from([one]),
            utc_offset_seconds,
            now,
        );
    }
    check_cases(rows, &sightings, &BTreeSet::new(), utc_offset_seconds, now);
}

/// Publishes what `cases` sent, and compares encounters and days with the readings. Returns all minutes.
fn check_cases(
    rows: &[Row],
    sightings: &[Sighting],
    cases: &BTreeSet<&str>,
    utc_offset_seconds: i32,
    now: Timestamp,
) -> i64 {
    let heard: Vec<&Row> = rows
        .iter()
        .filter(|row| cases.contains(row.seen.as_str()))
        .collect();
    let encounters = encounters(&matched(sightings, &heard, now));
    let strongest = strongest_by_bin(&heard);
    let minutes = i64::try_from(strongest.len()).unwrap() * BIN / 60;
    assert_eq!(
        encounters.iter().map(|e| i64::from(e.minutes)).sum::<i64>(),
        minutes
    );

    for name in RiskParameters::built_in_names() {
        let parameters = RiskParameters::built_in(name).unwrap();
        for circumstances in [
            Circumstances {
                utc_offset_seconds,
                // Makes 10 to 85 dB of the people's readings: every bucket of every set.
                tx_power_dbm: -20,
                observer: Platform::Android,
                seen: Platform::Ios,
                ..Circumstances::default()
            },
            Circumstances {
                utc_offset_seconds,
                ..Circumstances::default()
            },
        ] {
            let days = judge(&encounters, &circumstances, &parameters, now);
            assert_days(&days, &strongest, &circumstances, &parameters);
        }
    }
    minutes
}

fn judge(
    encounters: &[Encounter],
    circumstances: &Circumstances,
    parameters: &RiskParameters,
    now: Timestamp,
) -> Vec<DailySummary> {
    let today = LocalDay::of(now, circumstances.utc_offset_seconds);
    assess(
        &windows(encounters, circumstances, parameters),
        parameters,
        today,
    )
}

/// Each day has all bins of that day, and weighs them by the strongest reading of each.
fn assert_days(
    days: &[DailySummary],
    strongest: &BTreeMap<i64, i16>,
    circumstances: &Circumstances,
    parameters: &RiskParameters,
) {
    // Seconds of a day, all and by bucket. Bins lie within a day: offsets are whole hours.
    let mut expected = BTreeMap::<i64, (u64, BTreeMap<usize, u64>)>::new();
    for (&bin, &rssi_dbm) in strongest {
        let day = (bin * BIN + i64::from(circumstances.utc_offset_seconds)).div_euclid(DAY);
        let (all, by_bucket) = expected.entry(day).or_default();
        *all += u64::from(BIN_SECONDS);
        let attenuation = lost_db(rssi_dbm, circumstances, parameters);
        let mut buckets = parameters.buckets.iter();
        if let Some(bucket) = buckets.position(|b| attenuation < i32::from(b.below_db)) {
            *by_bucket.entry(bucket).or_default() += u64::from(BIN_SECONDS);
        }
    }
    // A laboratory's report and no onset: standard, in every set.
    let class = &parameters.classes.iter().find(|class| {
        (class.report_type, class.infectiousness)
            == (circumstances.report_type, parameters.onset_unknown)
    });
    let class_weight = f64::from(class.unwrap().percent) / 100.0;
    assert_eq!(days.len(), expected.len(), "{}", parameters.name);
    for (found, (day, (seconds, by_bucket))) in days.iter().zip(expected) {
        assert_eq!(
            (found.day.number(), found.seconds),
            (day, seconds),
            "{}",
            parameters.name
        );
        // Bins are whole minutes, so rounding buckets up changes nothing; rounding the sum does by half a step.
        let score: f64 = by_bucket
            .iter()
            .map(|(&bucket, &seconds)| {
                let weight = f64::from(parameters.buckets[bucket].percent) / 100.0;
                f64::from(u32::try_from(seconds).unwrap()) * weight * class_weight
            })
            .sum();
        let off = (found.score.seconds() - score).abs();
        let half_step = f64::from(parameters.day_step_seconds) / 2.0;
        assert!(
            off <= half_step + 1e-6,
            "{}: {found:?}, expected {score}",
            parameters.name
        );
    }
}

/// Attenuation by the words of the rule: TX power less RSSI, or what is missing to Bluezone's limits.
fn lost_db(rssi_dbm: i16, circumstances: &Circumstances, parameters: &RiskParameters) -> i32 {
    let reference = match (
        parameters.name.as_str(),
        circumstances.observer,
        circumstances.seen,
    ) {
        ("bluezone", Platform::Android, Platform::Ios) => -69,
        ("bluezone", Platform::Unknown, Platform::Unknown) => -100,
        ("bluezone", ..) => panic!("not used here"),
        _ => circumstances.tx_power_dbm,
    };
    (i32::from(reference) - i32::from(rssi_dbm)).max(0)
}

/// Everything one phone heard, in one call; the phone is closed after.
fn hear(folder: &Path, rows: &[Row], now: Timestamp) {
    let ids: Vec<_> = rows
        .iter()
        .map(|row| id_of(&row.seen, row.unix_seconds))
        .collect();
    let heard = || {
        ids.iter().zip(rows).map(|(id, row)| Heard {
            id: id.as_bytes(),
            time: time(row.unix_seconds),
            rssi_dbm: row.rssi_dbm,
        })
    };
    let trusted = TrustedKeys::new(vec![]);
    let in_memory = Phone::in_memory(SCHEME, trusted.clone(), now, &mut rng(1)).unwrap();
    let report = in_memory.hear_all(heard(), now).unwrap();
    let unreadable: Vec<usize> = (0..)
        .zip(rows)
        .filter(|(_, row)| row.rssi_dbm == NO_READING)
        .map(|(position, _)| position)
        .collect();
    let refused: Vec<usize> = report.refused.iter().map(|(at, _)| *at).collect();
    assert_eq!(refused, unreadable);
    assert_eq!(report.kept, rows.len() - unreadable.len());

    // The same in a file, which can be looked into.
    let in_file = Phone::open(folder, SCHEME, trusted, now, &mut rng(1)).unwrap();
    assert_eq!(in_file.hear_all(heard(), now).unwrap(), report);
    assert_eq!(in_file.sightings().unwrap(), in_memory.sightings().unwrap());
}

/// The phone's table, as its matcher would take it; there is no way to ask a phone for it.
fn stored(folder: &Path) -> Vec<Sighting> {
    let database = rusqlite::Connection::open(folder.join("phone.sqlite")).unwrap();
    let mut select = database
        .prepare("SELECT bin, tag, rssi_dbm FROM sighting ORDER BY bin, tag")
        .unwrap();
    let rows = select.query_map([], |row| {
        Ok(Sighting {
            time: time(row.get::<_, i64>(0)? * BIN),
            tag: Tag::from_bytes(row.get(1)?),
            seconds: BIN_SECONDS,
            rssi_dbm: row.get(2)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// One row for each phone, bin and slot whose time ± five minutes touches the bin: two for the first and the last bin of
/// a slot, one for the middle one.
fn expected_rows(rows: &[Row]) -> usize {
    let bins: BTreeSet<(&str, i64)> = readable(rows.iter())
        .map(|row| (row.seen.as_str(), row.unix_seconds / BIN))
        .collect();
    let slots = |bin: i64| if bin % 3 == 1 { 1 } else { 2 };
    bins.iter().map(|&(_, bin)| slots(bin)).sum()
}

/// Five-minute bins in which any of the rows was heard, with the strongest reading.
fn strongest_by_bin(rows: &[&Row]) -> BTreeMap<i64, i16> {
    let mut bins = BTreeMap::new();
    for row in readable(rows.iter().copied()) {
        let strongest = bins.entry(row.unix_seconds / BIN).or_insert(row.rssi_dbm);
        *strongest = row.rssi_dbm.max(*strongest);
    }
    bins
}

fn readable<'a>(rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = &'a Row> {
    rows.filter(|row| row.rssi_dbm != NO_READING)
}

/// Sightings that match a signed batch of what the rows' phones sent.
fn matched(sightings: &[Sighting], rows: &[&Row], now: Timestamp) -> Vec<Sighting> {
    let tags: BTreeSet<[u8; 16]> = rows
        .iter()
        .map(|row| {
            let slot = SCHEME.slot_at(time(row.unix_seconds));
            *Tag::new(SCHEME, slot, &id_of(&row.seen, row.unix_seconds)).as_bytes()
        })
        .collect();
    let key = SigningKey::from_seed(&[1; 32]);
    let parameters = BatchParameters {
        codec: Codec::CompressedBloom,
        kind: BatchKind::Delta,
        region: "VN".parse().unwrap(),
        sequence: 1,
        window_start: SCHEME.slot_start(SCHEME.slot_at(now.plus_seconds(-DAY))),
        window_end: SCHEME.slot_end(SCHEME.slot_at(now)),
        closed_at: now.plus_seconds(2 * SLOT),
        salt: [3; 16],
        fingerprint_bits: 40,
        previous: Digest::ZERO,
        replaces: vec![],
    };
    let tags = TagSet::new(tags.into_iter().map(Tag::from_bytes).collect());
    let bytes = build::build(&parameters, &tags)
        .unwrap()
        .sign(&key)
        .into_bytes();
    let trusted = TrustedKeys::new(vec![key.verifying_key()]);
    let batch = VerifiedBatch::verify(bytes, &trusted).unwrap();
    let heard: Vec<Tag> = sightings.iter().map(|sighting| sighting.tag).collect();
    join(&batch.matches(&heard), sightings)
}

/// What a phone sends in the slot of a time: a digest of its name (FNV-1a) and the slot, for want of secrets.
fn id_of(name: &str, unix_seconds: i64) -> EphemeralId {
    let digest = name.bytes().fold(0x811c_9dc5_u32, |digest, byte| {
        (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&digest.to_be_bytes());
    bytes[4..].copy_from_slice(&(unix_seconds / SLOT).to_be_bytes());
    EphemeralId::from_bytes(SCHEME, &bytes).unwrap()
}

fn time(unix_seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(unix_seconds).unwrap()
}
