//! What the server remembers, as sentences of the domain. A method is one transaction; acknowledged means durable.
//!
//! Knows no SQL: that is for the backends. Decides nothing that a request could get wrong: that was checked before.

pub mod sqlite;

use async_trait::async_trait;
use truyvet_crypto::{
    CodeHash, Day, DisclosedKey, Timestamp,
    sign::KeyId,
    token::{ReportType, TokenMetadata},
};
use truyvet_matching::{Codec, Digest, Region};

use crate::{
    audit::{AuditEntry, AuditLine, AuditQuery, AuditRow, Head},
    figures::{NewReport, ReportKind, SentReport},
    officers::{ClientKey, NewClientKey, Officer, Unit, UnitList},
};

/// Why a store could not do what it was asked. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting already.
    #[error("store busy")]
    Busy,
    /// The disk is full or cannot be written.
    #[error("store cannot write: {0}")]
    Disk(String),
    /// Anything else that the database says.
    #[error("store failed: {0}")]
    Database(String),
    /// What is stored is not what was written.
    #[error("store inconsistent: {0}")]
    Inconsistent(String),
}

/// Result of a store method.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Whether a row was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is new.
    Added,
    /// Something with the same name is there; nothing changed.
    Exists,
}

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
    /// Full hour.
    pub issued_at: Timestamp,
    /// Full hour.
    pub expires_at: Timestamp,
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
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Until when it can be redeemed.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub redeemed_at: Option<Timestamp>,
    /// Whether an officer withdrew it.
    pub revoked: bool,
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

/// Answer to a redemption. Unknown, used and expired are one answer, so guessing teaches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The code is spent on this blinded nonce.
    Granted(TokenMetadata),
    /// Unknown, used, expired or revoked.
    Refused,
}

/// A valid upload on its way in. It has no time of arrival and nothing that ties its keys to a code.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// What is remembered of the token.
    pub spend_id: [u8; 32],
    /// Keyed digest of the whole request: the same one may come again.
    pub request_digest: [u8; 32],
    /// From the token: when its spend id may be forgotten.
    pub token_last_day: Day,
    /// Where to publish.
    pub region: Region,
    /// At least one.
    pub keys: Vec<DisclosedKey>,
}

/// Answer to an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Durable now, in the window that is open.
    Stored,
    /// The same request was stored before; nothing changed.
    Again,
    /// The token paid for another upload already; nothing changed.
    TokenSpent,
}

/// How to close a window: all that its batch is made from, besides its keys. Fixed here, so that a publication taken
/// up after a crash gives the same bytes, whatever the settings say by then.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Which region.
    pub region: Region,
    /// Now; the store puts it after the window before if the clock went back.
    pub closed_at: Timestamp,
    /// Slots that ended later wait for the next window: see `publish::select`.
    pub slots_until: Timestamp,
    /// Start of the region's first window; later ones start where the one before closed.
    pub first_window_start: Timestamp,
    /// Drawn when closing and shown to nobody before the file is out: no upload could aim at it.
    pub salt: [u8; 16],
    /// Padding tags are derived from it.
    pub padding_seed: [u8; 32],
    /// Who signs.
    pub key_id: KeyId,
    /// Encoding.
    pub codec: Codec,
    /// A batch finds an absent tag with chance 2^-this.
    pub fingerprint_bits: u8,
    /// Fewest tags.
    pub pad_floor_tags: u64,
    /// A multiple of this above.
    pub pad_step_tags: u64,
}

/// A closed window that is not published yet.
#[derive(Clone, Debug)]
pub struct ClosedWindow {
    /// As it was closed.
    pub closing: Closing,
    /// Counts the region's publications from 1, without gaps.
    pub sequence: u64,
    /// When the window before closed; `None` for the first.
    pub previous_closed_at: Option<Timestamp>,
    /// Until when the window before took slots; `None` for the first.
    pub previous_slots_until: Option<Timestamp>,
    /// Digest of the file before; zero for the first.
    pub previous: Digest,
}

/// A disclosed key with the window it was accepted in.
#[derive(Clone, Debug)]
pub struct AcceptedKey {
    /// The key.
    pub key: DisclosedKey,
    /// Sequence number of the window that was open.
    pub accepted_window: u64,
}

/// A batch that is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedBatch {
    /// Counts the region's publications from 1.
    pub sequence: u64,
    /// Name of the file.
    pub digest: Digest,
    /// Length of the file.
    pub file_bytes: u64,
    /// Tags in it, padding included.
    pub tags: u64,
    /// When its window closed.
    pub closed_at: Timestamp,
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

/// What to forget.
#[derive(Clone, Copy, Debug)]
pub struct Forget {
    /// Keys of days before this that are published.
    pub keys_before: Day,
    /// Keys of days before this, published or not: by then they are of no use to anybody.
    pub unpublished_keys_before: Day,
    /// Spent tokens whose last day is before this.
    pub tokens_before: Day,
    /// Codes that expired before this.
    pub codes_before: Timestamp,
    /// Publications that closed before this (their numbering goes on).
    pub batches_before: Timestamp,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows of disclosed keys.
    pub keys: usize,
    /// Spent tokens.
    pub tokens: usize,
    /// Codes.
    pub codes: usize,
    /// Files that no index names any more.
    pub batches: Vec<Digest>,
}

/// Everything that is remembered.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds an administrative unit below an existing one.
    async fn add_unit(&self, unit: Unit, entry: AuditEntry) -> Result<Added>;
    /// Digest of the list of units that was loaded last.
    async fn unit_list_digest(&self) -> Result<Option<[u8; 32]>>;
    /// Adds and renames units as the list says, and closes those of the list before that it has not.
    async fn load_units(&self, list: UnitList, entry: Option<AuditEntry>) -> Result<()>;
    /// A unit and all below it, by code.
    async fn units_within(&self, unit_code: String) -> Result<Vec<Unit>>;
    /// A unit and those above it, up to the country; empty if there is no such unit.
    async fn unit_path(&self, unit_code: String) -> Result<Vec<Unit>>;
    /// Adds an officer with a client key. `Exists`: the unit has one of this label.
    async fn add_officer(
        &self,
        officer: Officer,
        key: NewClientKey,
        entry: AuditEntry,
    ) -> Result<Added>;
    /// All officers, by unit, then label.
    async fn officers(&self) -> Result<Vec<Officer>>;
    /// The active officer with the active client key whose credential has this hash.
    async fn officer_by_credential(
        &self,
        credential_hash: [u8; 32],
    ) -> Result<Option<(Officer, ClientKey)>>;
    /// Ends an account, and the codes that it issued and nobody redeemed; false if there is no such officer.
    async fn deactivate_officer(&self, officer_id: String, entry: AuditEntry) -> Result<bool>;
    /// Adds a client key to an account.
    async fn add_client_key(&self, key: NewClientKey, entry: AuditEntry) -> Result<()>;
    /// An account's client keys, oldest first.
    async fn client_keys(&self, officer_id: String) -> Result<Vec<ClientKey>>;
    /// Makes a client key useless; false if there is none such.
    async fn revoke_client_key(&self, key_id: String, entry: AuditEntry) -> Result<bool>;

    /// Writes down what was done elsewhere than in the store.
    async fn append_audit(&self, entry: AuditEntry) -> Result<()>;
    /// Rows of the audit after `after`, oldest first, at most `limit`.
    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>>;
    /// Rows of the audit that a query asks for, with their officers' labels.
    async fn audit_lines(&self, query: AuditQuery) -> Result<Vec<AuditLine>>;
    /// The last row of the audit.
    async fn audit_head(&self) -> Result<Head>;

    /// Adds codes, all or none, with a row of the audit each, whose subject is the serial. `Exists`: a hash or serial
    /// is taken; draw again.
    async fn add_codes(&self, codes: Vec<NewCode>, entry: AuditEntry) -> Result<Added>;
    /// The code of a slip.
    async fn code(&self, serial: String) -> Result<Option<CodeRecord>>;
    /// Withdraws a code; `None` if there is no such slip.
    async fn revoke_code(&self, serial: String, entry: AuditEntry) -> Result<Option<Revocation>>;
    /// Spends a code on a blinded nonce.
    async fn redeem_code(&self, redemption: Redemption) -> Result<Redeemed>;
    /// What became of the codes that these units issued on these days of the calendar at this offset.
    async fn code_tallies(
        &self,
        unit_codes: Vec<String>,
        days: std::ops::RangeInclusive<u32>,
        utc_offset_seconds: i32,
        now: Timestamp,
    ) -> Result<CodeTallies>;
    /// Marks a report as sent. `Exists`: it was sent before; nothing changed.
    async fn send_report(&self, report: NewReport, entry: AuditEntry) -> Result<Added>;
    /// Who sent the report that begins with this day.
    async fn reports(&self, kind: ReportKind, day: u32) -> Result<Vec<SentReport>>;

    /// Spends a token and keeps what its upload adds to what is known.
    async fn store_upload(&self, upload: NewUpload) -> Result<Stored>;

    /// How many uploads each window of the region took, with when it closed (`None`: it is open).
    async fn upload_counts(&self, region: Region) -> Result<Vec<(Option<Timestamp>, u64)>>;

    /// The region's closed window that still waits for publication.
    async fn closed_window(&self, region: Region) -> Result<Option<ClosedWindow>>;
    /// When the region's last window closed.
    async fn last_closed_at(&self, region: Region) -> Result<Option<Timestamp>>;
    /// Closes the open window: uploads from now on belong to the next. If one waits already, gives that.
    async fn close_window(&self, closing: Closing) -> Result<ClosedWindow>;
    /// Keys that may have slots in this window: all accepted in it, and earlier ones of days not before `since`.
    async fn keys_for_window(
        &self,
        region: Region,
        sequence: u64,
        since: Day,
    ) -> Result<Vec<AcceptedKey>>;
    /// Makes a batch visible.
    async fn record_publication(&self, region: Region, batch: PublishedBatch) -> Result<()>;
    /// The region's published batches, oldest first.
    async fn published(&self, region: Region) -> Result<Vec<PublishedBatch>>;
    /// Every file that any region's index may name, also of regions that are not served now.
    async fn published_digests(&self) -> Result<Vec<Digest>>;

    /// Deletes what has outlived its purpose, and says what.
    async fn forget(&self, what: Forget) -> Result<Forgotten>;
    /// Writes something, to tell whether writing works now.
    async fn ready(&self) -> Result<()>;
    /// Finishes what waits and lets go of the database. Everything after it fails.
    async fn close(&self);
}
