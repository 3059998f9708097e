//! What is on disk: sizes of files, room that is left, the last backup.

use std::{fs, path::Path};

use super::{Metric, Telemetry};
use crate::{disk::Room, settings::Settings};

/// Looks at files and disks. Blocks: for a thread that may.
#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus counts in 64-bit floats"
)]
pub(super) fn look(telemetry: &Telemetry, settings: &Settings) {
    // The disk of a database server or a bucket is for their own tools to watch.
    if let Some(database) = settings.database.file() {
        let mut log = database.to_owned().into_os_string();
        log.push("-wal");
        for (file, path) in [("main", database), ("wal", Path::new(&log))] {
            // There is no log while nobody writes.
            let bytes = fs::metadata(path).map_or(0, |found| found.len());
            telemetry.set(Metric::DatabaseBytes, &[file], bytes as f64);
        }
    }
    let beside_database = settings
        .database
        .file()
        .map(|file| file.parent().unwrap_or(Path::new(".")));
    for (folder, path) in [
        ("database", beside_database),
        ("batches", settings.batches.folder()),
    ] {
        if let Some(Ok(room)) = path.map(Room::of) {
            telemetry.set(Metric::DiskFreeBytes, &[folder], room.free as f64);
            telemetry.set(Metric::DiskBytes, &[folder], room.all as f64);
        }
    }
    let backup = last_backup(&settings.data_dir);
    telemetry.set(Metric::LastBackup, &[], backup as f64);
}

/// Unix time of the last backup that succeeded, as whoever made it wrote it down; 0: none is known.
fn last_backup(data_dir: &Path) -> i64 {
    let written = fs::read_to_string(data_dir.join("last-backup"));
    let seconds = written.ok().and_then(|text| text.trim().parse().ok());
    seconds.filter(|seconds| *seconds > 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_files_and_the_last_backup_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::for_data_dir(folder.path());
        fs::write(settings.database.file().unwrap(), [0; 100]).unwrap();
        fs::create_dir(settings.batches.folder().unwrap()).unwrap();
        let telemetry = Telemetry::new();
        look(&telemetry, &settings);
        let value = |metric, labels: &[&str]| telemetry.value(metric, labels);
        assert!((value(Metric::DatabaseBytes, &["main"]) - 100.0).abs() < 1e-9);
        for folder in ["database", "batches"] {
            let (free, all) = (
                value(Metric::DiskFreeBytes, &[folder]),
                value(Metric::DiskBytes, &[folder]),
            );
            assert!(0.0 < free && free <= all, "{folder}: {free} of {all}");
        }
        assert!(value(Metric::LastBackup, &[]).abs() < 1e-9);
        for (text, seconds) in [
            ("1630040400\n", 1_630_040_400.0),
            ("soon", 0.0),
            ("-5", 0.0),
        ] {
            fs::write(folder.path().join("last-backup"), text).unwrap();
            look(&telemetry, &settings);
            assert!(
                (value(Metric::LastBackup, &[]) - seconds).abs() < 1e-9,
                "{text}"
            );
        }
    }
}
