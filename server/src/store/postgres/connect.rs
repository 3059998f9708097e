//! From a place in the settings to connections.

use std::{fs, sync::Arc, time::Duration};

use deadpool_postgres::{
    Client, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Timeouts,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres::{
    Config, NoTls,
    config::{Host, SslMode, TargetSessionAttrs},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{Failure, Result};
use crate::{settings::PostgresPlace, store::StoreError};

/// For one host of several to say who it is.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Until a network that swallows what is sent counts as gone.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);

/// For a connection to come free.
const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Most callers that wait for a connection; who comes then is told to come again.
const WAITING: usize = 256;

/// What is wrong with a place, and in which setting.
///
/// # Errors
/// Name of the setting and what it must be.
pub fn check_place(place: &PostgresPlace) -> std::result::Result<(), (&'static str, String)> {
    let config: Config = place
        .url
        .parse()
        .map_err(|error: tokio_postgres::Error| ("database", error_text(&error)))?;
    if config.get_password().is_some() {
        return Err((
            "database",
            "the password belongs into the file that database_password_file names".into(),
        ));
    }
    if config.get_user().is_none() || config.get_dbname().is_none() || config.get_hosts().is_empty()
    {
        return Err(("database", "must be postgres://<user>@<host>/<name>".into()));
    }
    match (config.get_ssl_mode(), &place.ca_file) {
        (SslMode::Disable, Some(_)) => Err((
            "database_ca_file",
            "is of no use with sslmode=disable".into(),
        )),
        (SslMode::Disable, None) | (_, Some(_)) => Ok(()),
        (_, None) => Err((
            "database_ca_file",
            "is needed to know the database by; or say sslmode=disable in the URL, where nobody can listen in"
                .into(),
        )),
    }
}

fn error_text(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Makes the pool. Connects to nothing yet.
pub(super) fn pool(place: &PostgresPlace) -> Result<Pool> {
    let wrong = |(setting, reason)| StoreError::Database(format!("{setting}: {reason}"));
    check_place(place).map_err(wrong)?;
    let mut config: Config = place.url.parse().map_err(Failure::Postgres)?;
    if let Some(path) = &place.password_file {
        let password = fs::read_to_string(path).map_err(|error| {
            wrong((
                "database_password_file",
                format!("{}: {error}", path.display()),
            ))
        })?;
        config.password(password.trim_end_matches(['\r', '\n']));
    }
    config.application_name("truyvet");
    // A node that only follows may lag behind what another has acknowledged: it is asked nothing.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config
        .get_hosts()
        .iter()
        .any(|host| matches!(host, Host::Tcp(_)))
    {
        config.tcp_user_timeout(NETWORK_TIMEOUT);
        config.keepalives_idle(NETWORK_TIMEOUT);
    }
    // Whether a connection is alive shows in the next statement: asking before each costs a round trip.
    let recycling = ManagerConfig {
        recycling_method: RecyclingMethod::Fast,
    };
    let manager = match &place.ca_file {
        None => Manager::from_config(config, NoTls, recycling),
        Some(path) => {
            // Asked for or not, it is not done without.
            config.ssl_mode(SslMode::Require);
            let tls = tls(path).map_err(|reason| {
                wrong(("database_ca_file", format!("{}: {reason}", path.display())))
            })?;
            Manager::from_config(config, tls, recycling)
        }
    };
    Pool::builder(manager)
        .max_size(place.connections as usize)
        .timeouts(Timeouts {
            wait: Some(WAIT_TIMEOUT),
            create: Some(2 * CONNECT_TIMEOUT),
            recycle: Some(CONNECT_TIMEOUT),
        })
        .runtime(deadpool_postgres::Runtime::Tokio1)
        .build()
        .map_err(|error| StoreError::Database(error.to_string()).into())
}

fn tls(path: &std::path::Path) -> std::result::Result<MakeRustlsConnect, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".into());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// A connection that nobody else uses.
pub(super) async fn connection(pool: &Pool) -> Result<Client> {
    if pool.status().waiting >= WAITING {
        return Err(Failure::Busy);
    }
    pool.get().await.map_err(|error| match error {
        PoolError::Backend(error) => Failure::Postgres(error),
        PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => Failure::Busy,
        PoolError::Timeout(_) => Failure::TimedOut,
        error => StoreError::Database(error.to_string()).into(),
    })
}
