//! Discloses a case, or takes that back: code → token → request → done, each step kept before the next is taken.
//!
//! ```text
//! begin     code and blinding are kept, then the code is sent with the blinded nonce
//! redeemed  the token is kept; a lost answer is asked for again with the same blinding
//! built     the request is kept; every try sends the same bytes, so that the server knows it again
//! done      the pending upload is forgotten, a receipt is kept, own secrets are drawn anew
//! ```
//!
//! A withdrawal goes the same way with a code of its own, and sends the receipt where the secrets were: the same request,
//! of the same size. When it is done, the receipt is forgotten; own secrets stay.
//!
//! Every way through it makes the same two calls, with the same gaps ([`calls`]): where there is no code to present any
//! more, or no upload to send, a decoy takes its place. Phones that have nothing to upload make the same calls now and then
//! ([`decoys`]). So whoever watches learns of none that it was an upload, a withdrawal, a refused code, a second try or nothing.
//!
//! Nothing on the wire is to tie the code, which an officer gave to a person, to the upload. The token does not: it is
//! blind. So the request goes over a connection of its own. What remains is what whoever runs the server (or sits before
//! it) sees of both: the same internet address, within seconds. Only a network between that hides addresses helps against
//! that.
//!
//! The app shows the person what is to be uploaded and asks; [`UploadOptions`] carries the answer.

mod begin;
mod calls;
pub(crate) mod decoys;
mod pending;
pub(crate) mod receipts;
mod request;
mod silence;

use std::ops::RangeInclusive;

use prost::Message;
use rand::CryptoRng;
use rusqlite::Transaction;
use tonic::Code;
use truyvet_crypto::{
    CodeError, Day, Timestamp,
    token::{ReportType, Token, TokenError},
};
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;
use zeroize::Zeroizing;

pub(crate) use self::begin::{begin, begin_withdrawal};
use self::{calls::Calls, pending::Pending};
use crate::{
    Phone,
    config::{ConfigError, DeploymentConfig},
    connection::{ConnectError, Connection},
    database::StoreError,
    identity,
    refusal::ServerRefusal,
};

/// What the person decided about the upload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadOptions {
    /// From (included) and until (not included).
    left_out: Vec<(Timestamp, Timestamp)>,
}

impl UploadOptions {
    /// Leaves out every slot that a stretch of time touches.
    ///
    /// - `until`: first second that is not left out.
    #[must_use]
    pub fn leave_out(mut self, from: Timestamp, until: Timestamp) -> Self {
        self.left_out.push((from, until));
        self
    }
}

/// How far the upload on its way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UploadStage {
    /// The code may have been sent; there is no token yet.
    Begun,
    /// The code is spent, the token is here.
    Redeemed,
    /// The request may have been sent; the server has not confirmed it.
    Built,
}

/// What was uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadReport {
    /// Whether it was taken back, not disclosed.
    pub withdrawn: bool,
    /// Days of which a key was disclosed, or taken back.
    pub days: usize,
    /// Slots to be published, or taken back, all days together.
    pub slots: u32,
}

/// Why an upload is not done. Holds no code, key or token: safe to print.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Mistyped; nothing was sent.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// The deployment's configuration could not be fetched, or tells that this phone's clock is wrong, so that what it
    /// would disclose carries wrong times; nothing was sent.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There was no second connection for the upload. It can be resumed.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The deployment does not publish for this region. If the person named it, nothing was sent. If the officer did, the
    /// upload can be resumed with a region that the person chooses.
    #[error("region: not one of this deployment's")]
    UnknownRegion,
    /// Another code's upload is on its way: resume or abandon it first.
    #[error("another upload is on its way")]
    AnotherPending,
    /// This phone was near nobody on the days covered, or all of it was left out. If the code was not redeemed before,
    /// it is still good.
    #[error("nothing to disclose")]
    NothingToDisclose,
    /// This phone has no receipt: it uploaded nothing within the retention, or took it back already. If the code was not
    /// redeemed before, it is still good.
    #[error("nothing to take back")]
    NothingToWithdraw,
    /// The code is for the other thing; nothing but the code was sent. Try the other with the same code, or abandon this.
    #[error("{}", if *.withdraws { "upload code: it takes an upload back" } else { "upload code: it takes nothing back, it is for an upload" })]
    OtherKind {
        /// The code takes an upload back.
        withdraws: bool,
    },
    /// No token for the code. If refused for good, the pending upload is forgotten; else it can be resumed.
    #[error("upload code: {0}")]
    Redeem(ServerRefusal),
    /// The answer to the code is no token: somebody altered it, or tags people. The upload can be resumed.
    #[error("upload code: {0}")]
    Token(#[from] TokenError),
    /// The token was not accepted, or the upload not taken in. If the token is refused for good, the pending upload is
    /// forgotten; else it can be resumed.
    #[error("upload: {0}")]
    Refused(ServerRefusal),
    /// The request cannot have the deployment's size.
    #[error("upload of {found} bytes, this deployment takes {upload_bytes}")]
    Size {
        /// Size without padding.
        found: usize,
        /// Size it must have.
        upload_bytes: usize,
    },
    /// The phone's file.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far the upload on its way is, if there is one.
pub(crate) fn stage(phone: &Phone) -> Result<Option<UploadStage>, StoreError> {
    let pending = phone.database.read(pending::load)?;
    Ok(
        pending.map(|pending| match (&pending.token, &pending.request) {
            (_, Some(_)) => UploadStage::Built,
            (Some(_), None) => UploadStage::Redeemed,
            (None, None) => UploadStage::Begun,
        }),
    )
}

/// Gives up the upload on its way. If the server took it already, it stands.
pub(crate) fn abandon(phone: &Phone) -> Result<(), StoreError> {
    end(phone, |_| Ok(()))
}

/// Takes the pending upload from wherever it stopped to its end. `None` if there is none.
pub(crate) async fn advance(
    phone: &Phone,
    connection: &Connection,
    config: &DeploymentConfig,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Option<UploadReport>, UploadError> {
    let Some(mut pending) = phone.database.read(pending::load)? else {
        return Ok(None);
    };
    let mut calls = Calls::begin(connection);
    let token = match pending.token.clone() {
        Some(token) => {
            // What became of it matters to nobody.
            let _ = calls.decoy_redeem().await;
            Ok(token)
        }
        None => redeem(phone, &mut calls, config, &mut pending).await,
    };
    let request = token.and_then(|token| request(phone, config, &mut pending, &token, now));
    let request = match request {
        Ok(request) => request,
        Err(error) => {
            let _ = calls.decoy_upload(config.upload_bytes).await;
            return Err(error);
        }
    };
    match calls.upload(request.clone()).await {
        Ok(()) => {
            finish(phone, &pending, &request, now, rng)?;
            Ok(Some(report(&pending, &request)))
        }
        Err(error) => {
            if let UploadError::Refused(refusal) = &error {
                after_refusal(phone, &mut pending, &request, refusal, now, rng)?;
            }
            Err(error)
        }
    }
}

/// What is sent with this token: as it was built before, or built now.
fn request(
    phone: &Phone,
    config: &DeploymentConfig,
    pending: &mut Pending,
    token: &Token,
    now: Timestamp,
) -> Result<pb::UploadRequest, UploadError> {
    // Secrets sent with a token that takes back would be given away for nothing, and an officer's mistake decides which it
    // is: what the person asked for must be what the token says.
    let withdraws = token.metadata.report_type == ReportType::Withdrawal;
    if withdraws != pending.withdraws {
        return Err(UploadError::OtherKind { withdraws });
    }
    let request = match pending.request.clone() {
        Some(request) => request,
        None => build(phone, config, pending, token, now)?,
    };
    let request = pb::UploadRequest::decode(&**request)
        .map_err(|_| StoreError::Damaged("pending_upload.request"))?;
    Ok(request)
}

async fn redeem(
    phone: &Phone,
    calls: &mut Calls<'_>,
    config: &DeploymentConfig,
    pending: &mut Pending,
) -> Result<Token, UploadError> {
    let blinded_element = pending.blinding.element().to_vec();
    let request = pb::RedeemRequest::new(pending.code.to_string(), blinded_element);
    let granted = match calls.redeem(request).await {
        Ok(granted) => granted,
        Err(refusal) => {
            if !refusal.is_transient() {
                // Another code must be able to follow.
                end(phone, |_| Ok(()))?;
            }
            return Err(UploadError::Redeem(refusal));
        }
    };
    // No `..` here: a field added to the proto must be handled before this compiles again.
    let pb::GrantedToken {
        evaluated_element,
        proof,
        metadata,
        region,
    } = granted;
    let metadata = metadata
        .and_then(pending::metadata_from_wire)
        .ok_or(TokenError::Evaluation)?;
    let token = pending.blinding.finish(
        &evaluated_element,
        &proof,
        metadata,
        &config.token_public_key,
    )?;
    pending.token = Some(token.clone());
    // Only what the signed configuration names, which is the same for everybody: a region made up for one code would mark
    // the upload that follows.
    let said: Option<Region> = region.parse().ok();
    let said = said.filter(|region| config.regions.contains(region));
    pending.region = pending.region.or(said);
    save(phone, pending)?;
    Ok(token)
}

fn build(
    phone: &Phone,
    config: &DeploymentConfig,
    pending: &mut Pending,
    token: &Token,
    now: Timestamp,
) -> Result<Zeroizing<Vec<u8>>, UploadError> {
    let days = request::days_covered(token, now.day(), config.retention_days);
    let keys = phone.database.read(|connection| {
        if pending.withdraws {
            return taken_back(connection, phone, &days);
        }
        let keys = request::disclosed_keys(connection, phone.scheme, days, &pending.options, now)?;
        Ok(keys.iter().map(request::key_to_wire).collect())
    })?;
    let region = pending.region.ok_or(UploadError::UnknownRegion)?;
    let request = request::build(token, region, keys, config.upload_bytes)?;
    pending.request = Some(request.clone());
    save(phone, pending)?;
    Ok(request)
}

/// The last upload's receipt, as far as the server has anything of it.
fn taken_back(
    connection: &rusqlite::Connection,
    phone: &Phone,
    days: &RangeInclusive<Day>,
) -> Result<Vec<pb::DisclosedKey>, UploadError> {
    let receipt = receipts::newest(connection, phone.scheme)?;
    let keys: Vec<_> = receipt
        .iter()
        .flat_map(|kept| &kept.days)
        .filter(|receipt| days.contains(&receipt.day()))
        .map(request::receipt_to_wire)
        .collect();
    Some(keys)
        .filter(|keys| !keys.is_empty())
        .ok_or(UploadError::NothingToWithdraw)
}

/// What is disclosed must not go on being used: IDs heard from now on have nothing in common with those published.
fn finish(
    phone: &Phone,
    pending: &Pending,
    request: &pb::UploadRequest,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreError> {
    end(phone, |transaction| {
        if pending.withdraws {
            return receipts::forget(transaction, request);
        }
        receipts::keep(transaction, phone.scheme, request)?;
        identity::rotate(transaction, phone.scheme, now.day(), rng)
    })
}

/// Forgets the pending upload, whatever became of it: nothing of code, token and request is left in the file or its log.
fn end(
    phone: &Phone,
    also: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    phone.database.write_durably(|transaction| {
        pending::clear(transaction)?;
        also(transaction)
    })?;
    phone.database.forget_deleted()
}

fn after_refusal(
    phone: &Phone,
    pending: &mut Pending,
    request: &pb::UploadRequest,
    refusal: &ServerRefusal,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), StoreError> {
    match refusal.code {
        // Only we know the token: if it is spent, an earlier try of ours was taken in, and its answer lost.
        Code::PermissionDenied if refusal.reason == "TOKEN_SPENT" => {
            finish(phone, pending, request, now, rng)
        }
        Code::PermissionDenied => end(phone, |_| Ok(())),
        // The token is not spent by a request that is wrong: the next try builds a new one.
        Code::InvalidArgument => {
            pending.request = None;
            save(phone, pending)
        }
        _ => Ok(()),
    }
}

fn save(phone: &Phone, pending: &Pending) -> Result<(), StoreError> {
    phone
        .database
        .write_durably(|transaction| pending::save(transaction, pending))
}

fn report(pending: &Pending, request: &pb::UploadRequest) -> UploadReport {
    UploadReport {
        withdrawn: pending.withdraws,
        days: request.keys.len(),
        slots: request
            .keys
            .iter()
            .flat_map(|key| &key.slots)
            .map(|byte| byte.count_ones())
            .sum(),
    }
}
