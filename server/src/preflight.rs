//! Looks at all that a start would use and changes nothing: a server may be running on it.

use std::fs;

use crate::{
    backup::RESTORING_FILE,
    http::Certificate,
    keys,
    officers::{UnitList, UnitListError},
    run::StartError,
    settings::Settings,
    sign_in::SignIn,
    store,
};

/// What a start would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Signing keys that are there; 0: a start makes all keys.
    pub signing_keys: usize,
    /// Schema of the database; `None`: a start makes it.
    pub schema: Option<u32>,
    /// The schema that a start brings it to.
    pub newest_schema: u32,
    /// Whether certificate and key are there and belong together; false: plain text.
    pub tls: bool,
}

/// Checks keys, certificate, the provider's secret, the list of units and the database's schema.
///
/// # Errors
/// [`StartError`], as a start would give it. What only a start can tell is left out: that its addresses are free and that
/// the disk can be written.
pub async fn check(settings: &Settings) -> Result<Findings, StartError> {
    if settings.data_dir.join(RESTORING_FILE).exists() {
        return Err(StartError::HalfRestored(settings.data_dir.clone()));
    }
    let signing_keys = keys::check(&settings.keys_dir())?;
    let certificate = settings.tls.as_ref().map(Certificate::read).transpose()?;
    SignIn::new(settings).map_err(StartError::ClientSecret)?;
    if let Some(path) = &settings.units_file {
        let text = fs::read_to_string(path).map_err(|source| UnitListError::File {
            path: path.clone(),
            source,
        })?;
        UnitList::parse(&text)?;
    }
    let store = store::inspect(&settings.database).await?;
    Ok(Findings {
        signing_keys,
        schema: store.schema,
        newest_schema: store.newest_schema,
        tls: certificate.is_some(),
    })
}
