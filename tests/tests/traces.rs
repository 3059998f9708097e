//! Traces as a collector gets them: every call and every step of a publication, and no secret, peer or outcome of a report.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use prost::Message as _;
use tonic::{Request, Response, Status, service::Routes, transport::Server};
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use truyvet_server::{settings::log_filter, telemetry::Traces};
use truyvet_tests::world::World;

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    fn spans(&self) -> Vec<Span> {
        let got = self.0.lock().unwrap();
        let resources = got.iter().flat_map(|request| &request.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let got = self.0.lock().unwrap();
        got.iter()
            .flat_map(|request| request.encode_to_vec())
            .collect()
    }
}

/// A line of the log, as it would be written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_hears_of_calls_and_steps_and_of_no_secret() {
    let collector = Collector::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let routes = Routes::new(TraceServiceServer::new(collector.clone()));
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let serving = tokio::spawn(
        Server::builder()
            .add_routes(routes)
            .serve_with_incoming(incoming),
    );
    let traces = Traces::start(&endpoint.parse().unwrap()).unwrap();
    let written = Lines::default();
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer({
            let written = written.clone();
            move || written.clone()
        })
        .with_filter(log_filter("trace").unwrap());
    tracing_subscriber::registry()
        .with(traces.layer())
        .with(log)
        .init();

    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let code = world.code().await;
    // What a caller says of a trace of its own.
    let trace_id = "0af7651916cd43dd8448eb211c80319c";
    let mut asked = Request::new(truyvet_proto::v1::GetConfigRequest {});
    let parent = format!("00-{trace_id}-b7ad6b7169203331-01");
    asked
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    phone.exposure.get_config(asked).await.unwrap();
    let token = phone.redeem(&code).await.unwrap();
    phone.redeem(&code).await.unwrap_err();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    world.publish().await;
    let wrong = truyvet_tests::world::bearer("tvo_kept-secret", Default::default());
    world.officers().await.get_code(wrong).await.unwrap_err();
    // A name that is no call, and that must not be repeated.
    let url = format!(
        "{}/truyvet.v1.ReportService/NguyenVanAn",
        world.public_url()
    );
    drop(reqwest::Client::new().post(url).send().await.unwrap());
    let (administrator, officer) = (world.administrator.clone(), world.officer.clone());
    world.server.stop().await;
    tokio::task::spawn_blocking(move || traces.stop())
        .await
        .unwrap();

    let spans = collector.spans();
    let named = |name: &str| spans.iter().filter(|span| span.name == name).count();
    for (name, times) in [
        ("truyvet.v1.ReportService/Redeem", 2),
        ("truyvet.v1.ReportService/Upload", 1),
        ("truyvet.v1.OfficerService/IssueCode", 1),
        ("truyvet.v1.AdminService/PublishNow", 1),
        ("unknown", 1),
        ("publish", 1),
        ("close", 1),
        ("select", 1),
        ("build", 1),
        ("sign", 1),
        ("store", 1),
        ("record", 1),
        ("announce", 1),
    ] {
        assert_eq!(
            named(name),
            times,
            "{name}: {:?}",
            spans.iter().map(|s| &s.name).collect::<Vec<_>>()
        );
    }
    // Steps are inside their publication; calls begin traces of their own.
    let publish = spans.iter().find(|span| span.name == "publish").unwrap();
    let build = spans.iter().find(|span| span.name == "build").unwrap();
    assert_eq!(build.parent_span_id, publish.span_id);
    assert_eq!(build.trace_id, publish.trace_id);
    for span in &spans {
        let is_step = span.trace_id == publish.trace_id && span.name != "publish";
        assert_eq!(span.parent_span_id.is_empty(), !is_step, "{}", span.name);
        // A refusal of a report looks as a success does; a refusal of staff is told.
        let status = span
            .attributes
            .iter()
            .any(|pair| pair.key == "rpc.grpc.status_code");
        assert_eq!(status, span.name.ends_with("GetCode"), "{}", span.name);
        assert!(span.events.is_empty(), "{}", span.name);
    }
    let bytes = collector.bytes();
    let log = written.0.lock().unwrap().clone();
    let holds = |text: &[u8], needle: &[u8]| text.windows(needle.len()).any(|one| one == needle);
    assert!(holds(&bytes, b"service.version"));
    let trace_id = data_encoding::HEXLOWER.decode(trace_id.as_bytes()).unwrap();
    let mut secrets: Vec<(&str, Vec<u8>)> = vec![
        ("code", code.clone().into_bytes()),
        ("code without hyphens", code.replace('-', "").into_bytes()),
        ("administrator", administrator.into_bytes()),
        ("officer", officer.into_bytes()),
        ("wrong credential", b"kept-secret".to_vec()),
        ("nonce", token.nonce.to_vec()),
        ("token", token.output.to_vec()),
        ("secret", keys[0].secret().to_vec()),
        ("a caller's trace", trace_id),
        ("a name in a path", b"NguyenVanAn".to_vec()),
        ("address", b"127.0.0.1".to_vec()),
    ];
    secrets.extend(
        keys[0]
            .tags()
            .map(|(_, tag)| ("tag", tag.as_bytes().to_vec())),
    );
    for (name, secret) in secrets {
        let hex = data_encoding::HEXLOWER.encode(&secret).into_bytes();
        for look in [secret, hex] {
            assert!(!holds(&bytes, &look), "{name} is in a trace");
        }
    }
    // The log is what it is without traces.
    assert!(holds(&log, b"published batch"));
    assert!(!holds(&log, b"otel.name"), "a span is in the log");
    serving.abort();
}
