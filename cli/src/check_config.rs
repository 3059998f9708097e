//! `truyvet check-config`: what `serve` would say of settings, keys, certificate and database, without serving.

use std::io::Write;

use truyvet_server::{preflight, settings::SettingsArgs};

use crate::words;

/// Says what a start would find; changes nothing, also beside a running server.
///
/// # Errors
/// What would keep the server from starting, naming the setting.
pub(crate) async fn run(settings: SettingsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let settings = settings.resolve()?;
    let found = preflight::check(&settings).await?;
    let keys = match found.signing_keys {
        0 => "none yet: the first start makes them".to_owned(),
        count => words::count(count, "signing key", "signing keys"),
    };
    let database = match found.schema {
        None => "none yet: the first start makes it".to_owned(),
        Some(schema) if schema < found.newest_schema => format!(
            "schema {schema}: a start brings it to {}; back it up first",
            found.newest_schema
        ),
        Some(schema) => format!("schema {schema}"),
    };
    let tls = if found.tls {
        "certificate and key belong together"
    } else {
        "none: plain text"
    };
    for (name, value) in [
        ("settings", "good"),
        ("keys", &keys),
        ("database", &database),
        ("TLS", tls),
    ] {
        writeln!(out, "  {name:<12}{value}")?;
    }
    Ok(())
}
