//! The self-check: passes on a server that works, names the step that does not, and leaves nothing behind that counts.

use std::fs;

use prost::Message as _;
use truyvet_crypto::Scheme;
use truyvet_proto::v1::{ListCodesRequest, ListOfficersRequest, ListUnitsRequest};
use truyvet_server::{
    self_check::{self, CheckFailed, CheckStep},
    settings::TlsFiles,
    telemetry::Metric,
};
use truyvet_tests::world::{World, bearer};

async fn check(world: &World) -> Result<(), CheckFailed> {
    let context = world.server.context();
    let checked = self_check::check(context, world.server.public_addr()).await;
    checked.map(drop)
}

async fn world(scheme: Scheme) -> World {
    World::with(|settings| {
        settings.scheme = scheme;
        settings.self_check_every_minutes = Some(60);
    })
    .await
}

fn counted(world: &World, outcome: &str) -> f64 {
    let telemetry = &world.server.context().telemetry;
    telemetry.value(Metric::SelfChecks, &[outcome])
}

#[tokio::test]
async fn a_server_that_works_passes_with_every_scheme() {
    for scheme in [Scheme::Bluezone, Scheme::Gaen, Scheme::Dp3t] {
        let world = world(scheme).await;
        for _ in 0..2 {
            check(&world).await.unwrap();
        }
        assert!((counted(&world, "passed") - 2.0).abs() < 0.5);
        assert!(counted(&world, "failed").abs() < 0.5);
        let telemetry = &world.server.context().telemetry;
        assert!(telemetry.value(Metric::SelfCheckSeconds, &[]) > 0.0);
    }
}

#[tokio::test]
async fn it_goes_over_tls_to_the_very_certificate_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        cert: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    // A name that is not this machine's, as in production.
    let make = || rcgen::generate_simple_self_signed(["api.example.vn".to_owned()]).unwrap();
    let made = make();
    fs::write(&files.cert, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let world = World::with(|settings| {
        settings.tls = Some(files.clone());
        settings.self_check_every_minutes = Some(60);
    })
    .await;
    check(&world).await.unwrap();
    // Renewed on disk, and nobody told the server.
    fs::write(&files.cert, make().cert.pem()).unwrap();
    let failed = check(&world).await.unwrap_err();
    assert_eq!(failed.step, CheckStep::Connect);
    assert!(failed.reason.contains("tls_cert"), "{failed}");
}

#[tokio::test]
async fn it_names_the_step_that_does_not_work() {
    let world = world(Scheme::Bluezone).await;
    let rename = |from: &str, to: &str| {
        let said = world.sql(&format!("ALTER TABLE {from} RENAME TO {to}"));
        assert!(["", "ALTER TABLE"].contains(&&*said), "{said}");
    };
    check(&world).await.unwrap();
    for (table, step) in [
        ("unit", CheckStep::Issue),
        ("spent_token", CheckStep::Upload),
    ] {
        rename(table, "elsewhere");
        assert_eq!(check(&world).await.unwrap_err().step, step, "{table}");
        rename("elsewhere", table);
    }
    // The batch folder cannot be written.
    let (batches, aside) = (world.batches(), world.folder().join("aside"));
    fs::rename(batches, &aside).unwrap();
    fs::write(batches, "no folder").unwrap();
    let failed = check(&world).await.unwrap_err();
    assert_eq!(failed.step, CheckStep::Publish, "{failed}");
    let text = failed.to_string();
    assert!(text.contains("at the step \"publish\""), "{text}");
    // The check is no affair of readiness, what it found is: a real window could not be published either.
    let ready = format!("http://{}/readyz", world.server.ops_addr());
    let answer = reqwest::get(ready).await.unwrap().text().await.unwrap();
    assert!(answer.contains("batch store unavailable"), "{answer}");
    fs::remove_file(batches).unwrap();
    fs::rename(&aside, batches).unwrap();
    // What was cut short is taken up.
    check(&world).await.unwrap();
    assert!((counted(&world, "failed") - 3.0).abs() < 0.5);
    assert!((counted(&world, "passed") - 2.0).abs() < 0.5);
}

#[tokio::test]
async fn many_checks_leave_what_one_leaves() {
    let world = world(Scheme::Bluezone).await;
    check(&world).await.unwrap();
    let tables = [
        "upload_code",
        "disclosed_key",
        "publication",
        "upload_count",
        "unit",
        "officer",
    ];
    let rows = || tables.map(|table| world.rows(table));
    check(&world).await.unwrap();
    let (before, audit) = (rows(), world.rows("audit"));
    for _ in 0..20 {
        world.clock.advance(300);
        check(&world).await.unwrap();
    }
    assert_eq!(rows(), before);
    assert_eq!(world.rows("audit"), audit);
    let files = fs::read_dir(world.batches()).unwrap().count();
    // The last one, and the one before until the next check.
    assert!(files <= 2, "{files}");
    // Spent tokens go by their own rule.
    world.clock.advance(3 * 86_400);
    truyvet_server::retention::run(world.server.context())
        .await
        .unwrap();
    assert_eq!(world.rows("spent_token"), 0);
}

#[tokio::test]
async fn officers_and_phones_do_not_see_it() {
    let world = world(Scheme::Bluezone).await;
    let list = ListCodesRequest {
        page_size: 100,
        ..Default::default()
    };
    let mut officers = world.officers().await;
    let mut admin = world.admin().await;
    let before = admin
        .list_units(bearer(&world.administrator, ListUnitsRequest::default()))
        .await
        .unwrap()
        .into_inner();
    check(&world).await.unwrap();
    let codes = officers.list_codes(bearer(&world.officer, list)).await;
    assert!(codes.unwrap().into_inner().codes.is_empty());
    let units = admin
        .list_units(bearer(&world.administrator, ListUnitsRequest::default()))
        .await;
    assert_eq!(units.unwrap().into_inner(), before);
    let all = bearer(&world.administrator, ListOfficersRequest::default());
    let all = admin.list_officers(all).await.unwrap().into_inner();
    assert_eq!(all.officers.len(), 2);
    let phone = world.raw_phone(1).await;
    assert_eq!(phone.config.regions, ["VN"]);
    // The country's own index names nothing of it.
    let url = format!("{}/v1/VN/index", world.public_url());
    let signed = reqwest::get(url).await.unwrap().bytes().await.unwrap();
    let signed = truyvet_proto::v1::Signed::decode(signed).unwrap();
    let index = truyvet_proto::v1::Index::decode(&*signed.payload).unwrap();
    assert!(index.batches.is_empty());
    let published = Metric::BatchesPublished;
    let telemetry = &world.server.context().telemetry;
    assert!(telemetry.value(published, &["VN", "delta"]).abs() < 0.5);
    assert!(!telemetry.render().contains("SELF-CHK"));
}

/// Nobody's keys wait for the country's window and go out by a check's: they are of another region.
#[tokio::test]
async fn it_publishes_nobody_elses_keys() {
    let world = world(Scheme::Bluezone).await;
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let request = phone.request(&token, &keys);
    phone.upload(request).await.unwrap();
    check(&world).await.unwrap();
    let tags = truyvet_tests::raw::tags(&keys);
    let mut files = 0;
    for entry in fs::read_dir(world.batches()).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        let batch = truyvet_matching::VerifiedBatch::verify(file, &world.trusted()).unwrap();
        assert!(batch.matches(&tags).indices().is_empty());
        files += 1;
    }
    assert_eq!(files, 1);
    assert!(world.files().await.is_empty());
}

#[tokio::test]
async fn without_checks_its_region_is_none() {
    let world = World::new().await;
    let mut phone = world.raw_phone(1).await;
    let token = phone.redeem(&world.code().await).await.unwrap();
    let keys = [phone.key(world.today().minus_days(1))];
    let mut request = phone.request(&token, &keys);
    request.region = self_check::region().to_string();
    let request = phone.padded(request);
    let refused = phone.upload(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
}
