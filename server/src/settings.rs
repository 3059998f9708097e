//! Every setting as flag, `TRUYVET_*` variable and TOML key; checked once, at start.
//!
//! A flag wins over a variable, a variable over the file, the file over the default. With none of them a server
//! starts in `./truyvet-data` on loopback addresses.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};
use truyvet_crypto::Scheme;
use truyvet_matching::{Codec, ExposureRule, Region};

/// Settings as given; what is absent takes its default.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SettingsArgs {
    /// TOML file with the settings below (names with underscores)
    #[arg(long, env = "TRUYVET_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Folder for keys, database and batches [default: truyvet-data]
    #[arg(long, env = "TRUYVET_DATA_DIR", value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Database URL [default: sqlite:<data_dir>/truyvet.db]
    #[arg(long, env = "TRUYVET_DATABASE", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Where batch files go, as URL [default: file:<data_dir>/batches]
    #[arg(long, env = "TRUYVET_BATCHES", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batches: Option<String>,
    /// Address for phones: gRPC, index and batches [default: 127.0.0.1:8440]
    #[arg(long, env = "TRUYVET_PUBLIC_LISTEN", value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_listen: Option<SocketAddr>,
    /// Address for officers and administrators: gRPC [default: 127.0.0.1:8441]
    #[arg(long, env = "TRUYVET_STAFF_LISTEN", value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_listen: Option<SocketAddr>,
    /// Address for operators: /healthz, /readyz, /version [default: 127.0.0.1:8442]
    #[arg(long, env = "TRUYVET_OPS_LISTEN", value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ops_listen: Option<SocketAddr>,
    /// Certificate chain for the public and staff addresses, PEM
    #[arg(long, env = "TRUYVET_TLS_CERT", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, env = "TRUYVET_TLS_KEY", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Speak without TLS beyond loopback, because a proxy in front does it [default: false]
    #[arg(long, env = "TRUYVET_PLAINTEXT", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plaintext: Option<bool>,
    /// Key schedule: bluezone, gaen or dp3t [default: bluezone]
    #[arg(long, env = "TRUYVET_SCHEME", value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    /// Regions to publish for, 1 to 8 of A-Z, 0-9 and "-" each [default: VN]
    #[arg(
        long,
        env = "TRUYVET_REGIONS",
        value_name = "LIST",
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<String>>,
    /// Days for which keys are accepted and batches kept, 1 to 30 [default: 14]
    #[arg(long, env = "TRUYVET_RETENTION_DAYS", value_name = "DAYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Length of a window; 0 publishes on demand only; else 60 to 86,400 [default: 14400]
    #[arg(long, env = "TRUYVET_PUBLISH_EVERY_SECONDS", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_every_seconds: Option<u32>,
    /// How far phones' clocks may be apart, 0 to 3,600 [default: 300]
    #[arg(long, env = "TRUYVET_CLOCK_TOLERANCE_SECONDS", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_tolerance_seconds: Option<u32>,
    /// Encoding of new batches: 0 (compressed Bloom filter), 1 (split ribbon: smallest, fastest), 2 (plain Bloom filter) [default: 1]
    #[arg(long, env = "TRUYVET_CODEC", value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<u8>,
    /// A batch finds an absent tag with chance 2^-bits, 8 to 48 [default: 40]
    #[arg(long, env = "TRUYVET_FINGERPRINT_BITS", value_name = "BITS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint_bits: Option<u8>,
    /// Fewest tags in a batch; random ones fill up [default: 4096]
    #[arg(long, env = "TRUYVET_PAD_FLOOR_TAGS", value_name = "TAGS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_floor_tags: Option<u64>,
    /// Larger batches are filled up to a multiple of this [default: 4096]
    #[arg(long, env = "TRUYVET_PAD_STEP_TAGS", value_name = "TAGS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_step_tags: Option<u64>,
    /// Life of an upload code, 1 to 168 [default: 24]
    #[arg(long, env = "TRUYVET_CODE_VALID_HOURS", value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_valid_hours: Option<u32>,
    /// Days before onset from which a case counts as contagious, 0 to 14 [default: 2]
    #[arg(
        long,
        env = "TRUYVET_CONTAGIOUS_DAYS_BEFORE_ONSET",
        value_name = "DAYS"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contagious_days_before_onset: Option<u32>,
    /// Minutes within a local day that make an exposure, 1 to 1,440 [default: 15]
    #[arg(long, env = "TRUYVET_EXPOSURE_MINUTES", value_name = "MINUTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_minutes: Option<u32>,
    /// Weakest signal that counts, -127 to 0 [default: -86]
    #[arg(
        long,
        env = "TRUYVET_EXPOSURE_RSSI_DBM",
        value_name = "DBM",
        allow_negative_numbers = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_rssi_dbm: Option<i16>,
    /// Where a local day begins, east of Greenwich [default: 25200, Vietnam]
    #[arg(
        long,
        env = "TRUYVET_UTC_OFFSET_SECONDS",
        value_name = "SECONDS",
        allow_negative_numbers = true
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset_seconds: Option<i32>,
    /// How long phones accept an index, 1 to 336; signed again well before [default: 24]
    #[arg(long, env = "TRUYVET_INDEX_VALID_HOURS", value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_valid_hours: Option<u32>,
    /// Log lines as text or JSON [default: text]
    #[arg(long, env = "TRUYVET_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// What to log: a level, or target=level,... [default: info]
    #[arg(long, env = "TRUYVET_LOG", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

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

/// Certificate and key files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, PEM.
    pub cert: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// Settings, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of keys, and of database and batches unless told otherwise.
    pub data_dir: PathBuf,
    /// SQLite file.
    pub database: PathBuf,
    /// Folder of batch files.
    pub batches: PathBuf,
    /// For phones.
    pub public_listen: SocketAddr,
    /// For officers and administrators.
    pub staff_listen: SocketAddr,
    /// For operators.
    pub ops_listen: SocketAddr,
    /// None: plain text.
    pub tls: Option<TlsFiles>,
    /// Whose secrets are accepted.
    pub scheme: Scheme,
    /// At least one.
    pub regions: Vec<Region>,
    /// Days for which keys are accepted and batches kept.
    pub retention_days: u32,
    /// Length of a window; `None` publishes on demand only.
    pub publish_every_seconds: Option<u32>,
    /// How far phones' clocks may be apart.
    pub clock_tolerance_seconds: u32,
    /// Encoding of new batches.
    pub codec: Codec,
    /// A batch finds an absent tag with chance 2^-this.
    pub fingerprint_bits: u8,
    /// Fewest tags in a batch.
    pub pad_floor_tags: u64,
    /// Larger batches are a multiple of this.
    pub pad_step_tags: u64,
    /// Life of an upload code.
    pub code_valid_hours: u32,
    /// Days before onset from which a case counts as contagious.
    pub contagious_days_before_onset: u32,
    /// When a match is an exposure.
    pub exposure_rule: ExposureRule,
    /// How long phones accept an index.
    pub index_valid_hours: u32,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What to log.
    pub log: Targets,
}

/// What is wrong, and in which setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("config: {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, has an unknown key or a value of the wrong type.
    #[error("config: {path}: {reason}")]
    Toml {
        /// Which file.
        path: PathBuf,
        /// Key, line and reason.
        reason: String,
    },
    /// A value that cannot be.
    #[error("{setting}: {reason}")]
    Value {
        /// Name of the setting, with underscores.
        setting: &'static str,
        /// What it must be.
        reason: String,
    },
}

impl SettingsArgs {
    /// Adds what the TOML file says, then checks everything.
    ///
    /// # Errors
    /// [`SettingsError`], naming the setting.
    pub fn resolve(self) -> Result<Settings, SettingsError> {
        let given = match &self.config {
            Some(path) => self.over_file(path)?,
            None => self,
        };
        given.check()
    }

    /// The file's settings, with those given as flag or variable put over them.
    fn over_file(&self, path: &Path) -> Result<Self, SettingsError> {
        let text = fs::read_to_string(path).map_err(|source| SettingsError::File {
            path: path.to_owned(),
            source,
        })?;
        let toml_error = |reason: &dyn ToString| SettingsError::Toml {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        // Once as settings, so that errors point to the file's own line.
        toml::from_str::<Self>(&text).map_err(|e| toml_error(&e))?;
        let mut merged: toml::Table = toml::from_str(&text).map_err(|e| toml_error(&e))?;
        merged.extend(toml::Table::try_from(self).map_err(|e| toml_error(&e))?);
        merged.try_into().map_err(|e| toml_error(&e))
    }

    fn check(self) -> Result<Settings, SettingsError> {
        // No `..` here: a new setting must be looked at before this compiles again.
        let Self {
            config: _,
            data_dir,
            database,
            batches,
            public_listen,
            staff_listen,
            ops_listen,
            tls_cert,
            tls_key,
            plaintext,
            scheme,
            regions,
            retention_days,
            publish_every_seconds,
            clock_tolerance_seconds,
            codec,
            fingerprint_bits,
            pad_floor_tags,
            pad_step_tags,
            code_valid_hours,
            contagious_days_before_onset,
            exposure_minutes,
            exposure_rssi_dbm,
            utc_offset_seconds,
            index_valid_hours,
            log_format,
            log,
        } = self;
        let data_dir = data_dir.unwrap_or_else(|| "truyvet-data".into());
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let settings = Settings {
            database: path_of_url("database", "sqlite:", database, &data_dir, "truyvet.db")?,
            batches: path_of_url("batches", "file:", batches, &data_dir, "batches")?,
            data_dir,
            public_listen: public_listen.unwrap_or_else(|| loopback(8440)),
            staff_listen: staff_listen.unwrap_or_else(|| loopback(8441)),
            ops_listen: ops_listen.unwrap_or_else(|| loopback(8442)),
            tls: match (tls_cert, tls_key) {
                (Some(cert), Some(key)) => Some(TlsFiles { cert, key }),
                (None, None) => None,
                (Some(_), None) => return Err(value("tls_key", "missing beside tls_cert")),
                (None, Some(_)) => return Err(value("tls_cert", "missing beside tls_key")),
            },
            scheme: scheme
                .map_or(Ok(Scheme::Bluezone), |name| name.parse())
                .map_err(|e: truyvet_crypto::UnknownScheme| value("scheme", e))?,
            regions: parse_regions(regions)?,
            retention_days: within("retention_days", retention_days, 14, 1, 30)?,
            publish_every_seconds: publish_every(publish_every_seconds)?,
            clock_tolerance_seconds: within(
                "clock_tolerance_seconds",
                clock_tolerance_seconds,
                300,
                0,
                3_600,
            )?,
            codec: match codec {
                None => Codec::DEFAULT,
                Some(number) => Codec::from_number(number).ok_or_else(|| {
                    value(
                        "codec",
                        "known are 0 (compressed Bloom filter), 1 (split ribbon), 2 (plain Bloom filter)",
                    )
                })?,
            },
            fingerprint_bits: within("fingerprint_bits", fingerprint_bits, 40, 8, 48)?,
            pad_floor_tags: within("pad_floor_tags", pad_floor_tags, 4_096, 0, 10_000_000)?,
            pad_step_tags: within("pad_step_tags", pad_step_tags, 4_096, 1, 10_000_000)?,
            code_valid_hours: within("code_valid_hours", code_valid_hours, 24, 1, 168)?,
            contagious_days_before_onset: within(
                "contagious_days_before_onset",
                contagious_days_before_onset,
                2,
                0,
                14,
            )?,
            exposure_rule: ExposureRule {
                minutes: within("exposure_minutes", exposure_minutes, 15, 1, 1_440)?,
                rssi_dbm: within("exposure_rssi_dbm", exposure_rssi_dbm, -86, -127, 0)?,
                utc_offset_seconds: within(
                    "utc_offset_seconds",
                    utc_offset_seconds,
                    25_200,
                    -50_400,
                    50_400,
                )?,
            },
            index_valid_hours: within("index_valid_hours", index_valid_hours, 24, 1, 336)?,
            log_format: log_format.unwrap_or_default(),
            log: log_filter(log.as_deref().unwrap_or("info"))?,
        };
        settings.refuse_plaintext_on_a_network(plaintext.unwrap_or(false))?;
        Ok(settings)
    }
}

impl Settings {
    /// The defaults, in this folder.
    ///
    /// # Panics
    /// Never: defaults are valid.
    #[must_use]
    pub fn for_data_dir(data_dir: &Path) -> Self {
        SettingsArgs {
            data_dir: Some(data_dir.to_owned()),
            ..SettingsArgs::default()
        }
        .check()
        .expect("defaults are valid")
    }

    /// Folder of the key files.
    #[must_use]
    pub fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }

    fn refuse_plaintext_on_a_network(&self, plaintext: bool) -> Result<(), SettingsError> {
        if self.tls.is_some() || plaintext {
            return Ok(());
        }
        for (setting, address) in [
            ("public_listen", self.public_listen),
            ("staff_listen", self.staff_listen),
        ] {
            if !address.ip().is_loopback() {
                let reason = format!(
                    "{address} is not loopback: set tls_cert and tls_key, or plaintext = true if a proxy does TLS"
                );
                return Err(value(setting, reason));
            }
        }
        Ok(())
    }
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
        .with_targets(given))
}

fn value(setting: &'static str, reason: impl ToString) -> SettingsError {
    SettingsError::Value {
        setting,
        reason: reason.to_string(),
    }
}

fn within<T: PartialOrd + ToString>(
    setting: &'static str,
    given: Option<T>,
    default: T,
    min: T,
    max: T,
) -> Result<T, SettingsError> {
    let number = given.unwrap_or(default);
    if number < min || number > max {
        let range = format!("must be {} to {}", min.to_string(), max.to_string());
        return Err(value(setting, range));
    }
    Ok(number)
}

fn publish_every(given: Option<u32>) -> Result<Option<u32>, SettingsError> {
    match given {
        Some(0) => Ok(None),
        given => within("publish_every_seconds", given, 14_400, 60, 86_400).map(Some),
    }
}

fn parse_regions(given: Option<Vec<String>>) -> Result<Vec<Region>, SettingsError> {
    let names = given.unwrap_or_else(|| vec!["VN".into()]);
    let mut regions = Vec::<Region>::new();
    for name in names {
        let region = name
            .parse()
            .map_err(|_| value("regions", format!("{name:?} is no region name")))?;
        if regions.contains(&region) {
            return Err(value("regions", format!("{name} stands there twice")));
        }
        regions.push(region);
    }
    if regions.is_empty() {
        return Err(value("regions", "at least one is needed"));
    }
    Ok(regions)
}

/// The path in a URL of the one kind that this server knows for the setting.
fn path_of_url(
    setting: &'static str,
    prefix: &str,
    given: Option<String>,
    data_dir: &Path,
    default: &str,
) -> Result<PathBuf, SettingsError> {
    match given {
        None => Ok(data_dir.join(default)),
        Some(url) => match url.strip_prefix(prefix) {
            Some(path) if !path.is_empty() => Ok(path.strip_prefix("//").unwrap_or(path).into()),
            _ => Err(value(setting, format!("must be {prefix}<path>"))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_toml(text: &str) -> Result<Settings, SettingsError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truyvet.toml");
        fs::write(&path, text).unwrap();
        SettingsArgs {
            config: Some(path),
            ..SettingsArgs::default()
        }
        .resolve()
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("truyvet.toml");
        fs::write(
            &path,
            "retention_days = 10\nscheme = \"gaen\"\nregions = [\"VN-48\"]",
        )
        .unwrap();
        let settings = SettingsArgs {
            config: Some(path),
            retention_days: Some(7),
            ..SettingsArgs::default()
        }
        .resolve()
        .unwrap();
        assert_eq!(settings.retention_days, 7);
        assert_eq!(settings.scheme, Scheme::Gaen);
        assert_eq!(settings.regions[0].as_str(), "VN-48");
        assert_eq!(settings.fingerprint_bits, 40);
    }

    #[test]
    fn every_refusal_names_its_setting() {
        for (text, setting) in [
            ("retention_days = 0", "retention_days"),
            ("publish_every_seconds = 5", "publish_every_seconds"),
            ("fingerprint_bits = 60", "fingerprint_bits"),
            ("codec = 9", "codec"),
            ("scheme = \"rot13\"", "scheme"),
            ("regions = []", "regions"),
            ("regions = [\"vn\"]", "regions"),
            ("regions = [\"VN\", \"VN\"]", "regions"),
            ("database = \"mysql:x\"", "database"),
            ("batches = \"s3://x\"", "batches"),
            ("tls_cert = \"x\"", "tls_key"),
            ("exposure_rssi_dbm = 5", "exposure_rssi_dbm"),
            ("public_listen = \"0.0.0.0:1\"", "public_listen"),
            ("staff_listen = \"[::]:1\"", "staff_listen"),
            ("log = \"what=ever\"", "log"),
            ("log = \"info,h2=trace\"", "log"),
            ("retentiondays = 3", "retentiondays"),
            ("retention_days = \"many\"", "retention_days"),
        ] {
            let error = from_toml(text).unwrap_err().to_string();
            assert!(error.contains(setting), "{text}: {error}");
        }
        assert!(from_toml("public_listen = \"0.0.0.0:1\"\nplaintext = true").is_ok());
    }
}
