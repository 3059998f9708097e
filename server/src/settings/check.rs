//! From settings as given to settings that can be worked with: defaults, ranges, what excludes what.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use truyvet_crypto::Scheme;
use truyvet_matching::{
    Codec, ExposureRule, MAX_FINGERPRINT_BITS, MIN_FINGERPRINT_BITS, Region, budget::Budget,
};
use url::Url;

use crate::{
    authorize::default_wrong_guesses_per_hour,
    false_alarms::{AcceptedAlarms, budget},
    self_check,
};

use super::{
    Settings, SettingsArgs, SettingsError, TlsFiles, log_filter, oidc,
    places::{self, DatabaseArgs},
};

const CODE_VALID_HOURS: u32 = 24;

impl SettingsArgs {
    /// Puts in defaults and checks every value.
    pub(super) fn check(self) -> Result<Settings, SettingsError> {
        // No `..` here: a new setting must be looked at before this compiles again.
        let Self {
            config: _,
            data_dir,
            database,
            database_password_file,
            database_ca_file,
            database_connections,
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
            phones,
            tags_per_phone,
            false_alarms_per_day,
            pad_floor_tags,
            pad_step_tags,
            index_cache_seconds,
            batch_cache_mb,
            code_valid_hours,
            officer_codes_per_day,
            unit_codes_per_day,
            wrong_guesses_per_hour,
            trusted_proxies,
            answer_after_ms,
            decoys_per_week,
            contagious_days_before_onset,
            exposure_minutes,
            exposure_rssi_dbm,
            utc_offset_seconds,
            index_valid_hours,
            units_file,
            figures_floor,
            portal_origin,
            session_idle_minutes,
            session_hours,
            oidc_issuer,
            oidc_client_id,
            oidc_client_secret_file,
            oidc_name,
            oidc_acr,
            self_check_every_minutes,
            otlp_endpoint,
            drain_seconds,
            log_format,
            log,
        } = self;
        let data_dir = data_dir.unwrap_or_else(|| "truyvet-data".into());
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let staff_listen = staff_listen.unwrap_or_else(|| loopback(8441));
        let mut settings = Settings {
            portal_origin: portal(portal_origin, tls_cert.is_some(), staff_listen.port())?,
            session_idle_minutes: within("session_idle_minutes", session_idle_minutes, 30, 1, 240)?,
            session_hours: within("session_hours", session_hours, 10, 1, 24)?,
            database: places::database(
                DatabaseArgs {
                    url: database,
                    password_file: database_password_file,
                    ca_file: database_ca_file,
                    connections: within("database_connections", database_connections, 16, 2, 200)?,
                },
                &data_dir,
            )?,
            batches: places::batches(batches, &data_dir)?,
            data_dir,
            public_listen: public_listen.unwrap_or_else(|| loopback(8440)),
            staff_listen,
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
                    let known = "known are 0 (compressed Bloom), 1 (split ribbon), 2 (plain Bloom)";
                    value("codec", known)
                })?,
            },
            fingerprint_bits: within(
                "fingerprint_bits",
                fingerprint_bits,
                MAX_FINGERPRINT_BITS,
                MIN_FINGERPRINT_BITS,
                MAX_FINGERPRINT_BITS,
            )?,
            false_alarms: AcceptedAlarms {
                phones: within("phones", phones, 10_000_000, 1, 10_000_000_000)?,
                tags_per_phone: within("tags_per_phone", tags_per_phone, 100_000, 1, 100_000_000)?,
                per_day: within("false_alarms_per_day", false_alarms_per_day, 1.0, 1e-6, 1e6)?,
            },
            pad_floor_tags: within("pad_floor_tags", pad_floor_tags, 4_096, 0, 10_000_000)?,
            pad_step_tags: within("pad_step_tags", pad_step_tags, 4_096, 1, 10_000_000)?,
            // A quarter of the shortest validity: what a cache gives out must be good for a while yet.
            index_cache_seconds: within("index_cache_seconds", index_cache_seconds, 60, 1, 900)?,
            batch_cache_mb: within("batch_cache_mb", batch_cache_mb, 256, 0, 1_000_000)?,
            code_valid_hours: within(
                "code_valid_hours",
                code_valid_hours,
                CODE_VALID_HOURS,
                1,
                168,
            )?,
            officer_codes_per_day: within(
                "officer_codes_per_day",
                officer_codes_per_day,
                300,
                1,
                1_000_000,
            )?,
            unit_codes_per_day: within(
                "unit_codes_per_day",
                unit_codes_per_day,
                3_000,
                1,
                1_000_000,
            )?,
            wrong_guesses_per_hour: within(
                "wrong_guesses_per_hour",
                wrong_guesses_per_hour,
                default_wrong_guesses_per_hour(code_valid_hours.unwrap_or(CODE_VALID_HOURS)),
                1,
                1_000_000,
            )?,
            trusted_proxies: trusted_proxies
                .unwrap_or_default()
                .iter()
                .map(|name| parse_proxy(name))
                .collect::<Result<_, _>>()?,
            answer_after_ms: within("answer_after_ms", answer_after_ms, 30, 0, 2_000)?,
            decoys_per_week: within("decoys_per_week", decoys_per_week, 2, 0, 70)?,
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
            units_file,
            figures_floor: match figures_floor {
                Some(0) => 0,
                // Below 3, "fewer than that" is one number or two, of which one is nobody.
                given => within("figures_floor", given, 5, 3, 100)?,
            },
            oidc: oidc::Given {
                oidc_issuer,
                oidc_client_id,
                oidc_client_secret_file,
                oidc_name,
                oidc_acr,
            }
            .check()?,
            self_check_every_minutes: match self_check_every_minutes {
                Some(0) => None,
                given => Some(within("self_check_every_minutes", given, 5, 1, 1_440)?),
            },
            otlp_endpoint: otlp_endpoint.map(parse_otlp_endpoint).transpose()?,
            drain_seconds: within("drain_seconds", drain_seconds, 0, 0, 300)?,
            log_format: log_format.unwrap_or_default(),
            log: log_filter(log.as_deref().unwrap_or("info"))?,
        };
        // Whatever the rule here: an app may take one match for an exposure.
        let budget = Budget {
            matched_tags: 1,
            ..budget(&settings)
        };
        if fingerprint_bits.is_none()
            && let Ok(bits) = budget.fingerprint_bits()
        {
            settings.fingerprint_bits = bits;
        }
        settings.refuse_plaintext_on_a_network(plaintext.unwrap_or(false))?;
        Ok(settings)
    }
}

impl Settings {
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

pub(super) fn value(setting: &'static str, reason: impl ToString) -> SettingsError {
    SettingsError::Value {
        setting,
        reason: reason.to_string(),
    }
}

fn within<T: PartialOrd + Copy + ToString>(
    setting: &'static str,
    given: Option<T>,
    default: T,
    min: T,
    max: T,
) -> Result<T, SettingsError> {
    let number = given.unwrap_or(default);
    // Not the other way round: what is no number is neither below nor above.
    if !(min..=max).contains(&number) {
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
        if region == self_check::region() {
            return Err(value("regions", format!("{name} is the self-check's")));
        }
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

/// `http` alone: a collector stands on the same machine or network, and this program has no store of authorities for more.
fn parse_otlp_endpoint(given: String) -> Result<Url, SettingsError> {
    if !cfg!(feature = "otel") {
        let reason = "this program was built without the feature `otel`";
        return Err(value("otlp_endpoint", reason));
    }
    let refused = |reason: &str| value("otlp_endpoint", format!("{given}: {reason}"));
    let url = Url::parse(&given).map_err(|error| refused(&error.to_string()))?;
    if url.scheme() != "http" || !url.has_host() {
        return Err(refused("must be http://HOST:PORT"));
    }
    Ok(url)
}

/// An address or a prefix of addresses.
fn parse_proxy(name: &str) -> Result<IpNet, SettingsError> {
    let net = name
        .parse()
        .or_else(|_| name.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            value(
                "trusted_proxies",
                format!("{name:?} is no address or prefix"),
            )
        })?;
    if net.prefix_len() == 0 {
        // Whoever trusts all headers lets every guesser invent a source for each guess.
        return Err(value("trusted_proxies", format!("{name} is everybody")));
    }
    Ok(net)
}

/// An origin that browsers trust with passkeys and cookies: https, or this machine. Not an address: passkeys are bound
/// to a name.
fn portal(given: Option<String>, tls: bool, staff_port: u16) -> Result<Url, SettingsError> {
    let scheme = if tls { "https" } else { "http" };
    let given = given.unwrap_or_else(|| format!("{scheme}://localhost:{staff_port}"));
    let refused = |reason: &str| value("portal_origin", format!("{given}: {reason}"));
    let origin = Url::parse(&given).map_err(|error| refused(&error.to_string()))?;
    let host = origin
        .domain()
        .ok_or_else(|| refused("must have a host name, no address"))?;
    if origin.scheme() != "https" && !(origin.scheme() == "http" && host == "localhost") {
        return Err(refused("must be https, or http on localhost"));
    }
    let bare = origin.path() == "/"
        && origin.query().is_none()
        && origin.fragment().is_none()
        && origin.username().is_empty()
        && origin.password().is_none();
    if !bare {
        return Err(refused("must be scheme, host and port alone"));
    }
    Ok(origin)
}
