//! What is remembered of upload codes: issuing, states, counts, redeeming.

use std::ops::RangeInclusive;

use truyvet_crypto::token::{ReportType, TokenMetadata};
use truyvet_crypto::{CodeHash, Day, Timestamp};
use truyvet_matching::Region;

use super::{Result, StoreError};
use crate::{
    audit::{Action, AuditEntry},
    authorize::{CodeState, QuotaLevel, QuotaOf, QuotaState},
};

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

/// What a redemption would get, without changing anything.
pub(super) enum Verdict {
    /// The code was spent on this very nonce: the answer again.
    Again(Grant),
    /// The code is good: what it would give now.
    Good(Grant),
    Refused,
}

/// What is stored of a code, for [`Self::judge`].
pub(super) struct JudgedCode {
    pub(super) hash: [u8; 32],
    pub(super) report_type: u8,
    pub(super) first_day: Day,
    pub(super) region: Region,
    pub(super) expires_at: Timestamp,
    pub(super) revoked: bool,
    pub(super) used: bool,
    /// Of a used code; else whatever.
    pub(super) last_day: Day,
    /// Of a used code; else something that no nonce has.
    pub(super) blinded_digest: [u8; 32],
}

impl JudgedCode {
    /// Judges every code alike: unknown, used, expired and revoked ones cost the same decoding and the same comparisons, so
    /// that time does not tell them apart.
    ///
    /// An unknown code is judged on the row that would follow it, whatever that is, and fails in the comparison of hashes like
    /// every other test here: in constant time, none of them before the others are done. That a good code is then written
    /// shows, but so does the token that comes of it.
    pub(super) fn judge(self, redemption: &Redemption) -> Result<Verdict> {
        let report_type = parse_report_type(self.report_type)?;
        let grant = |last_day| Grant {
            metadata: TokenMetadata {
                report_type,
                first_day: self.first_day,
                last_day,
            },
            region: self.region,
        };
        let known = CodeHash::from_bytes(self.hash) == redemption.code_hash;
        // Digests are compared as the hashes are.
        let asked = CodeHash::from_bytes(redemption.blinded_digest);
        let same_nonce = CodeHash::from_bytes(self.blinded_digest) == asked;
        let in_time = redemption.now < self.expires_at;
        // `&` and not `&&`: all of it is looked at for every code.
        let again = known & self.used & same_nonce;
        let good = known & !self.used & !self.revoked & in_time;
        Ok(match (again, good) {
            // Also after the code has expired: it was spent in time, only the answer was lost.
            (true, _) => Verdict::Again(grant(self.last_day)),
            (_, true) => Verdict::Good(grant(redemption.now.day())),
            _ => Verdict::Refused,
        })
    }
}

pub(super) fn parse_report_type(byte: u8) -> Result<ReportType> {
    ReportType::from_byte(byte)
        .ok_or_else(|| StoreError::Inconsistent("upload_code.report_type".into()))
}

/// A quota that codes count for.
pub(super) struct CountedQuota {
    pub(super) whose: QuotaOf,
    /// Which account or unit.
    pub(super) subject: String,
    pub(super) state: QuotaState,
}

impl CountedQuota {
    /// The officer's and the unit's, for which a code counts like all that are issued with it.
    ///
    /// - `issued`: codes of that officer and of that unit since [`IssueLimits::since`].
    pub(super) fn of(code: &NewCode, issued: (u64, u64), limits: &IssueLimits) -> [Self; 2] {
        let quota = |whose, subject: &str, issued_today, limit| Self {
            whose,
            subject: subject.to_owned(),
            state: QuotaState {
                issued_today,
                limit,
            },
        };
        let (officer, unit) = issued;
        [
            quota(QuotaOf::Officer, &code.officer_id, officer, limits.officer),
            quota(QuotaOf::Unit, &code.unit_code, unit, limits.unit),
        ]
    }
}

/// The refusal of so many codes, if they are more than may still be issued.
pub(super) fn over_quota(quotas: &[CountedQuota], codes: &[NewCode]) -> Option<CodesAdded> {
    let over = quotas
        .iter()
        .find(|quota| codes.len() as u64 > quota.state.left())?;
    Some(CodesAdded::OverQuota {
        whose: over.whose,
        left: over.state.left(),
    })
}

/// Rows of the audit for codes that are issued: one each, then one for each quota that they use up, and which those are.
pub(super) fn rows_of_issue(
    quotas: &[CountedQuota],
    codes: &[NewCode],
    entry: &AuditEntry,
) -> (Vec<AuditEntry>, Vec<(QuotaOf, QuotaLevel)>) {
    let mut rows: Vec<AuditEntry> = codes
        .iter()
        .map(|code| AuditEntry {
            subject: code.serial.clone(),
            ..entry.clone()
        })
        .collect();
    let mut crossed = Vec::new();
    for quota in quotas {
        if let Some(level) = quota.state.crossed_by(codes.len() as u64) {
            rows.push(AuditEntry {
                action: match level {
                    QuotaLevel::NearlyReached => Action::QuotaNearlyReached,
                    QuotaLevel::Reached => Action::QuotaReached,
                },
                subject: quota.subject.clone(),
                ..entry.clone()
            });
            crossed.push((quota.whose, level));
        }
    }
    (rows, crossed)
}

/// From when, and until when without it, days of the calendar at an offset last, in Unix seconds.
pub(super) fn seconds_of_days(days: &RangeInclusive<u32>, utc_offset_seconds: i32) -> [i64; 2] {
    let start = |day: i64| day * 86_400 - i64::from(utc_offset_seconds);
    [
        start((*days.start()).into()),
        start(i64::from(*days.end()) + 1),
    ]
}
