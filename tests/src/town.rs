//! A world with real phones in it, which meet, upload and sync over real sockets.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use truyvet_crypto::{Scheme, Timestamp};
use truyvet_phone::{
    ConnectOptions, Connection, Heard, Phone, SyncReport, UploadError, UploadOptions, UploadReport,
};
use truyvet_server::settings::Settings;

use crate::world::{World, rng};

/// Above the default threshold of -86 dBm.
pub const NEAR: i16 = -70;
/// Below it.
pub const FAR: i16 = -95;

/// A server and the phones around it.
pub struct Town {
    draws: AtomicU64,
    /// The server, its clock, its staff.
    pub world: World,
    /// For all phones.
    pub connection: Connection,
}

impl Town {
    /// Of one scheme.
    pub async fn new(scheme: Scheme) -> Self {
        Self::with(|settings| settings.scheme = scheme).await
    }

    /// With settings changed by the test.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let world = World::with(change).await;
        Self {
            draws: AtomicU64::new(1),
            connection: connect(&world),
            world,
        }
    }

    /// Stops the server and starts it again.
    #[must_use]
    pub async fn restarted(self) -> Self {
        let world = self.world.restarted().await;
        Self {
            connection: connect(&world),
            world,
            ..self
        }
    }

    /// Never the same twice: phones that drew alike would be one.
    pub fn rng(&self) -> StdRng {
        rng(self.draws.fetch_add(1, Ordering::Relaxed))
    }

    /// The phone of that name, which has been on for two weeks.
    #[must_use]
    pub fn phone(&self, name: &str) -> Phone {
        let folder = self.world.folder().join(name);
        let scheme = self.world.settings.scheme;
        let two_weeks_ago = self.world.now().plus_seconds(-13 * 86_400);
        Phone::open(
            &folder,
            scheme,
            self.world.trusted(),
            two_weeks_ago,
            &mut self.rng(),
        )
        .expect("a folder of its own")
    }

    /// One minute-by-minute meeting of two phones, long ago enough to be published.
    pub fn meet(&self, a: &Phone, b: &Phone, from: Timestamp, minutes: i64, rssi_dbm: i16) {
        for minute in 0..minutes {
            let time = from.plus_seconds(60 * minute);
            for (hears, sends) in [(a, b), (b, a)] {
                let id = sends
                    .broadcast_id(time, &mut self.rng())
                    .expect("a phone that works");
                let heard = Heard {
                    id: id.as_bytes(),
                    time,
                    rssi_dbm,
                };
                hears
                    .hear(heard, time)
                    .expect("a phone that works")
                    .expect("worth keeping");
            }
        }
    }

    /// Discloses all of a phone.
    ///
    /// # Errors
    /// What the phone says.
    pub async fn upload(&self, case: &Phone, code: &str) -> Result<UploadReport, UploadError> {
        let options = UploadOptions::default();
        let region = Some("VN".parse().expect("a region"));
        let now = self.world.now();
        case.upload(
            &self.connection,
            code,
            region,
            &options,
            now,
            &mut self.rng(),
        )
        .await
    }

    /// Takes a phone's last upload back.
    ///
    /// # Errors
    /// What the phone says.
    pub async fn withdraw(&self, case: &Phone, code: &str) -> Result<UploadReport, UploadError> {
        let now = self.world.now();
        case.withdraw(&self.connection, code, now, &mut self.rng())
            .await
    }

    /// Takes every new batch.
    pub async fn take_all(&self, phone: &Phone) -> SyncReport {
        let region = "VN".parse().expect("a region");
        let synced = phone.sync(&self.connection, region, self.world.now()).await;
        synced.expect("all is well")
    }

    /// Takes every new batch and counts the days of exposure.
    pub async fn sync(&self, phone: &Phone) -> usize {
        self.take_all(phone).await;
        let exposures = phone.exposures(self.world.now());
        exposures.expect("a phone that works").len()
    }
}

fn connect(world: &World) -> Connection {
    let options = ConnectOptions {
        report_gap_ms: 0,
        ..ConnectOptions::default()
    };
    Connection::open(&world.public_url(), &options).expect("a URL")
}
