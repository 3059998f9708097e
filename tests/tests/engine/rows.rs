//! Readings as the measured files have them: who heard whom, when, how strongly.

use std::{collections::BTreeMap, fs::File, io::Read as _};

use flate2::read::GzDecoder;

use crate::data_file;

/// One reading.
pub(crate) struct Row {
    pub(crate) observer: String,
    pub(crate) seen: String,
    pub(crate) unix_seconds: i64,
    pub(crate) rssi_dbm: i16,
}

/// 18 people with phones in six scenes of one day.
pub(crate) fn people() -> Option<Vec<Row>> {
    let columns = ["receiver_id", "transmitter_id", "timestamp", "rssi"];
    let rows = read("ble-epfl-people/sightings-2020-07-30.tsv.gz", columns)?;
    assert_eq!(rows.len(), 34_835);
    Some(rows)
}

/// Four phones beside each other for 14 hours.
pub(crate) fn phones() -> Option<Vec<Row>> {
    let columns = ["observer", "seen", "unix_seconds", "rssi_dbm"];
    let rows = read("ble-herald-phones/sightings.tsv.gz", columns)?;
    assert_eq!(rows.len(), 490_055);
    Some(rows)
}

/// Rows by who heard them.
pub(crate) fn by_observer(rows: Vec<Row>) -> BTreeMap<String, Vec<Row>> {
    let mut observers = BTreeMap::<String, Vec<Row>>::new();
    for row in rows {
        observers.entry(row.observer.clone()).or_default().push(row);
    }
    observers
}

/// - `columns`: names of those with observer, seen, time, signal.
fn read(file: &str, columns: [&str; 4]) -> Option<Vec<Row>> {
    let path = data_file(file)?;
    let mut text = String::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let places = columns.map(|name| head.iter().position(|column| *column == name).unwrap());
    let rows = lines.map(|line| {
        let [observer, seen, time, rssi] = places.map(|place| line[place]);
        // A fraction of a second may follow.
        let (seconds, _) = time.split_once('.').unwrap_or((time, ""));
        Row {
            observer: observer.to_owned(),
            seen: seen.to_owned(),
            unix_seconds: seconds.parse().unwrap(),
            rssi_dbm: rssi.parse().unwrap(),
        }
    });
    Some(rows.collect())
}
