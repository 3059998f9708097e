//! The store in a PostgreSQL database, for one server or several.
//!
//! What officers and administrators write runs in SERIALIZABLE transactions that are tried again where they met: as if each
//! ran alone, as in SQLite. What phones write (`uploads`, `codes::redeem`) and what publishes waits on the rows that it
//! depends on instead (`gate`, `lease`), so that a busy hour is not spent on trying again. SQL stands in the submodules, by
//! the part of the way it serves; the columns are described in `migrations/`.
//!
//! Nothing is kept in a session, nothing needs more than the protocol and dialect that managed and distributed engines share:
//! no prepared statements by name (but for refinery's, when the schema is brought up to date), advisory locks, LISTEN, sequences.
//! Only PostgreSQL itself is tested.

mod arrival;
mod audit;
mod client_keys;
mod code_lists;
mod codes;
mod connect;
mod failure;
mod gate;
mod group;
mod imports;
mod lease;
mod officers;
mod publications;
mod reports;
mod retention;
mod rows;
mod schema;
mod self_check;
mod sign_in;
mod sql;
mod tallies;
mod transaction;
mod units;
mod uploads;
mod withdrawals;

use std::sync::Arc;

use async_trait::async_trait;
use deadpool_postgres::{Client, Pool};
use truyvet_crypto::{Day, DisclosedKey, Timestamp, sign::KeyId};
use truyvet_matching::{Digest, Region};

pub(super) use self::rows::{Taking, Target};
pub use self::{connect::check_place, schema::newest_schema};
use self::{
    group::Uploads,
    sql::{Sql, values},
    transaction::{Line, officers, query, transaction},
};
use super::{
    AcceptedKey, Added, ClosedWindow, Closing, CodeRecord, CodeTallies, CodesAdded, CodesOf,
    ForWithdrawal, Forget, Forgotten, ImportRecord, ImportedLine, IssueLimits, Issued, Lease,
    NewCode, NewImport, NewOfficer, NewSheet, NewUpload, PublishedBatch, Redeemed, Redemption,
    Result, Revocation, SheetIssued, SheetRecord, StateCounts, Store, Stored, uploads::Prepared,
};
use crate::{
    audit::{AuditEntry, AuditLine, AuditQuery, AuditRow, Head},
    context::Steps,
    figures::{NewReport, ReportKind, SentReport},
    officers::{ClientKey, NewClientKey, Officer, Unit, UnitList},
    settings::PostgresPlace,
    telemetry::Telemetry,
};

/// The store in a PostgreSQL database.
pub struct PostgresStore {
    pool: Pool,
    uploads: Uploads,
    /// What would meet at the end of the audit goes one after the other; that of other servers is tried again.
    officers: Line,
}

impl PostgresStore {
    /// Connects, making the schema or bringing it up to date where needed.
    ///
    /// # Errors
    /// [`super::StoreError`] if the database cannot be reached or its schema not be used.
    pub async fn open(
        place: &PostgresPlace,
        steps: Arc<dyn Steps>,
        telemetry: Arc<Telemetry>,
    ) -> Result<Self> {
        let pool = connect::pool(place)?;
        let mut connection = connect::connection(&pool).await?;
        schema::check_settings(&connection).await?;
        schema::migrate(&mut connection).await?;
        // Names nothing but this run's own counts: a server that is started again goes on in rows of its own.
        let (run,): (String,) = Sql::Single(&connection)
            .row("SELECT gen_random_uuid()::text", &values![])
            .await?;
        drop(connection);
        let uploads = Uploads::start(&pool, &run, &steps, &telemetry);
        Ok(Self {
            pool,
            uploads,
            officers: Line::new(),
        })
    }

    async fn connection(&self) -> failure::Result<Client> {
        connect::connection(&self.pool).await
    }
}

/// The schema of a database, which may be in use; `None`: there is none yet.
///
/// # Errors
/// [`super::StoreError`] if it cannot be reached, or is of a newer schema.
pub async fn schema_of(place: &PostgresPlace) -> Result<Option<u32>> {
    let pool = connect::pool(place)?;
    let connection = connect::connection(&pool).await?;
    let found = schema::schema_version(&connection).await?;
    schema::refuse_newer(found)?;
    Ok(found)
}

/// How many published batches a key has signed.
///
/// # Errors
/// [`super::StoreError`] if the database cannot be read.
pub async fn batches_signed_by(place: &PostgresPlace, key: KeyId) -> Result<u64> {
    let pool = connect::pool(place)?;
    let connection = connect::connection(&pool).await?;
    Ok(publications::signed_by(&Sql::Single(&connection), key).await?)
}

#[async_trait]
impl Store for PostgresStore {
    async fn agree(&self, fingerprint: [u8; 32]) -> Result<bool> {
        query!(self, |sql| schema::agree(sql, &fingerprint))
    }

    async fn add_unit(&self, unit: Unit, entry: AuditEntry) -> Result<Added> {
        officers!(self, |sql| units::add(sql, &unit, &entry))
    }

    async fn unit_list_digest(&self) -> Result<Option<[u8; 32]>> {
        query!(self, |sql| units::list_digest(sql))
    }

    async fn load_units(&self, list: UnitList, entry: Option<AuditEntry>) -> Result<()> {
        officers!(self, |sql| units::load(sql, &list, entry.as_ref()))
    }

    async fn units_within(&self, unit_code: String) -> Result<Vec<Unit>> {
        query!(self, |sql| units::within(sql, &unit_code))
    }

    async fn unit_path(&self, unit_code: String) -> Result<Vec<Unit>> {
        query!(self, |sql| units::path(sql, &unit_code))
    }

    async fn add_officer(&self, new: NewOfficer) -> Result<Added> {
        officers!(self, |sql| officers::add(sql, &new))
    }

    async fn officers(&self) -> Result<Vec<Officer>> {
        query!(self, |sql| officers::all(sql))
    }

    async fn officer_by_credential(
        &self,
        credential_hash: [u8; 32],
    ) -> Result<Option<(Officer, ClientKey)>> {
        query!(self, |sql| client_keys::by_credential(
            sql,
            &credential_hash
        ))
    }

    async fn deactivate_officer(&self, officer_id: String, entry: AuditEntry) -> Result<bool> {
        officers!(self, |sql| officers::deactivate(sql, &officer_id, &entry))
    }

    async fn add_client_key(&self, key: NewClientKey, entry: AuditEntry) -> Result<()> {
        officers!(self, |sql| client_keys::add(sql, &key, &entry))
    }

    async fn client_keys(&self, officer_id: String) -> Result<Vec<ClientKey>> {
        query!(self, |sql| client_keys::of_officer(sql, &officer_id))
    }

    async fn revoke_client_key(&self, key_id: String, entry: AuditEntry) -> Result<bool> {
        officers!(self, |sql| client_keys::revoke(sql, &key_id, &entry))
    }

    async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        officers!(self, |sql| audit::append(sql, &entry))
    }

    async fn audit(&self, after: u64, limit: u32) -> Result<Vec<AuditRow>> {
        query!(self, |sql| audit::rows(sql, after, limit))
    }

    async fn audit_lines(&self, query: AuditQuery) -> Result<Vec<AuditLine>> {
        query!(self, |sql| audit::lines(sql, &query))
    }

    async fn audit_head(&self) -> Result<Head> {
        query!(self, |sql| audit::head(sql))
    }

    async fn add_codes(
        &self,
        codes: Vec<NewCode>,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<CodesAdded> {
        officers!(self, |sql| codes::add(sql, &codes, &limits, &entry))
    }

    async fn issued(&self, unit_codes: Vec<String>, since: Timestamp) -> Result<Vec<Issued>> {
        query!(self, |sql| code_lists::issued(sql, &unit_codes, since))
    }

    async fn code(&self, serial: String) -> Result<Option<CodeRecord>> {
        query!(self, |sql| codes::by_serial(sql, &serial))
    }

    async fn codes(&self, of: CodesOf) -> Result<(Vec<CodeRecord>, StateCounts)> {
        transaction!(self, Snapshot, |sql| async {
            let list = code_lists::list(sql, &of).await?;
            Ok::<_, failure::Failure>((list, code_lists::state_counts(sql, &of).await?))
        })
    }

    async fn revoke_code(&self, serial: String, entry: AuditEntry) -> Result<Option<Revocation>> {
        officers!(self, |sql| codes::revoke(sql, &serial, &entry))
    }

    async fn redeem_code(&self, redemption: Redemption) -> Result<Redeemed> {
        query!(self, |sql| codes::redeem(sql, &redemption))
    }

    async fn code_tallies(
        &self,
        unit_codes: Vec<String>,
        days: std::ops::RangeInclusive<u32>,
        utc_offset_seconds: i32,
        now: Timestamp,
    ) -> Result<CodeTallies> {
        transaction!(self, Snapshot, |sql| tallies::tallies(
            sql,
            &unit_codes,
            &days,
            utc_offset_seconds,
            now
        ))
    }

    async fn add_import(&self, import: NewImport, entry: AuditEntry) -> Result<()> {
        officers!(self, |sql| imports::add(sql, &import, &entry))
    }

    async fn import(&self, import_id: String) -> Result<Option<(ImportRecord, Vec<SheetRecord>)>> {
        query!(self, |sql| imports::by_id(sql, &import_id))
    }

    async fn imports(
        &self,
        unit_codes: Vec<String>,
    ) -> Result<Vec<(ImportRecord, Vec<SheetRecord>)>> {
        query!(self, |sql| imports::of_units(sql, &unit_codes))
    }

    async fn import_lines(&self, import_id: String, sheet: u32) -> Result<Vec<ImportedLine>> {
        query!(self, |sql| imports::lines(sql, &import_id, sheet))
    }

    async fn issue_sheet(
        &self,
        sheet: NewSheet,
        limits: IssueLimits,
        entry: AuditEntry,
    ) -> Result<SheetIssued> {
        officers!(self, |sql| imports::issue_sheet(
            sql, &sheet, &limits, &entry
        ))
    }

    async fn send_report(&self, report: NewReport, entry: AuditEntry) -> Result<Added> {
        officers!(self, |sql| reports::send(sql, &report, &entry))
    }

    async fn reports(&self, kind: ReportKind, day: u32) -> Result<Vec<SentReport>> {
        query!(self, |sql| reports::sent(sql, kind, day))
    }

    async fn store_upload(&self, upload: NewUpload) -> Result<Stored> {
        self.uploads.store(Prepared::new(upload)).await
    }

    async fn upload_counts(&self, region: Region) -> Result<Vec<(Option<Timestamp>, u64)>> {
        query!(self, |sql| uploads::counts(sql, region))
    }

    async fn take_lease(&self, holder: String, seconds: u32) -> Result<Option<Lease>> {
        transaction!(self, ReadCommitted, |sql| lease::take(
            sql, &holder, seconds
        ))
    }

    async fn renew_lease(&self, lease: Lease, seconds: u32) -> Result<bool> {
        transaction!(self, ReadCommitted, |sql| lease::renew(
            sql, &lease, seconds
        ))
    }

    async fn end_lease(&self, lease: Lease) -> Result<()> {
        query!(self, |sql| lease::end(sql, &lease))
    }

    async fn closed_window(&self, region: Region) -> Result<Option<ClosedWindow>> {
        query!(self, |sql| publications::closed_window(sql, region))
    }

    async fn last_closed_at(&self, region: Region) -> Result<Option<Timestamp>> {
        query!(self, |sql| publications::last_closed_at(sql, region))
    }

    async fn close_window(
        &self,
        closing: Closing,
        for_withdrawal: ForWithdrawal,
        lease: Lease,
    ) -> Result<ClosedWindow> {
        transaction!(self, ReadCommitted, |sql| publications::close(
            sql,
            &closing,
            &for_withdrawal,
            &lease
        ))
    }

    async fn keys_for_window(
        &self,
        region: Region,
        sequence: u64,
        since: Day,
    ) -> Result<Vec<AcceptedKey>> {
        transaction!(self, Bulk, |sql| uploads::keys_for_window(
            sql, region, sequence, since
        ))
    }

    async fn withdrawn_in_window(&self, region: Region, window: u64) -> Result<Vec<DisclosedKey>> {
        transaction!(self, Bulk, |sql| withdrawals::in_window(
            sql, region, window
        ))
    }

    async fn record_publication(
        &self,
        region: Region,
        batch: PublishedBatch,
        lease: Lease,
    ) -> Result<()> {
        transaction!(self, Bulk, |sql| publications::record(
            sql, region, &batch, &lease
        ))
    }

    async fn published(&self, region: Region) -> Result<Vec<PublishedBatch>> {
        query!(self, |sql| publications::published(sql, region))
    }

    async fn published_span(&self, region: Region) -> Result<Option<(u64, u64)>> {
        query!(self, |sql| publications::published_span(sql, region))
    }

    async fn deltas_since(&self, region: Region, since: Timestamp) -> Result<Vec<(u8, u32)>> {
        query!(self, |sql| publications::deltas_since(sql, region, since))
    }

    async fn published_digests(&self) -> Result<Vec<Digest>> {
        query!(self, |sql| publications::published_digests(sql))
    }

    async fn oldest_key_day(&self) -> Result<Option<Day>> {
        query!(self, |sql| retention::oldest_key_day(sql))
    }

    async fn add_self_check_code(&self, code: NewCode) -> Result<()> {
        officers!(self, |sql| self_check::add_code(sql, &code))
    }

    async fn forget_self_checks(&self, region: Region) -> Result<Vec<Digest>> {
        transaction!(self, Bulk, |sql| self_check::forget(sql, region))
    }

    async fn forget(&self, what: Forget) -> Result<Forgotten> {
        transaction!(self, Bulk, |sql| retention::forget(sql, &what))
    }

    async fn bytes(&self) -> Result<Option<u64>> {
        // With all indexes, and what deleted rows leave behind.
        query!(self, |sql| async {
            let (bytes,) = sql
                .row("SELECT pg_database_size(current_database())", &[])
                .await?;
            Ok(Some(bytes))
        })
    }

    async fn ready(&self) -> Result<()> {
        // A transaction that locks writes: a server that has become one that only reads refuses it.
        transaction!(self, ReadCommitted, |sql| async {
            sql.rows::<(String,)>(
                "SELECT unit_code FROM unit WHERE parent_code IS NULL FOR UPDATE SKIP LOCKED",
                &[],
            )
            .await
            .map(drop)
        })
    }

    async fn close(&self) {
        self.uploads.close().await;
        self.pool.close();
    }
}
