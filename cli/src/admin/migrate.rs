//! `truyvet admin migrate-store`: out of SQLite into PostgreSQL, on the server's machine.

use std::{io::Write, path::PathBuf, time::Instant};

use anyhow::{Context as _, bail};
use clap::Args;
use truyvet_server::{
    migrate::{self, Moved},
    settings::{Batches, Database, PostgresPlace, Settings, SettingsArgs},
};

use crate::words;

/// From where to where.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// The settings that the server ran with; --data-dir is enough for most
    #[command(flatten)]
    settings: SettingsArgs,
    /// The database to move, sqlite:PATH [default: the settings' database]
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// The empty database to move it into, postgres://<user>@<host>/<name>
    #[arg(long, value_name = "URL")]
    to: String,
    /// File with the password for it
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,
    /// Certificates of who signs for it, PEM
    #[arg(long, value_name = "FILE")]
    to_ca_file: Option<PathBuf>,
    /// The folder of batch files to copy, file:PATH [default: the settings' batches]
    #[arg(long, value_name = "URL", requires = "to_batches")]
    from_batches: Option<String>,
    /// Where to copy the published batch files, s3://<bucket>/<prefix> [default: they stay where they are]
    #[arg(long, value_name = "URL")]
    to_batches: Option<String>,
}

/// Moves a server's store, and says what to set from now on.
pub(super) async fn run(args: MigrateArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let MigrateArgs {
        settings,
        from,
        to,
        to_password_file,
        to_ca_file,
        from_batches,
        to_batches,
    } = args;
    let mut settings = settings.resolve()?;
    if let Some(url) = from {
        settings.database = Database::parse(&url, None, None, 1).context("--from")?;
    }
    if let Some(url) = from_batches {
        settings.batches = Batches::parse(&url).context("--from-batches")?;
    }
    // One connection: all of it is one transaction.
    let to = Database::parse(&to, to_password_file, to_ca_file, 1).context("--to")?;
    let Database::Postgres(to) = to else {
        bail!("--to: must be postgres://<user>@<host>/<name>");
    };
    let to_batches = to_batches.as_deref().map(Batches::parse);
    let to_batches = to_batches.transpose().context("--to-batches")?;
    let began = Instant::now();
    let moved = migrate::migrate_store(&settings, &to, to_batches.as_ref()).await?;
    let seconds = began.elapsed().as_secs();
    describe(&moved, seconds, out)?;
    say_what_to_set(&settings, &to, to_batches.as_ref(), out)?;
    match moved.set_aside {
        Ok(aside) => writeln!(
            out,
            "\nThe old database is {} now. Nothing in it is forgotten any more: delete it when the server has published from the new \
             one.",
            aside.display()
        )?,
        Err(error) => bail!(
            "all of it is in the new database, but {} could not be renamed ({error}). Move it away before any server starts: one that \
             went on with it would publish a second history",
            settings.database
        ),
    }
    Ok(())
}

fn describe(moved: &Moved, seconds: u64, out: &mut impl Write) -> anyhow::Result<()> {
    for (table, rows) in &moved.rows {
        writeln!(out, "{table:16} {:>13}", words::grouped(*rows))?;
    }
    let rows: u64 = moved.rows.iter().map(|(_, rows)| rows).sum();
    let files = moved.files.map_or_else(String::new, |files| {
        format!(" and {}", words::count(files, "batch file", "batch files"))
    });
    writeln!(
        out,
        "\ncopied and compared {}{files} in {seconds} s",
        words::count(rows, "row", "rows")
    )?;
    Ok(())
}

fn say_what_to_set(
    settings: &Settings,
    to: &PostgresPlace,
    batches: Option<&Batches>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "\nSet for every server before it starts:\n\n    database = {:?}",
        to.url
    )?;
    for (setting, file) in [
        ("database_password_file", &to.password_file),
        ("database_ca_file", &to.ca_file),
    ] {
        if let Some(file) = file {
            writeln!(out, "    {setting} = {:?}", file.display().to_string())?;
        }
    }
    match batches {
        Some(Batches::Folder(path)) => {
            let url = format!("file:{}", path.display());
            writeln!(out, "    batches = {url:?}")?;
        }
        Some(bucket) => writeln!(out, "    batches = {:?}", bucket.to_string())?,
        None => writeln!(
            out,
            "\nBatch files stay in {}. Several servers need them in a place that all of them reach.",
            settings.batches
        )?,
    }
    writeln!(
        out,
        "\nThe keys stay in {}; every server needs these same ones.",
        settings.keys_dir().display()
    )?;
    Ok(())
}
