//! What the server remembers, as sentences of the domain. A method is one transaction; acknowledged means durable.
//!
//! Knows no SQL: that is for the backends ([`sqlite`], [`postgres`]), which one suite of tests asks the same of. Decides nothing that a request could get wrong: that was checked before.

mod codes;
mod imports;
pub mod migrate;
mod open;
pub mod postgres;
mod publications;
mod retention;
mod sign_in;
pub mod sqlite;
mod uploads;
mod withdrawals;

pub use codes::{
    CodeCounts, CodePosition, CodeRecord, CodeTallies, CodesAdded, CodesOf, Grant, IssueLimits,
    Issued, NewCode, Redeemed, Redemption, Revocation, StateCounts,
};
pub use imports::{ImportRecord, ImportedLine, NewImport, NewSheet, SheetIssued, SheetRecord};
pub(crate) use open::batches_signed_by;
pub use open::{Inspection, inspect, open};
pub use publications::{ClosedWindow, Closing, Lease, PublishedBatch};
pub use retention::{Forget, Forgotten};
pub use sign_in::{
    Acceptance, Completion, Ending, Enrolment, FactorChange, Factors, ForgetSignIns, NewFactor,
    NewInvitation, NewSession, OidcAcceptance, OidcAccepted, OidcIdentity, PasskeyRecord,
    PendingSignIn, Proof, SessionRecord, SignInStore, Standing,
};
pub use uploads::{AcceptedKey, Change, ForWithdrawal, NewUpload, Stored};

use async_trait::async_trait;
use truyvet_crypto::{Day, DisclosedKey, Timestamp};
use truyvet_matching::{Digest, Region};

use crate::{
    audit::{AuditEntry, AuditLine, AuditQuery, AuditRow, Head},
    figures::{NewReport, ReportKind, SentReport},
    officers::{ClientKey, NewClientKey, Officer, Unit, UnitList},
};

/// Why a store could not do what it was asked. Nothing has changed then, as far as is known: of a database that went away
/// nobody knows whether it still did.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Too much is waiting already.
    #[error("store busy")]
    Busy,
    /// The disk is full or cannot be written.
    #[error("store cannot write: {0}")]
    Disk(String),
    /// The database is away, or on its way.
    #[error("database away: {0}")]
    Away(String),
    /// The right to publish is another server's now.
    #[error("another server publishes now")]
    LeaseLost,
    /// Anything else that the database says.
    #[error("store failed: {0}")]
    Database(String),
    /// What is stored is not what was written.
    #[error("store inconsistent: {0}")]
    Inconsistent(String),
}

impl StoreError {
    /// The kind, for metrics.
    fn cause(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Disk(_) => "disk",
            Self::Away(_) => "away",
            Self::LeaseLost => "lease",
            Self::Database(_) => "database",
            Self::Inconsistent(_) => "inconsistent",
        }
    }
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
    /// Whether all servers on this store say the same of what they must have in common; the first to say it decides.
    async fn agree(&self, fingerprint: [u8; 32]) -> Result<bool>;

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
    /// Rows of the audit that a query asks for, with their officers' labels.
    async fn audit_lines(&self, query: AuditQuery) -> Result<Vec<AuditLine>>;
    /// The last row of the audit.
    async fn audit_head(&self) -> Result<Head>;

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

    /// How many uploads each window of the region took, with when it closed (`None`: it is open).
    async fn upload_counts(&self, region: Region) -> Result<Vec<(Option<Timestamp>, u64)>>;

    /// Gives the right to publish to a server for so many seconds, if no other has it; to the one that had it, anew. What comes
    /// with an earlier right is refused from then on.
    async fn take_lease(&self, holder: String, seconds: u32) -> Result<Option<Lease>>;
    /// Makes a right last for so many seconds from now; false if it is another server's.
    async fn renew_lease(&self, lease: Lease, seconds: u32) -> Result<bool>;
    /// Lets others have the right at once.
    async fn end_lease(&self, lease: Lease) -> Result<()>;

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
        lease: Lease,
    ) -> Result<ClosedWindow>;
    /// Keys that may have slots in this closed window: all accepted in it, and earlier ones of days not before `since`;
    /// with the slots that were taken back after it closed.
    async fn keys_for_window(
        &self,
        region: Region,
        sequence: u64,
        since: Day,
    ) -> Result<Vec<AcceptedKey>>;
    /// What this closed window takes back, which earlier ones had taken.
    async fn withdrawn_in_window(&self, region: Region, window: u64) -> Result<Vec<DisclosedKey>>;
    /// Makes a batch visible. What a withdrawal took back is forgotten with that.
    async fn record_publication(
        &self,
        region: Region,
        batch: PublishedBatch,
        lease: Lease,
    ) -> Result<()>;
    /// Numbers of the region's first and last published batch.
    async fn published_span(&self, region: Region) -> Result<Option<(u64, u64)>>;
    /// The region's published batches, oldest first.
    async fn published(&self, region: Region) -> Result<Vec<PublishedBatch>>;
    /// Deltas published of the region's windows that closed after `since`: fingerprint bits, and how many have as many.
    async fn deltas_since(&self, region: Region, since: Timestamp) -> Result<Vec<(u8, u32)>>;
    /// Every file that any region's index may name, also of regions that are not served now.
    async fn published_digests(&self) -> Result<Vec<Digest>>;

    /// The oldest day of which keys are kept, published or not, taken back or not.
    async fn oldest_key_day(&self) -> Result<Option<Day>>;

    /// Adds a code of the self-check's own unit, which is in nobody's reach; forgets those that were redeemed or are hours
    /// old: another server's check may be under way. No row of the audit: no officer did it.
    async fn add_self_check_code(&self, code: NewCode) -> Result<()>;
    /// Forgets what the self-check published before its last batch, and gives the names of those files.
    async fn forget_self_checks(&self, region: Region) -> Result<Vec<Digest>>;

    /// Deletes what has outlived its purpose, and says what.
    async fn forget(&self, what: Forget) -> Result<Forgotten>;
    /// Bytes that the database takes; `None` if it is a file, which anybody can look at.
    async fn bytes(&self) -> Result<Option<u64>>;
    /// Writes something and looks at the room that is left, to tell whether writing works now.
    async fn ready(&self) -> Result<()>;
    /// Finishes what waits and lets go of the database. Everything after it fails.
    async fn close(&self);
}
