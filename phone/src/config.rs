//! The deployment's configuration: what a server says of itself, signed.
//!
//! Learns from it which further keys to trust. Table `config`. Fetching is left to [`phone`](crate::Phone).

use prost::Message;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use truyvet_crypto::{
    Scheme, Timestamp,
    sign::{Purpose, TrustedKeys, VerifyingKey},
};
use truyvet_matching::{ExposureRule, Region};
use truyvet_proto::v1 as pb;

use crate::{
    clock::{ClockOff, check_not_ahead, check_not_behind},
    database::StoreError,
    refusal::ServerRefusal,
    signed::{self, SignedError},
};

/// Why a configuration is refused. Safe to print.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The server could not be reached, or did not answer.
    #[error("configuration: {0}")]
    Server(#[from] ServerRefusal),
    /// Not signed as it must be.
    #[error("configuration: {0}")]
    Signed(#[from] SignedError),
    /// Signed in this phone's future; or fetched just now and long past for it.
    #[error(transparent)]
    Clock(#[from] ClockOff),
    /// The deployment uses another scheme than this phone.
    #[error("configuration: scheme {found}, this phone uses {expected}")]
    Scheme {
        /// This phone's.
        expected: Scheme,
        /// The server's.
        found: Scheme,
    },
    /// A number out of bounds.
    #[error("configuration: {0} is out of bounds")]
    Field(&'static str),
    /// The phone's file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What phones need to know of a deployment, every number within its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// The key schedule.
    pub scheme: Scheme,
    /// Regions that batches are published for.
    pub regions: Vec<Region>,
    /// Days that sightings, secrets and matches are kept, 1 to 30.
    pub retention_days: u32,
    /// Encoded size of every upload request.
    pub upload_bytes: usize,
    /// A sighting gets the tags of every slot that its time ± this touches; at most 3,600.
    pub clock_tolerance_seconds: u32,
    /// Keys that sign, besides those the app came with.
    pub signing_keys: Vec<VerifyingKey>,
    /// Public key of the blind tokens.
    pub token_public_key: [u8; 32],
    /// When a match is an exposure.
    pub exposure_rule: ExposureRule,
    /// The server's clock when it signed.
    pub generated_at: Timestamp,
    /// Decoys that this phone sends on average, at most 70.
    pub decoys_per_week: u32,
}

impl DeploymentConfig {
    /// # Errors
    /// [`ConfigError::Field`] names the first value out of bounds.
    fn parse(config: pb::Config) -> Result<Self, ConfigError> {
        // No `..` here: a field added to the proto must be handled before this compiles again.
        let pb::Config {
            scheme,
            regions,
            retention_days,
            upload_bytes,
            clock_tolerance_seconds,
            // For monitoring: phones sync when their system lets them.
            publish_every_seconds: _,
            signing_keys,
            token_public_key,
            exposure_rule,
            generated_at,
            decoys_per_week,
        } = config;
        let field = ConfigError::Field;
        let within = |value: u32, bounds: std::ops::RangeInclusive<u32>, name| {
            bounds.contains(&value).then_some(value).ok_or(field(name))
        };
        let upload_bytes = within(upload_bytes, 256..=1 << 20, "upload_bytes")?;
        Ok(Self {
            scheme: u8::try_from(scheme)
                .ok()
                .and_then(Scheme::from_byte)
                .ok_or(field("scheme"))?,
            regions: regions
                .iter()
                .map(|name| Region::parse(name).map_err(|_| field("regions")))
                .collect::<Result<_, _>>()?,
            retention_days: within(retention_days, 1..=30, "retention_days")?,
            upload_bytes: usize::try_from(upload_bytes).map_err(|_| field("upload_bytes"))?,
            clock_tolerance_seconds: within(
                clock_tolerance_seconds,
                0..=3_600,
                "clock_tolerance_seconds",
            )?,
            signing_keys: signing_keys
                .into_iter()
                .map(|key| parse_key(&key).ok_or(field("signing_keys")))
                .collect::<Result<_, _>>()?,
            token_public_key: token_public_key
                .try_into()
                .map_err(|_| field("token_public_key"))?,
            exposure_rule: parse_rule(exposure_rule.ok_or(field("exposure_rule"))?)?,
            generated_at: Timestamp::from_unix_seconds(generated_at)
                .ok_or(field("generated_at"))?,
            decoys_per_week: within(decoys_per_week, 0..=70, "decoys_per_week")?,
        })
    }
}

/// How a configuration came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From a server just now: its time is about now.
    Server,
    /// Some other way: it may be old.
    Other,
}

/// Checks a configuration. Keeping it is left to [`keep`].
pub(crate) fn open(
    config: &pb::Signed,
    origin: Origin,
    trusted: &TrustedKeys,
    expected: Scheme,
    now: Timestamp,
) -> Result<DeploymentConfig, ConfigError> {
    let message = signed::open(config, Purpose::Config, trusted)?;
    let config = DeploymentConfig::parse(message)?;
    check_not_behind(config.generated_at, now)?;
    if origin == Origin::Server {
        check_not_ahead(config.generated_at, now)?;
    }
    if config.scheme != expected {
        return Err(ConfigError::Scheme {
            expected,
            found: config.scheme,
        });
    }
    Ok(config)
}

/// Keeps the payload of a configuration that [`open`] accepted.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    payload: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    transaction.execute(
        "INSERT OR REPLACE INTO config (one, payload, fetched_at) VALUES (1, ?, ?)",
        params![payload, now.unix_seconds()],
    )?;
    Ok(())
}

/// The configuration that was kept last.
pub(crate) fn kept(connection: &Connection) -> Result<Option<DeploymentConfig>, StoreError> {
    let payload: Option<Vec<u8>> = connection
        .query_row("SELECT payload FROM config", [], |row| row.get(0))
        .optional()?;
    let damaged = || StoreError::Damaged("config.payload");
    payload
        .map(|payload| {
            let message = pb::Config::decode(&*payload).map_err(|_| damaged())?;
            DeploymentConfig::parse(message).map_err(|_| damaged())
        })
        .transpose()
}

/// When a server was last asked for its configuration.
pub(crate) fn fetched_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let seconds: Option<i64> = connection
        .query_row("SELECT fetched_at FROM config", [], |row| row.get(0))
        .optional()?;
    Ok(seconds.and_then(Timestamp::from_unix_seconds))
}

fn parse_key(key: &pb::SigningKey) -> Option<VerifyingKey> {
    let public = VerifyingKey::from_bytes(key.public_key.as_slice().try_into().ok()?);
    (public.id().as_bytes()[..] == key.key_id[..]).then_some(public)
}

fn parse_rule(rule: pb::ExposureRule) -> Result<ExposureRule, ConfigError> {
    let pb::ExposureRule {
        minutes,
        rssi_dbm,
        utc_offset_seconds,
    } = rule;
    let field = ConfigError::Field;
    if !(1..=1_440).contains(&minutes) {
        return Err(field("exposure_rule.minutes"));
    }
    // No place is further from UTC than 14 hours.
    if !(-50_400..=50_400).contains(&utc_offset_seconds) {
        return Err(field("exposure_rule.utc_offset_seconds"));
    }
    Ok(ExposureRule {
        minutes,
        rssi_dbm: i16::try_from(rssi_dbm).map_err(|_| field("exposure_rule.rssi_dbm"))?,
        utc_offset_seconds,
    })
}

#[cfg(test)]
mod tests {
    use truyvet_crypto::sign::SigningKey;

    use super::*;

    const NOW: i64 = 1_767_225_600;

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(NOW).unwrap()
    }

    fn key() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    fn config() -> pb::Config {
        pb::Config {
            scheme: pb::Scheme::Gaen.into(),
            regions: vec!["VN".to_owned()],
            retention_days: 14,
            upload_bytes: 4_096,
            clock_tolerance_seconds: 300,
            publish_every_seconds: 14_400,
            signing_keys: vec![pb::SigningKey {
                key_id: key().verifying_key().id().as_bytes().to_vec(),
                public_key: key().verifying_key().as_bytes().to_vec(),
            }],
            token_public_key: vec![7; 32],
            exposure_rule: Some(pb::ExposureRule {
                minutes: 15,
                rssi_dbm: -80,
                utc_offset_seconds: 25_200,
            }),
            generated_at: NOW,
            decoys_per_week: 2,
        }
    }

    fn opened(change: impl FnOnce(&mut pb::Config)) -> Result<DeploymentConfig, ConfigError> {
        opened_from(Origin::Server, change)
    }

    fn opened_from(
        origin: Origin,
        change: impl FnOnce(&mut pb::Config),
    ) -> Result<DeploymentConfig, ConfigError> {
        let mut config = config();
        change(&mut config);
        let payload = config.encode_to_vec();
        let signatures = vec![pb::Signature {
            key_id: key().verifying_key().id().as_bytes().to_vec(),
            signature: key().sign(Purpose::Config, &payload).to_vec(),
        }];
        let signed = pb::Signed {
            payload,
            signatures,
        };
        let trusted = TrustedKeys::new(vec![key().verifying_key()]);
        open(&signed, origin, &trusted, Scheme::Gaen, now())
    }

    #[test]
    fn a_signed_configuration_within_bounds_is_taken() {
        let config = opened(|_| {}).unwrap();
        assert_eq!(config.retention_days, 14);
        assert_eq!(config.signing_keys, [key().verifying_key()]);
        assert_eq!(config.exposure_rule.rssi_dbm, -80);
        // Old is fine: servers keep a signed one for a while.
        opened(|config| config.generated_at -= 86_400).unwrap();
    }

    #[test]
    fn numbers_out_of_bounds_are_named() {
        let field = |change: fn(&mut pb::Config)| match opened(change) {
            Err(ConfigError::Field(name)) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(|c| c.scheme = 0), "scheme");
        assert_eq!(field(|c| c.scheme = 257), "scheme");
        assert_eq!(field(|c| c.regions.push("vn".into())), "regions");
        assert_eq!(field(|c| c.retention_days = 0), "retention_days");
        assert_eq!(field(|c| c.retention_days = 31), "retention_days");
        assert_eq!(field(|c| c.upload_bytes = u32::MAX), "upload_bytes");
        assert_eq!(
            field(|c| c.clock_tolerance_seconds = 3_601),
            "clock_tolerance_seconds"
        );
        assert_eq!(field(|c| c.signing_keys[0].key_id[0] ^= 1), "signing_keys");
        assert_eq!(field(|c| c.token_public_key.clear()), "token_public_key");
        assert_eq!(field(|c| c.exposure_rule = None), "exposure_rule");
        assert_eq!(field(|c| c.generated_at = -1), "generated_at");
        assert_eq!(field(|c| c.decoys_per_week = 71), "decoys_per_week");
    }

    #[test]
    fn a_configuration_from_the_future_says_that_the_clock_is_behind() {
        let refused = opened(|config| config.generated_at += 7_201).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "this phone's clock is 7201 s behind the server's"
        );
    }

    #[test]
    fn an_old_configuration_from_a_server_says_that_the_clock_is_ahead() {
        let old = |config: &mut pb::Config| config.generated_at -= 172_801;
        assert_eq!(
            opened(old).unwrap_err().to_string(),
            "this phone's clock is ahead of the server's, up to 172801 s"
        );
        opened_from(Origin::Other, old).unwrap();
    }

    #[test]
    fn another_scheme_is_refused() {
        let refused = opened(|config| config.scheme = pb::Scheme::Dp3t.into()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "configuration: scheme dp3t, this phone uses gaen"
        );
    }
}
