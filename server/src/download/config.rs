//! The configuration that phones ask for.

use prost::Message as _;
use truyvet_crypto::sign::Purpose;
use truyvet_proto::v1 as pb;

use super::sign;
use crate::{context::Context, upload::upload_bytes};

/// What phones need to know of this deployment, signed now.
#[must_use]
pub fn signed_config(context: &Context) -> pb::Signed {
    let settings = &context.settings;
    let rule = settings.exposure_rule;
    let bytes = upload_bytes(settings.scheme, settings.retention_days);
    let config = pb::Config {
        scheme: settings.scheme.byte().into(),
        regions: settings.regions.iter().map(ToString::to_string).collect(),
        retention_days: settings.retention_days,
        upload_bytes: u32::try_from(bytes).expect("uploads are below 100 KB"),
        clock_tolerance_seconds: settings.clock_tolerance_seconds,
        publish_every_seconds: settings.publish_every_seconds.unwrap_or(0),
        signing_keys: context
            .keys
            .signing()
            .iter()
            .map(|dated| {
                let key = dated.key.verifying_key();
                pb::SigningKey {
                    key_id: key.id().as_bytes().to_vec(),
                    public_key: key.as_bytes().to_vec(),
                }
            })
            .collect(),
        token_public_key: context.keys.token_issuer.public_key().to_vec(),
        exposure_rule: Some(pb::ExposureRule {
            minutes: rule.minutes,
            rssi_dbm: rule.rssi_dbm.into(),
            utc_offset_seconds: rule.utc_offset_seconds,
        }),
        generated_at: context.now().unix_seconds(),
        decoys_per_week: settings.decoys_per_week,
    };
    sign(&context.keys, Purpose::Config, config.encode_to_vec())
}
