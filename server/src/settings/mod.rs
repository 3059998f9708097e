//! Every setting as flag, `TRUYVET_*` variable and TOML key; checked once, at start.
//!
//! A flag wins over a variable, a variable over the file, the file over the default. With none of them a server
//! starts in `./truyvet-data` on loopback addresses.

mod args;
mod check;
mod log;
mod oidc;
mod places;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use tracing_subscriber::filter::Targets;
use truyvet_crypto::Scheme;
use truyvet_matching::{Codec, ExposureRule, Region};
use url::Url;

use crate::{false_alarms::AcceptedAlarms, self_check};

pub use args::SettingsArgs;
pub use log::{LogFormat, log_filter};
pub use oidc::OidcSettings;
#[cfg(feature = "oidc")]
pub(crate) use oidc::is_this_machine;
pub use places::{Batches, Database, PostgresPlace};

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
    /// What is remembered.
    pub database: Database,
    /// Batch files.
    pub batches: Batches,
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
    /// The country, and how many alarms by chance it accepts.
    pub false_alarms: AcceptedAlarms,
    /// Fewest tags in a batch.
    pub pad_floor_tags: u64,
    /// Larger batches are a multiple of this.
    pub pad_step_tags: u64,
    /// How long caches keep an index.
    pub index_cache_seconds: u32,
    /// Memory for batch files, 10^6 bytes.
    pub batch_cache_mb: u32,
    /// Life of an upload code.
    pub code_valid_hours: u32,
    /// Most codes that one officer issues in a local day.
    pub officer_codes_per_day: u32,
    /// Most codes that the officers of one unit issue in a local day.
    pub unit_codes_per_day: u32,
    /// Wrong codes in an hour, from everywhere, before only sources without any are served.
    pub wrong_guesses_per_hour: u32,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// When the answer to a redeem or upload request leaves, in milliseconds after the request; 0: at once.
    pub answer_after_ms: u32,
    /// Decoys that every phone sends, on average.
    pub decoys_per_week: u32,
    /// Days before onset from which a case counts as contagious.
    pub contagious_days_before_onset: u32,
    /// When a match is an exposure.
    pub exposure_rule: ExposureRule,
    /// How long phones accept an index.
    pub index_valid_hours: u32,
    /// List of administrative units; `None`: the built-in one.
    pub units_file: Option<PathBuf>,
    /// Smallest number of a figure that is shown of others' units; 0: every number is.
    pub figures_floor: u32,
    /// Where officers' browsers find the portal: scheme, host and port. Passkeys are bound to its host.
    pub portal_origin: Url,
    /// A session that was not used for so long ends.
    pub session_idle_minutes: u32,
    /// A session ends so long after signing in.
    pub session_hours: u32,
    /// The provider by which officers may sign in.
    pub oidc: Option<OidcSettings>,
    /// Between two self-checks; `None`: there are none.
    pub self_check_every_minutes: Option<u32>,
    /// Where traces go; `None`: nowhere.
    pub otlp_endpoint: Option<Url>,
    /// Seconds between saying "not ready" and taking no more connections when told to stop.
    pub drain_seconds: u32,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What to log.
    pub log: Targets,
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

    /// Whether uploads of this region are taken and published. Phones are offered [`Self::regions`] alone.
    #[must_use]
    pub fn takes(&self, region: Region) -> bool {
        let checks = self.self_check_every_minutes.is_some();
        self.regions.contains(&region) || (checks && region == self_check::region())
    }

    /// Folder of the key files.
    #[must_use]
    pub fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }
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

#[cfg(test)]
mod tests {
    use std::fs;

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
    }

    #[test]
    fn fingerprints_are_as_long_as_the_budget_takes() {
        let bits = |change: fn(&mut SettingsArgs)| {
            let mut args = SettingsArgs::default();
            change(&mut args);
            args.resolve().unwrap().fingerprint_bits
        };
        // 10^7 phones, 10^5 tags each, six batches a day: 6 * 10^12 tests; 2^43 is 8.8 * 10^12, 2^42 4.4 * 10^12.
        assert_eq!(bits(|_| ()), 43);
        assert_eq!(bits(|args| args.phones = Some(1_000_000)), 40);
        // A rule that takes two matches here says nothing of other apps.
        assert_eq!(bits(|args| args.exposure_minutes = Some(30)), 43);
        // More than any number of bits can keep: the most, and a warning at start.
        assert_eq!(bits(|args| args.false_alarms_per_day = Some(1e-6)), 48);
        assert_eq!(bits(|args| args.fingerprint_bits = Some(40)), 40);
    }

    #[test]
    fn every_refusal_names_its_setting() {
        for (text, setting) in [
            ("retention_days = 0", "retention_days"),
            ("publish_every_seconds = 5", "publish_every_seconds"),
            ("fingerprint_bits = 60", "fingerprint_bits"),
            ("phones = 0", "phones"),
            ("tags_per_phone = 100000001", "tags_per_phone"),
            ("false_alarms_per_day = 0.0", "false_alarms_per_day"),
            ("false_alarms_per_day = nan", "false_alarms_per_day"),
            ("codec = 9", "codec"),
            ("scheme = \"rot13\"", "scheme"),
            ("regions = []", "regions"),
            ("regions = [\"vn\"]", "regions"),
            ("regions = [\"VN\", \"VN\"]", "regions"),
            ("database = \"mysql:x\"", "database"),
            (
                "database = \"postgres://u:p@h/n?sslmode=disable\"",
                "database",
            ),
            ("database = \"postgres://u@h/n\"", "database_ca_file"),
            (
                "database = \"postgres://u@h/n?sslmode=sometimes\"",
                "database",
            ),
            ("database_password_file = \"x\"", "database_password_file"),
            ("database_connections = 1", "database_connections"),
            ("batches = \"s3://x\"", "batches"),
            ("batches = \"s3://key:secret@bucket\"", "batches"),
            ("batches = \"gs://bucket\"", "batches"),
            ("tls_cert = \"x\"", "tls_key"),
            ("exposure_rssi_dbm = 5", "exposure_rssi_dbm"),
            ("index_cache_seconds = 0", "index_cache_seconds"),
            ("batch_cache_mb = 1000001", "batch_cache_mb"),
            ("figures_floor = 2", "figures_floor"),
            ("public_listen = \"0.0.0.0:1\"", "public_listen"),
            ("staff_listen = \"[::]:1\"", "staff_listen"),
            ("portal_origin = \"portal\"", "portal_origin"),
            ("portal_origin = \"http://portal.vn\"", "portal_origin"),
            ("portal_origin = \"https://192.0.2.1\"", "portal_origin"),
            ("portal_origin = \"https://portal.vn/x\"", "portal_origin"),
            ("session_idle_minutes = 0", "session_idle_minutes"),
            ("session_hours = 25", "session_hours"),
            ("log = \"what=ever\"", "log"),
            ("log = \"info,h2=trace\"", "log"),
            ("officer_codes_per_day = 0", "officer_codes_per_day"),
            ("unit_codes_per_day = 0", "unit_codes_per_day"),
            ("wrong_guesses_per_hour = 0", "wrong_guesses_per_hour"),
            ("trusted_proxies = [\"10.0.0.0/33\"]", "trusted_proxies"),
            ("trusted_proxies = [\"everybody\"]", "trusted_proxies"),
            ("trusted_proxies = [\"0.0.0.0/0\"]", "trusted_proxies"),
            ("answer_after_ms = 2001", "answer_after_ms"),
            ("decoys_per_week = 71", "decoys_per_week"),
            ("regions = [\"SELF-CHK\"]", "regions"),
            (
                "self_check_every_minutes = 1441",
                "self_check_every_minutes",
            ),
            ("otlp_endpoint = \"collector\"", "otlp_endpoint"),
            ("otlp_endpoint = \"https://x\"", "otlp_endpoint"),
            ("drain_seconds = 301", "drain_seconds"),
            ("retentiondays = 3", "retentiondays"),
            ("retention_days = \"many\"", "retention_days"),
        ] {
            let error = from_toml(text).unwrap_err().to_string();
            assert!(error.contains(setting), "{text}: {error}");
        }
        assert!(from_toml("public_listen = \"0.0.0.0:1\"\nplaintext = true").is_ok());
    }
}
