//! What a server does beside its own services: standard health and reflection, publication on schedule.

use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use truyvet_server::telemetry::Metric;
use truyvet_tests::{
    process::eventually,
    world::{World, channel},
};

#[tokio::test]
async fn health_and_reflection_answer_on_both_addresses() {
    let world = World::new().await;
    for (address, services) in [
        (
            world.server.public_addr(),
            ["truyvet.v1.ExposureService", "truyvet.v1.ReportService"],
        ),
        (
            world.server.staff_addr(),
            ["truyvet.v1.OfficerService", "truyvet.v1.AdminService"],
        ),
    ] {
        let channel = channel(&format!("http://{address}")).await;
        let mut health = HealthClient::new(channel.clone());
        for service in services.iter().chain(&[""]) {
            let request = HealthCheckRequest {
                service: (*service).to_owned(),
            };
            let answer = health.check(request).await.expect("it is known");
            assert_eq!(answer.into_inner().status(), ServingStatus::Serving);
        }
        let unknown = HealthCheckRequest {
            service: "truyvet.v1.Nothing".into(),
        };
        assert!(health.check(unknown).await.is_err());

        let mut reflection = ServerReflectionClient::new(channel);
        for service in services {
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::FileContainingSymbol(service.into())),
            };
            let requests = tokio_stream::iter([request]);
            let answer = reflection.server_reflection_info(requests).await;
            let mut answers = answer.expect("reflection answers").into_inner();
            let answer = answers.message().await.expect("an answer").expect("one");
            let Some(MessageResponse::FileDescriptorResponse(files)) = answer.message_response
            else {
                panic!("{service}: {answer:?}");
            };
            assert!(!files.file_descriptor_proto.is_empty());
        }
    }
}

/// A load balancer that asks one way hears what one that asks the other way hears.
#[tokio::test]
async fn readiness_says_why_and_grpc_health_says_the_same() {
    let world = World::with(|settings| settings.publish_every_seconds = Some(3_600)).await;
    let ready = format!("http://{}/readyz", world.server.ops_addr());
    let ask = async || {
        let answer = reqwest::get(&ready).await.expect("it answers");
        (
            answer.status().as_u16(),
            answer.text().await.expect("a text"),
        )
    };
    let channel = channel(&format!("http://{}", world.server.public_addr())).await;
    let serving = async || {
        let mut health = HealthClient::new(channel.clone());
        let answer = health.check(HealthCheckRequest::default()).await;
        answer.expect("it is known").into_inner().status()
    };
    assert_eq!(ask().await, (200, "ready\n".to_owned()));
    // A window closed by a clock that was ahead.
    world.clock.advance(86_400);
    world.publish().await;
    world.clock.advance(-86_400);
    // At most a second old.
    let (status, reason) = eventually(async || {
        let answer = ask().await;
        (answer.0 != 200).then_some(answer)
    })
    .await;
    assert_eq!(status, 503);
    assert!(reason.contains("clock"), "{reason}");
    eventually(async || (serving().await == ServingStatus::NotServing).then_some(())).await;
    let telemetry = &world.server.context().telemetry;
    assert!(telemetry.value(Metric::Ready, &[]).abs() < 0.5);
    world.clock.advance(86_400 + 3_600);
    eventually(async || (ask().await.0 == 200).then_some(())).await;
    eventually(async || (serving().await == ServingStatus::Serving).then_some(())).await;
}

/// The other address's services are not there at all: staff's calls have no way in from the phones' side.
#[tokio::test]
async fn staff_services_are_not_on_the_phones_address() {
    let world = World::new().await;
    let url = world.public_url();
    let mut admin =
        truyvet_proto::v1::admin_service_client::AdminServiceClient::new(channel(&url).await);
    let request = truyvet_proto::v1::ListUnitsRequest::default();
    let request = truyvet_tests::world::bearer(&world.administrator, request);
    let status = admin.list_units(request).await.expect_err("not here");
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn windows_are_published_on_schedule_for_every_region() {
    let world = World::with(|settings| {
        settings.publish_every_seconds = Some(3_600);
        settings.regions = ["VN", "VN-48"]
            .map(|name| name.parse().expect("a region"))
            .to_vec();
    })
    .await;
    let context = world.server.context();
    for window in 1..=3 {
        world.clock.advance(3_600);
        for &region in &world.settings.regions {
            eventually(async || {
                let published = context.store.published(region).await.expect("readable");
                (published.len() == window).then_some(())
            })
            .await;
        }
    }
}
