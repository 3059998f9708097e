//! `truyvet admin backup`, `verify-backup` and `restore`: on the server's machine, in its folders.

use std::{io::Write, path::Path};

use truyvet_crypto::Timestamp;
use truyvet_server::{
    backup::{self, Manifest, Restored},
    settings::SettingsArgs,
};

use crate::{date, effects, words};

/// Copies a server that may run meanwhile into a new folder.
pub(super) fn make(
    settings: SettingsArgs,
    to: &Path,
    with_keys: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let made = backup::make(&settings, to, with_keys, effects::now())?;
    describe(to, &made.manifest, out)?;
    if with_keys {
        eprintln!(
            "WARNING: the backup holds the server's secret keys. Whoever reads it can sign in the server's name: keep it as \
             you keep the keys."
        );
    } else {
        eprintln!(
            "The keys are not in it ({}). Keep a copy of them elsewhere: phones trust no server without them.",
            settings.keys_dir().display()
        );
    }
    if let Some(error) = made.not_noted {
        eprintln!("The server will not know of this backup: {error}");
    }
    Ok(())
}

/// Reads all of a backup and says whether it is as it was made.
pub(super) fn verify(from: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    describe(from, &backup::verify(from)?, out)
}

/// Makes a server's folder from a backup.
pub(super) fn restore(
    settings: SettingsArgs,
    from: &Path,
    published: Option<&Path>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let Restored { manifest, taken } = backup::restore(&settings, from, published)?;
    writeln!(
        out,
        "restored {} as it was at {}",
        settings.data_dir.display(),
        time(manifest.made_at)
    )?;
    for taken in &taken {
        let later = taken.last - taken.last_in_backup;
        writeln!(
            out,
            "{}: batches up to {} were in the backup, {later} later ones were taken over",
            taken.region, taken.last_in_backup
        )?;
    }
    writeln!(
        out,
        "\nLost is what happened after that time: uploads (their cases need a new code), codes issued (they are refused), \
         and what officers did. Codes redeemed and tokens spent after it are good once more until they run out. \
         Accounts and client keys that were closed after it are open again: close them before officers come. All are \
         signed out. What was withdrawn after it is no longer withdrawn in the database."
    )?;
    if published.is_none() {
        writeln!(
            out,
            "\nIf anything was published after that time, phones that have it refuse this server's index until it is there \
             again. Before the server starts, restore once more with --published FOLDER, a folder with copies of those files: \
             the batches folder that was, a mirror, a cache. Without any copy those phones take up the region again when \
             the last batch that they saw has outlived the retention."
        )?;
    }
    if !manifest.with_keys {
        writeln!(
            out,
            "\nThe backup has no keys: put the server's own into {} before it starts, or it makes new ones that no phone \
             trusts.",
            settings.keys_dir().display()
        )?;
    }
    writeln!(
        out,
        "\nWhat has outlived the retention meanwhile is forgotten when the server starts."
    )?;
    Ok(())
}

fn describe(folder: &Path, manifest: &Manifest, out: &mut impl Write) -> anyhow::Result<()> {
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    writeln!(
        out,
        "{}: made at {}, schema {}, {} files, {} bytes, {} keys",
        folder.display(),
        time(manifest.made_at),
        manifest.schema_version,
        manifest.files.len(),
        words::grouped(bytes),
        if manifest.with_keys {
            "with"
        } else {
            "without"
        }
    )?;
    if let Some(from) = manifest.forgets_from {
        writeln!(
            out,
            "The server forgets the first of what is in it at {}.",
            time(from)
        )?;
    }
    writeln!(
        out,
        "Delete it by {}: by then the server itself has forgotten all of it but officers and what they did.",
        time(manifest.delete_by)
    )?;
    Ok(())
}

fn time(unix_seconds: i64) -> String {
    Timestamp::from_unix_seconds(unix_seconds).map_or_else(|| "?".into(), date::show_time)
}
