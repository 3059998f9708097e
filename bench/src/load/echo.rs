//! The measure of all calls: a bare tonic service that takes the same messages and answers at once, in its own process.

use std::{
    io::{self, BufRead as _, BufReader, Read as _},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use anyhow::Context as _;
use clap::Args;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};
use truyvet_proto::v1::{
    GrantedToken, RedeemRequest, RedeemResponse, TokenMetadata, UploadRequest, UploadResponse,
    report_service_server::{ReportService, ReportServiceServer},
};

use super::{
    drive::Meter,
    remote::{Remote, Trust},
    tls::Certificate,
};
use crate::process::{self, Process};

/// As the server has it.
const MAX_STREAMS: u32 = 64;

/// How the echo process is to serve.
#[derive(Args)]
pub(crate) struct EchoArguments {
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Answers of the same size as the server's, without looking at anything.
struct Echo;

#[tonic::async_trait]
impl ReportService for Echo {
    async fn redeem(
        &self,
        request: Request<RedeemRequest>,
    ) -> Result<Response<RedeemResponse>, Status> {
        Ok(Response::new(RedeemResponse::granted(GrantedToken {
            evaluated_element: request.into_inner().blinded_element,
            proof: vec![7; 64],
            region: "VN".to_owned(),
            metadata: Some(TokenMetadata {
                report_type: 1,
                first_day: 18_856,
                last_day: 18_866,
            }),
        })))
    }

    async fn upload(
        &self,
        _request: Request<UploadRequest>,
    ) -> Result<Response<UploadResponse>, Status> {
        Ok(Response::new(UploadResponse::accepted()))
    }
}

/// Prints the address it serves on; serves until its input ends.
///
/// # Errors
/// If it cannot listen, or certificate or key cannot be read.
pub(crate) async fn serve(arguments: &EchoArguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    let mut server = Server::builder().max_concurrent_streams(MAX_STREAMS);
    if let (Some(cert), Some(key)) = (&arguments.tls_cert, &arguments.tls_key) {
        let identity = Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    let (sender, input_ended) = oneshot::channel::<()>();
    // However the process at the other end goes, its end of the pipe is closed.
    thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        drop(sender);
    });
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    server
        .add_service(ReportServiceServer::new(Echo))
        .serve_with_incoming_shutdown(incoming, async {
            let _ = input_ended.await;
        })
        .await?;
    Ok(())
}

/// A running echo.
pub(super) struct EchoProcess {
    process: Process,
    pub(super) remote: Remote,
}

impl EchoProcess {
    /// This program once more.
    pub(super) fn start(tls: Option<(&Certificate, &Trust)>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("echo")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if let Some((certificate, _)) = tls {
            command.arg("--tls-cert").arg(&certificate.cert);
            command.arg("--tls-key").arg(&certificate.key);
        }
        let mut process = Process::spawn(&mut command)?;
        let mut address = String::new();
        BufReader::new(process.stdout().context("piped")?).read_line(&mut address)?;
        let address: SocketAddr = address.trim().parse().context("the echo does not start")?;
        Ok(Self {
            remote: Remote::new(address, tls.map(|(_, trust)| trust))?,
            process,
        })
    }

    pub(super) fn meter(&self) -> Meter {
        Meter(vec![self.process.id()])
    }

    pub(super) fn resident_megabytes(&self) -> anyhow::Result<f64> {
        process::resident_megabytes(self.process.id())
    }
}
