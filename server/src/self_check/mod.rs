//! Walks the whole way every few minutes, in production, with a case that is nobody: issue, redeem, upload, publish,
//! download, match, exposure. So operators hear of a broken step before a person meets it.
//!
//! From outside: over sockets, through the listener that phones use (`client`). Into a region of its own
//! ([`region`]), which phones are not offered: its windows close whenever a check is made, and nobody else's keys are in
//! them. Its code belongs to a unit that is in no officer's reach, so in no figure, quota or audit. What a check leaves
//! is forgotten by the next one. A check that fails is logged with its step and counted; whether the server is ready is
//! not its affair.
//!
//! It costs what one upload and a window of the smallest size cost, and waits where a real window is being published.

mod case;

use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use object_store::ObjectStoreExt as _;
use prost::Message as _;
use tokio::time::timeout;
use tracing::{debug, error, info};
use truyvet_crypto::sign::{KeyId, Purpose, TrustedKeys};
use truyvet_matching::{Digest, Region, VerifiedBatch, encounters, exposures, join};
use truyvet_proto::v1 as pb;

use self::case::Case;
use crate::{
    authorize, context::Context, download::batch_path, grpc::OwnPhone, publish, telemetry::Metric,
};

/// The first check of a server: soon, and not in the middle of its start.
const FIRST_AFTER: Duration = Duration::from_secs(60);

/// For one step. A real window that is being published may hold up the check's own.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest index or batch that a check makes of itself.
const MAX_DOWNLOAD_BYTES: usize = 16 << 20;

/// The region that checks publish in. No deployment may have it.
///
/// # Panics
/// Never: it is a region's name.
#[must_use]
pub fn region() -> Region {
    Region::parse("SELF-CHK").expect("a region's name")
}

/// Where a check can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckStep {
    /// Forgetting the check before, and storing a code.
    Issue,
    /// Connecting to the public listener.
    Connect,
    /// The code for a token.
    Redeem,
    /// The token for an upload.
    Upload,
    /// Closing, building, storing and announcing the window.
    Publish,
    /// Index and file.
    Download,
    /// The signatures on both.
    Verify,
    /// Finding what was heard, and nothing else.
    Match,
    /// What a phone makes of it.
    Exposure,
}

impl fmt::Display for CheckStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Issue => "issue",
            Self::Connect => "connect",
            Self::Redeem => "redeem",
            Self::Upload => "upload",
            Self::Publish => "publish",
            Self::Download => "download",
            Self::Verify => "verify",
            Self::Match => "match",
            Self::Exposure => "exposure",
        })
    }
}

/// A check that did not reach its end. The text holds no code, token or key.
#[derive(Debug, thiserror::Error)]
#[error("self-check failed at the step \"{step}\": {reason}")]
pub struct CheckFailed {
    /// Where.
    pub step: CheckStep,
    /// Why.
    pub reason: String,
}

/// Checks as the settings say. Runs until dropped.
///
/// - `public`: where the public listener is bound.
pub(crate) async fn keep_checking(context: Arc<Context>, public: SocketAddr) {
    let Some(minutes) = context.settings.self_check_every_minutes else {
        return std::future::pending().await;
    };
    let every = Duration::from_secs(60 * u64::from(minutes));
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + FIRST_AFTER, every);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        tick.tick().await;
        match check(&context, public).await {
            Ok(took) => {
                debug!("self-check passed in {took:?}");
                if failed {
                    info!("self-check passes again");
                }
                failed = false;
            }
            Err(failure) => {
                error!(step = %failure.step, "{failure}");
                failed = true;
            }
        }
    }
}

/// One check, counted. Returns how long it took.
///
/// - `public`: where the public listener is bound.
///
/// # Errors
/// [`CheckFailed`], with the step.
pub async fn check(context: &Context, public: SocketAddr) -> Result<Duration, CheckFailed> {
    let started = Instant::now();
    let outcome = walk(context, public).await;
    let telemetry = &context.telemetry;
    let label = if outcome.is_ok() { "passed" } else { "failed" };
    telemetry.count(Metric::SelfChecks, &[label]);
    outcome?;
    let took = started.elapsed();
    telemetry.set(Metric::SelfCheckSeconds, &[], took.as_secs_f64());
    Ok(took)
}

async fn walk(context: &Context, public: SocketAddr) -> Result<(), CheckFailed> {
    let settings = &context.settings;
    let mut rng = context.rng();
    let case = Case::of(settings, context.now(), &mut rng);
    let code = within(CheckStep::Issue, async {
        forget(context).await?;
        let issued = authorize::issue_for_self_check(context, region(), case.key.day()).await;
        issued.map_err(text)
    })
    .await?;
    let phone = OwnPhone::connect(public, settings.tls.as_ref());
    let phone = within(CheckStep::Connect, phone).await?;
    let public_key = context.keys.token_issuer.public_key();
    let token = phone.redeem(&code.upload_code, &public_key, &mut rng);
    let token = within(CheckStep::Redeem, token).await?;
    let size = crate::upload::upload_bytes(settings.scheme, settings.retention_days);
    let upload = phone.upload(&token, region(), &case.key, size);
    within(CheckStep::Upload, upload).await?;
    within(CheckStep::Publish, async {
        publish::publish(context, region()).await.map_err(text)
    })
    .await?;
    let signed = phone.get(format!("/v1/{}/index", region()), MAX_DOWNLOAD_BYTES);
    let signed = within(CheckStep::Download, signed).await?;
    let trusted = context.keys.signing();
    let trusted = trusted.iter().map(|dated| dated.key.verifying_key());
    let trusted = TrustedKeys::new(trusted.collect());
    let mut failure = None;
    for digest in last_batches(&signed, &trusted).map_err(at(CheckStep::Verify))? {
        let file = phone.get(format!("/v1/batches/{digest}.tvb"), MAX_DOWNLOAD_BYTES);
        let file = within(CheckStep::Download, file).await?;
        let batch = VerifiedBatch::verify(file, &trusted)
            .map_err(text)
            .map_err(at(CheckStep::Verify))?;
        match case.judge(&batch, settings) {
            Ok(()) => return Ok(()),
            // If it is in none, what is wrong with the last one is what is wrong.
            Err(wrong) => {
                failure.get_or_insert(wrong);
            }
        }
    }
    Err(failure.unwrap_or_else(|| at(CheckStep::Download)("index: names no batch".into())))
}

/// Where another server checks at the same time, the case is in the window that it closed, or in that before.
const LOOK_AT: usize = 3;

/// A step, with an end.
async fn within<T>(
    step: CheckStep,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, CheckFailed> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
        .map_err(at(step))
}

fn at(step: CheckStep) -> impl FnOnce(String) -> CheckFailed {
    move |reason| CheckFailed { step, reason }
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

/// What checks before left. The last batch stays, since the next one's number follows from it.
async fn forget(context: &Context) -> Result<(), String> {
    let forgotten = context.store.forget_self_checks(region()).await;
    for digest in forgotten.map_err(text)? {
        match context
            .batch_store
            .files()
            .delete(&batch_path(digest))
            .await
        {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            // Retention takes what no index names.
            Err(error) => debug!(%error, "a self-check's file stays until retention finds it"),
        }
    }
    Ok(())
}

/// The last batches that a signed index names, newest first.
fn last_batches(signed: &[u8], trusted: &TrustedKeys) -> Result<Vec<Digest>, String> {
    let signed = pb::Signed::decode(signed).map_err(text)?;
    let signature = signed.signatures.first().ok_or("index: no signature")?;
    let key_id = <[u8; 8]>::try_from(&*signature.key_id).map_err(text)?;
    trusted
        .verify(
            KeyId::from_bytes(key_id),
            Purpose::Index,
            &signed.payload,
            &signature.signature,
        )
        .map_err(text)?;
    let index = pb::Index::decode(&*signed.payload).map_err(text)?;
    if index.region != region().as_str() {
        return Err("index: of another region".into());
    }
    let last = index.batches.iter().rev().take(LOOK_AT);
    last.map(|batch| {
        let digest = <[u8; 32]>::try_from(&*batch.digest).map_err(text)?;
        Ok(Digest::from_bytes(digest))
    })
    .collect()
}
