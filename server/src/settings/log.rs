//! What is logged, and how it looks.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{SettingsError, check::value};
use crate::telemetry::SPANS;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object a line.
    Json,
}

/// The filter for log lines: `level` or `target=level`, comma-separated. A bare level is for Truyvet's own lines;
/// other crates never say more than `info`, since below that some print what they carry, credentials and keys included.
///
/// # Errors
/// [`SettingsError::Value`] if it is no filter, or wants more of another crate.
pub fn log_filter(setting: &str) -> Result<Targets, SettingsError> {
    const OWN: &str = "truyvet";
    let given: Targets = setting.parse().map_err(|reason| value("log", reason))?;
    let level = given.default_level().unwrap_or(LevelFilter::OFF);
    if let Some((target, _)) = given
        .iter()
        .find(|(target, level)| !target.starts_with(OWN) && *level > LevelFilter::INFO)
    {
        return Err(value(
            "log",
            format!("{target} may print secrets below info"),
        ));
    }
    Ok(Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_target(OWN, level)
        // Says at every start that there is nothing to migrate.
        .with_target("refinery_core", level.min(LevelFilter::WARN))
        // Writes an error, bytes and all, for every message that a browser gets wrong.
        .with_target("webauthn_rs_core", LevelFilter::OFF)
        .with_targets(given)
        // Traces are made of them, if anything is.
        .with_target(SPANS, LevelFilter::OFF))
}
