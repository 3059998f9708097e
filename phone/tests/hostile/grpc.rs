//! A gRPC server that issues real tokens and then, as a test tells it to, loses answers, refuses or forges.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use prost::Message as _;
use tonic::{Request, Response, Status, transport::server::TcpIncoming};
use truyvet_crypto::{
    Scheme, Timestamp,
    token::{BlindedNonce, ReportType, Token, TokenIssuer, TokenMetadata},
};
use truyvet_phone::{ConnectOptions, Connection};
use truyvet_proto::v1::{
    self as pb,
    exposure_service_server::{ExposureService, ExposureServiceServer},
    report_service_server::{ReportService, ReportServiceServer},
};

use crate::{noon, publisher::signed_config, rng};

/// What goes wrong next; each once.
pub(crate) enum Trouble {
    /// The code is spent, and nobody hears of it.
    LostRedeemAnswer,
    /// The proof is of another key: a token by which its bearer could be told.
    ForgedProof,
    /// The region beside the token is none that anybody else hears of.
    MadeUpRegion,
    /// The call is refused before anything is done.
    Refusal(Status),
    /// The upload is taken in, and nobody hears of it.
    LostUploadAnswer,
    /// The code is redeemed, then the upload is refused.
    UploadRefusal(Status),
}

pub(crate) struct State {
    scheme: Scheme,
    pub(crate) issuer: TokenIssuer,
    /// Of the codes that are redeemed from now on.
    pub(crate) report_type: ReportType,
    pub(crate) config_signed_at: Timestamp,
    pub(crate) trouble: Option<Trouble>,
    pub(crate) redeemed: Vec<pb::RedeemRequest>,
    pub(crate) uploaded: Vec<pb::UploadRequest>,
    /// Where the calls came from, in order: a connection has a port of its own.
    pub(crate) calls: Vec<(Call, SocketAddr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    GetConfig,
    Redeem,
    Upload,
}

impl State {
    fn called<T>(&mut self, call: Call, request: &Request<T>) {
        self.calls.push((call, request.remote_addr().unwrap()));
    }

    fn take_trouble(&mut self, is_it: impl FnOnce(&Trouble) -> bool) -> Option<Trouble> {
        self.trouble.take_if(|trouble| is_it(trouble))
    }

    /// The token of an upload, if this server issued it.
    pub(crate) fn token_of(&self, request: &pb::UploadRequest) -> Option<Token> {
        let token = request.token.clone()?;
        let token = Token {
            nonce: token.nonce.try_into().ok()?,
            metadata: metadata(self.report_type, noon()),
            output: token.output.try_into().ok()?,
        };
        self.issuer.verify(&token).then_some(token)
    }
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) async fn start(scheme: Scheme) -> (Self, Connection) {
        let server = Self {
            state: Arc::new(Mutex::new(State {
                scheme,
                issuer: TokenIssuer::from_seed(&[7; 32]),
                report_type: ReportType::ConfirmedTest,
                config_signed_at: noon(),
                trouble: None,
                redeemed: vec![],
                uploaded: vec![],
                calls: vec![],
            })),
        };
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(ExposureServiceServer::new(server.clone()))
                .add_service(ReportServiceServer::new(server.clone()))
                .serve_with_incoming(incoming),
        );
        let options = ConnectOptions {
            report_gap_ms: 0,
            ..ConnectOptions::default()
        };
        let connection = Connection::open(&url, &options).unwrap();
        (server, connection)
    }

    pub(crate) fn trouble(&self, trouble: Trouble) {
        self.state.lock().unwrap().trouble = Some(trouble);
    }
}

/// What every code allows: the last ten days.
fn metadata(report_type: ReportType, today: Timestamp) -> TokenMetadata {
    TokenMetadata {
        report_type,
        first_day: today.day().minus_days(10),
        last_day: today.day(),
    }
}

#[tonic::async_trait]
impl ReportService for Server {
    async fn redeem(
        &self,
        request: Request<pb::RedeemRequest>,
    ) -> Result<Response<pb::RedeemResponse>, Status> {
        let mut state = self.state.lock().unwrap();
        state.called(Call::Redeem, &request);
        let request = request.into_inner();
        if request.decoy {
            let nothing = pb::GrantedToken::default();
            return Ok(Response::new(pb::RedeemResponse::granted(nothing)));
        }
        if let Some(Trouble::Refusal(status)) =
            state.take_trouble(|trouble| matches!(trouble, Trouble::Refusal(_)))
        {
            return Ok(Response::new(pb::RedeemResponse::refused(&status)));
        }
        let blinded = BlindedNonce::parse(&request.blinded_element).unwrap();
        state.redeemed.push(request);
        if state
            .take_trouble(|trouble| matches!(trouble, Trouble::LostRedeemAnswer))
            .is_some()
        {
            return Err(Status::unavailable("connection reset"));
        }
        let forged = state.take_trouble(|trouble| matches!(trouble, Trouble::ForgedProof));
        let made_up = state.take_trouble(|trouble| matches!(trouble, Trouble::MadeUpRegion));
        let tagging = TokenIssuer::from_seed(&[8; 32]);
        let issuer = forged.map_or(&state.issuer, |_| &tagging);
        let metadata = metadata(state.report_type, noon());
        let evaluation = issuer.evaluate(&blinded, &metadata, &mut rng(3));
        Ok(Response::new(pb::RedeemResponse::granted(
            pb::GrantedToken {
                evaluated_element: evaluation.element.to_vec(),
                proof: evaluation.proof.to_vec(),
                metadata: Some(pb::TokenMetadata {
                    report_type: metadata.report_type.byte().into(),
                    first_day: metadata.first_day.number(),
                    last_day: metadata.last_day.number(),
                }),
                region: made_up.map_or("VN", |_| "VN-7XK4").into(),
            },
        )))
    }

    async fn upload(
        &self,
        request: Request<pb::UploadRequest>,
    ) -> Result<Response<pb::UploadResponse>, Status> {
        let mut state = self.state.lock().unwrap();
        state.called(Call::Upload, &request);
        let request = request.into_inner();
        assert_eq!(request.encoded_len(), 4_096, "as the configuration says");
        if request.decoy {
            return Ok(Response::new(pb::UploadResponse::accepted()));
        }
        if let Some(Trouble::UploadRefusal(status)) =
            state.take_trouble(|trouble| matches!(trouble, Trouble::UploadRefusal(_)))
        {
            return Ok(Response::new(pb::UploadResponse::refused(&status)));
        }
        state.uploaded.push(request);
        match state.take_trouble(|trouble| matches!(trouble, Trouble::LostUploadAnswer)) {
            Some(_) => Err(Status::unavailable("connection reset")),
            None => Ok(Response::new(pb::UploadResponse::accepted())),
        }
    }
}

#[tonic::async_trait]
impl ExposureService for Server {
    async fn get_config(
        &self,
        request: Request<pb::GetConfigRequest>,
    ) -> Result<Response<pb::GetConfigResponse>, Status> {
        let mut state = self.state.lock().unwrap();
        state.called(Call::GetConfig, &request);
        let key = state.issuer.public_key();
        Ok(Response::new(pb::GetConfigResponse {
            config: Some(signed_config(state.scheme, state.config_signed_at, key)),
        }))
    }

    async fn list_batches(
        &self,
        _: Request<pb::ListBatchesRequest>,
    ) -> Result<Response<pb::ListBatchesResponse>, Status> {
        Err(Status::unimplemented("not asked for over gRPC"))
    }

    type DownloadBatchStream = std::pin::Pin<
        Box<tonic::codegen::tokio_stream::Empty<Result<pb::DownloadBatchResponse, Status>>>,
    >;

    async fn download_batch(
        &self,
        _: Request<pb::DownloadBatchRequest>,
    ) -> Result<Response<Self::DownloadBatchStream>, Status> {
        Err(Status::unimplemented("not asked for over gRPC"))
    }
}
