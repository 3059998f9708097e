//! How a server starts: with TLS or not at all, alone in its folder, never half.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use truyvet_crypto::token::ReportType;
use truyvet_phone::{ConnectOptions, Connection, Heard, Phone, UploadOptions};
use truyvet_server::{
    Effects, Entropy, StartError, WalkOn,
    authorize::{self, CodeOrder},
    officers,
    settings::{Settings, TlsFiles},
    telemetry::Metric,
};
use truyvet_tests::{
    process::DEADLINE,
    world::{ManualClock, NOON, World, rng},
};

fn effects() -> Effects {
    Effects {
        clock: Arc::new(ManualClock::at(NOON)),
        entropy: Arc::new(Entropy::from_seed([9; 32])),
        steps: Arc::new(WalkOn),
    }
}

fn on_free_ports(mut settings: Settings) -> Settings {
    settings.public_listen.set_port(0);
    settings.staff_listen.set_port(0);
    settings.ops_listen.set_port(0);
    settings
}

async fn refused(settings: Settings) -> StartError {
    let started = truyvet_server::start(settings, effects()).await;
    started.err().expect("it does not start")
}

#[tokio::test]
async fn phones_come_over_tls_and_refuse_another_authority() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap();
    let files = ["good", "other"].map(|name| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let files = TlsFiles {
            cert: folder.path().join(format!("{name}.pem")),
            key: folder.path().join(format!("{name}.key")),
        };
        fs::write(&files.cert, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    });
    let world = World::with(|settings| settings.tls = Some(files[0].clone())).await;
    let phone = Phone::in_memory(
        world.settings.scheme,
        world.trusted(),
        world.now(),
        &mut rng(1),
    )
    .unwrap();
    let connect = |files: &TlsFiles| {
        let options = ConnectOptions {
            ca_pem: Some(fs::read(&files.cert).unwrap()),
            ..ConnectOptions::default()
        };
        Connection::open(&world.public_url(), &options).unwrap()
    };
    // gRPC (the configuration) and HTTP (the index) on the one port.
    let region = "VN".parse().unwrap();
    phone
        .refresh_config(&connect(&files[0]), world.now())
        .await
        .unwrap();
    phone
        .sync(&connect(&files[0]), region, world.now())
        .await
        .unwrap();
    let other = connect(&files[1]);
    assert!(phone.refresh_config(&other, world.now()).await.is_err());
    assert!(phone.sync(&other, region, world.now()).await.is_err());
}

/// A session that is taken up again would tell the server whose upload it is: that of whoever redeemed the code.
#[tokio::test]
async fn a_phone_takes_no_session_up_again_to_upload() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles {
        cert: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    fs::write(&files.cert, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let world = World::with(|settings| settings.tls = Some(files)).await;
    let context = world.server.context();
    let officer = officers::identify(context, &world.officer).await;
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest,
        onset_day: world.now().day().minus_days(3),
        region: None,
    };
    let officer = officer.unwrap().unwrap();
    let codes = authorize::issue(context, &officer, &[order]).await.unwrap();
    let mut rng = rng(1);
    let (scheme, trusted) = (world.settings.scheme, world.trusted());
    let three_days_ago = world.now().plus_seconds(-3 * 86_400);
    let phone = Phone::in_memory(scheme, trusted, three_days_ago, &mut rng).unwrap();
    // Somebody was near yesterday, so that there is something to disclose.
    let yesterday = world.now().plus_seconds(-86_400);
    let heard = Heard {
        id: &vec![7; scheme.id_bytes()],
        time: yesterday,
        rssi_dbm: -60,
    };
    phone.hear(heard, yesterday).unwrap().unwrap();
    let options = ConnectOptions {
        ca_pem: Some(made.cert.pem().into_bytes()),
        ..ConnectOptions::default()
    };
    let connection = Connection::open(&world.public_url(), &options).unwrap();
    phone
        .refresh_config(&connection, world.now())
        .await
        .unwrap();
    let began = || {
        ["tls", "resumed"].map(|how| {
            let labels = ["public", how];
            context
                .telemetry
                .value(Metric::ConnectionsAccepted, &labels)
        })
    };
    assert_eq!(began(), [1.0, 0.0]);
    let (code, options) = (&codes[0].upload_code, UploadOptions::default());
    phone
        .upload(&connection, code, None, &options, world.now(), &mut rng)
        .await
        .unwrap();
    // One more for the upload, by a handshake from the beginning.
    assert_eq!(began(), [2.0, 0.0]);
}

#[tokio::test]
async fn a_certificate_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.pem");
    fs::write(&broken, "not a certificate").unwrap();
    let mut settings = on_free_ports(Settings::for_data_dir(&folder.path().join("data")));
    settings.tls = Some(TlsFiles {
        cert: broken.clone(),
        key: broken.clone(),
    });
    let error = refused(settings).await.to_string();
    assert!(
        error.contains("tls_") && error.contains("broken.pem"),
        "{error}"
    );
}

#[tokio::test]
async fn two_servers_do_not_work_in_one_folder() {
    let world = World::new().await;
    let error = refused(on_free_ports(world.settings.clone())).await;
    assert!(matches!(error, StartError::InUse(_)), "{error}");
    assert!(error.to_string().contains("data_dir"));
    // Once it has stopped, another may.
    drop(world.restarted().await);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let mut settings = on_free_ports(Settings::for_data_dir(folder.path()));
    settings.staff_listen = world.server.staff_addr();
    let error = refused(settings).await.to_string();
    assert!(error.contains("staff_listen"), "{error}");
}

#[tokio::test]
async fn a_damaged_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = on_free_ports(Settings::for_data_dir(folder.path()));
    let damaged = vec![7; 40_000];
    fs::write(settings.database.file().unwrap(), &damaged).unwrap();
    let error = refused(settings.clone()).await;
    assert!(matches!(error, StartError::Store(_)), "{error}");
    assert_eq!(
        fs::read(settings.database.file().unwrap()).unwrap(),
        damaged
    );
}

/// Whoever connects and says nothing, or begins a request and never ends it, does not hold the connection for long.
#[tokio::test]
async fn silent_connections_are_closed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::new().await;
    let mut silent = Vec::new();
    for said in [
        "",
        "P",
        "GET / HTTP/1.1\r\nHost:",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(world.server.public_addr())
            .await
            .unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        silent.push((said, stream));
    }
    for (said, mut stream) in silent {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{said:?} was left open");
    }
}

#[tokio::test]
async fn what_a_server_makes_is_for_its_owner_alone() {
    let world = World::new().await;
    world.publish().await;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let settings = &world.settings;
    assert_eq!(mode(&settings.data_dir), 0o700);
    assert_eq!(mode(&settings.keys_dir()), 0o700);
    for entry in fs::read_dir(&settings.data_dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("truyvet.db") {
            assert_eq!(mode(&path), 0o600, "{name}");
        }
    }
}
