//! The gRPC edge: translates between the wire and the domain, decides nothing. tonic stays in here.

mod admin;
mod auth;
mod exposure;
mod officer;
mod report;
mod status;

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::Request, response::IntoResponse};
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use truyvet_proto::{
    FILE_DESCRIPTOR_SET,
    v1::{
        admin_service_server::AdminServiceServer, exposure_service_server::ExposureServiceServer,
        officer_service_server::OfficerServiceServer, report_service_server::ReportServiceServer,
    },
};

use crate::{context::Context, upload::upload_bytes};

/// Longest message of a member of staff: 500 orders are 10 KB.
const MAX_STAFF_MESSAGE_BYTES: usize = 64 << 10;

/// Room for a message that is too long by little, so that it gets an answer that names the right size.
const UPLOAD_SLACK_BYTES: usize = 4 << 10;

/// What phones call: `ExposureService`, `ReportService`, health and reflection.
pub(crate) async fn public_routes(context: &Arc<Context>) -> Router {
    let settings = &context.settings;
    let max_upload = upload_bytes(settings.scheme, settings.retention_days) + UPLOAD_SLACK_BYTES;
    let exposure = ExposureServiceServer::new(exposure::Exposure::new(Arc::clone(context)))
        .max_decoding_message_size(max_upload);
    let report = ReportServiceServer::new(report::Report::new(Arc::clone(context)))
        .max_decoding_message_size(max_upload);
    let names = [name_of(&exposure), name_of(&report)];
    let router = mount(mount(Router::new(), exposure), report);
    with_health_and_reflection(router, &names).await
}

/// What staff call: `OfficerService`, `AdminService`, health and reflection.
pub(crate) async fn staff_routes(context: &Arc<Context>) -> Router {
    let officer = OfficerServiceServer::new(officer::Officers::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_STAFF_MESSAGE_BYTES);
    let admin = AdminServiceServer::new(admin::Admin::new(Arc::clone(context)))
        .max_decoding_message_size(MAX_STAFF_MESSAGE_BYTES);
    let names = [name_of(&officer), name_of(&admin)];
    let router = mount(mount(Router::new(), officer), admin);
    with_health_and_reflection(router, &names).await
}

async fn with_health_and_reflection(router: Router, names: &[&str]) -> Router {
    let (reporter, health) = tonic_health::server::health_reporter();
    for name in names {
        reporter
            .set_service_status(name, ServingStatus::Serving)
            .await;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .expect("descriptors were compiled with the crate");
    mount(mount(router, health), reflection)
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
    router.route_service(&format!("/{}/{{*rest}}", S::NAME), service)
}
