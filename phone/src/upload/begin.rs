//! Begins an upload or a withdrawal: what must be known before the code is sent is checked, then code and blinding are kept.

use rand::CryptoRng;
use rusqlite::Transaction;
use truyvet_crypto::{
    Timestamp, UploadCode,
    token::{Blinding, Token},
};
use truyvet_matching::Region;
use zeroize::Zeroizing;

use super::{UploadError, UploadOptions, pending, pending::Pending, receipts, request};
use crate::{Phone, config::DeploymentConfig};

/// Keeps code and blinding, before anything is sent. The same code again takes up where its upload stopped.
pub(crate) fn begin(
    phone: &Phone,
    config: &DeploymentConfig,
    code: &UploadCode,
    region: Option<Region>,
    options: &UploadOptions,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<(), UploadError> {
    if region.is_some_and(|region| !config.regions.contains(&region)) {
        return Err(UploadError::UnknownRegion);
    }
    phone.database.write_durably(|transaction| {
        let begun = match begun_with(transaction, code)? {
            CodeIs::Sent => return Ok(()),
            CodeIs::Begun(begun) => *begun,
            CodeIs::New => {
                // Before the code is spent: is there anything at all, on the widest range of days a token can cover?
                let days = now.day().minus_days(config.retention_days)..=now.day();
                request::disclosed_keys(transaction, phone.scheme, days, options, now)?;
                Begun::new(rng)
            }
        };
        let pending = Pending {
            code: code.grouped(),
            withdraws: false,
            region: region.or(begun.region),
            options: options.clone(),
            blinding: begun.blinding,
            token: begun.token,
            request: None,
        };
        Ok(pending::save(transaction, &pending)?)
    })
}

/// The same for a withdrawal of the last upload that was not taken back.
pub(crate) fn begin_withdrawal(
    phone: &Phone,
    config: &DeploymentConfig,
    code: &UploadCode,
    rng: &mut impl CryptoRng,
) -> Result<(), UploadError> {
    phone.database.write_durably(|transaction| {
        let begun = match begun_with(transaction, code)? {
            CodeIs::Sent => return Ok(()),
            CodeIs::Begun(begun) => *begun,
            CodeIs::New => Begun::new(rng),
        };
        let receipt = receipts::newest(transaction, phone.scheme)?;
        let region = receipt.ok_or(UploadError::NothingToWithdraw)?.region;
        if !config.regions.contains(&region) {
            return Err(UploadError::UnknownRegion);
        }
        let pending = Pending {
            code: code.grouped(),
            withdraws: true,
            region: Some(region),
            options: UploadOptions::default(),
            blinding: begun.blinding,
            token: begun.token,
            request: None,
        };
        Ok(pending::save(transaction, &pending)?)
    })
}

/// What stays when the same code is begun with once more, whatever for: a code of the other kind than was asked for may
/// be redeemed already.
struct Begun {
    /// Not of a receipt: where an upload goes is for the person or the officer to say.
    region: Option<Region>,
    blinding: Blinding,
    token: Option<Token>,
}

impl Begun {
    fn new(rng: &mut impl CryptoRng) -> Self {
        Self {
            region: None,
            blinding: Blinding::generate(rng),
            token: None,
        }
    }
}

enum CodeIs {
    New,
    Begun(Box<Begun>),
    /// The request was built and may have been sent, so what was decided then stands.
    Sent,
}

fn begun_with(transaction: &Transaction<'_>, code: &UploadCode) -> Result<CodeIs, UploadError> {
    let code: Zeroizing<String> = code.grouped();
    match pending::load(transaction)? {
        None => Ok(CodeIs::New),
        Some(pending) if *pending.code != *code => Err(UploadError::AnotherPending),
        Some(pending) if pending.request.is_some() => Ok(CodeIs::Sent),
        Some(pending) => Ok(CodeIs::Begun(Box::new(Begun {
            region: pending.region.filter(|_| !pending.withdraws),
            blinding: pending.blinding,
            token: pending.token,
        }))),
    }
}
