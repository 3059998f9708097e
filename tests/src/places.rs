//! Where the servers of tests keep what they remember and what they publish.
//!
//! In their own folder, unless `TRUYVET_TEST_STORE=postgres` says otherwise, as `cargo xtask postgres` does: so the tests of
//! what users see are those of every store.

use std::{env, path::Path};

use truyvet_server::settings::{Settings, SettingsArgs};
use truyvet_services::{Postgres, Seaweed, random_name};

/// Places for one server, or for several that share them.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Database URL; `None`: in the data folder.
    pub database: Option<String>,
    /// URL of the batch store; `None`: in the data folder.
    pub batches: Option<String>,
    /// `AWS_*`, for a server in a process of its own.
    pub environment: Vec<(&'static str, String)>,
}

impl Places {
    /// Empty ones, of the kind that the environment asks for.
    ///
    /// # Panics
    /// If it asks for what is not installed.
    #[must_use]
    pub fn chosen() -> Self {
        if chosen_database().is_some() {
            Self::shared().expect("installed where its tests are run")
        } else {
            Self::default()
        }
    }

    /// An empty database and an empty part of a bucket; `None` if they are not installed.
    #[must_use]
    pub fn shared() -> Option<Self> {
        let (postgres, seaweed) = (Postgres::shared()?, Seaweed::shared()?);
        Some(Self {
            database: Some(postgres.create_database()),
            batches: Some(format!("s3://{}/{}", seaweed.bucket(), random_name())),
            environment: seaweed.environment().into(),
        })
    }

    /// Settings of a server with this data folder, as its command line would give them.
    ///
    /// # Panics
    /// Never: they are valid.
    #[must_use]
    pub fn settings(&self, data_dir: &Path) -> Settings {
        SettingsArgs {
            data_dir: Some(data_dir.to_owned()),
            database: self.database.clone(),
            batches: self.batches.clone(),
            ..SettingsArgs::default()
        }
        .resolve()
        .expect("valid settings")
    }

    /// The same for a process, as the variables by which a server takes them.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.environment.clone();
        variables.extend(self.database.clone().map(|url| ("TRUYVET_DATABASE", url)));
        variables.extend(self.batches.clone().map(|url| ("TRUYVET_BATCHES", url)));
        variables
    }
}

/// URL of an empty database, if the environment asks for one.
///
/// # Panics
/// If it asks for what is not installed, or not known.
pub(crate) fn chosen_database() -> Option<String> {
    let store = env::var("TRUYVET_TEST_STORE").ok()?;
    assert_eq!(store, "postgres", "TRUYVET_TEST_STORE");
    let postgres = Postgres::shared().expect("installed where its tests are run");
    Some(postgres.create_database())
}
