//! Opens the store that the settings name.

use std::sync::Arc;

use truyvet_crypto::sign::KeyId;

use super::{
    Result, Store, StoreError, postgres, postgres::PostgresStore, sqlite, sqlite::SqliteStore,
};
use crate::{context::Steps, settings::Database, telemetry::Telemetry};

/// Opens a store, making it and bringing its schema up to date where needed.
///
/// # Errors
/// [`super::StoreError`] if it cannot be reached, written or migrated.
pub async fn open(
    database: &Database,
    steps: Arc<dyn Steps>,
    telemetry: Arc<Telemetry>,
) -> Result<Arc<dyn Store>> {
    Ok(match database {
        Database::Sqlite(path) => Arc::new(SqliteStore::open(path, steps, telemetry)?),
        Database::Postgres(place) => Arc::new(PostgresStore::open(place, steps, telemetry).await?),
    })
}

/// Which schema a store has and which a start brings it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// `None`: there is none yet.
    pub schema: Option<u32>,
    /// Of this program.
    pub newest_schema: u32,
}

/// Looks at a store, which may be in use, and changes nothing.
///
/// # Errors
/// [`super::StoreError`] if it cannot be reached, is no database of ours or one of a newer schema.
pub async fn inspect(database: &Database) -> Result<Inspection> {
    Ok(match database {
        Database::Sqlite(path) => Inspection {
            schema: sqlite::schema_of(path)?,
            newest_schema: sqlite::newest_schema(),
        },
        Database::Postgres(place) => Inspection {
            schema: postgres::schema_of(place).await?,
            newest_schema: postgres::newest_schema(),
        },
    })
}

/// The refusal of a database that a later version of this program wrote.
pub(super) fn newer_schema(found: u32, known: u32) -> StoreError {
    StoreError::Database(format!(
        "its schema is version {found}, this program knows up to {known}: use the version that wrote it, or a later one"
    ))
}

/// How many published batches a key has signed.
///
/// # Errors
/// [`super::StoreError`] if the store cannot be read.
pub(crate) async fn batches_signed_by(database: &Database, key: KeyId) -> Result<u64> {
    match database {
        Database::Sqlite(path) => sqlite::batches_signed_by(path, key),
        Database::Postgres(place) => postgres::batches_signed_by(place, key).await,
    }
}
