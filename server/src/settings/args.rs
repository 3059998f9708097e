//! Settings as they are given: flags, variables, TOML keys, and which wins.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{LogFormat, Settings, SettingsError};

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
    /// Database URL: sqlite:PATH or postgres://USER@HOST/NAME [default: sqlite:DATA_DIR/truyvet.db]
    #[arg(long, env = "TRUYVET_DATABASE", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// File with the password for a database at postgres://
    #[arg(long, env = "TRUYVET_DATABASE_PASSWORD_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_password_file: Option<PathBuf>,
    /// Certificates of who signs for the database at postgres://, PEM
    #[arg(long, env = "TRUYVET_DATABASE_CA_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_ca_file: Option<PathBuf>,
    /// Most connections to a database at postgres:// [default: 16]
    #[arg(long, env = "TRUYVET_DATABASE_CONNECTIONS", value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_connections: Option<u32>,
    /// Where batch files go, as URL: file:PATH or s3://BUCKET/PREFIX [default: file:DATA_DIR/batches]
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
    /// Address for operators: /console, /metrics, /healthz, /readyz, /version [default: 127.0.0.1:8442]
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
    /// Encoding of new batches: 0 (compressed Bloom filter), 1 (split ribbon: smallest, fastest) or 2 (plain Bloom filter)
    /// [default: 1]
    #[arg(long, env = "TRUYVET_CODEC", value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<u8>,
    /// A batch finds an absent tag with chance 2^-bits, 8 to 48 [default: the fewest that keep false_alarms_per_day, 43 with
    /// the other defaults]
    #[arg(long, env = "TRUYVET_FINGERPRINT_BITS", value_name = "BITS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint_bits: Option<u8>,
    /// Phones that match, in the whole country, 1 to 10,000,000,000: for the budget of false alarms [default: 10000000]
    #[arg(long, env = "TRUYVET_PHONES", value_name = "PHONES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phones: Option<u64>,
    /// Tags that a phone keeps, of all days, 1 to 100,000,000: for the budget of false alarms [default: 100000]
    #[arg(long, env = "TRUYVET_TAGS_PER_PHONE", value_name = "TAGS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags_per_phone: Option<u64>,
    /// Most alarms by chance a day in the whole country that you accept, 0.000001 to 1,000,000 [default: 1]
    #[arg(long, env = "TRUYVET_FALSE_ALARMS_PER_DAY", value_name = "ALARMS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_day: Option<f64>,
    /// Fewest tags in a batch; random ones fill up [default: 4096]
    #[arg(long, env = "TRUYVET_PAD_FLOOR_TAGS", value_name = "TAGS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_floor_tags: Option<u64>,
    /// Larger batches are filled up to a multiple of this [default: 4096]
    #[arg(long, env = "TRUYVET_PAD_STEP_TAGS", value_name = "TAGS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_step_tags: Option<u64>,
    /// How long phones and caches in front keep an index before they ask for a newer, 1 to 900 [default: 60]
    #[arg(long, env = "TRUYVET_INDEX_CACHE_SECONDS", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index_cache_seconds: Option<u32>,
    /// Memory for batch files that are asked for often, in MB, 0 to 1,000,000, and as much of the data folder's disk; what does
    /// not fit is read from the batch store each time [default: 256]
    #[arg(long, env = "TRUYVET_BATCH_CACHE_MB", value_name = "MB")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_cache_mb: Option<u32>,
    /// Shortest life of an upload code, counted from the next full hour, 1 to 168 [default: 24]
    #[arg(long, env = "TRUYVET_CODE_VALID_HOURS", value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_valid_hours: Option<u32>,
    /// Most codes that one officer issues in a local day, 1 to 1,000,000 [default: 300]
    #[arg(long, env = "TRUYVET_OFFICER_CODES_PER_DAY", value_name = "CODES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub officer_codes_per_day: Option<u32>,
    /// Most codes that the officers of one unit issue in a local day, 1 to 1,000,000 [default: 3000]
    #[arg(long, env = "TRUYVET_UNIT_CODES_PER_DAY", value_name = "CODES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_codes_per_day: Option<u32>,
    /// Wrong upload codes in an hour, from everywhere, before only addresses without any are served, 1 to 1,000,000
    /// [default: so that guessing finds a code in eleven years, 10356 at 24 hours of life]
    #[arg(long, env = "TRUYVET_WRONG_GUESSES_PER_HOUR", value_name = "GUESSES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_guesses_per_hour: Option<u32>,
    /// Your proxies in front of the public address, addresses or prefixes: their X-Forwarded-For says which phone calls.
    /// Without it all phones behind a proxy count as one that guesses codes [default: none]
    #[arg(
        long,
        env = "TRUYVET_TRUSTED_PROXIES",
        value_name = "LIST",
        value_delimiter = ','
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_proxies: Option<Vec<String>>,
    /// Milliseconds after a redeem or upload request at which its answer leaves, whatever it was, so that its time tells
    /// nothing; later ones leave at the next multiple. 1 to 2,000; 0 answers at once, for load tests [default: 30]
    #[arg(long, env = "TRUYVET_ANSWER_AFTER_MS", value_name = "MS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_after_ms: Option<u32>,
    /// Calls that only look like an upload, which every phone makes at random times so that a real one does not stand out:
    /// so many a week on average, 0 to 70 [default: 2]
    #[arg(long, env = "TRUYVET_DECOYS_PER_WEEK", value_name = "DECOYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoys_per_week: Option<u32>,
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
    /// List of administrative units, tab-separated: code, code of the unit above, name; units of the list before that it
    /// has not are closed [default: Vietnam's provinces and districts as of 2021-08-01]
    #[arg(long, env = "TRUYVET_UNITS_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units_file: Option<PathBuf>,
    /// Numbers below this are hidden in figures, 3 to 100; 0 shows all of them [default: 5]
    #[arg(long, env = "TRUYVET_FIGURES_FLOOR", value_name = "NUMBER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub figures_floor: Option<u32>,
    /// Where officers' browsers find the portal; https, or http://localhost [default: localhost on the staff port]
    #[arg(long, env = "TRUYVET_PORTAL_ORIGIN", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal_origin: Option<String>,
    /// Minutes after which an unused sign-in ends, 1 to 240 [default: 30]
    #[arg(long, env = "TRUYVET_SESSION_IDLE_MINUTES", value_name = "MINUTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_idle_minutes: Option<u32>,
    /// Hours after which any sign-in ends, 1 to 24 [default: 10]
    #[arg(long, env = "TRUYVET_SESSION_HOURS", value_name = "HOURS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_hours: Option<u32>,
    /// OpenID Connect provider by which officers may sign in: its issuer; https, or http on this machine [default: none]
    #[arg(long, env = "TRUYVET_OIDC_ISSUER", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_issuer: Option<String>,
    /// What the provider knows the portal as; its redirect URI there: <portal_origin>/portal/oidc/callback
    #[arg(long, env = "TRUYVET_OIDC_CLIENT_ID", value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_client_id: Option<String>,
    /// File with the portal's secret at the provider, readable by its owner alone
    #[arg(long, env = "TRUYVET_OIDC_CLIENT_SECRET_FILE", value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// What officers call the provider, 1 to 64 characters: stands on the button [default: the issuer's host]
    #[arg(long, env = "TRUYVET_OIDC_NAME", value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_name: Option<String>,
    /// The acr value that the provider must vouch for. With a provider, the second factor is its affair: name here what
    /// it calls a sign-in with one [default: any sign-in is taken]
    #[arg(long, env = "TRUYVET_OIDC_ACR", value_name = "ACR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_acr: Option<String>,
    /// Minutes between two self-checks, each a made-up case's whole way into a region of its own; 0: none; else 1 to 1,440
    /// [default: 5]
    #[arg(long, env = "TRUYVET_SELF_CHECK_EVERY_MINUTES", value_name = "MINUTES")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check_every_minutes: Option<u32>,
    /// Where traces go, gRPC of OpenTelemetry (http://HOST:4317). Needs a program built with the feature `otel`. They hold
    /// the time of every call: keep them as short as you can [default: no traces]
    #[arg(long, env = "TRUYVET_OTLP_ENDPOINT", value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    /// Seconds between saying "not ready" and taking no more connections when told to stop, 0 to 300: as long as a load
    /// balancer in front needs to notice [default: 0]
    #[arg(long, env = "TRUYVET_DRAIN_SECONDS", value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<u32>,
    /// Log lines as text or JSON [default: text]
    #[arg(long, env = "TRUYVET_LOG_FORMAT", value_name = "FORMAT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// What to log: a level, or target=level,... [default: info]
    #[arg(long, env = "TRUYVET_LOG", value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
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
}
