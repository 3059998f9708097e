//! The store in one SQLite file: WAL, `synchronous=FULL`, one writing thread, readers on connections of their own.
//!
//! SQL stands in the submodules, by the part of the way it serves; the columns are described in `migrations/`.

mod arrival;
mod audit;
mod checkpoint;
mod client_keys;
mod code_lists;
mod codes;
mod columns;
mod imports;
mod lease;
mod officers;
mod open;
mod publications;
mod readers;
mod reports;
mod retention;
mod rows;
mod schema;
mod self_check;
mod sign_in;
mod snapshot;
mod tallies;
mod units;
mod uploads;
mod withdrawals;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use rusqlite::Connection;
use truyvet_crypto::{Day, DisclosedKey, Timestamp};
use truyvet_matching::{Digest, Region};

pub(super) use self::rows::Source;
use self::{
    checkpoint::Checkpointer,
    columns::{bytes, database_error, inconsistent, integer, is_constraint, number, timestamp},
    readers::Readers,
    schema::schema_version,
    writer::Writer,
};
pub use self::{
    schema::newest_schema,
    snapshot::{
        Contents, LaterBatch, adopt, batches_signed_by, check_integrity, contents,
        published_digests, schema_of, snapshot,
    },
};
use super::{
    AcceptedKey, Added, ClosedWindow, Closing, CodeRecord, CodeTallies, CodesAdded, CodesOf,
    ForWithdrawal, Forget, Forgotten, ImportRecord, ImportedLine, IssueLimits, Issued, Lease,
    NewCode, NewImport, NewOfficer, NewSheet, NewUpload, PublishedBatch, Redeemed, Redemption,
    Result, Revocation, SheetIssued, SheetRecord, StateCounts, Store, StoreError, Stored,
    uploads::Prepared,
};
use crate::{
    audit::{AuditEntry, AuditLine, AuditQuery, AuditRow, Head},
    context::Steps,
    disk::Room,
    figures::{NewReport, ReportKind, SentReport},
    officers::{ClientKey, NewClientKey, Officer, Unit, UnitList},
    telemetry::Telemetry,
};

/// With less left of the disk, in bytes, writing is a matter of luck: a commit of 256 uploads of 31 keys, each in a page of its
/// own, takes two thirds of it.
const ROOM: u64 = 48 << 20;

/// The store in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    writer: Arc<Writer>,
    checkpointer: Arc<Checkpointer>,
    readers: Readers,
    steps: Arc<dyn Steps>,
}

impl SqliteStore {
    /// Opens the file, making it and bringing its schema up to date where needed.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be opened, written or migrated.
    pub fn open(path: &Path, steps: Arc<dyn Steps>, telemetry: Arc<Telemetry>) -> Result<Self> {
        let mut connection = open::writer(path)?;
        let checkpointer = Checkpointer::start(path, &mut connection, checkpoint::LOG_PAGES)?;
        Ok(Self {
            path: path.to_owned(),
            writer: Arc::new(Writer::start(connection, telemetry)?),
            checkpointer: Arc::new(checkpointer),
            readers: Readers::new(path),
            steps,
        })
    }

    async fn checkpoint(&self) {
        let checkpointer = Arc::clone(&self.checkpointer);
        let done = tokio::task::spawn_blocking(move || checkpointer.empty_log()).await;
        if let Ok(Err(error)) = done {
            tracing::warn!(%error, "the write-ahead log was not emptied; the next time does it");
        }
    }

    /// Runs a query on a reading connection, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.readers.read(query).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn agree(&self, _: [u8; 32]) -> Result<bool> {
        // A file is one server's, and its keys lie beside it.
        Ok(true)
    }

    async fn add_unit(&self, unit: Unit, entry: AuditEntry) -> Result<Added> {
        self.writer
            .write(move |c| units::add(c, &unit, &entry))
            .await
    }

    async fn unit_list_digest(&self) -> Result<Option<[u8; 32]>> {
        self.read(units::list_digest).await
    }

    async fn load_units(&self, list: UnitList, entry: Option<AuditEntry>) -> Result<()> {
        self.writer
            .write(move |c| units::load(c, &list, entry.as_ref()))
            .await
    }

    async fn units_within(&self, unit_code: String) -> Result<Vec<Unit>> {
        self.read(move |c| units::within(c, &unit_code)).await
    }

    async fn unit_path(&self, unit_code: String) -> Result<Vec<Unit>> {
        self.read(move |c| units::path(c, &unit_code)).await
    }

    async fn add_officer(&self, new: NewOfficer) -> Result<Added> {
        self.writer.write(move |c| officers::add(c, &new)).await
    }

    async fn officers(&self) -> Result<Vec<Officer>> {
        self.read(officers::all).await
    }

    async fn officer_by_credential(
        &self,
        credential_hash: [u8; 32],
    ) -> Result<Option<(Officer, ClientKey)>> {
        self.read(move |c| client_keys::by_credential(c, &credential_hash))
            .await
    }

    async fn deactivate_officer(&self, officer_id: String, entry: AuditEntry) -> Result<bool> {
        self.writer
            .write(move |c| officers::deactivate(c, &officer_id, &entry))
            .await
    }

    async fn add_client_key(&self, key: NewClientKey, entry: AuditEntry) -> Result<()> {
        self.writer
            .write(move |c| client_keys::add(c, &key, &entry))
            .await
    }

    async fn client_keys(&self, officer_id: String) -> Result<Vec<ClientKey>> {
        self.read(move |c| client_keys::of_officer(c, &officer_id))
            .await
    }

    async fn revoke_client_key(&self, key_id: String, entry: AuditEntry) -> Result<bool> {
        self.writer
            .write(move |c| client_keys::revoke(c, &key_id, &entry))
            .await
    }

    async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        self.writer.write(move |c| audit::append(c, &entry)).await
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>> {
        self.read(move |c| audit::rows(c, integer(after), limit))
            .await
    }

    async fn audit_lines(&self, query: AuditQuery) -> Result<Vec<AuditLine>> {
        self.read(move |c| audit::lines(c, &query)).await
    }

    async fn audit_head(&self) -> Result<Head> {
        self.read(audit::head).await
    }

    async fn add_codes(
        &self,
        codes: Vec<NewCode>,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<CodesAdded> {
        self.writer
            .write(move |c| codes::add(c, &codes, &limits, &entry))
            .await
    }

    async fn issued(&self, unit_codes: Vec<String>, since: Timestamp) -> Result<Vec<Issued>> {
        self.read(move |c| code_lists::issued(c, &unit_codes, since))
            .await
    }

    async fn code(&self, serial: String) -> Result<Option<CodeRecord>> {
        self.read(move |c| codes::by_serial(c, &serial)).await
    }

    async fn codes(&self, of: CodesOf) -> Result<(Vec<CodeRecord>, StateCounts)> {
        self.read(move |c| Ok((code_lists::list(c, &of)?, code_lists::state_counts(c, &of)?)))
            .await
    }

    async fn revoke_code(&self, serial: String, entry: AuditEntry) -> Result<Option<Revocation>> {
        self.writer
            .write(move |c| codes::revoke(c, &serial, &entry))
            .await
    }

    async fn redeem_code(&self, redemption: Redemption) -> Result<Redeemed> {
        let answer = self
            .readers
            .look_up(|c| codes::refused_or_again(c, &redemption))?;
        if let Some(answer) = answer {
            return Ok(answer);
        }
        self.writer
            .write(move |c| codes::redeem(c, &redemption))
            .await
    }

    async fn code_tallies(
        &self,
        unit_codes: Vec<String>,
        days: std::ops::RangeInclusive<u32>,
        utc_offset_seconds: i32,
        now: Timestamp,
    ) -> Result<CodeTallies> {
        self.read(move |c| tallies::tallies(c, &unit_codes, &days, utc_offset_seconds, now))
            .await
    }

    async fn add_import(&self, import: NewImport, entry: AuditEntry) -> Result<()> {
        self.writer
            .write(move |c| imports::add(c, &import, &entry))
            .await
    }

    async fn import(&self, import_id: String) -> Result<Option<(ImportRecord, Vec<SheetRecord>)>> {
        self.read(move |c| imports::by_id(c, &import_id)).await
    }

    async fn imports(
        &self,
        unit_codes: Vec<String>,
    ) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>> {
        self.read(move |c| imports::of_units(c, &unit_codes)).await
    }

    async fn import_lines(&self, import_id: String, sheet: u32) -> Result<Vec<ImportedLine>> {
        self.read(move |c| imports::lines(c, &import_id, sheet))
            .await
    }

    async fn issue_sheet(
        &self,
        sheet: NewSheet,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<SheetIssued> {
        self.writer
            .write(move |c| imports::issue_sheet(c, &sheet, &limits, &entry))
            .await
    }

    async fn send_report(&self, report: NewReport, entry: AuditEntry) -> Result<Added> {
        self.writer
            .write(move |c| reports::send(c, &report, &entry))
            .await
    }

    async fn reports(&self, kind: ReportKind, day: u32) -> Result<Vec<SentReport>> {
        self.read(move |c| reports::sent(c, kind, day)).await
    }

    async fn store_upload(&self, upload: NewUpload) -> Result<Stored> {
        let steps = Arc::clone(&self.steps);
        // Here, where several do it at a time, and not on the one thread that writes.
        let upload = Prepared::new(upload);
        self.writer
            .write(move |c| uploads::store(c, &upload, &*steps))
            .await
    }

    async fn upload_counts(&self, region: Region) -> Result<Vec<(Option<Timestamp>, u64)>> {
        self.read(move |c| uploads::counts(c, region)).await
    }

    async fn take_lease(&self, holder: String, seconds: u32) -> Result<Option<Lease>> {
        self.writer
            .write(move |c| lease::take(c, &holder, seconds))
            .await
    }

    async fn renew_lease(&self, lease: Lease, seconds: u32) -> Result<bool> {
        self.writer
            .write(move |c| lease::renew(c, &lease, seconds))
            .await
    }

    async fn end_lease(&self, lease: Lease) -> Result<()> {
        self.writer.write(move |c| lease::end(c, &lease)).await?;
        // It is given back after a publication, which leaves the log empty.
        self.checkpoint().await;
        Ok(())
    }

    async fn closed_window(&self, region: Region) -> Result<Option<ClosedWindow>> {
        self.read(move |c| publications::closed_window(c, region))
            .await
    }

    async fn last_closed_at(&self, region: Region) -> Result<Option<Timestamp>> {
        self.read(move |c| publications::last_closed_at(c, region))
            .await
    }

    async fn close_window(
        &self,
        closing: Closing,
        for_withdrawal: ForWithdrawal,
        lease: Lease,
    ) -> Result<ClosedWindow> {
        self.writer
            .write(move |c| {
                lease::check(c, &lease)?;
                publications::close(c, &closing, &for_withdrawal)
            })
            .await
    }

    async fn keys_for_window(
        &self,
        region: Region,
        sequence: u64,
        since: Day,
    ) -> Result<Vec<AcceptedKey>> {
        self.read(move |c| uploads::keys_for_window(c, region, sequence, since))
            .await
    }

    async fn withdrawn_in_window(&self, region: Region, window: u64) -> Result<Vec<DisclosedKey>> {
        self.read(move |c| withdrawals::in_window(c, region, window))
            .await
    }

    async fn record_publication(
        &self,
        region: Region,
        batch: PublishedBatch,
        lease: Lease,
    ) -> Result<()> {
        let record = move |c: &Connection| {
            lease::check(c, &lease)?;
            publications::record(c, region, &batch)
        };
        if region == crate::self_check::region() {
            // Nobody's keys: no order to forget, and no reason to hold the writing thread every few minutes.
            return self.writer.write(record).await;
        }
        self.writer
            .write(move |c| {
                record(c)?;
                arrival::forget_order(c, region, batch.sequence)
            })
            .await?;
        self.checkpoint().await;
        Ok(())
    }

    async fn published(&self, region: Region) -> Result<Vec<PublishedBatch>> {
        self.read(move |c| publications::published(c, region)).await
    }

    async fn published_span(&self, region: Region) -> Result<Option<(u64, u64)>> {
        self.read(move |c| publications::published_span(c, region))
            .await
    }

    async fn deltas_since(&self, region: Region, since: Timestamp) -> Result<Vec<(u8, u32)>> {
        self.read(move |c| publications::deltas_since(c, region, since))
            .await
    }

    async fn published_digests(&self) -> Result<Vec<Digest>> {
        self.read(publications::published_digests).await
    }

    async fn oldest_key_day(&self) -> Result<Option<Day>> {
        self.read(retention::oldest_key_day).await
    }

    async fn add_self_check_code(&self, code: NewCode) -> Result<()> {
        self.writer
            .write(move |c| self_check::add_code(c, &code))
            .await
    }

    async fn forget_self_checks(&self, region: Region) -> Result<Vec<Digest>> {
        self.writer
            .write(move |c| self_check::forget(c, region))
            .await
    }

    async fn forget(&self, what: Forget) -> Result<Forgotten> {
        let forgotten = self
            .writer
            .write(move |c| retention::forget(c, &what))
            .await?;
        self.checkpoint().await;
        Ok(forgotten)
    }

    async fn bytes(&self) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn ready(&self) -> Result<()> {
        let path = self.path.clone();
        self.writer
            .write(move |c| {
                // An empty transaction writes nothing and so would not notice a full disk.
                c.execute_batch("PRAGMA user_version = 1")
                    .map_err(database_error)?;
                // That fits into a log that had grown, also when nothing else does any more.
                let room = Room::of(&path).map_err(|error| StoreError::Disk(error.to_string()))?;
                if room.takes(ROOM) {
                    Ok(())
                } else {
                    Err(StoreError::Disk(format!("less than {ROOM} bytes are left")))
                }
            })
            .await
    }

    async fn close(&self) {
        self.readers.close();
        let (writer, checkpointer) = (Arc::clone(&self.writer), Arc::clone(&self.checkpointer));
        // Waits for threads. The last connection to close empties and removes the write-ahead log.
        let closing = tokio::task::spawn_blocking(move || {
            writer.close();
            checkpointer.close();
        });
        if closing.await.is_err() {
            tracing::error!("the store was not closed");
        }
    }
}
