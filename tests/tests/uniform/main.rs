//! Whoever watches the network between phones and server learns from no size and no time what a call was.
//!
//! The server is real, over TLS; a relay between it and its callers writes down every TLS record. Sizes must be equal to the
//! byte. Times are compared by the Kolmogorov-Smirnov statistic between calls of different kinds in random order: whatever
//! else the machine does meanwhile falls on all of them alike, so that no share of disturbed calls makes the test fail. Each
//! comparison is also shown to notice what it is there for.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: clippy.toml covers only the tests themselves"
)]

mod calls;
mod flows;
mod free;
mod sizes;
mod stats;
mod times;
mod watcher;

use std::fs;

use truyvet_server::settings::{Settings, TlsFiles};
use truyvet_tests::world::World;

/// A world over TLS whose server believes the addresses that its callers name: the brake knows each as a source.
///
/// The certificate is of Ed25519, whose signatures have one length. With ECDSA the handshake has a byte more or less, at
/// random and long before the server knows what the call will be.
async fn world_over_tls(change: impl FnOnce(&mut Settings)) -> World {
    drop(rustls::crypto::ring::default_provider().install_default());
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        cert: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let params = rcgen::CertificateParams::new(names).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(&files.cert, certificate.pem()).unwrap();
    fs::write(&files.key, key.serialize_pem()).unwrap();
    let mut world = World::with(|settings| {
        settings.tls = Some(files.clone());
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        settings.officer_codes_per_day = 1_000_000;
        settings.unit_codes_per_day = 1_000_000;
        settings.wrong_guesses_per_hour = 1_000_000;
        change(settings);
    })
    .await;
    // The server has read them; clients still need the certificate.
    let kept = TlsFiles {
        cert: world.folder().join("cert.pem"),
        key: world.folder().join("key.pem"),
    };
    fs::copy(&files.cert, &kept.cert).unwrap();
    fs::copy(&files.key, &kept.key).unwrap();
    world.settings.tls = Some(kept);
    world
}
