//! Turns an upload request into a `ValidUpload`, or says why not.
//!
//! Pure: no clock, no store, no network. Checks run cheapest first: size ([`check_size`]), region, dates, key bytes, then
//! the token.

use prost::Message as _;
use truyvet_crypto::{
    Day, DisclosedKey, KeyError, Receipt, Scheme, SlotSet, SlotSetError, Timestamp,
    token::{ReportType, Token, TokenIssuer, TokenMetadata},
};
use truyvet_matching::Region;
use truyvet_proto::v1 as pb;
use zeroize::Zeroizing;

use crate::{
    settings::Settings,
    store::{Change, NewUpload, StoreError},
};

/// Days after redemption for which a token is good: a phone that was offline overnight still gets through.
pub(crate) const TOKEN_GRACE_DAYS: u32 = 1;

/// Uploads are a multiple of this many bytes.
const SIZE_STEP: usize = 512;

/// What a request is held against.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Scheme, regions, retention, tolerance.
    pub settings: &'a Settings,
    /// Made the tokens.
    pub issuer: &'a TokenIssuer,
    /// Now.
    pub now: Timestamp,
}

/// What is wrong with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Another scheme than the deployment's.
    #[error("scheme: this deployment takes {0}")]
    Scheme(Scheme),
    /// The day has not begun.
    #[error("day: in the future")]
    DayInFuture,
    /// The day's keys are not kept any more.
    #[error("day: older than the retention")]
    DayTooOld,
    /// The authorization does not cover the day.
    #[error("day: outside the days that were authorized")]
    DayNotAuthorized,
    /// The day stands there twice.
    #[error("day: stands there twice")]
    DayRepeated,
    /// The bitmap is not that of a day.
    #[error("slots: {0}")]
    Slots(#[from] SlotSetError),
    /// No slot is set.
    #[error("slots: none is set")]
    NoSlots,
    /// A slot that has not begun.
    #[error("slots: slot {0} has not begun")]
    SlotNotBegun(u32),
    /// The secret has the wrong length.
    #[error("secret: {0}")]
    Secret(KeyError),
}

impl KeyFault {
    /// The field at fault.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "scheme",
            Self::DayInFuture | Self::DayTooOld | Self::DayNotAuthorized | Self::DayRepeated => {
                "day"
            }
            Self::Slots(_) | Self::NoSlots | Self::SlotNotBegun(_) => "slots",
            Self::Secret(_) => "secret",
        }
    }
}

/// Why an upload was turned away. The text holds no key, token or address: it may be logged and sent.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Every upload has one size, so that its length tells nothing.
    #[error("padding: the request has {found} bytes, every upload has {expected}")]
    Size {
        /// Size of every upload.
        expected: usize,
        /// Size of this one.
        found: usize,
    },
    /// Not a region of this deployment.
    #[error("region: not one of this deployment's")]
    UnknownRegion,
    /// Nothing to publish.
    #[error("keys: none")]
    NoKeys,
    /// More keys than days.
    #[error("keys: {found}, at most {max}")]
    TooManyKeys {
        /// Most keys.
        max: usize,
        /// Keys there are.
        found: usize,
    },
    /// A key is not acceptable.
    #[error("keys[{index}].{fault}")]
    Key {
        /// Which key, from 0.
        index: usize,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A part of the token is missing or has the wrong length.
    #[error("token.{field}: missing or malformed")]
    TokenMalformed {
        /// Which part.
        field: &'static str,
    },
    /// Not made by this server, or run out.
    #[error("token refused")]
    TokenRefused,
    /// It paid for another upload already.
    #[error("token spent")]
    TokenSpent,
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An upload that may be stored.
#[derive(Debug)]
pub struct ValidUpload {
    token: Token,
    request_digest: [u8; 32],
    region: Region,
    change: Change,
}

impl ValidUpload {
    /// What the store is to keep: nothing of the token but that it is spent.
    #[must_use]
    pub fn into_new(self) -> NewUpload {
        NewUpload {
            spend_id: self.token.spend_id(),
            request_digest: self.request_digest,
            token_last_day: self.token.metadata.last_day,
            region: self.region,
            change: self.change,
        }
    }
}

/// Encoded size of every upload of a deployment in bytes: what its longest one needs, rounded up.
#[must_use]
pub fn upload_bytes(scheme: Scheme, retention_days: u32) -> usize {
    let key = pb::DisclosedKey {
        scheme: scheme.byte().into(),
        day: u32::MAX,
        secret: vec![0; scheme.day_secret_bytes()],
        slots: SlotSet::full(scheme).as_bytes().to_vec(),
    };
    let longest = pb::UploadRequest {
        token: Some(pb::UploadToken {
            nonce: vec![0; 32],
            metadata: Some(pb::TokenMetadata {
                report_type: i32::from(u8::MAX),
                first_day: u32::MAX,
                last_day: u32::MAX,
            }),
            output: vec![0; 64],
        }),
        region: "12345678".into(),
        keys: vec![key; max_keys(retention_days)],
        padding: vec![0; 1],
        decoy: false,
    };
    longest.encoded_len().next_multiple_of(SIZE_STEP)
}

/// Today and the retention before it.
fn max_keys(retention_days: u32) -> usize {
    retention_days as usize + 1
}

/// Checks that a request, a decoy or not, has the size of all.
///
/// # Errors
/// [`UploadError::Size`].
pub fn check_size(request: &pb::UploadRequest, settings: &Settings) -> Result<(), UploadError> {
    let expected = upload_bytes(settings.scheme, settings.retention_days);
    let found = request.encoded_len();
    if found != expected {
        return Err(UploadError::Size { expected, found });
    }
    Ok(())
}

/// Parses one request that is no decoy and has the size of all.
///
/// # Errors
/// [`UploadError`], naming the field at fault.
pub fn parse(request: pb::UploadRequest, terms: &Terms<'_>) -> Result<ValidUpload, UploadError> {
    // No `..` here: a field added to the proto must be handled before this compiles again.
    let pb::UploadRequest {
        token,
        region,
        keys,
        padding: _,
        decoy: _,
    } = request;
    let region = region
        .parse()
        .ok()
        .filter(|region| terms.settings.takes(*region))
        .ok_or(UploadError::UnknownRegion)?;
    let token = parse_token(token)?;
    // The token decides, so one that takes back cannot disclose: what would be secrets are proofs then.
    let change = match token.metadata.report_type {
        ReportType::Withdrawal => {
            Change::Withdraw(parse_keys(keys, &token.metadata, terms, Receipt::new)?)
        }
        ReportType::ConfirmedTest | ReportType::Clinical | ReportType::SelfTest => {
            Change::Disclose(parse_keys(keys, &token.metadata, terms, DisclosedKey::new)?)
        }
    };
    let last_good_day = token.metadata.last_day.plus_days(TOKEN_GRACE_DAYS);
    if terms.now.day() > last_good_day || !terms.issuer.verify(&token) {
        return Err(UploadError::TokenRefused);
    }
    Ok(ValidUpload {
        request_digest: request_digest(&token, region, &change),
        token,
        region,
        change,
    })
}

fn parse_token(token: Option<pb::UploadToken>) -> Result<Token, UploadError> {
    let malformed = |field| UploadError::TokenMalformed { field };
    let pb::UploadToken {
        nonce,
        metadata,
        output,
    } = token.ok_or(malformed("nonce"))?;
    let pb::TokenMetadata {
        report_type,
        first_day,
        last_day,
    } = metadata.ok_or(malformed("metadata"))?;
    let report_type = u8::try_from(report_type)
        .ok()
        .and_then(ReportType::from_byte);
    Ok(Token {
        nonce: nonce.try_into().map_err(|_| malformed("nonce"))?,
        metadata: TokenMetadata {
            report_type: report_type.ok_or(malformed("metadata.report_type"))?,
            first_day: Day::from_number(first_day),
            last_day: Day::from_number(last_day),
        },
        output: output.try_into().map_err(|_| malformed("output"))?,
    })
}

/// Makes a key, or a receipt, of what stands in its place on the wire.
type Make<K> = fn(Scheme, Day, Vec<u8>, SlotSet) -> Result<K, KeyError>;

fn parse_keys<K>(
    keys: Vec<pb::DisclosedKey>,
    metadata: &TokenMetadata,
    terms: &Terms<'_>,
    make: Make<K>,
) -> Result<Vec<K>, UploadError> {
    let max = max_keys(terms.settings.retention_days);
    if keys.is_empty() {
        return Err(UploadError::NoKeys);
    }
    if keys.len() > max {
        return Err(UploadError::TooManyKeys {
            max,
            found: keys.len(),
        });
    }
    let mut parsed = Vec::with_capacity(keys.len());
    let mut days = Vec::with_capacity(keys.len());
    for (index, key) in keys.into_iter().enumerate() {
        let (day, key) = parse_key(key, metadata, terms, make)
            .map_err(|fault| UploadError::Key { index, fault })?;
        if days.contains(&day) {
            let fault = KeyFault::DayRepeated;
            return Err(UploadError::Key { index, fault });
        }
        days.push(day);
        parsed.push(key);
    }
    Ok(parsed)
}

fn parse_key<K>(
    key: pb::DisclosedKey,
    metadata: &TokenMetadata,
    terms: &Terms<'_>,
    make: Make<K>,
) -> Result<(Day, K), KeyFault> {
    let pb::DisclosedKey {
        scheme,
        day,
        secret,
        slots,
    } = key;
    let expected = terms.settings.scheme;
    if u8::try_from(scheme).ok().and_then(Scheme::from_byte) != Some(expected) {
        return Err(KeyFault::Scheme(expected));
    }
    // A phone's clock may run ahead of ours by the tolerance.
    let latest = terms
        .now
        .plus_seconds(terms.settings.clock_tolerance_seconds.into());
    if day > latest.day().number() {
        return Err(KeyFault::DayInFuture);
    }
    let day = Day::from_number(day);
    if day < terms.now.day().minus_days(terms.settings.retention_days) {
        return Err(KeyFault::DayTooOld);
    }
    // The last day's keys may reach into the grace: the phone redeemed before midnight and uploads after.
    if day < metadata.first_day || day > metadata.last_day {
        return Err(KeyFault::DayNotAuthorized);
    }
    let slots = SlotSet::parse(expected, &slots)?;
    let last = slots.last().ok_or(KeyFault::NoSlots)?;
    if expected.slot_start(expected.slot(day, last)) > latest {
        return Err(KeyFault::SlotNotBegun(last));
    }
    let key = make(expected, day, secret, slots).map_err(KeyFault::Secret)?;
    Ok((day, key))
}

/// Tells two requests apart that are paid with the same token. Padding does not count.
///
/// Keyed with the token's output, which the server neither stores nor can compute without the nonce: a plain hash would
/// let whoever holds the database try out which stored keys came in one request.
fn request_digest(token: &Token, region: Region, change: &Change) -> [u8; 32] {
    let region_length = u8::try_from(region.as_str().len()).expect("at most 8");
    let mut content = Zeroizing::new(vec![region_length]);
    content.extend_from_slice(region.as_str().as_bytes());
    let mut append = |scheme: Scheme, day: Day, slots: &SlotSet, secret: &[u8]| {
        // Lengths follow from scheme and slots, so the content cannot be cut in another way.
        content.push(scheme.byte());
        content.extend_from_slice(&day.number().to_be_bytes());
        content.extend_from_slice(slots.as_bytes());
        content.extend_from_slice(secret);
    };
    match change {
        Change::Disclose(keys) => keys
            .iter()
            .for_each(|key| append(key.scheme(), key.day(), key.slots(), key.secret())),
        Change::Withdraw(receipts) => receipts
            .iter()
            .for_each(|one| append(one.scheme(), one.day(), one.slots(), one.proof())),
    }
    token.authenticate(b"truyvet upload v1", &content)
}
