//! Sizes: all calls of a kind of call have the same number of bytes each way, to the byte, cut into records alike.

use std::collections::{BTreeMap, BTreeSet};

use tonic::{
    Code, Request, Response, Status,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};
use truyvet_proto::v1::{
    GrantedToken, RedeemRequest, RedeemResponse, UploadRequest, UploadResponse, redeem_response,
    report_service_client::ReportServiceClient,
    report_service_server::{ReportService, ReportServiceServer},
};

use crate::{
    calls::{self, REDEEMS, UPLOADS},
    watcher::{Line, Sizes, Watcher},
    world_over_tls,
};

/// Of each kind.
const CALLS: usize = 5;

/// Sizes seen, by kind.
pub(crate) type Seen<K> = BTreeMap<K, BTreeSet<Sizes>>;

#[tokio::test]
async fn no_size_tells_what_a_call_was() {
    let world = world_over_tls(|settings| settings.answer_after_ms = 10).await;
    let watcher = Watcher::before(world.server.public_addr()).await;
    for kinds in [&REDEEMS[..], &UPLOADS[..]] {
        let mut sizes = Seen::new();
        let mut shapes: BTreeMap<String, BTreeMap<_, usize>> = BTreeMap::new();
        for call in calls::ready(&world, kinds, CALLS, 1).await {
            let (kind, line) = calls::make(&world, &watcher, call).await;
            let name = format!("{kind:?}");
            sizes.entry(name.clone()).or_default().insert(line.sizes());
            let shapes = shapes.entry(name).or_default();
            *shapes.entry(line.shape()).or_default() += 1;
        }
        println!("{sizes:?}\n{shapes:?}");
        assert_eq!(sizes.len(), kinds.len());
        one_size(&sizes).unwrap();
        // How the same bytes are cut into records may differ from call to call where tasks take turns: not by kind.
        let usual = shapes.values().map(|of_kind| {
            let most = of_kind.iter().max_by_key(|(_, count)| **count);
            most.unwrap().0.clone()
        });
        assert_eq!(usual.collect::<BTreeSet<_>>().len(), 1);
    }
}

/// Says so if there is more than one size.
pub(crate) fn one_size<K: std::fmt::Debug>(seen: &Seen<K>) -> Result<Sizes, String> {
    let all: BTreeSet<Sizes> = seen.values().flatten().copied().collect();
    match all.first() {
        Some(&size) if all.len() == 1 => Ok(size),
        _ => Err(format!("{seen:#?}")),
    }
}

/// A server as it would be without care: answers as long as they happen to be, refusals as gRPC sends them.
struct Careless;

#[tonic::async_trait]
impl ReportService for Careless {
    async fn redeem(
        &self,
        request: Request<RedeemRequest>,
    ) -> Result<Response<RedeemResponse>, Status> {
        if request.into_inner().decoy {
            return Err(Status::new(Code::PermissionDenied, "upload code refused"));
        }
        let token = GrantedToken {
            evaluated_element: vec![1; 32],
            proof: vec![1; 64],
            metadata: None,
            region: "VN".to_owned(),
        };
        Ok(Response::new(RedeemResponse {
            answer: Some(redeem_response::Answer::Granted(token)),
            padding: vec![],
        }))
    }

    async fn upload(&self, _: Request<UploadRequest>) -> Result<Response<UploadResponse>, Status> {
        Err(Status::unimplemented("redeem will do"))
    }
}

#[tokio::test]
async fn answers_of_several_sizes_would_be_noticed() {
    let world = world_over_tls(|_| {}).await;
    let files = world.settings.tls.as_ref().unwrap();
    let key = std::fs::read(&files.key).unwrap();
    let identity = Identity::from_pem(world.certificate().unwrap(), key);
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let watcher = Watcher::before(incoming.local_addr().unwrap()).await;
    tokio::spawn(
        Server::builder()
            .tls_config(ServerTlsConfig::new().identity(identity))
            .unwrap()
            .add_service(ReportServiceServer::new(Careless))
            .serve_with_incoming(incoming),
    );
    let mut seen = Seen::new();
    for decoy in [false, true] {
        let mut report = ReportServiceClient::new(world.channel(watcher.address).await);
        let request = RedeemRequest::sized(RedeemRequest {
            decoy,
            ..RedeemRequest::default()
        });
        assert_eq!(report.redeem(request).await.is_err(), decoy);
        drop(report);
        let line: Line = watcher.take().await.remove(0);
        let sizes = seen.entry(decoy).or_insert_with(BTreeSet::new);
        sizes.insert(line.sizes());
    }
    one_size(&seen).unwrap_err();
}
