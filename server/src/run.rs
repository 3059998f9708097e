//! Puts a server together and runs it: keys, store, batch store, three listeners, the publication schedule.

use std::{
    fs::{self, File, TryLockError},
    io,
    net::SocketAddr,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rand::CryptoRng;
use tokio::{sync::watch, task::JoinSet, time::timeout};
use tracing::{info, warn};
use truyvet_crypto::Timestamp;

use crate::{
    authorize::Brake,
    backup::RESTORING_FILE,
    batch_store::BatchStore,
    console::{Console, keep_watching},
    context::{Context, Effects, WalkOn},
    download::{Catalog, Files},
    false_alarms,
    grpc::{self, Health},
    http::{
        Certificate, DRAIN_TIMEOUT, ListenError, Listener, dated, download_routes, ops_routes,
        tls_acceptor,
    },
    keys::{Keys, KeysError},
    officers::{self, Credential, Officer, OfficerError, Role, UnitListError},
    portal::portal_routes,
    publish::{Turns, keep_publishing},
    readiness::Condition,
    ready_state::ReadyState,
    self_check,
    settings::{Batches, Settings},
    sign_in::{Invitation, SignIn},
    store::{self, StoreError},
    telemetry::{Progress, Sampler, Telemetry, keep_sampling},
};

/// Connections of phones at a time, if the system lets us open so many.
const MAX_PHONE_CONNECTIONS: u64 = 10_000;

/// Files and sockets for everything else.
const RESERVED_FILES: u64 = 512;

const MAX_STAFF_CONNECTIONS: usize = 256;
const MAX_OPS_CONNECTIONS: usize = 64;

/// For a window that is being published when the server stops: what comes after it can be taken up at the next start.
const PUBLICATION_TIMEOUT: Duration = Duration::from_secs(10);

/// For operators' tools when the server stops: they are the last to be let go.
const OPS_TIMEOUT: Duration = Duration::from_secs(1);

/// For what waits to be written when the server stops.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(9);

/// How often health is looked at.
const HEALTH_EVERY: Duration = Duration::from_secs(30);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A folder cannot be made or written.
    #[error("{setting}: {path}: {source}")]
    Folder {
        /// Which setting names it.
        setting: &'static str,
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A restore into this folder was not finished.
    #[error(
        "data_dir: {0}: a restore into this folder was not finished; empty the folder and restore again"
    )]
    HalfRestored(PathBuf),
    /// Another server works in this folder.
    #[error("data_dir: {0}: another server works here")]
    InUse(PathBuf),
    /// The batch store cannot be opened.
    #[error("batches: {0}")]
    Objects(#[from] object_store::Error),
    /// An address or certificate cannot be used.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The keys cannot be used.
    #[error("keys: {0}")]
    Keys(#[from] KeysError),
    /// The database cannot be used.
    #[error("database: {0}")]
    Store(#[from] StoreError),
    /// Other servers on this database have other keys: codes and tokens of theirs would be good for nothing here.
    #[error(
        "keys: {0}: not those of the servers that use this database already; copy their keys folder here (deploy/several-servers.md)"
    )]
    OtherKeys(PathBuf),
    /// The portal's secret at the provider cannot be used.
    #[error("oidc_client_secret_file: {0}")]
    ClientSecret(KeysError),
    /// The list of units cannot be loaded.
    #[error(transparent)]
    Units(#[from] UnitListError),
}

/// A running server.
pub struct Server {
    context: Arc<Context>,
    public: SocketAddr,
    staff: SocketAddr,
    ops: SocketAddr,
    stop: watch::Sender<bool>,
    /// Of phones and staff.
    listeners: JoinSet<()>,
    stop_ops: watch::Sender<bool>,
    ops_listener: JoinSet<()>,
    certificate: Option<Arc<Certificate>>,
    health: Arc<[Health; 2]>,
    health_check: JoinSet<()>,
    /// Publication and the like: none ends by itself.
    tasks: JoinSet<()>,
    /// Released when the server has stopped, or the process ends, however it ends.
    _lock: File,
}

/// Starts a server. When this returns it answers on all its addresses.
///
/// # Errors
/// [`StartError`], naming the setting where one is at fault.
pub async fn start(settings: Settings, mut effects: Effects) -> Result<Server, StartError> {
    let lock = lock_data_dir(&settings.data_dir)?;
    if settings.data_dir.join(RESTORING_FILE).exists() {
        return Err(StartError::HalfRestored(settings.data_dir));
    }
    let now = effects.clock.now();
    let telemetry = Arc::new(Telemetry::new());
    telemetry.start_at_zero(&settings.regions);
    let (steps, clock) = (effects.steps, Arc::clone(&effects.clock));
    let progress = Arc::new(Progress::new(steps, clock, Arc::clone(&telemetry)));
    effects.steps = Arc::<Progress>::clone(&progress);
    let keys = Keys::open(&settings.keys_dir(), now, &mut effects.entropy.rng())?;
    let steps = Arc::clone(&effects.steps);
    let store = store::open(&settings.database, steps, Arc::clone(&telemetry)).await?;
    if !store.agree(keys.fingerprint()).await? {
        return Err(StartError::OtherKeys(settings.keys_dir()));
    }
    officers::load_units(&*store, settings.units_file.as_deref(), now).await?;
    if let Batches::Folder(path) = &settings.batches {
        make_folder("batches", path)?;
    }
    let batch_store = BatchStore::open(&settings)?;
    let turns = Turns::open(&settings.data_dir, &mut effects.entropy.rng());
    let turns = turns.map_err(|source| StartError::Folder {
        setting: "data_dir",
        path: settings.data_dir.clone(),
        source,
    })?;
    let certificate = settings.tls.as_ref().map(Certificate::read).transpose()?;
    let certificate = certificate.map(Arc::new);
    let tls = certificate.clone().map(tls_acceptor);
    let brake = Brake::new(settings.wrong_guesses_per_hour, &mut effects.entropy.rng());
    warn_of_unknown_proxies(&settings);
    let files = Files::new(
        u64::from(settings.batch_cache_mb) * 1_000_000,
        &settings.data_dir,
    );
    false_alarms::warn_of_short_fingerprints(&settings);
    let context = Arc::new(Context {
        sign_in: SignIn::new(&settings).map_err(StartError::ClientSecret)?,
        settings,
        effects,
        store,
        batch_store,
        keys,
        brake,
        catalog: Catalog::new(files),
        telemetry,
        console: Console::default(),
        sampler: Sampler::new(now),
        progress,
        ready_state: ReadyState::default(),
        condition: Condition::default(),
        turns,
    });
    for &region in &context.settings.regions {
        context.catalog.refresh(&context, region).await?;
    }
    if let Some(files) = &context.settings.tls {
        context.telemetry.note_certificate(&files.cert);
    }

    let settings = &context.settings;
    let (phones, phones_health) = grpc::public_routes(&context).await;
    let phones = phones.merge(download_routes(Arc::clone(&context)));
    let (staff, staff_health) = grpc::staff_routes(&context).await;
    let staff = staff.merge(portal_routes(Arc::clone(&context)));
    let ops = ops_routes(Arc::clone(&context));
    let [phones, staff, ops] =
        [phones, staff, ops].map(|routes| dated(routes, Arc::clone(&context)));
    let public = Listener::bind(
        "public_listen",
        settings.public_listen,
        tls.clone(),
        phones,
        max_phone_connections(),
        Arc::clone(&context.telemetry),
    )
    .await?;
    let staff = Listener::bind(
        "staff_listen",
        settings.staff_listen,
        tls,
        staff,
        MAX_STAFF_CONNECTIONS,
        Arc::clone(&context.telemetry),
    )
    .await?;
    let ops = Listener::bind(
        "ops_listen",
        settings.ops_listen,
        None,
        ops,
        MAX_OPS_CONNECTIONS,
        Arc::clone(&context.telemetry),
    )
    .await?;

    let (stop, stopping) = watch::channel(false);
    let (stop_ops, ops_stopping) = watch::channel(false);
    let mut server = Server {
        public: public.local_addr(),
        staff: staff.local_addr(),
        ops: ops.local_addr(),
        health: Arc::new([phones_health, staff_health]),
        health_check: JoinSet::new(),
        tasks: JoinSet::new(),
        listeners: JoinSet::new(),
        ops_listener: JoinSet::new(),
        certificate,
        context,
        stop,
        stop_ops,
        _lock: lock,
    };
    for listener in [public, staff] {
        server.listeners.spawn(listener.serve(stopping.clone()));
    }
    server.ops_listener.spawn(ops.serve(ops_stopping));
    let context = Arc::clone(&server.context);
    if let Some(certificate) = server.certificate.clone() {
        let telemetry = Arc::clone(&context.telemetry);
        server.tasks.spawn(certificate.keep_reading(telemetry));
    }
    server.tasks.spawn(keep_publishing(Arc::clone(&context)));
    server.tasks.spawn(keep_watching(Arc::clone(&context)));
    server.tasks.spawn(keep_sampling(Arc::clone(&context)));
    let checking = self_check::keep_checking(Arc::clone(&context), server.public);
    server.tasks.spawn(checking);
    server
        .health_check
        .spawn(keep_health(context, Arc::clone(&server.health)));
    info!(public = %server.public, staff = %server.staff, ops = %server.ops, "serving");
    Ok(server)
}

/// Beyond loopback without TLS there is a proxy in front. If it is not known as one, all phones count as a single source,
/// and ten wrong codes hold them all.
fn warn_of_unknown_proxies(settings: &Settings) {
    let beyond_loopback = !settings.public_listen.ip().is_loopback();
    if beyond_loopback && settings.tls.is_none() && settings.trusted_proxies.is_empty() {
        warn!("without trusted_proxies all phones behind a proxy count as one that guesses codes");
    }
}

impl Server {
    /// Where phones call.
    #[must_use]
    pub fn public_addr(&self) -> SocketAddr {
        self.public
    }

    /// Where officers and administrators call.
    #[must_use]
    pub fn staff_addr(&self) -> SocketAddr {
        self.staff
    }

    /// Where operators' tools call.
    #[must_use]
    pub fn ops_addr(&self) -> SocketAddr {
        self.ops
    }

    /// What the domain works with.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Returns when something that must not end has ended: time to stop, and to say so.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = self.tasks.join_next() => {}
            _ = self.health_check.join_next() => {}
        }
    }

    /// Reads the TLS certificate anew. False: it could not be used, and the one before stays.
    pub async fn reload(&self) -> bool {
        match &self.certificate {
            Some(certificate) => certificate.reload(&self.context.telemetry).await,
            None => true,
        }
    }

    /// How long [`Self::stop`] takes at most, if the disk answers.
    #[must_use]
    pub fn stop_limit(&self) -> Duration {
        let drain = Duration::from_secs(self.context.settings.drain_seconds.into());
        drain + DRAIN_TIMEOUT + PUBLICATION_TIMEOUT + CLOSE_TIMEOUT + OPS_TIMEOUT
    }

    /// Says "not ready", waits until load balancers have noticed, takes no more connections, finishes what is in flight,
    /// then returns. A publication under way is finished too. Operators' tools get answers until the end.
    pub async fn stop(mut self) {
        self.context.condition.begin_draining();
        // Gone before health is set, so that it cannot set it back.
        self.health_check.shutdown().await;
        for health in &*self.health {
            health.set(false).await;
        }
        let drain_seconds = self.context.settings.drain_seconds;
        tokio::time::sleep(Duration::from_secs(drain_seconds.into())).await;
        self.stop.send_replace(true);
        while self.listeners.join_next().await.is_some() {}
        // Waits for a window that is being built; what comes after it can be taken up at the next start.
        let turn = timeout(PUBLICATION_TIMEOUT, self.context.turns.idle()).await;
        if turn.is_err() {
            warn!("a window is not published yet; the next start takes it up");
        }
        self.tasks.shutdown().await;
        drop(turn);
        self.context.store.close().await;
        self.stop_ops.send_replace(true);
        drop(timeout(OPS_TIMEOUT, self.ops_listener.join_next()).await);
    }
}

/// Tells gRPC's health service what `/readyz` says: as soon as that was asked, and now and then if nobody asks.
async fn keep_health(context: Arc<Context>, health: Arc<[Health; 2]>) {
    let mut tick = tokio::time::interval(HEALTH_EVERY);
    let mut looks = context.ready_state.looks();
    loop {
        tokio::select! {
            _ = tick.tick() => {
                // Told by `looks`, whatever it is.
                let _ready = context.ready_state.look(&context).await;
            }
            // An error means that the server is gone.
            Ok(()) = looks.changed() => {}
        }
        let ready = *looks.borrow_and_update();
        for health in &*health {
            health.set(ready).await;
        }
    }
}

/// As many as the process may have open, less what staff, operators, the database and files need.
fn max_phone_connections() -> usize {
    let files = rlimit::increase_nofile_limit(MAX_PHONE_CONNECTIONS + RESERVED_FILES);
    let files = files.unwrap_or(1_024).saturating_sub(RESERVED_FILES);
    usize::try_from(files.clamp(64, MAX_PHONE_CONNECTIONS)).expect("bounded")
}

/// Adds an officer without anybody's leave, directly in the database, with a client key and an invitation: how the
/// first administrator is made. Works beside a running server.
///
/// # Errors
/// [`StartError`] if the database cannot be opened, inside it [`OfficerError`] if a field is wrong.
pub async fn create_first_officer(
    settings: &Settings,
    label: &str,
    unit_code: &str,
    role: Role,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<Result<(Officer, Credential, Invitation), OfficerError>, StartError> {
    make_folder("data_dir", &settings.data_dir)?;
    let store = store::open(&settings.database, Arc::new(WalkOn), Arc::default()).await?;
    // Only into an empty database: which list replaces which is for the server's settings to say.
    if store.unit_list_digest().await?.is_none() {
        officers::load_units(&*store, settings.units_file.as_deref(), now).await?;
    }
    Ok(officers::create_first(&*store, label, unit_code, role, now, rng).await)
}

fn make_folder(setting: &'static str, path: &Path) -> Result<(), StartError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StartError::Folder {
            setting,
            path: path.to_owned(),
            source,
        })
}

/// Two servers on one folder would publish beside each other.
pub(crate) fn lock_data_dir(data_dir: &Path) -> Result<File, StartError> {
    make_folder("data_dir", data_dir)?;
    let path = data_dir.join("lock");
    let folder_error = |source| StartError::Folder {
        setting: "data_dir",
        path: path.clone(),
        source,
    };
    let file = File::create(&path).map_err(folder_error)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(folder_error(source)),
    }
}
