//! The examples for several servers: read as the server and nginx read them.

use std::{fs, net::TcpListener, path::Path, process::Command};

use truyvet_server::settings::{Batches, Database, SettingsArgs};

use crate::workspace;

fn example(name: &str) -> std::path::PathBuf {
    workspace().join("deploy/several-servers").join(name)
}

#[test]
fn the_settings_are_good_and_name_database_and_bucket() {
    let args = SettingsArgs {
        config: Some(example("truyvet.toml")),
        ..SettingsArgs::default()
    };
    let settings = args.resolve().unwrap();
    assert!(matches!(settings.database, Database::Postgres(_)));
    assert!(matches!(settings.batches, Batches::S3 { .. }));
    // Three servers brake together as one would.
    let alone = SettingsArgs::default().resolve().unwrap();
    assert_eq!(
        settings.wrong_guesses_per_hour,
        alone.wrong_guesses_per_hour / 3
    );
}

/// An address of this machine that nobody listens on.
fn free() -> String {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    held.local_addr().unwrap().to_string()
}

/// With addresses, certificates and folders that are there.
#[test]
fn nginx_takes_its_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let certificate = rcgen::generate_simple_self_signed(["example.com".to_owned()]).unwrap();
    for name in [
        "truyvet-ca.pem",
        "api.example.com.pem",
        "portal.example.com.pem",
    ] {
        fs::write(here.join(name), certificate.cert.pem()).unwrap();
    }
    for name in ["api.example.com.key", "portal.example.com.key"] {
        fs::write(here.join(name), certificate.signing_key.serialize_pem()).unwrap();
    }
    let text = fs::read_to_string(example("nginx.conf")).unwrap();
    let of = |path: &Path| path.display().to_string();
    let text = text
        .replace("user www-data;", "")
        .replace("/run/nginx.pid", &of(&here.join("pid")))
        .replace("/var/log/nginx/error.log", &of(&here.join("error.log")))
        .replace("/var/cache/nginx/truyvet", &of(&here.join("cache")))
        .replace("/etc/nginx/tls", &of(here))
        .replace("/etc/nginx", &of(here))
        .replace("192.0.2.10:443", &free())
        .replace("192.0.2.20:443", &free());
    let file = here.join("nginx.conf");
    fs::write(&file, text).unwrap();
    let nginx = ["nginx", "/usr/sbin/nginx"]
        .into_iter()
        .find_map(|program| {
            let mut nginx = Command::new(program);
            nginx
                .args(["-t", "-q", "-p"])
                .arg(here)
                .arg("-c")
                .arg(&file)
                .output()
                .ok()
        });
    let Some(output) = nginx else {
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "nginx is not installed"
        );
        eprintln!("NOT RUN: nginx is not installed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
