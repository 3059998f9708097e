//! What is remembered of upload codes: issuing, states, counts, redeeming.

use truyvet_crypto::token::{ReportType, TokenMetadata};
use truyvet_crypto::{CodeHash, Day, Timestamp};
use truyvet_matching::Region;

use crate::authorize::{CodeState, QuotaLevel, QuotaOf};

/// A code about to be issued.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Keyed hash; the code itself is never stored.
    pub hash: CodeHash,
    /// Names the slip.
    pub serial: String,
    /// Who issued it.
    pub officer_id: String,
    /// For which unit.
    pub unit_code: String,
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// First UTC day whose keys may be uploaded.
    pub first_day: Day,
    /// Where to publish, unless the person chooses another.
    pub region: Region,
    /// Full hour.
    pub issued_at: Timestamp,
    /// Full hour.
    pub expires_at: Timestamp,
}

/// How many codes may be issued in the local day that runs.
#[derive(Clone, Copy, Debug)]
pub struct IssueLimits {
    /// When the day began: codes issued from then on count.
    pub since: Timestamp,
    /// Most codes of one officer.
    pub officer: u64,
    /// Most codes of one unit.
    pub unit: u64,
}

/// Whether codes were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodesAdded {
    /// All of them.
    Added {
        /// Quotas that are nearly or wholly used up by these codes, and were not before.
        crossed: Vec<(QuotaOf, QuotaLevel)>,
    },
    /// A hash or serial is taken; nothing changed.
    Exists,
    /// More than may still be issued; nothing changed.
    OverQuota {
        /// Whose quota.
        whose: QuotaOf,
        /// Codes that may still be issued.
        left: u64,
    },
}

/// How many codes an officer of a unit issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// For which unit.
    pub unit_code: String,
    /// Who.
    pub officer_id: String,
    /// How many.
    pub codes: u64,
}

/// What is known of an issued code. Times are full hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRecord {
    /// Names the slip.
    pub serial: String,
    /// For which unit it was issued.
    pub unit_code: String,
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// Where to publish, unless the person chooses another.
    pub region: Region,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it can be redeemed.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// Whether an officer withdrew it.
    pub revoked: bool,
}

/// Which codes to list.
#[derive(Clone, Debug)]
pub struct CodesOf {
    /// Issued for these units.
    pub unit_codes: Vec<String>,
    /// In this state at `now`; `None` for any.
    pub state: Option<CodeState>,
    /// Behind this one; `None` for the newest.
    pub after: Option<CodePosition>,
    /// At most so many.
    pub limit: u32,
    /// Now.
    pub now: Timestamp,
}

/// A place in the list of codes: newest hour first, within an hour by serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePosition {
    /// Full hour.
    pub issued_at: Timestamp,
    /// Of the slip.
    pub serial: String,
}

/// How many codes are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// Can be redeemed.
    pub issued: u64,
    /// Were turned into a token.
    pub redeemed: u64,
    /// Their time ran out.
    pub expired: u64,
    /// An officer withdrew them.
    pub revoked: u64,
}

/// A day's counts of codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeCounts {
    /// Issued that day.
    pub issued: u64,
    /// Of these, redeemed.
    pub redeemed: u64,
    /// Of these, revoked.
    pub revoked: u64,
    /// Of these, run out.
    pub expired: u64,
}

/// What became of the codes of some units.
#[derive(Clone, Debug, Default)]
pub struct CodeTallies {
    /// For each unit and day of issue that has any.
    pub counts: Vec<(String, u32, CodeCounts)>,
    /// For each unit, day of issue and hours until redemption: how many codes.
    pub redeemed_after: Vec<(String, u32, u32, u64)>,
    /// For each unit and age in hours: how many codes are open now, whenever they were issued.
    pub open_since: Vec<(String, u32, u64)>,
}

/// Answer to a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Useless from now on (or already).
    Revoked,
    /// Too late: it was redeemed.
    Redeemed,
}

/// A code presented for a token.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// Keyed hash of the code as typed.
    pub code_hash: CodeHash,
    /// Digest of the blinded nonce: the same one may ask again.
    pub blinded_digest: [u8; 32],
    /// Now.
    pub now: Timestamp,
}

/// What a code allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the token says in the open.
    pub metadata: TokenMetadata,
    /// Where the officer said to publish. Beside the metadata, not in it: the upload names its region in the open anyhow,
    /// and every distinct metadata parts those who could have made an upload into smaller groups.
    pub region: Region,
}

/// Answer to a redemption. Unknown, used and expired are one answer, so guessing teaches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The code is spent on this blinded nonce.
    Granted(Grant),
    /// Unknown, used, expired or revoked.
    Refused,
}
