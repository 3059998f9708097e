//! One phone: its file, and everything an app does with it.
//!
//! Ties the parts together; each part's work is in its own module.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use rand::CryptoRng;
use truyvet_crypto::{Day, EphemeralId, Scheme, Timestamp, UploadCode, sign::TrustedKeys};
use truyvet_matching::{Exposure, LocalDay, Region, Sighting};
use truyvet_proto::v1::{self as pb, exposure_service_client::ExposureServiceClient};

use crate::{
    clock::time_to_delete_by,
    config::{self, ConfigError, DeploymentConfig, Origin},
    connection::Connection,
    database::{Database, StoreError},
    exposure, identity, news,
    refusal::ServerRefusal,
    sightings::{self, HearError, HearReport, Heard, MAX_SIGHTINGS, SightingRules},
    sync::{self, Parts, SyncError, SyncReport},
    upload::{self, UploadError, UploadOptions, UploadReport, UploadStage},
};

/// Until a configuration says otherwise.
const DEFAULT_RETENTION_DAYS: u32 = 14;
/// Until a configuration says otherwise.
const DEFAULT_CLOCK_TOLERANCE_SECONDS: u32 = 300;
/// A configuration is asked for again after so long.
const CONFIG_SECONDS: i64 = 86_400;

/// One phone. All methods take `&self` and may be called from several tasks; network work runs one at a time.
pub struct Phone {
    pub(crate) scheme: Scheme,
    pub(crate) database: Database,
    pub(crate) parts: Parts,
    /// What the app came with.
    built_in: TrustedKeys,
    config: RwLock<Option<Arc<DeploymentConfig>>>,
    /// Held by a sync or an upload: two of a kind would undo each other's steps.
    network: tokio::sync::Mutex<()>,
}

impl Phone {
    /// Opens the phone that lives in `folder`, making it first if it is new.
    ///
    /// - `trusted`: the deployment's keys that the app came with.
    ///
    /// # Errors
    /// [`StoreError`] if the folder cannot be used, is in use, or is a phone of another scheme.
    pub fn open(
        folder: &Path,
        scheme: Scheme,
        trusted: TrustedKeys,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        let parts = Parts::in_folder(folder)?;
        let database = Database::open(&folder.join("phone.sqlite"), scheme)?;
        Self::start(scheme, database, parts, trusted, now, rng)
    }

    /// A phone that is gone when dropped: for demos and tests. Takes about 120 KB.
    ///
    /// # Errors
    /// [`StoreError`] if memory cannot be had.
    pub fn in_memory(
        scheme: Scheme,
        trusted: TrustedKeys,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        let database = Database::in_memory(scheme)?;
        Self::start(scheme, database, Parts::in_memory(), trusted, now, rng)
    }

    fn start(
        scheme: Scheme,
        database: Database,
        parts: Parts,
        built_in: TrustedKeys,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, StoreError> {
        identity::ids_of_day(&database, scheme, now.day(), rng)?;
        let config = database.read(config::kept)?.map(Arc::new);
        Ok(Self {
            scheme,
            database,
            parts,
            built_in,
            config: RwLock::new(config),
            network: tokio::sync::Mutex::default(),
        })
    }

    /// The key schedule.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The configuration in force; `None` before the first was fetched.
    #[must_use]
    pub fn config(&self) -> Option<Arc<DeploymentConfig>> {
        self.config
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The keys the app came with, and those of the configuration in force.
    #[must_use]
    pub fn trusted_keys(&self) -> TrustedKeys {
        let mut keys = self.built_in.keys().to_vec();
        if let Some(config) = self.config() {
            keys.extend(&config.signing_keys);
        }
        TrustedKeys::new(keys)
    }

    /// The ID to broadcast now. Ask again when the slot is over.
    ///
    /// # Errors
    /// [`StoreError`]; nothing may be broadcast then.
    pub fn broadcast_id(
        &self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<EphemeralId, StoreError> {
        identity::id_at(&self.database, self.scheme, now, rng)
    }

    /// All IDs of a UTC day, by slot: for hardware that rotates them on its own.
    ///
    /// # Errors
    /// [`StoreError`]; nothing may be broadcast then.
    pub fn ids_of_day(
        &self,
        day: Day,
        rng: &mut impl CryptoRng,
    ) -> Result<Vec<EphemeralId>, StoreError> {
        identity::ids_of_day(&self.database, self.scheme, day, rng)
    }

    /// Keeps one sighting. `Ok(Err(..))` says why it was not worth keeping.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    pub fn hear(
        &self,
        heard: Heard<'_>,
        now: Timestamp,
    ) -> Result<Result<(), HearError>, StoreError> {
        let report = self.hear_all([heard], now)?;
        Ok(report.refused.first().map_or(Ok(()), |(_, why)| Err(*why)))
    }

    /// Keeps what one scan (or a whole history) heard, in one transaction. Bad sightings do not cost the others.
    ///
    /// Store what was scanned before [`Self::sync`]: a sync matches each batch once, against what is stored then.
    /// [`HearReport::late`] counts what came after.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written; nothing is kept then.
    pub fn hear_all<'a>(
        &self,
        heard: impl IntoIterator<Item = Heard<'a>>,
        now: Timestamp,
    ) -> Result<HearReport, StoreError> {
        let rules = self.rules();
        self.database.write(|transaction| {
            let closed_at = sync::last_closed_at(transaction)?;
            sightings::store(transaction, &rules, heard, closed_at, now)
        })
    }

    /// Rows in the sighting store.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn sightings(&self) -> Result<usize, StoreError> {
        self.database.read(sightings::count)
    }

    /// Asks the server for its configuration and takes it over, unless a newer one is in force.
    ///
    /// # Errors
    /// [`ConfigError`] if there is none to be had, or none that this phone may use; [`ConfigError::Clock`] if by it this
    /// phone's clock is wrong.
    pub async fn refresh_config(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<Arc<DeploymentConfig>, ConfigError> {
        let mut client = ExposureServiceClient::new(connection.channel());
        let answer = client
            .get_config(pb::GetConfigRequest {})
            .await
            .map_err(ServerRefusal::from)?;
        let signed = answer.into_inner().config.unwrap_or_default();
        self.take_over(&signed, Origin::Server, now)
    }

    /// Takes over a configuration that came some other way, for instance with the app.
    ///
    /// # Errors
    /// [`ConfigError`] if this phone may not use it.
    pub fn accept_config(
        &self,
        signed: &pb::Signed,
        now: Timestamp,
    ) -> Result<Arc<DeploymentConfig>, ConfigError> {
        self.take_over(signed, Origin::Other, now)
    }

    fn take_over(
        &self,
        signed: &pb::Signed,
        origin: Origin,
        now: Timestamp,
    ) -> Result<Arc<DeploymentConfig>, ConfigError> {
        let offered = config::open(signed, origin, &self.trusted_keys(), self.scheme, now)?;
        let mut config = self.config.write().unwrap_or_else(PoisonError::into_inner);
        // An older one is no error, since servers of one deployment sign at different times; but it must not bring
        // back a key that was retired since.
        if let Some(newer) = config
            .as_ref()
            .filter(|config| config.generated_at > offered.generated_at)
        {
            return Ok(Arc::clone(newer));
        }
        self.database
            .write(|transaction| config::keep(transaction, &signed.payload, now))?;
        Ok(Arc::clone(config.insert(Arc::new(offered))))
    }

    /// Downloads every new batch of a region and matches it.
    ///
    /// # Errors
    /// [`SyncError`] names the index or the batch, and why. Batches before it are done; the next sync goes on from there.
    pub async fn sync(
        &self,
        connection: &Connection,
        region: Region,
        now: Timestamp,
    ) -> Result<SyncReport, SyncError> {
        let _alone = self.network.lock().await;
        sync::run(self, connection, region, now).await
    }

    /// The local days of exposure within the retention, oldest first; none before the first configuration.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn exposures(&self, now: Timestamp) -> Result<Vec<Exposure>, StoreError> {
        let Some(config) = self.config() else {
            return Ok(vec![]);
        };
        let oldest = self.rules().oldest(now);
        self.database
            .read(|connection| exposure::exposures(connection, &config.exposure_rule, oldest))
    }

    /// Sightings that turned out to be of a case, oldest first, whether or not they amount to an exposure.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn matched_sightings(&self) -> Result<Vec<Sighting>, StoreError> {
        self.database.read(exposure::matched)
    }

    /// Discloses this phone's IDs of the days that the code covers, and starts with a fresh identity.
    ///
    /// After an error that leaves the upload pending ([`Self::pending_upload`]), call it again with the same code, or
    /// [`Self::resume_upload`].
    ///
    /// - `region`: where to publish; `None`: where the officer said.
    ///
    /// # Errors
    /// [`UploadError`] says what was sent and whether the code is still good.
    pub async fn upload(
        &self,
        connection: &Connection,
        code: &str,
        region: Option<Region>,
        options: &UploadOptions,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<UploadReport, UploadError> {
        let code = UploadCode::parse(code)?;
        let _alone = self.network.lock().await;
        let config = self.refresh_config(connection, now).await?;
        upload::begin(self, &config, &code, region, options, now, rng)?;
        let report = upload::advance(self, connection, &config, now, rng).await?;
        Ok(report.expect("begun just now, and uploads run one at a time"))
    }

    /// Takes this phone's last upload back that was not taken back yet: it was a false positive. With a code of its own,
    /// and, for whoever sees the network, no other than an upload. The next window tells all phones.
    ///
    /// After an error that leaves it pending ([`Self::pending_upload`]), call it again with the same code, or
    /// [`Self::resume_upload`].
    ///
    /// # Errors
    /// [`UploadError`] says what was sent and whether the code is still good.
    pub async fn withdraw(
        &self,
        connection: &Connection,
        code: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<UploadReport, UploadError> {
        let code = UploadCode::parse(code)?;
        let _alone = self.network.lock().await;
        let config = self.refresh_config(connection, now).await?;
        upload::begin_withdrawal(self, &config, &code, rng)?;
        let report = upload::advance(self, connection, &config, now, rng).await?;
        Ok(report.expect("begun just now, and uploads run one at a time"))
    }

    /// Makes the calls of an upload without one, now: the same calls over the same kinds of connections, of the same sizes and
    /// with the same gaps. [`Self::due_decoy`] is for the app to call.
    ///
    /// # Errors
    /// [`UploadError`] if the server cannot be reached, or refuses.
    pub async fn decoy(&self, connection: &Connection, now: Timestamp) -> Result<(), UploadError> {
        let _alone = self.network.lock().await;
        let config = self.refresh_config(connection, now).await?;
        upload::decoys::send(connection, &config).await
    }

    /// Sends a decoy if one is due, at the rate of the configuration in force; says whether it did. For the app to call
    /// whenever it is woken to sync.
    ///
    /// A real upload comes when a person has typed a code, not on the heels of a sync. An app that can, sends the due decoy in
    /// the place of a sync, and syncs when it is woken next.
    ///
    /// # Errors
    /// As for [`Self::decoy`]. It is not made up for.
    pub async fn due_decoy(
        &self,
        connection: &Connection,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, UploadError> {
        let per_week = self.config().map_or(0, |config| config.decoys_per_week);
        let due = self
            .database
            .write(|transaction| upload::decoys::take_due(transaction, per_week, now, rng))?;
        if due {
            self.decoy(connection, now).await?;
        }
        Ok(due)
    }

    /// How many uploads this phone has receipts of: each can be taken back, the last one first.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn receipts(&self) -> Result<usize, StoreError> {
        self.database.read(upload::receipts::count)
    }

    /// Takes up the pending upload or withdrawal, for instance after a restart. `None` if there is none.
    ///
    /// # Errors
    /// As for [`Self::upload`].
    pub async fn resume_upload(
        &self,
        connection: &Connection,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<UploadReport>, UploadError> {
        let _alone = self.network.lock().await;
        if upload::stage(self)?.is_none() {
            return Ok(None);
        }
        let config = self.refresh_config(connection, now).await?;
        upload::advance(self, connection, &config, now, rng).await
    }

    /// How far the pending upload is; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub fn pending_upload(&self) -> Result<Option<UploadStage>, StoreError> {
        upload::stage(self)
    }

    /// Gives the pending upload up. Its code may be spent, and what the server took in already stands. Own secrets stay
    /// as they are: another code can still disclose them.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    pub async fn abandon_upload(&self) -> Result<(), StoreError> {
        let _alone = self.network.lock().await;
        upload::abandon(self)
    }

    /// Forgets what is older than the retention: sightings, matches, own secrets, receipts. Once a day.
    ///
    /// Not by this phone's clock alone: `now` counts no further than two days ([`MAX_AHEAD_SECONDS`]) after the newest
    /// configuration or index, and before the first of them nothing is forgotten.
    ///
    /// [`MAX_AHEAD_SECONDS`]: crate::MAX_AHEAD_SECONDS
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be written.
    pub fn purge(&self, now: Timestamp) -> Result<(), StoreError> {
        let rules = self.rules();
        let Some(now) = time_to_delete_by(self.confirmed_time()?, now) else {
            return Ok(());
        };
        let offset = self
            .config()
            .map_or(0, |config| config.exposure_rule.utc_offset_seconds);
        self.database.write(|transaction| {
            sightings::purge(transaction, &rules, now)?;
            exposure::purge(transaction, rules.oldest(now))?;
            news::purge(transaction, LocalDay::of(rules.oldest(now), offset))?;
            let oldest_day = now.day().minus_days(rules.retention_days);
            upload::receipts::purge(transaction, oldest_day)?;
            identity::forget_before(transaction, oldest_day)
        })?;
        self.database.forget_deleted()
    }

    /// Refreshes a configuration older than a day. If the server does not answer, the one in force will do.
    pub(crate) async fn refresh_config_if_due(
        &self,
        connection: &Connection,
        now: Timestamp,
    ) -> Result<(), ConfigError> {
        let fetched_at = self.database.read(config::fetched_at)?;
        // Due as well if it was fetched "tomorrow": the clock was ahead then, or is behind now.
        let fresh = |time| (0..CONFIG_SECONDS).contains(&now.seconds_since(time));
        if fetched_at.is_some_and(fresh) {
            return Ok(());
        }
        match self.refresh_config(connection, now).await {
            Err(ConfigError::Server(_)) if fetched_at.is_some() => Ok(()),
            result => result.map(drop),
        }
    }

    /// Newest time in anything that a trusted key signed.
    fn confirmed_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let of_index = self.database.read(sync::newest_index)?;
        let of_config = self.config().map(|config| config.generated_at);
        Ok(of_index.max(of_config))
    }

    pub(crate) fn rules(&self) -> SightingRules {
        let config = self.config();
        SightingRules {
            scheme: self.scheme,
            retention_days: config
                .as_ref()
                .map_or(DEFAULT_RETENTION_DAYS, |config| config.retention_days),
            clock_tolerance_seconds: config
                .as_ref()
                .map_or(DEFAULT_CLOCK_TOLERANCE_SECONDS, |config| {
                    config.clock_tolerance_seconds
                }),
            max_sightings: MAX_SIGHTINGS,
        }
    }
}
