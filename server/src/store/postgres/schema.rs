//! Which schema a database has, and bringing it up to date.

use std::time::Duration;

use deadpool_postgres::Client;

use super::{
    failure::Result,
    sql::{Sql, values},
};
use crate::store::{StoreError, open::newer_schema};

/// Times that the migrations are begun before what is wrong with them counts as wrong.
const TRIES: u32 = 20;

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

mod migrations {
    refinery::embed_migrations!("src/store/postgres/migrations");
}

/// The latest schema that this program knows.
#[must_use]
pub fn newest_schema() -> u32 {
    let known = migrations::migrations::runner();
    let versions = known.get_migrations().iter().map(|step| step.version());
    versions
        .max()
        .map_or(0, |version| version.try_into().unwrap_or_default())
}

/// Of the last migration that was run; `None`: none was.
pub(super) async fn schema_version(connection: &Client) -> Result<Option<u32>> {
    let sql = Sql::Single(connection);
    let (there,): (bool,) = sql
        .row(
            "SELECT to_regclass('refinery_schema_history') IS NOT NULL",
            &[],
        )
        .await?;
    if !there {
        return Ok(None);
    }
    let (version, ours): (Option<u32>, bool) = sql
        .row(
            "SELECT max(version)::int8, to_regclass('open_window') IS NOT NULL FROM refinery_schema_history",
            &[],
        )
        .await?;
    if version.is_some() && !ours {
        return Err(StoreError::Database("it is another program's".into()).into());
    }
    Ok(version)
}

/// Refuses a database of a later version of this program.
pub(super) fn refuse_newer(found: Option<u32>) -> Result<()> {
    let known = newest_schema();
    match found {
        Some(found) if found > known => Err(newer_schema(found, known).into()),
        _ => Ok(()),
    }
}

/// Runs the migrations that are missing, each in a transaction with the note that it was run. Of several servers that start
/// together, one does it: the others fail where it is at work, and look again until they find it done.
pub(super) async fn migrate(connection: &mut Client) -> Result<()> {
    let mut tries = 0;
    loop {
        let found = schema_version(connection).await?;
        refuse_newer(found)?;
        if found == Some(newest_schema()) {
            return Ok(());
        }
        let client: &mut tokio_postgres::Client = connection;
        let outcome = migrations::migrations::runner().run_async(client).await;
        let Err(error) = outcome else {
            return Ok(());
        };
        tries += 1;
        if tries == TRIES {
            return Err(StoreError::Database(whole_story(&error)).into());
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// Refuses a database that acknowledges what it may still lose, and warns of one that writes down what uploads hold.
pub(super) async fn check_settings(connection: &Client) -> Result<()> {
    let sql = Sql::Single(connection);
    // Engines that only speak like PostgreSQL may not have them.
    let (commit, fsync, statements, parameters): (
        Option<String>,
        Option<String>,
        Option<String>,
        Option<String>,
    ) = sql
        .row(
            "SELECT current_setting('synchronous_commit', true), current_setting('fsync', true),
                    current_setting('log_statement', true), current_setting('log_parameter_max_length', true)",
            &[],
        )
        .await?;
    for (name, value) in [("synchronous_commit", commit), ("fsync", fsync)] {
        if value.as_deref() == Some("off") {
            return Err(StoreError::Database(format!(
                "its setting {name} is off: it would lose uploads that were acknowledged"
            ))
            .into());
        }
    }
    let logs_values = parameters.is_some_and(|length| length != "0");
    let logs_writing = statements.is_some_and(|which| which == "mod" || which == "all");
    if logs_values && logs_writing {
        tracing::warn!(
            "the database logs statements with their values, which are secrets: set log_parameter_max_length = 0"
        );
    }
    Ok(())
}

/// Whether what is written down is this; written down if nothing is.
pub(super) async fn agree(sql: &Sql<'_>, fingerprint: &[u8; 32]) -> Result<bool> {
    sql.execute(
        "INSERT INTO deployment (one, fingerprint) VALUES (1, $1) ON CONFLICT (one) DO NOTHING",
        &values![fingerprint],
    )
    .await?;
    let (agreed,): ([u8; 32],) = sql.row("SELECT fingerprint FROM deployment", &[]).await?;
    Ok(agreed == *fingerprint)
}

/// refinery says in which migration, its cause what was wrong there.
fn whole_story(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |story, cause| {
        format!("{story}: {cause}")
    })
}
