//! The demo's server and the people who work at it: a real one on real sockets, in a folder that is gone afterwards.
//!
//! Everything goes through the staff services, as it would from another machine; only the first administrator is made
//! directly in the database, which is how a real one is made too.

use std::{net::Ipv4Addr, sync::Arc};

use prost::Message as _;
use rand::{Rng as _, rngs::StdRng};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use truyvet_crypto::{Day, sign::TrustedKeys};
use truyvet_matching::Region;
use truyvet_proto::v1::{
    BatchEntry, CodeOrder, CreateOfficerRequest, Index, IssueCodeRequest, ListBatchesRequest,
    PublishNowRequest, PublishNowResponse, ReportType, Role,
    exposure_service_client::ExposureServiceClient,
};
use truyvet_server::{
    Clock, Effects, Entropy, Server, WalkOn, create_first_officer, officers, settings::Settings,
    start,
};

use crate::remote::{Staff, StaffServer, explain};

/// A running server with an administrator and an officer.
pub(crate) struct Office {
    server: Server,
    settings: Settings,
    administrator: Staff,
    officer: Staff,
    /// Removed when dropped.
    _folder: TempDir,
}

impl Office {
    /// Starts a server by `clock`, makes its first administrator, and lets them add a unit and an officer.
    pub(crate) async fn open(clock: Arc<dyn Clock>, rng: &mut StdRng) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("truyvet-demo-").tempdir()?;
        let any_port = (Ipv4Addr::LOCALHOST, 0).into();
        let settings = Settings {
            public_listen: any_port,
            staff_listen: any_port,
            ops_listen: any_port,
            // Evenings come when the demo says so, not by the clock.
            publish_every_seconds: None,
            // Nor does a day end in the middle of a check.
            self_check_every_minutes: None,
            // One officer serves the whole town.
            officer_codes_per_day: 100_000,
            unit_codes_per_day: 1_000_000,
            ..Settings::for_data_dir(folder.path())
        };
        let (_, credential, _) = create_first_officer(
            &settings,
            "administrator",
            "VN",
            officers::Role::Administrator,
            clock.now(),
            rng,
        )
        .await??;
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let effects = Effects {
            clock,
            entropy: Arc::new(Entropy::from_seed(seed)),
            steps: Arc::new(WalkOn),
        };
        let server = start(settings.clone(), effects).await?;
        let url = format!("http://{}", server.staff_addr());
        let channel = channel(&url)?;
        let administrator = Staff::connect(channel.clone(), credential.reveal())?;
        let officer = add_officer(&administrator, channel).await?;
        Ok(Self {
            server,
            settings,
            administrator,
            officer,
            _folder: folder,
        })
    }

    /// The settings that the server runs with.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where phones call.
    pub(crate) fn phones_url(&self) -> String {
        format!("http://{}", self.server.public_addr())
    }

    /// The key that an app would come with.
    pub(crate) fn trusted_keys(&self) -> TrustedKeys {
        let key = self.server.context().keys.current().key.verifying_key();
        TrustedKeys::new(vec![key])
    }

    /// The one region.
    pub(crate) fn region(&self) -> Region {
        self.settings.regions[0]
    }

    /// The officer hears of a confirmed test, and reads out the code.
    pub(crate) async fn issue_code(&self, onset: Day) -> anyhow::Result<String> {
        let request = IssueCodeRequest {
            order: Some(CodeOrder {
                report_type: ReportType::ConfirmedTest.into(),
                onset_day: onset.number(),
                region: self.region().to_string(),
            }),
        };
        let answer = self.officer.officer().issue_code(request).await;
        let issued = answer.map_err(|status| explain(&status))?.into_inner().code;
        Ok(issued.unwrap_or_default().upload_code)
    }

    /// The administrator closes the window and publishes it.
    pub(crate) async fn publish(&self) -> anyhow::Result<PublishNowResponse> {
        let request = PublishNowRequest {
            region: self.region().to_string(),
        };
        let answer = self.administrator.admin().publish_now(request).await;
        Ok(answer.map_err(|status| explain(&status))?.into_inner())
    }

    /// The batches that the server's index lists now, as any phone may ask.
    pub(crate) async fn listed(&self) -> anyhow::Result<Vec<BatchEntry>> {
        let request = ListBatchesRequest {
            region: self.region().to_string(),
        };
        let channel = Endpoint::from_shared(self.phones_url())?.connect_lazy();
        let answer = ExposureServiceClient::new(channel)
            .list_batches(request)
            .await;
        let signed = answer.map_err(|status| explain(&status))?.into_inner();
        // Whether the signature is good is for the phones to say.
        let payload = signed.index.unwrap_or_default().payload;
        Ok(Index::decode(&*payload)?.batches)
    }

    /// Stops the server and removes its folder.
    pub(crate) async fn close(self) {
        self.server.stop().await;
    }
}

fn channel(url: &str) -> anyhow::Result<Channel> {
    let server = StaffServer {
        url,
        ca_pem: None,
        plaintext: false,
    };
    server.channel()
}

async fn add_officer(administrator: &Staff, channel: Channel) -> anyhow::Result<Staff> {
    let mut admin = administrator.admin();
    let officer = CreateOfficerRequest {
        label: "hotline-1".into(),
        unit_code: "48".into(),
        role: Role::Officer.into(),
        ..CreateOfficerRequest::default()
    };
    let added = admin
        .create_officer(officer)
        .await
        .map_err(|status| explain(&status))?;
    Staff::connect(channel, &added.into_inner().credential)
}
