//! What the server remembers, as sentences of the domain. A method is one transaction; acknowledged means durable.
//!
//! Knows no SQL: that is for the backends. Decides nothing that a request could get wrong: that was checked before.

mod sign_in;
pub mod sqlite;

pub use sign_in::{
    Acceptance, Completion, Enrolment, FactorChange, Factors, ForgetSignIns, NewFactor,
    NewInvitation, NewSession, PasskeyRecord, PendingSignIn, Proof, SessionRecord, SignInStore,
};

use async_trait::async_trait;
use truyvet_crypto::{
    CodeHash, Day, DisclosedKey, Receipt, Timestamp,
    sign::KeyId,
    token::{ReportType, TokenMetadata},
};
use truyvet_matching::{BatchKind, Codec, Digest, Region};

use crate::{
    audit::{AuditEntry, AuditRow},
    authorize::{CodeState, QuotaLevel, QuotaOf},
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

/// A list of codes to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    /// Random; names the list.
    pub import_id: String,
    /// Who brought it.
    pub officer_id: String,
    /// For which unit.
    pub unit_code: String,
    /// Full hour.
    pub created_at: Timestamp,
    /// Lines that can be issued.
    pub lines: u32,
}

/// A part of a list that is issued at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetRecord {
    /// From 1.
    pub sheet: u32,
    /// Lines in it.
    pub lines: u32,
    /// Where the first of them stood in the file.
    pub first_line: u32,
    /// Where the last one stood.
    pub last_line: u32,
    /// Whether codes were issued for them.
    pub issued: bool,
    /// Of these codes, those that were redeemed, as long as they are kept.
    pub redeemed: u32,
}

/// A line of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedLine {
    /// Where it stood in the file.
    pub line: u32,
    /// The part it belongs to.
    pub sheet: u32,
    /// Why the upload is authorized.
    pub report_type: ReportType,
    /// Day of first symptoms or, without symptoms, of the test.
    pub onset_day: Day,
    /// Where to publish.
    pub region: Region,
}

/// A list to be kept.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// Its head.
    pub record: ImportRecord,
    /// Its lines, in order.
    pub lines: Vec<ImportedLine>,
}

/// Codes for a sheet.
#[derive(Clone, Debug)]
pub struct NewSheet {
    /// Of which list.
    pub import_id: String,
    /// Which part.
    pub sheet: u32,
    /// A code for each line.
    pub codes: Vec<(u32, NewCode)>,
    /// Whether they replace codes that were issued before and that nobody redeemed.
    pub again: bool,
}

/// Whether a sheet was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetIssued {
    /// The codes were added, but for the lines that are kept.
    Issued {
        /// Lines whose code was redeemed before, and the serials of their slips.
        kept: Vec<(u32, String)>,
        /// Quotas that are nearly or wholly used up by these codes, and were not before.
        crossed: Vec<(QuotaOf, QuotaLevel)>,
    },
    /// It was issued before; nothing changed.
    Before,
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

/// A valid upload on its way in. It has no time of arrival and nothing that ties its keys to a code.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// What is remembered of the token.
    pub spend_id: [u8; 32],
    /// Keyed digest of the whole request: the same one may come again.
    pub request_digest: [u8; 32],
    /// From the token: when its spend id may be forgotten.
    pub token_last_day: Day,
    /// Where to publish, or where it was.
    pub region: Region,
    /// What the token pays for.
    pub change: Change,
}

/// What an upload does to what is disclosed.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds keys; at least one.
    Disclose(Vec<DisclosedKey>),
    /// Takes back those of the slots that are there, and says nothing of the others; at least one receipt.
    Withdraw(Vec<Receipt>),
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
    /// Where the window began; the store puts it where the one before closed, if there is one.
    pub window_start: Timestamp,
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

/// What a window's withdrawal does not share with its delta: with the same padding, the two files would tell which of
/// their tags are padding.
#[derive(Clone, Debug)]
pub struct ForWithdrawal {
    /// As [`Closing::salt`].
    pub salt: [u8; 16],
    /// As [`Closing::padding_seed`].
    pub padding_seed: [u8; 32],
}

/// A file of a closed window that is not published yet.
#[derive(Clone, Debug)]
pub struct ClosedWindow {
    /// As it was closed.
    pub closing: Closing,
    /// Delta or withdrawal.
    pub kind: BatchKind,
    /// Counts the region's publications from 1, without gaps.
    pub sequence: u64,
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

/// What to forget.
#[derive(Clone, Copy, Debug)]
pub struct Forget {
    /// Keys of days before this that are published.
    pub keys_before: Day,
    /// Keys of days before this, published or not: by then they are of no use to anybody.
    pub unpublished_keys_before: Day,
    /// Spent tokens whose last day is before this.
    pub tokens_before: Day,
    /// Codes that expired before this, and lists of codes that were made and last used before it.
    pub codes_before: Timestamp,
    /// Publications that closed before this (their numbering goes on).
    pub batches_before: Timestamp,
    /// Invitations, sign-ins under way and sessions.
    pub sign_ins: ForgetSignIns,
}

/// What was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Rows of disclosed keys.
    pub keys: usize,
    /// Rows of keys taken back whose withdrawal was never published.
    pub withdrawn_keys: usize,
    /// Spent tokens.
    pub tokens: usize,
    /// Codes.
    pub codes: usize,
    /// Invitations, sign-ins under way and sessions.
    pub sign_ins: usize,
    /// Lists of codes.
    pub imports: usize,
    /// Files that no index names any more.
    pub batches: Vec<Digest>,
}

/// An officer's account about to be added.
#[derive(Clone)]
pub struct NewOfficer {
    /// The account.
    pub officer: Officer,
    /// A first client key.
    pub key: Option<NewClientKey>,
    /// A first invitation.
    pub invitation: Option<NewInvitation>,
    /// Rows of the audit, in order.
    pub entries: Vec<AuditEntry>,
}

/// Everything that is remembered.
#[async_trait]
pub trait Store: SignInStore + Send + Sync {
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
    /// Adds an officer. `Exists`: the unit has one of this label.
    async fn add_officer(&self, new: NewOfficer) -> Result<Added>;
    /// All officers, by unit, then label.
    async fn officers(&self) -> Result<Vec<Officer>>;
    /// The active officer with the active client key whose credential has this hash.
    async fn officer_by_credential(
        &self,
        credential_hash: [u8; 32],
    ) -> Result<Option<(Officer, ClientKey)>>;
    /// Ends an account with all that signs it in, its sessions, and the codes that it issued and nobody redeemed; false
    /// if there is no such officer.
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

    /// Adds codes of one officer, all or none, with a row of the audit each, whose subject is the serial, and one for
    /// each quota that they use up.
    async fn add_codes(
        &self,
        codes: Vec<NewCode>,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<CodesAdded>;
    /// How many codes each officer of these units issued since then; by unit, then officer.
    async fn issued(&self, unit_codes: Vec<String>, since: Timestamp) -> Result<Vec<Issued>>;
    /// The code of a slip.
    async fn code(&self, serial: String) -> Result<Option<CodeRecord>>;
    /// A list of codes, newest hour first, and how many of these units' codes are in each state.
    async fn codes(&self, of: CodesOf) -> Result<(Vec<CodeRecord>, StateCounts)>;
    /// Withdraws a code; `None` if there is no such slip.
    async fn revoke_code(&self, serial: String, entry: AuditEntry) -> Result<Option<Revocation>>;
    /// Spends a code on a blinded nonce.
    async fn redeem_code(&self, redemption: Redemption) -> Result<Redeemed>;
    /// Counts of the codes issued by these units, for each day of the calendar at this offset that has any.
    async fn code_counts(
        &self,
        unit_codes: Vec<String>,
        days: std::ops::RangeInclusive<u32>,
        utc_offset_seconds: i32,
        now: Timestamp,
    ) -> Result<Vec<(u32, CodeCounts)>>;

    /// Keeps a list of codes to issue.
    async fn add_import(&self, import: NewImport, entry: AuditEntry) -> Result<()>;
    /// A list and its sheets, by its name.
    async fn import(&self, import_id: String) -> Result<Option<(ImportRecord, Vec<SheetRecord>)>>;
    /// The lists of these units and their sheets, newest first.
    async fn imports(
        &self,
        unit_codes: Vec<String>,
    ) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>>;
    /// The lines of a sheet, in order.
    async fn import_lines(&self, import_id: String, sheet: u32) -> Result<Vec<ImportedLine>>;
    /// Adds the codes of a sheet, all or none, as [`Self::add_codes`] does. Those that they replace are withdrawn in the
    /// same transaction.
    async fn issue_sheet(
        &self,
        sheet: NewSheet,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<SheetIssued>;

    /// Spends a token and makes its upload's change.
    async fn store_upload(&self, upload: NewUpload) -> Result<Stored>;

    /// The region's next file of a closed window that still waits for publication.
    async fn closed_window(&self, region: Region) -> Result<Option<ClosedWindow>>;
    /// When the region's last window closed.
    async fn last_closed_at(&self, region: Region) -> Result<Option<Timestamp>>;
    /// Closes the open window: uploads from now on belong to the next. If a file waits already, gives that. A withdrawal
    /// waits behind the delta if slots were taken back in this window that an earlier one had taken.
    async fn close_window(
        &self,
        closing: Closing,
        for_withdrawal: ForWithdrawal,
    ) -> Result<ClosedWindow>;
    /// Keys that may have slots in this window: all accepted in it, and earlier ones of days not before `since`; with the
    /// slots that were taken back after it closed.
    async fn keys_for_window(
        &self,
        region: Region,
        sequence: u64,
        since: Day,
    ) -> Result<Vec<AcceptedKey>>;
    /// What this window takes back, which earlier ones had taken.
    async fn withdrawn_in_window(&self, region: Region, window: u64) -> Result<Vec<DisclosedKey>>;
    /// Makes a batch visible. What a withdrawal took back is forgotten with that.
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
