//! The gRPC edge: translates between the wire and the domain, decides nothing. tonic stays in here.

mod admin;
mod audit;
mod auth;
mod client_keys;
mod exposure;
mod figures;
mod hold;
mod imports;
mod officer;
mod own_phone;
mod report;
mod source;
mod span;
mod status;

pub(crate) use own_phone::OwnPhone;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
};
use tonic::server::NamedService;
use tonic_health::{ServingStatus, server::HealthReporter};
use truyvet_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{
        admin_service_server::AdminServiceServer, audit_service_server::AuditServiceServer,
        exposure_service_server::ExposureServiceServer,
        officer_service_server::OfficerServiceServer, report_service_server::ReportServiceServer,
    },
};

pub(crate) use self::status::RETRY_AFTER;
use crate::{authorize::import, context::Context};

/// Longest message of an administrator.
const MAX_STAFF_MESSAGE_BYTES: usize = 64 << 10;

/// Longest message of an officer: a list of codes to issue. 500 orders are 10 KB.
const MAX_OFFICER_MESSAGE_BYTES: usize = import::MAX_BYTES + (4 << 10);

/// Longest message of a phone that is decoded at all: uploads of any scheme have less, and whoever sends one of a wrong
/// size below this gets an answer that names the right one. Beyond, tonic itself says OUT_OF_RANGE.
const MAX_PHONE_MESSAGE_BYTES: usize = 256 << 10;

/// Says SERVING or NOT_SERVING for the services of one address (`grpc.health.v1`).
pub(crate) struct Health {
    reporter: HealthReporter,
    names: Vec<&'static str>,
}

impl Health {
    pub(crate) async fn set(&self, serving: bool) {
        let status = match serving {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        // The empty name is the server as a whole.
        for name in self.names.iter().chain(&[""]) {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// The answer to a call that is not looked at, because more are in hand than the server takes.
pub(crate) fn busy() -> Response {
    status::busy().into_http()
}

/// What phones call: `ExposureService`, `ReportService`, health and reflection.
pub(crate) async fn public_routes(context: &Arc<Context>) -> (Router, Health) {
    let exposure = ExposureServiceServer::new(exposure::Exposure::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_PHONE_MESSAGE_BYTES);
    let report = ReportServiceServer::new(report::Report::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_PHONE_MESSAGE_BYTES);
    let names = vec![name_of(&exposure), name_of(&report)];
    let router = mount(mount(Router::new(), exposure), report);
    with_health_and_reflection(router, names).await
}

/// What staff call: `OfficerService`, `AdminService`, `AuditService`, health and reflection.
pub(crate) async fn staff_routes(context: &Arc<Context>) -> (Router, Health) {
    let officer = OfficerServiceServer::new(officer::Officers::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_OFFICER_MESSAGE_BYTES);
    let admin = AdminServiceServer::new(admin::Admin::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_STAFF_MESSAGE_BYTES);
    let audit = AuditServiceServer::new(audit::Audit::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_STAFF_MESSAGE_BYTES);
    let names = vec![name_of(&officer), name_of(&admin), name_of(&audit)];
    let router = mount(mount(mount(Router::new(), officer), admin), audit);
    with_health_and_reflection(router, names).await
}

async fn with_health_and_reflection(router: Router, names: Vec<&'static str>) -> (Router, Health) {
    let (reporter, service) = tonic_health::server::health_reporter();
    let health = Health { reporter, names };
    health.set(true).await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("descriptors were compiled with the crate");
    (mount(mount(router, service), reflection), health)
}

fn name_of<S: NamedService>(_: &S) -> &'static str {
    S::NAME
}

/// Mounts a service by hand: tonic's own `Routes` brings a fallback that answers unknown web paths with gRPC errors.
fn mount<S>(router: Router, service: S) -> Router
where
    S: tower::Service<Request, Error = Infallible> + NamedService + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    router.route_service(
        &format!("/{}/{{*rest}}", S::NAME),
        span::with_spans(service),
    )
}
