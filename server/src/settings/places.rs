//! Where a server keeps what it remembers and what it publishes, as URLs say it.

use std::{
    fmt::{self, Display, Formatter},
    path::{Path, PathBuf},
};

use url::Url;

use super::{SettingsError, check::value};
use crate::store::postgres;

/// Where the store is.
#[derive(Clone, Debug)]
pub enum Database {
    /// One file, of one server.
    Sqlite(PathBuf),
    /// A database for one or several servers.
    Postgres(PostgresPlace),
}

/// How to reach a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresPlace {
    /// `postgres://user@host:port,host:port/name?option=value`; holds no password.
    pub url: String,
    /// File with the password; `None`: none is needed.
    pub password_file: Option<PathBuf>,
    /// Whose certificates are believed, PEM; `None`: plain text, which the URL says itself (`sslmode=disable`).
    pub ca_file: Option<PathBuf>,
    /// Most connections of one server.
    pub connections: u32,
}

impl Database {
    /// As the settings `database`, `database_password_file`, `database_ca_file` and `database_connections` say it.
    ///
    /// # Errors
    /// [`SettingsError`], naming the setting.
    pub fn parse(
        url: &str,
        password_file: Option<PathBuf>,
        ca_file: Option<PathBuf>,
        connections: u32,
    ) -> Result<Self, SettingsError> {
        let args = DatabaseArgs {
            url: Some(url.to_owned()),
            password_file,
            ca_file,
            connections,
        };
        // A URL says all: the data folder's default is not asked for.
        database(args, Path::new(""))
    }

    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl Display for Database {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(place) => f.write_str(&place.url),
        }
    }
}

/// Where batch files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batches {
    /// A folder of this machine's.
    Folder(PathBuf),
    /// A bucket that speaks S3. Who may write there, and where it is, the usual variables say (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, `AWS_ENDPOINT`, ...).
    S3 {
        /// Its name.
        bucket: String,
        /// What every name in it begins with; empty: nothing.
        prefix: String,
    },
}

impl Batches {
    /// As the setting `batches` says it.
    ///
    /// # Errors
    /// [`SettingsError`] if it is no such URL.
    pub fn parse(url: &str) -> Result<Self, SettingsError> {
        batches(Some(url.to_owned()), Path::new(""))
    }

    /// The folder, if it is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::S3 { .. } => None,
        }
    }
}

impl Display for Batches {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// What of the settings says where the store is.
pub(super) struct DatabaseArgs {
    pub(super) url: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) connections: u32,
}

pub(super) fn database(args: DatabaseArgs, data_dir: &Path) -> Result<Database, SettingsError> {
    let DatabaseArgs {
        url,
        password_file,
        ca_file,
        connections,
    } = args;
    let is_postgres =
        |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    if let Some(url) = url.as_deref().filter(|url| is_postgres(url)) {
        let place = PostgresPlace {
            url: url.to_owned(),
            password_file,
            ca_file,
            connections,
        };
        postgres::check_place(&place).map_err(|(setting, reason)| value(setting, reason))?;
        return Ok(Database::Postgres(place));
    }
    for (setting, given) in [
        ("database_password_file", &password_file),
        ("database_ca_file", &ca_file),
    ] {
        if given.is_some() {
            return Err(value(setting, "is for a database at postgres://"));
        }
    }
    match url {
        None => Ok(Database::Sqlite(data_dir.join("truyvet.db"))),
        Some(url) => match path_of_url(&url, "sqlite:") {
            Some(path) => Ok(Database::Sqlite(path)),
            None => Err(value(
                "database",
                "must be sqlite:<path> or postgres://<user>@<host>/<name>",
            )),
        },
    }
}

pub(super) fn batches(url: Option<String>, data_dir: &Path) -> Result<Batches, SettingsError> {
    const FORM: &str = "must be file:<path> or s3://<bucket>/<prefix>";
    let Some(url) = url else {
        return Ok(Batches::Folder(data_dir.join("batches")));
    };
    if let Some(path) = path_of_url(&url, "file:") {
        return Ok(Batches::Folder(path));
    }
    let url = Url::parse(&url).map_err(|_| value("batches", FORM))?;
    let bucket = url.host_str().unwrap_or_default();
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.port().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    // Names of buckets have at least three letters; a key in the URL would end up in logs.
    if url.scheme() != "s3" || bucket.len() < 3 || !plain {
        return Err(value("batches", FORM));
    }
    Ok(Batches::S3 {
        bucket: bucket.to_owned(),
        prefix: url.path().trim_matches('/').to_owned(),
    })
}

fn path_of_url(url: &str, scheme: &str) -> Option<PathBuf> {
    let path = url.strip_prefix(scheme)?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty()).then(|| path.into())
}
