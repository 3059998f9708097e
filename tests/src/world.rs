//! A world: a real server on loopback sockets with a real database, a clock that the test moves, seeded randomness.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use rand::{SeedableRng as _, rngs::StdRng};
use rusqlite::types::Value;
use tempfile::TempDir;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};
use tonic_types::StatusExt as _;
use truyvet_crypto::{Day, Timestamp, sign::TrustedKeys, token::ReportType};
use truyvet_proto::v1::{
    CodeOrder, DownloadBatchRequest, IssueCodeRequest, IssuedCode, PublishNowRequest,
    PublishNowResponse, admin_service_client::AdminServiceClient,
    audit_service_client::AuditServiceClient, exposure_service_client::ExposureServiceClient,
    officer_service_client::OfficerServiceClient,
};
use truyvet_server::{
    Clock, Effects, Entropy, Server, WalkOn,
    audit::{AuditRow, ChainCheck},
    officers::{self, Role},
    settings::{Database, PostgresPlace, Settings},
    store::Store,
};

use crate::{places::chosen_database, raw::RawPhone};

/// 2021-08-27 05:00 UTC, noon in Vietnam, within a slot.
pub const NOON: i64 = 1_630_040_400 + 120;

/// A clock that stands still until the test moves it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at this time.
    #[must_use]
    pub fn at(unix_seconds: i64) -> Self {
        Self(AtomicI64::new(unix_seconds))
    }

    /// Moves it forward (or back).
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(self.0.load(Ordering::SeqCst)).expect("a test's time")
    }
}

/// A server, its clock, and somebody in each role.
pub struct World {
    /// The real server.
    pub server: Server,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// Its settings.
    pub settings: Settings,
    /// Credential of an administrator of the country.
    pub administrator: String,
    /// Credential of an officer of the country.
    pub officer: String,
    folder: TempDir,
}

impl World {
    /// With default settings on free ports; publishes on demand only.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings changed by the test.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // For clients of a test's own; another test of the same process may have been quicker.
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut settings = Settings::for_data_dir(&folder.path().join("data"));
        for listen in [
            &mut settings.public_listen,
            &mut settings.staff_listen,
            &mut settings.ops_listen,
        ] {
            listen.set_port(0);
        }
        if let Some(url) = chosen_database() {
            settings.database = place(url);
        }
        settings.publish_every_seconds = None;
        // Most tests ask what is answered, not when.
        settings.answer_after_ms = 0;
        settings.self_check_every_minutes = None;
        change(&mut settings);
        let clock = Arc::new(ManualClock::at(NOON));
        let server = start(&settings, &clock, 1).await;
        let mut credentials = Vec::new();
        for role in [Role::Administrator, Role::Officer] {
            let context = server.context();
            let mut rng = context.rng();
            let label = format!("{role:?}");
            let store = &*context.store;
            let created =
                officers::create_first(store, &label, "VN", role, context.now(), &mut rng).await;
            let (_, credential, _) = created.expect("the country is a unit from the start");
            credentials.push(credential.reveal().to_owned());
        }
        let [administrator, officer] = credentials.try_into().expect("two roles");
        Self {
            server,
            clock,
            settings,
            administrator,
            officer,
            folder,
        }
    }

    /// Stops the server and starts it again on the same folder.
    #[must_use]
    pub async fn restarted(self) -> Self {
        self.server.stop().await;
        let server = start(&self.settings, &self.clock, 2).await;
        Self { server, ..self }
    }

    /// Another server of the same country: on the same places and with the same keys, in a folder of its own.
    ///
    /// # Panics
    /// If the keys cannot be copied.
    pub async fn beside(&self) -> Server {
        let mut settings = self.settings.clone();
        settings.data_dir = self.folder.path().join("beside");
        let (from, to) = (self.settings.keys_dir(), settings.keys_dir());
        std::fs::create_dir_all(&to).expect("a folder of its own");
        for entry in std::fs::read_dir(from).expect("the keys are there") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a file");
            std::fs::copy(&path, to.join(name)).expect("a copy");
        }
        start(&settings, &self.clock, 3).await
    }

    /// A folder that lives as long as the world, for phones and the like.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Now, by the world's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Today in UTC.
    #[must_use]
    pub fn today(&self) -> Day {
        self.now().day()
    }

    /// URL for phones.
    #[must_use]
    pub fn public_url(&self) -> String {
        let scheme = if self.settings.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.server.public_addr())
    }

    /// The key that the server signs with.
    #[must_use]
    pub fn trusted(&self) -> TrustedKeys {
        TrustedKeys::new(vec![
            self.server.context().keys.current().key.verifying_key(),
        ])
    }

    /// A client that says exactly what it is told to.
    pub async fn raw_phone(&self, seed: u64) -> RawPhone {
        RawPhone::over(self.channel(self.server.public_addr()).await, seed).await
    }

    /// The certificate that the server shows, PEM; `None` without TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let files = self.settings.tls.as_ref()?;
        Some(std::fs::read(&files.cert).expect("the server read it"))
    }

    /// A channel to one of the server's addresses, or to what stands before it.
    pub async fn channel(&self, address: SocketAddr) -> Channel {
        let Some(certificate) = self.certificate() else {
            return channel(&format!("http://{address}")).await;
        };
        let trust = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(certificate));
        Endpoint::from_shared(format!("https://{address}"))
            .and_then(|endpoint| endpoint.tls_config(trust))
            .expect("a URL and a certificate")
            .connect()
            .await
            .expect("the server listens")
    }

    /// All rows of the audit, whose chain holds.
    pub async fn audit_rows(&self) -> Vec<AuditRow> {
        let store = &self.server.context().store;
        let rows = store.audit(0, 10_000).await.expect("the store reads");
        let mut chain = ChainCheck::new(None);
        for row in &rows {
            chain
                .next(row)
                .expect("the row follows from the one before");
        }
        rows
    }

    /// The officers' service.
    pub async fn officers(&self) -> OfficerServiceClient<Channel> {
        OfficerServiceClient::new(self.channel(self.server.staff_addr()).await)
    }

    /// The administrators' service.
    pub async fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel(self.server.staff_addr()).await)
    }

    /// The auditors' service.
    pub async fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel(self.server.staff_addr()).await)
    }

    /// An upload code for keys from ten days ago on.
    pub async fn code(&self) -> String {
        self.code_with_onset(self.today().minus_days(8)).await
    }

    /// An upload code for an onset.
    pub async fn code_with_onset(&self, onset_day: Day) -> String {
        self.issue(onset_day).await.upload_code
    }

    /// A code that takes an upload back.
    pub async fn withdrawal_code(&self) -> String {
        let order = CodeOrder {
            report_type: ReportType::Withdrawal.byte().into(),
            onset_day: 0,
            region: String::new(),
        };
        self.issue_order(order).await.upload_code
    }

    /// An upload code and the serial of its slip.
    pub async fn code_and_serial(&self) -> (String, String) {
        let issued = self.issue(self.today()).await;
        (issued.upload_code, issued.serial)
    }

    async fn issue(&self, onset_day: Day) -> IssuedCode {
        let order = CodeOrder {
            report_type: ReportType::ConfirmedTest.byte().into(),
            onset_day: onset_day.number(),
            region: String::new(),
        };
        self.issue_order(order).await
    }

    async fn issue_order(&self, order: CodeOrder) -> IssuedCode {
        let request = IssueCodeRequest { order: Some(order) };
        let answer = self
            .officers()
            .await
            .issue_code(bearer(&self.officer, request))
            .await
            .expect("an officer may issue");
        answer.into_inner().code.expect("a code")
    }

    /// The files of region VN's published batches, oldest first, as they lie in the batch store.
    pub async fn files(&self) -> Vec<Vec<u8>> {
        let region = "VN".parse().expect("a region");
        let published = self.server.context().store.published(region).await;
        let batches = published.expect("readable");
        let path = |digest| self.batches().join(format!("{digest}.tvb"));
        batches
            .iter()
            .map(|batch| std::fs::read(path(batch.digest)).expect("published means there"))
            .collect()
    }

    /// The SQLite file.
    ///
    /// # Panics
    /// In a world on PostgreSQL.
    #[must_use]
    pub fn database(&self) -> &Path {
        self.settings.database.file().expect("a world on SQLite")
    }

    /// The folder of batch files.
    ///
    /// # Panics
    /// In a world on S3.
    #[must_use]
    pub fn batches(&self) -> &Path {
        self.settings.batches.folder().expect("a world on a folder")
    }

    /// How many rows a table of the database has.
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn rows(&self, table: &str) -> i64 {
        let count = self.sql(&format!("SELECT count(*) FROM {table}"));
        count.parse().expect("a number")
    }

    /// Runs a statement beside the server. What it finds: a line for each row, its first column as text.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn sql(&self, sql: &str) -> String {
        match &self.settings.database {
            Database::Postgres(place) => query(&place.url, sql),
            Database::Sqlite(file) => {
                let database = rusqlite::Connection::open(file).expect("the server's database");
                let mut statement = database.prepare(sql).expect("a statement");
                let text = |row: &rusqlite::Row<'_>| match row.get(0)? {
                    Value::Integer(number) => Ok(number.to_string()),
                    Value::Text(text) => Ok(text),
                    other => panic!("not for a look: {other:?}"),
                };
                let lines: rusqlite::Result<Vec<String>> =
                    statement.query_map([], text).and_then(Iterator::collect);
                lines.expect("it runs").join("\n")
            }
        }
    }

    /// Whether any of the database's files holds these bytes.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn on_disk(&self, bytes: &[u8]) -> bool {
        std::fs::read_dir(&self.settings.data_dir)
            .expect("the server made it")
            .map(|entry| entry.expect("readable").path())
            .filter(|path| path.is_file())
            .any(|path| {
                let file = std::fs::read(path).expect("readable");
                file.windows(bytes.len()).any(|window| window == bytes)
            })
    }

    /// Closes the open window and publishes it.
    pub async fn publish(&self) -> PublishNowResponse {
        let request = PublishNowRequest {
            region: "VN".into(),
        };
        self.admin()
            .await
            .publish_now(bearer(&self.administrator, request))
            .await
            .expect("an administrator may publish")
            .into_inner()
    }
}

/// A store without a server, where worlds have theirs; in that folder unless the environment says otherwise.
///
/// # Panics
/// If it cannot be opened.
pub async fn store(folder: &Path) -> Arc<dyn Store> {
    let file = || Database::Sqlite(folder.join("truyvet.db"));
    let database = chosen_database().map_or_else(file, place);
    let store = truyvet_server::store::open(&database, Arc::new(WalkOn), Arc::default()).await;
    store.expect("an empty place for a store")
}

/// What PostgreSQL's own client prints for a query.
///
/// # Panics
/// If it fails.
#[must_use]
pub fn query(url: &str, sql: &str) -> String {
    let mut psql = std::process::Command::new("psql");
    let psql = psql.args([
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--command",
        sql,
        url,
    ]);
    let output = psql.output().expect("psql runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A database of tests, by its URL.
#[must_use]
pub fn place(url: String) -> Database {
    Database::Postgres(PostgresPlace {
        url,
        password_file: None,
        ca_file: None,
        connections: 8,
    })
}

async fn start(settings: &Settings, clock: &Arc<ManualClock>, seed: u8) -> Server {
    let effects = Effects {
        clock: Arc::<ManualClock>::clone(clock),
        entropy: Arc::new(Entropy::from_seed([seed; 32])),
        steps: Arc::new(WalkOn),
    };
    truyvet_server::start(settings.clone(), effects)
        .await
        .expect("a server starts in an empty folder")
}

/// A channel to a URL.
pub async fn channel(url: &str) -> Channel {
    Endpoint::from_shared(url.to_owned())
        .expect("a URL")
        .connect()
        .await
        .expect("the server listens")
}

/// A batch file as gRPC hands it out.
///
/// # Panics
/// If there is none of this digest.
pub async fn download(exposure: &mut ExposureServiceClient<Channel>, digest: Vec<u8>) -> Vec<u8> {
    let request = DownloadBatchRequest { digest, offset: 0 };
    let answer = exposure.download_batch(request).await;
    let mut pieces = answer.expect("it is published").into_inner();
    let mut file = Vec::new();
    while let Some(piece) = pieces.message().await.expect("to its end") {
        file.extend_from_slice(&piece.piece);
    }
    file
}

/// A request with a bearer credential.
pub fn bearer<T>(credential: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value: MetadataValue<_> = format!("Bearer {credential}").parse().expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// A generator for tests.
#[must_use]
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// What a refusal says: status code, reason, fields at fault.
#[must_use]
pub fn refusal(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone());
    let fields = details.bad_request().map(|bad| {
        bad.field_violations
            .iter()
            .map(|violation| violation.field.clone())
            .collect()
    });
    (
        status.code(),
        reason.unwrap_or_default(),
        fields.unwrap_or_default(),
    )
}
