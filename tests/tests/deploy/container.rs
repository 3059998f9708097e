//! Container files: their shape, the files and settings they name, who reaches whom.
//!
//! They are not built or run here, which wants an engine; both say so at their head.

use serde_json::Value;
use truyvet_server::settings::SettingsArgs;

use crate::{deploy, text, workspace, yaml};

const FOLDER: &str = "container";

fn compose() -> Value {
    yaml("container/compose.yaml")
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|value| value.as_str().unwrap()).collect()
}

/// Port of a listener when nothing is set, after the image's `EXPOSE`.
fn ports() -> [u16; 3] {
    let defaults = truyvet_server::settings::Settings::for_data_dir("x".as_ref());
    [
        defaults.public_listen,
        defaults.staff_listen,
        defaults.ops_listen,
    ]
    .map(|a| a.port())
}

#[test]
fn the_image_is_built_from_files_that_exist() {
    let file = text("container/Containerfile");
    assert!(file.contains("NOT BUILT"));
    for line in file.lines().filter(|line| line.starts_with("COPY ")) {
        let words: Vec<&str> = line
            .split(' ')
            .filter(|word| !word.starts_with("--"))
            .collect();
        let source = words[1].trim_start_matches("/src/");
        // Two are made while building.
        if !["target/dist/truyvet", "/state/"].contains(&source) {
            assert!(workspace().join(source).exists(), "{line}");
        }
    }
    let exposed = ports().map(|port| port.to_string()).join(" ");
    assert!(file.contains(&format!("EXPOSE {exposed}\n")), "{exposed}");
    let toml = std::fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    assert!(toml.contains("[profile.dist]"));
    let rust: toml::Table = toml::from_str(&toml).unwrap();
    let version = rust["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    assert!(file.contains(&format!("rust:{version}-")), "{version}");
}

#[test]
fn every_variable_of_the_server_is_a_setting() {
    let compose = compose();
    let environment = compose["services"]["truyvet"]["environment"]
        .as_object()
        .unwrap();
    assert!(environment.len() > 4);
    for name in environment.keys() {
        let setting = name.strip_prefix("TRUYVET_").unwrap().to_lowercase();
        let given = format!("{setting} = 0.5");
        // A wrong type is what every known setting answers to that, and no unknown one.
        let error = toml::from_str::<SettingsArgs>(&given)
            .unwrap_err()
            .to_string();
        assert!(!error.contains("unknown field"), "{name}: {error}");
    }
    let proxies = environment["TRUYVET_TRUSTED_PROXIES"].as_str().unwrap();
    let subnet = &compose["networks"]["front"]["ipam"]["config"][0]["subnet"];
    assert_eq!(subnet, proxies, "the proxy is believed, and nobody else");
}

#[test]
fn everything_that_is_named_is_defined() {
    let compose = compose();
    for (name, service) in compose["services"].as_object().unwrap() {
        for network in strings(&service["networks"]) {
            assert!(
                compose["networks"].get(network).is_some(),
                "{name}: {network}"
            );
        }
        for other in strings(&service["depends_on"]) {
            assert!(compose["services"].get(other).is_some(), "{name}: {other}");
        }
        for volume in strings(&service["volumes"]) {
            let source = volume.split(':').next().unwrap();
            if source.starts_with('.') {
                assert!(deploy(FOLDER).join(source).is_file(), "{name}: {source}");
            } else {
                assert!(compose["volumes"].get(source).is_some(), "{name}: {source}");
            }
        }
        assert!(service["image"].is_string(), "{name}");
    }
}

#[test]
fn only_the_proxy_and_prometheus_reach_the_server() {
    let compose = compose();
    let services = &compose["services"];
    assert!(services["truyvet"].get("ports").is_none());
    let of = |service: &str| strings(&services[service]["networks"]).join(" ");
    assert_eq!(of("truyvet"), "front watch");
    assert!(of("proxy").contains("front"));
    assert!(of("prometheus").contains("watch"));
    let [public, staff, ops] = ports();
    let caddy = text("container/Caddyfile");
    for port in [public, staff] {
        assert!(caddy.contains(&format!("h2c://truyvet:{port}\n")));
    }
    let targets = &yaml("container/prometheus.yaml")["scrape_configs"][0];
    assert_eq!(targets["job_name"], "truyvet");
    assert_eq!(
        targets["static_configs"][0]["targets"][0],
        format!("truyvet:{ops}")
    );
}
