//! `truyvet serve --otlp-endpoint`: what a collector has when the server has stopped.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tonic::{
    Request, Response, Status, service::Routes, transport::Server, transport::server::TcpIncoming,
};

use super::{succeeds, text};

/// Keeps the names of spans.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<String>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let resources = request.into_inner().resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let names = scopes.flat_map(|scope| scope.spans).map(|span| span.name);
        self.0.lock().unwrap().extend(names);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[test]
fn what_happened_last_is_sent_before_the_program_ends() {
    let collector = Collector::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
    let listener = listener.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::new(TraceServiceServer::new(collector.clone()));
    let server = Server::builder().add_routes(routes);
    runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));

    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("country");
    let free = "127.0.0.1:0";
    let mut process = Command::new(env!("CARGO_BIN_EXE_truyvet"))
        .args(["serve", "--data-dir", text(&data_dir)])
        .args(["--public-listen", free, "--staff-listen", free])
        .args(["--ops-listen", free, "--otlp-endpoint", &endpoint])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // All that it says, to the last line: it must not write to nobody.
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok);
    let said: Vec<String> = said
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .collect();
    let staff = said.iter().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_staff = words.next() == Some("staff");
        words.next().filter(|_| is_staff).map(str::to_owned)
    });
    let staff = staff.unwrap();
    let created = succeeds(&["admin", "create-officer", "--data-dir", text(&data_dir)]);
    let credential = folder.path().join("credential");
    std::fs::write(&credential, created).unwrap();
    succeeds(&[
        "admin",
        "publish",
        "--server",
        &staff,
        "--credential-file",
        text(&credential),
        "--region",
        "VN",
    ]);
    let pid = process.id().to_string();
    let told = Command::new("kill").args(["-TERM", &pid]).status();
    assert!(told.unwrap().success());
    assert!(process.wait().unwrap().success());

    let names = collector.0.lock().unwrap().clone();
    for name in ["truyvet.v1.AdminService/PublishNow", "publish", "announce"] {
        assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
    }
}
